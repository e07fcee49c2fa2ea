"""From point to guess, over real websockets: ``python benchmarks/game.py [--players 1 50] [--seconds 20]``.

A server plays ``photos`` with EfficientNet-Lite0; players in a process of their own paint without looking, one point
every 50 ms, round after round. A wait is the time from when the newest point that a guess saw left its player until the
guess arrived there. With --browser, also how evenly a real Chromium draws while 200 points are painted.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from tornado.httpclient import AsyncHTTPClient

from gala_viz.game.client import GameClient, wait_until_ready
from gala_viz.game.pointer_paths import random_pointer_path


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--players", type=int, nargs="+", default=[1, 50])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--network", default="lite0")
    parser.add_argument("--browser", action="store_true")
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, players on the same cores, network {arguments.network}\n")
    print(f"{'players':>8}{'guesses':>9}{'a second':>10}{'median ms':>11}{'95 % ms':>9}{'worst ms':>10}")
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        server = started(port, Path(folder), arguments.network)
        try:
            asyncio.run(wait_until_ready(f"http://127.0.0.1:{port}"))
            for count in arguments.players:
                runs = [
                    asyncio.run(load(f"http://127.0.0.1:{port}", count, arguments.seconds))
                    for _ in range(arguments.repeats)
                ]
                rows = [
                    (len(w), len(w) / arguments.seconds, *(1000 * np.quantile(w, q) for q in (0.5, 0.95, 1.0)))
                    for w in runs
                ]
                n, pace, median, late, worst = (statistics.median(column) for column in zip(*rows, strict=True))
                print(f"{count:>8}{n:>9.0f}{pace:>10.1f}{median:>11.0f}{late:>9.0f}{worst:>10.0f}")
            if arguments.browser:
                drawn(f"http://localhost:{port}/game")
        finally:
            server.terminate()
            server.wait()


def started(port: int, folder: Path, network: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "gala_viz", "game", "--collection", "photos", "--network", network, "--no-show"]
    command += ["--records", str(folder / "records.sqlite"), "--port", str(port), "--players-per-address", "1000"]
    command += ["--newcomers-per-hour", "100000", "--catch-share", "0"]
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def load(url: str, count: int, seconds: float) -> list[float]:
    """Seconds from point to guess of all guesses that ``count`` players got in ``seconds``."""
    AsyncHTTPClient.configure(None, max_clients=100)
    end, waits = time.monotonic() + seconds + 2, []

    async def one(number: int) -> None:
        chance = np.random.default_rng(number)
        player = GameClient(url)
        await player.connect()
        await asyncio.sleep(float(chance.uniform(0, 2)))
        while time.monotonic() < end and (shown := await player.request_round()) is not None:
            played = await player.play_round(shown, random_pointer_path(player.spec, chance))
            waits.extend(played.latencies_s)
        await player.close()

    await asyncio.gather(*(one(number) for number in range(count)))
    return waits


DRAWN = """async () => {
  const gaps = []
  let last = performance.now()
  const end = last + 6000
  while (last < end) {
    const now = await new Promise((done) => requestAnimationFrame(done))
    gaps.push(now - last)
    last = now
  }
  return gaps
}"""


def drawn(url: str) -> None:
    """Times between frames while a pointer circles over the canvas for a whole round."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = next((p for p in ("/usr/bin/chromium", "/usr/bin/google-chrome") if Path(p).exists()), None)
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(url)
        page.get_by_role("button", name="I agree").click()
        page.get_by_role("button", name="Practise once").click()
        page.locator(".hint", has_text="on the most telling part").wait_for()
        box = page.locator(".surface .paint").bounding_box()
        page.evaluate(
            """([x, y, width, height]) => {
              let angle = 0
              const root = [...document.querySelectorAll("*")].find((one) => one.shadowRoot?.querySelector(".paint"))
              const canvas = root.shadowRoot.querySelector(".paint")
              const at = (kind) => {
                const clientX = x + width * (0.5 + 0.4 * Math.cos(angle))
                const clientY = y + height * (0.5 + 0.4 * Math.sin(angle))
                canvas.dispatchEvent(new PointerEvent(kind, {pointerId: 1, bubbles: true, clientX, clientY}))
              }
              canvas.setPointerCapture = () => {}
              at("pointerdown")
              setInterval(() => { angle += 0.05; at("pointermove") }, 16)
            }""",
            [box["x"], box["y"], box["width"], box["height"]],
        )
        gaps = np.array(page.evaluate(DRAWN))
        browser.close()
    late = (gaps > 34).mean()
    print(f"\n{len(gaps)} frames while painting: {1000 / gaps.mean():.0f} a second, {late:.1%} later than 34 ms")


if __name__ == "__main__":
    main()
