"""How fast the page is, and how much it sends: ``python benchmarks/page.py [--networks A B] [--repeats 5]``.

Serves the page in a process of its own and opens it in a Chromium, as a first visitor of a server that has just begun
to listen, as later visitors with an empty cache and with a full one, on another machine, and over a line of 1 Mbit/s;
then clicks photographs, new ones and ones whose maps are kept. Everything passes through a relay, which counts the
bytes on the wire. Medians over the repeats, and the longest. Server times of maps are read without a browser.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
USABLE = ".tile img"
REST_MS = 4000
SLOW_BITS = 1_000_000
"""Bits a second of the slow line."""
CHUNK = 16384
WATCH = """() => {
  const deep = (root, css) => { const out = [...root.querySelectorAll(css)]
    for (const e of root.querySelectorAll('*')) if (e.shadowRoot) out.push(...deep(e.shadowRoot, css))
    return out }
  const seen = window.seen = {}
  let start = Infinity, finish
  seen.done = new Promise((done) => { finish = done })
  const text = deep(document, '[role=status].text')[0]
  const painted = () => {
    const said = text.textContent, now = performance.now()
    if (now < start || !said.startsWith('n = ')) return
    seen.first ??= now - start
    if (said.startsWith('n = 50 of 50')) { seen.all = now - start; setTimeout(finish, 1000) }
  }
  document.addEventListener('mousedown', () => { start = performance.now() }, {capture: true, once: true})
  new MutationObserver(painted).observe(deep(document, '[data-painted]')[0], {attributes: true})
}"""
"""Notes when the figures are drawn anew after the next click, under words about their samples, and the last time."""
DRAWN = """async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(done))
  await frame(); await frame()
}"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Relay:
    """A port that passes everything on to the server's, counts the bytes that come back, and is as slow as is asked.

    A ``proxy`` says in every request that it comes from another machine.
    """

    def __init__(self, server_port: int, *, proxy: bool = False) -> None:
        self.port, self.received, self.bits_per_second = free_port(), 0, 0
        self.proxy, self.server_port, self.loop = proxy, server_port, asyncio.new_event_loop()
        self.free_at = 0.0
        started = threading.Event()
        threading.Thread(target=self.run, args=(started,), daemon=True).start()
        started.wait()

    @contextmanager
    def line_of(self, bits_per_second: int) -> Iterator[None]:
        """Send at most so many bits a second to the browser within the block."""
        self.bits_per_second = bits_per_second
        try:
            yield
        finally:
            self.bits_per_second = 0

    def run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(asyncio.start_server(self.connected, "127.0.0.1", self.port))
        started.set()
        self.loop.run_forever()

    async def connected(self, browser: asyncio.StreamReader, to_browser: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection("127.0.0.1", self.server_port)
        await asyncio.gather(self.pass_on(browser, to_server), self.pass_on(server, to_browser, counts=True))

    async def pass_on(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, counts: bool = False
    ) -> None:
        try:
            while data := await source.read(CHUNK):
                if self.proxy and data.startswith(b"GET "):
                    data = data.replace(b"\r\n", b"\r\nX-Forwarded-For: 192.0.2.1\r\n", 1)
                if counts:
                    self.received += len(data)
                    if self.bits_per_second:
                        self.free_at = max(self.free_at, time.monotonic()) + 8 * len(data) / self.bits_per_second
                        await asyncio.sleep(self.free_at - time.monotonic())
                target.write(data)
                await target.drain()
        except ConnectionError:
            pass
        finally:
            target.close()


def serve(networks: list[str], folder: Path) -> tuple[subprocess.Popen, Relay, Relay, float]:
    """Start the server.

    Returns the process, relays to it for a browser of this machine and of another one, and the seconds until the port
    answered.
    """
    port = free_port()
    relay, remote = Relay(port), Relay(port, proxy=True)
    command = [sys.executable, "-m", "gala_viz", "compare", "--port", str(port), "--no-show", "--networks", *networks]
    command += ["--allow-websocket-origin", *(f"localhost:{one.port}" for one in (relay, remote))]
    start = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, "GALA_VIZ_CACHE": str(folder)}, cwd=ROOT)
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            if process.poll() is not None:
                raise SystemExit("the server ended; see its message above") from None
            time.sleep(0.02)
    return process, relay, remote, time.perf_counter() - start


def load(context, relay: Relay):
    """A page, and from the request to each thing: the seconds, and the megabytes that came."""
    page = context.new_page()
    page.set_default_timeout(300_000)
    start, before, seen = time.perf_counter(), relay.received, {}

    def note(name: str) -> None:
        seen[f"{name}, s"] = time.perf_counter() - start
        seen[f"{name}, MB"] = (relay.received - before) / 1e6

    page.goto(f"http://localhost:{relay.port}/compare", wait_until="commit")
    page.wait_for_selector(f".state, {USABLE}")
    note("words")
    page.wait_for_selector(USABLE)
    note("gallery")
    page.get_by_text("n = ").first.wait_for()
    page.evaluate(DRAWN)
    note("first maps")
    page.get_by_text("n = 50 of 50").first.wait_for()
    page.evaluate(DRAWN)
    note("n = 50")
    return page, seen


