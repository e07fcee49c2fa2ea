"""How fast the page is, with two networks on the photographs that ship: ``python benchmarks/page.py [--networks A B]``.

Serves ``apps/compare.py`` in a process of its own, opens it in a Chromium twice (a first visitor, who waits for the
networks, and a second one), and prints a table. Server times of maps are read without a browser.
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


def visit(browser, url: str) -> dict[str, float]:
    """Seconds from the request to: something readable, the page usable, maps after the first chunk, all samples."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.set_default_timeout(300_000)
    start = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.wait_for_selector(f".state, {USABLE}")
    seen = {"something to read": time.perf_counter() - start}
    page.wait_for_selector(USABLE)
    seen["page usable"] = time.perf_counter() - start
    for name, words in (("first maps of both", " of 50"), ("50 samples of both", "n = 50 of 50")):
        page.get_by_text(words).first.wait_for()
        seen[f"{name} (from the request)"] = time.perf_counter() - start
    tile = page.locator(".tile").nth(1)
    image = tile.get_attribute("data-image")
    for again in ("new", "seen before"):
        page.get_by_text("n = 50 of 50").first.wait_for()
        click = time.perf_counter()
        tile.click()
        page.locator(".id").get_by_text(image, exact=True).wait_for()
        page.get_by_text(" of 50").first.wait_for()
        seen[f"photograph {again}, from the click: first maps"] = time.perf_counter() - click
        page.get_by_text("n = 50 of 50").wait_for()
        seen[f"photograph {again}, from the click: 50 samples"] = time.perf_counter() - click
        page.locator(".tile").first.click()
        page.locator(".id").get_by_text(image, exact=True).wait_for(state="detached")
    page.close()
    return seen


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
        source.passage(image)
        looked = time.perf_counter()
        updates = source.maps(image, request, lambda: False)
        next(updates)
        first = time.perf_counter()
        for _ in updates:
            pass
        done = time.perf_counter()
        source.view(image)
        source.passage(image)
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
    networks = parser.parse_args().networks
    chromium = parser.parse_args().chromium
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder:
        process, url, started = serve(networks, Path(folder) / "served")
        table = {"server start": started}
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
                for who in ("first visitor", "second visitor"):
                    table |= {f"{who}: {name}": seconds for name, seconds in visit(browser, url).items()}
                browser.close()
        finally:
            process.terminate()
            process.wait(20)
        table |= source_times(networks, Path(folder) / "alone")
    width = max(map(len, table))
    print(f"{' and '.join(networks)} on photos, {os.cpu_count()} CPU cores")
    for name, seconds in table.items():
        print(f"{name:<{width}}  {seconds:8.3f} s")


if __name__ == "__main__":
    main()
