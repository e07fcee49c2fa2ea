"""Memory over many visits, of browsers and of programs that only fetch the page, to the servers as they are started."""

from __future__ import annotations

import sys
import time
import urllib.request

import psutil
import pytest

from tests.browser.conftest import Server, Watched, free_port

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(3600)]
GROWTH = 1.05


@pytest.fixture(params=["compare", "explore"])
def served(request, tmp_path, chromium):
    """A server of real networks that has loaded them, showed a page and has nothing to do; and its page's address."""
    port = free_port()
    command = [sys.executable, "-m", "gala_viz", request.param, "--port", str(port), "--no-show"]
    server = Server(command, port, tmp_path / "log.txt", "favicon.ico")
    url = f"{server.url}/{request.param}"
    first = Watched(chromium).open(url)
    first.frames()
    first.close()
    yield server, url
    server.close()


def _at_rest_mb(server) -> float:
    """Resident memory once the sessions of all visits are over: their threads have ended."""
    process, end = psutil.Process(server.process.pid), time.monotonic() + 120
    while process.num_threads() > 12 and time.monotonic() < end:
        time.sleep(0.5)
    time.sleep(45)  # the last sessions are let go, and their memory is given back
    return process.memory_info().rss / 1e6


def _growth(server, visit, first: int, last: int, record_property) -> float:
    """Memory after ``last`` visits over that after ``first``."""
    found = {}
    for number in range(1, last + 1):
        visit()
        if number in (first, last):
            found[number] = _at_rest_mb(server)
    record_property("resident MB at rest", ", ".join(f"{mb:.0f} after {n} visits" for n, mb in found.items()))
    return found[last] / found[first]


def test_three_hundred_plain_visits_leave_memory_as_it_was(served, record_property):
    server, url = served

    def visit():
        urllib.request.urlopen(url, timeout=120).read()

    assert _growth(server, visit, 50, 300, record_property) < GROWTH


def test_sixty_browsers_leave_memory_as_it_was(served, chromium, record_property):
    server, url = served

    def visit():
        browser = Watched(chromium).open(url)
        browser.frames()
        browser.close()

    assert _growth(server, visit, 20, 60, record_property) < GROWTH
