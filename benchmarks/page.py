"""How fast the page is, with two networks on the photographs that ship: ``python benchmarks/page.py [--networks A B]``.

Serves the page in a process of its own, opens it in a Chromium (a first visitor, who waits for the networks, then
later ones), clicks photographs, and prints medians over five repeats. Server times of maps are read without a browser.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
USABLE = ".tile img"
REST_MS = 4000
WATCH = """() => {
  const deep = (root, css) => { const out = [...root.querySelectorAll(css)]
    for (const e of root.querySelectorAll('*')) if (e.shadowRoot) out.push(...deep(e.shadowRoot, css))
    return out }
  const seen = window.seen = {}
  let start = Infinity, finish
  seen.done = new Promise((done) => { finish = done })
  const text = deep(document, '[role=status].text')[0]
  const painted = () => {
    const said = text.textContent
    if (performance.now() < start || !said.startsWith('n = ') || seen.all != null) return
    seen.first ??= performance.now() - start
    if (said.startsWith('n = 50 of 50')) { seen.all = performance.now() - start; finish() }
  }
  document.addEventListener('mousedown', () => { start = performance.now() }, {capture: true, once: true})
  new MutationObserver(painted).observe(deep(document, '[data-painted]')[0], {attributes: true})
}"""
"""Notes when the figures are drawn anew after the next click, under words about their samples."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def serve(networks: list[str], folder: Path) -> tuple[subprocess.Popen, str, float]:
    """Start the server; return the process, the page's address and the seconds until the port answered."""
    port = free_port()
    command = [sys.executable, "-m", "gala_viz", "compare", "--port", str(port), "--no-show", "--networks", *networks]
    start = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, "GALA_VIZ_CACHE": str(folder)}, cwd=ROOT)
    while True:
        try:
            urllib.request.urlopen(f"http://localhost:{port}/favicon.ico", timeout=1).read()
            break
        except OSError:
            if process.poll() is not None:
                raise SystemExit("the server ended; see its message above") from None
            time.sleep(0.02)
    return process, f"http://localhost:{port}/compare", time.perf_counter() - start


def load(browser, url: str):
    """A page and the seconds from the request to: something readable; gallery, inputs and panels usable."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.set_default_timeout(300_000)
    start = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.wait_for_selector(f".state, {USABLE}")
    readable = time.perf_counter() - start
    page.wait_for_selector(USABLE)
    page.get_by_role("slider", name="Samples n").wait_for()
    usable = time.perf_counter() - start
    page.get_by_text("n = 50 of 50").first.wait_for()
    return page, {"something to read": readable, "page usable": usable}


def click(page, number: int) -> dict[str, float]:
    """Seconds from pressing the mouse on tile ``number``, as the browser's own clock has it."""
    page.evaluate(WATCH)
    page.locator(".tile").nth(number).click()
    page.evaluate("window.seen.done")
    page.wait_for_timeout(1000)
    return {
        "first maps drawn": page.evaluate("window.seen.first / 1000"),
        "50 samples drawn": page.evaluate("window.seen.all / 1000"),
    }


def medians(rows: list[dict[str, float]]) -> dict[str, float]:
    """The median of each column."""
    return {name: statistics.median(row[name] for row in rows) for name in rows[0]}


def browser_times(browser, url: str, repeats: int) -> dict[str, float]:
    """A first visitor, who waits for the networks; later ones; photographs new and seen before."""
    page, first = load(browser, url)
    table = {f"first visitor: {name}": seconds for name, seconds in first.items()}
    page.wait_for_timeout(REST_MS)
    new = medians([click(page, number) for number in range(1, 1 + repeats)])
    known = medians([click(page, number) for number in range(repeats)])
    page.close()
    later = []
    for _ in range(repeats):
        page, seconds = load(browser, url)
        page.wait_for_timeout(REST_MS)
        page.close()
        later.append(seconds)
    table |= {f"later visitor: {name}": seconds for name, seconds in medians(later).items()}
    table |= {f"a new photograph, from the click: {name}": seconds for name, seconds in new.items()}
    return table | {"a photograph seen before, from the click: drawn": known["50 samples drawn"]}


def source_times(networks: list[str], folder: Path, count: int = 5) -> dict[str, float]:
    """Seconds of the source alone, medians over ``count`` photographs: first chunk, all samples, seen before."""
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
    names = ("photograph, predictions, attention", "first partial maps", "50 samples of both", "seen before")
    columns = list(zip(*rows[1:], strict=True))  # the first one warms up
    return {f"source: {name}": statistics.median(column) for name, column in zip(names, columns, strict=True)}


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
        process, url, started = serve(networks, Path(folder) / "served")
        table = {"server start": started}
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
                table |= browser_times(browser, url, arguments.repeats)
                browser.close()
        finally:
            process.terminate()
            process.wait(20)
        table |= source_times(networks, Path(folder) / "alone", arguments.repeats)
    width = max(map(len, table))
    print(f"{' and '.join(networks)} on photos, {os.cpu_count()} CPU cores")
    for name, seconds in table.items():
        print(f"{name:<{width}}  {seconds:8.3f} s")


if __name__ == "__main__":
    main()
