"""A day of a busy server: a thousand visits, thirty at once, who look at photographs whose maps are kept."""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import sys
import time
import urllib.request

import psutil
import pytest

from tests.browser.conftest import Server, free_port
from tests.browser.visitors import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(10800)]
VISITS, AT_ONCE, CHOSEN = int(os.environ.get("GALA_VIZ_SOAK_VISITS", "1000")), 30, 4
PAUSE_S = float(os.environ.get("GALA_VIZ_SOAK_PAUSE_S", "30"))
"""Mean time that a visitor looks at a photograph: with so many at once it decides how many pages open in a second."""
SETTLED = 100
"""Visits after which memory is first looked at."""
GROWTH = 1.05


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A server of real networks; and its page's address."""
    monkeypatch.setenv("BOKEH_VALIDATE_DOC", "false")  # as servers do by themselves
    port = free_port()
    command = [sys.executable, "-m", "gala_viz", "compare", "--port", str(port), "--no-show"]
    server = Server(command, port, tmp_path / "log.txt", "favicon.ico")
    yield server, f"{server.url}/compare"
    server.close()


def loaded(url):
    """Wait until the page is that of a loaded source."""
    end = time.monotonic() + 300
    while b'<main class="state">' in urllib.request.urlopen(url, timeout=60).read():
        assert time.monotonic() < end, "its networks are never loaded"
        time.sleep(0.5)


async def visit(url, rng, opened, kept):
    visitor = Visitor(url)
    try:
        opened.append(await visitor.open())
        for image in rng.sample(visitor.images[1:13], CHOSEN):
            await asyncio.sleep(rng.uniform(0.5, 1.5) * PAUSE_S)
            kept.append(await visitor.choose(image))
    finally:
        visitor.close()


async def many(url, count, opened, kept):
    """``count`` visits, at most ``AT_ONCE`` of them at a time."""
    rng, places = random.Random(count), asyncio.Semaphore(AT_ONCE)

    async def one(number):
        async with places:
            if number < AT_ONCE:  # people do not come all in one second
                await asyncio.sleep(rng.uniform(0, CHOSEN * PAUSE_S))
            await visit(url, random.Random(rng.random()), opened, kept)

    await asyncio.gather(*(one(number) for number in range(count)))


async def keep_maps(url):
    """Look once at every photograph that visitors will choose."""
    visitor = Visitor(url)
    await visitor.open()
    for image in visitor.images[:13]:
        await visitor.choose(image)
    visitor.close()


def resident_mb(server):
    return psutil.Process(server.process.pid).memory_info().rss / 1e6


def at_rest_mb(server):
    """Resident memory once the sessions of all visits are over."""
    time.sleep(75)  # collections are half a minute apart at least
    return resident_mb(server)


def in_words(opened, kept):
    """Times of pages and of kept photographs so far; needs two of each."""
    slow = {name: statistics.quantiles(values, n=20)[-1] for name, values in (("opened", opened), ("kept", kept))}
    return (
        f"{len(opened)} visits, kept photographs n = {len(kept)}: median {1000 * statistics.median(kept):.0f} ms, "
        f"95 % {1000 * slow['kept']:.0f} ms; page: median {statistics.median(opened):.2f} s, "
        f"95 % {slow['opened']:.2f} s"
    )


async def tell(server, opened, kept):
    """Print once a minute how it goes, so that a run that is stopped has told something."""
    start = time.monotonic()
    while True:
        await asyncio.sleep(60)
        if len(opened) > 1 and len(kept) > 1:
            minutes = (time.monotonic() - start) / 60
            print(f"{minutes:.0f} min: {in_words(opened, kept)}; {resident_mb(server):.0f} MB", flush=True)


async def told_as_it_goes(server, work, opened, kept):
    telling = asyncio.create_task(tell(server, opened, kept))
    try:
        await work
    finally:
        telling.cancel()


def test_a_thousand_visits_thirty_at_once(served, record_property):
    server, url = served
    opened, kept = [], []
    loaded(url)
    asyncio.run(keep_maps(url))
    asyncio.run(many(url, SETTLED, [], []))
    before = at_rest_mb(server)
    start = time.monotonic()
    asyncio.run(told_as_it_goes(server, many(url, VISITS - SETTLED, opened, kept), opened, kept))
    minutes = (time.monotonic() - start) / 60
    after = at_rest_mb(server)
    told = f"{minutes:.0f} min: {in_words(opened, kept)}; {before:.0f} MB, then {after:.0f} MB"
    print(told)
    record_property("soak", told)
    assert len(kept) == CHOSEN * (VISITS - SETTLED)
    assert after / before < GROWTH
