"""Serve the page on fake sources at several addresses: ``python serve_fake.py PORT GATE``; ``late`` loads once the
file GATE exists."""

from __future__ import annotations

import functools
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gala_viz.commands.page_server import ServerAddress, serve
from gala_viz.panels.compare.compare_page import compare_page
from gala_viz.panels.explore.explore_page import explore_page
from gala_viz.panels.grid.grid_page import grid_page
from gala_viz.panels.shared_source import shared_source
from gala_viz.panels.waiting_page import page_when_ready
from gala_viz.records.database import Database
from tests.panels.fake_source import FakeSource


def broken(say):
    """A source that cannot be loaded."""
    raise FileNotFoundError("no folder called '<b>phots</b>'. Did you mean 'photos'?")


def late(say):
    """A source that takes as long as the test wants."""
    say("Loading networks…")
    while not Path(sys.argv[2]).exists():
        time.sleep(0.05)
    return FakeSource(count=6)


def in_two_units():
    """A source with a method in another unit than the others."""
    source = FakeSource(count=6)
    source.methods = {**source.methods, "occlusion": "Occlusion"}
    return source


SOURCES = {
    "compare": lambda say: FakeSource(delay_s=0.01),
    "slow": lambda say: FakeSource(delay_s=0.4),
    "many": lambda say: FakeSource(count=50_000),
    "people": lambda say: FakeSource(human=False),
    "networks": lambda say: FakeSource(count=6, n_networks=4),
    "units": lambda say: in_two_units(),
    "empty": lambda say: FakeSource(count=0),
    "broken": broken,
    "late": late,
}


def app(name: str):
    """What makes one session's page on the source called ``name``."""
    explore = "explore" if name == "compare" else ""
    return lambda: when_ready(name, "compare", compare_page, records=records(), explore_url=explore)


def when_ready(name, page, build, *where, **options):
    """The page of the source called ``name``, or what stands for it while that is loading."""
    source = shared_source(name, SOURCES[name])
    return page_when_ready(source, page, lambda: build(source, *where, **options))


@functools.cache
def records() -> Database:
    """Notes of all pages, in a file beside the gate."""
    return Database(Path(sys.argv[2]).parent / "notes.sqlite")


def main(port: int) -> None:
    """Serve until ended."""
    apps = {name: app(name) for name in SOURCES}
    apps["explore"] = lambda: when_ready("compare", "explore", explore_page, "compare", records=records())
    apps["grid"] = lambda: when_ready("many", "grid", grid_page, "many", records=records())
    apps["explore-networks"] = lambda: when_ready("networks", "explore", explore_page, "networks")
    apps["locked"] = lambda: when_ready("compare", "compare", compare_page, records=records(), read_only_notes=True)
    shared_source("compare", SOURCES["compare"])
    serve(apps, ServerAddress(port=port, show=False))


if __name__ == "__main__":
    main(int(sys.argv[1]))
