"""A visit leaves nothing behind: when its session is over, its document and all parts of the page are gone."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from weakref import WeakSet

import panel as pn
import pytest
from bokeh.document import Document
from tornado.httpclient import AsyncHTTPClient

from gala_viz.commands.page_server import ServerAddress, create_server
from gala_viz.panels.compare.compare_page import ComparePage
from gala_viz.panels.document_queue import DocumentQueue, hold_updates
from gala_viz.panels.explore.explore_page import ExplorePage
from gala_viz.panels.panel_patches import tornado_application
from gala_viz.panels.shared_source import SharedSource
from gala_viz.records.database import Database
from tests.browser.conftest import free_port
from tests.loops import in_own_loop
from tests.panels.fake_source import FakeSource
from tests.panels.ready_source import ready
from tests.tiers import slow

N_VISITS = 5


@pytest.fixture(scope="module")
def shared():
    source = SharedSource(lambda say: FakeSource(count=6)).start()
    source._thread.join(60)
    assert source.state == "ready", source.error
    return source


@pytest.mark.parametrize("kind", [ComparePage, *slow(ExplorePage)])
@pytest.mark.slow
def test_pages_whose_browser_never_came_are_gone_with_their_sessions(kind, shared, tmp_path, caplog):
    caplog.set_level(
        logging.WARNING, "panel"
    )  # a record of what a page sent, kept for the test's report, keeps the page
    records, at = Database(tmp_path / "notes.sqlite"), ServerAddress(port=free_port(), show=False)
    made = {what: WeakSet() for what in ("documents", "pages", "views", "models")}

    built = []

    def page():
        built.append(kind.__name__)
        one = kind(shared, records=records)
        made["documents"].add(one.document)
        made["pages"].add(one)
        made["views"].add(one.view)
        made["models"].add(one.page)
        return one.page

    async def run():
        server = create_server({"page": page}, at)
        server.start()
        try:
            for _ in range(N_VISITS):
                await AsyncHTTPClient().fetch(f"http://localhost:{at.port}/page", request_timeout=120)
            assert len(built) == N_VISITS
            for context in tornado_application(server).applications.values():
                await context._cleanup_sessions(-1)
            end = asyncio.get_running_loop().time() + 60
            while any(len(ones) > KEPT for ones in made.values()) and asyncio.get_running_loop().time() < end:
                await asyncio.sleep(0.2)  # threads notice that they are closed
                gc.collect()
        finally:
            server.stop()
            server.unlisten()

    in_own_loop(run())
    assert {what: len(ones) for what, ones in made.items() if len(ones) > KEPT} == {}


KEPT = 2
"""Panel's own periodic jobs remember the visitors in whose time they were begun: the first and the last."""


def test_a_page_does_not_watch_the_servers_state():
    """Which would keep every page for as long as the server runs."""

    def watchers():
        return [watcher for ones in pn.state.param.watchers.get("busy", {}).values() for watcher in ones]

    before = len(watchers())
    page = ComparePage(ready(FakeSource(count=1)))
    assert len(watchers()) == before
    assert page.page.busy is False


def test_what_waits_for_a_browser_is_not_kept_for_its_documents_sake():
    documents, before = WeakSet(), set(threading.enumerate())
    for _ in range(3):
        document = Document()
        documents.add(document)
        hold_updates(document)
        DocumentQueue(document, lambda key, value: None).put("key", document)
    del document
    gc.collect()
    assert len(documents) == 0
    assert not set(threading.enumerate()) - before
