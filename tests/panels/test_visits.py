"""A visit leaves nothing behind: when its session is over, its document and all parts of the page are gone."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections import Counter
from weakref import WeakSet

import pytest
from bokeh.document import Document
from tornado.httpclient import AsyncHTTPClient

from gala_viz.behavior.database import Database
from gala_viz.commands.serving import Address, listening
from gala_viz.panels.background import Mailbox, Worker
from gala_viz.panels.compare import ComparePage
from gala_viz.panels.explore import ExplorePage
from gala_viz.panels.panel_patches import application_of
from gala_viz.panels.shared import SharedSource
from tests.browser.conftest import free_port
from tests.loops import in_own_loop
from tests.panels.fake_source import FakeSource

N_VISITS = 4
KINDS = (Document, ComparePage, ExplorePage, Mailbox, Worker)


def _alive() -> Counter[str]:
    for _ in range(3):
        gc.collect()
    return Counter(kind.__name__ for one in gc.get_objects() for kind in KINDS if issubclass(type(one), kind))


@pytest.fixture(scope="module")
def shared():
    source = SharedSource(lambda say: FakeSource(count=6)).start()
    source._thread.join(60)
    assert source.state == "ready", source.error
    return source


@pytest.mark.parametrize("name", ["compare", "explore"])
def test_pages_whose_browser_never_came_are_gone_with_their_sessions(name, shared, tmp_path):
    records = Database(tmp_path / "notes.sqlite")
    pages = {
        "compare": lambda: ComparePage(shared, records=records).page,
        "explore": lambda: ExplorePage(shared, "compare", records=records).page,
    }
    at = Address(port=free_port(), show=False)

    async def visits(application, count):
        for _ in range(count):
            await AsyncHTTPClient().fetch(f"http://localhost:{at.port}/{name}", request_timeout=120)
        for context in application.applications.values():
            await context._cleanup_sessions(-1)
            assert list(context.sessions) == []

    async def run():
        server = listening(pages, at)
        server.start()
        application = application_of(server)
        try:
            await visits(application, 1)  # what a first visit sets up for all stays
            before, end = _alive(), asyncio.get_running_loop().time() + 60
            await visits(application, N_VISITS)
            while True:
                after = _alive()
                if all(after[kind] <= before[kind] for kind in after) or asyncio.get_running_loop().time() > end:
                    return before, after
                await asyncio.sleep(0.2)  # threads notice that they are closed
        finally:
            server.stop()
            server.unlisten()

    before, after = in_own_loop(run())
    assert {kind: after[kind] for kind in after if after[kind] > before[kind]} == {}
    assert after["Document"] <= 2  # Panel's own jobs remember the first and the last visitor


def test_a_page_does_not_watch_the_servers_state():
    """Which would keep every page for as long as the server runs."""
    import panel as pn

    watched = [watcher for watchers in pn.state.param.watchers.get("busy", {}).values() for watcher in watchers]
    before = len(watched)
    shared = SharedSource(lambda say: FakeSource(count=1))
    page = ComparePage(shared)
    watched = [watcher for watchers in pn.state.param.watchers.get("busy", {}).values() for watcher in watchers]
    assert len(watched) == before
    assert page.page.busy is False


def test_what_waits_for_a_browser_is_not_kept_for_its_documents_sake():
    from gala_viz.panels.background import wait_for_browser

    documents, held = WeakSet(), threading.active_count()
    for _ in range(3):
        document = Document()
        documents.add(document)
        wait_for_browser(document)
        Mailbox(document, lambda key, value: None).post("key", document)
    del document
    gc.collect()
    assert (len(documents), threading.active_count()) == (0, held)