def click(page, number: int) -> dict[str, float]:
    """Seconds from pressing the mouse on tile ``number``, as the browser's own clock has it."""
    page.evaluate(WATCH)
    page.locator(".tile").nth(number).click()
    page.evaluate("window.seen.done")
    return {
        "first maps drawn, s": page.evaluate("window.seen.first / 1000"),
        "n = 50, all canvases drawn, s": page.evaluate("window.seen.all / 1000"),
    }


def summary(rows: list[dict[str, float]]) -> dict[str, tuple[float, float]]:
    """Median and largest value of each column."""
    return {
        name: (statistics.median(row[name] for row in rows), max(row[name] for row in rows))
        for name in (rows[0] if rows else ())
    }


def browser_times(browser, networks: list[str], folder: Path, repeats: int) -> dict[str, tuple[float, float]]:
    """First visitors, who wait for the networks; later ones; a slow line; photographs new and kept."""
    size: dict = {"viewport": {"width": 1280, "height": 720}}
    table: dict[str, tuple[float, float]] = {}
    first, started = [], []
    for number in range(repeats):
        process, relay, remote, seconds = serve(networks, folder / f"first{number}")
        try:
            context = browser.new_context(**size)
            page, seen = load(context, relay)
            first.append(seen)
            started.append({"server start, s": seconds})
            context.close()
            if number < repeats - 1:
                continue
            table |= summary(started) | {f"first visitor: {name}": value for name, value in summary(first).items()}
            context = browser.new_context(**size)
            page, _ = load(context, relay)
            page.wait_for_timeout(REST_MS)
            tiles = range(1, 1 + max(2, repeats))  # a tile that is in view already changes nothing when it is clicked
            new = summary([click(page, one) for one in tiles])
            kept = summary([click(page, one) for _ in range(2) for one in tiles])
            page.close()
            later: dict[str, list[dict[str, float]]] = {"empty cache": [], "full cache": []}
            for kind, rows in later.items():
                for _ in range(repeats):
                    if kind == "empty cache":
                        context.close()
                        context = browser.new_context(**size)
                    page, seen = load(context, relay)
                    rows.append(seen)
                    page.wait_for_timeout(REST_MS)
                    page.close()
                table |= {f"later visitor, {kind}: {name}": value for name, value in summary(rows).items()}
            context.close()
            for line, bits in (("another machine", 0), ("another machine, 1 Mbit/s", SLOW_BITS)):
                with remote.line_of(bits):
                    context = browser.new_context(**size)
                    page, seen = load(context, remote)
                    table |= {f"{line}, empty cache: {name}": value for name, value in summary([seen]).items()}
                    context.close()
            table |= {f"a new photograph, from the click: {name}": value for name, value in new.items()}
            table |= {f"a kept photograph, from the click: {name}": value for name, value in kept.items()}
        finally:
            process.terminate()
            process.wait(20)
    return table


def source_times(networks: list[str], folder: Path, count: int) -> dict[str, tuple[float, float]]:
    """Seconds of the source alone over ``count`` photographs: first chunk, all samples, kept."""
    os.environ["GALA_VIZ_CACHE"] = str(folder)
    from gala_viz.collections import open_collection
    from gala_viz.live import LiveMaps
    from gala_viz.networks.zoo import load_network
    from gala_viz.specs import MapRequest

    source = LiveMaps(open_collection("photos"), [load_network(name) for name in networks])
    request, rows = MapRequest(), []
    for image in source.images[: count + 1]:
        start = time.perf_counter()
        source.view(image)
        source.forward(image)
        looked = time.perf_counter()
        updates = source.maps(image, request, lambda: False)
        next(updates)
        first = time.perf_counter()
        for _ in updates:
            pass
        done = time.perf_counter()
        source.view(image)
        source.forward(image)
        source.cached(image, request)
        rows.append((looked - start, first - looked, done - looked, time.perf_counter() - done))
    names = ("photograph, predictions, attention", "first partial maps", "50 samples of both", "kept")
    timed = [dict(zip(names, row, strict=True)) for row in rows[1:]]  # the first one warms up
    return {f"source: {name}, s": value for name, value in summary(timed).items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", nargs=2, default=["lite0-gala-vanilla", "lite0-gala-human"])
    parser.add_argument("--chromium", default=os.environ.get("GALA_VIZ_CHROMIUM") or shutil.which("chromium"))
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    networks, chromium = arguments.networks, arguments.chromium
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            table = browser_times(browser, networks, Path(folder), arguments.repeats)
            browser.close()
        table |= source_times(networks, Path(folder) / "alone", arguments.repeats)
    width = max(map(len, table))
    print(f"{' and '.join(networks)} on photos, {os.cpu_count()} CPU cores, load {os.getloadavg()[0]:.1f} at the end")
    print(f"{'':<{width}}    median   largest of {arguments.repeats}")
    for name, (median, largest) in table.items():
        print(f"{name:<{width}}  {median:8.3f}  {largest:8.3f}")


if __name__ == "__main__":
    main()
