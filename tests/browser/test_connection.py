"""A page that loses its server, or never reaches it: it says so, comes back by itself, and keeps what was typed."""

from __future__ import annotations

import sys
import threading
from http.server import HTTPServer, SimpleHTTPRequestHandler

import pytest

from tests.browser.conftest import WAIT_MS, Relay, Server, Watched, check_words_without_websockets, free_port

pytestmark = pytest.mark.browser


@pytest.mark.slow
def test_after_some_seconds_offline_the_page_comes_back_with_all_that_was_typed(chromium, server):
    from playwright.sync_api import expect

    relay = Relay(server)
    visitor = Watched(chromium).open(f"{relay.url}/explore")
    page = visitor.page
    notes, search = page.get_by_label("Notes", exact=True).last, page.get_by_label("Search").first
    assert page.locator(".tile[tabindex='0']").count() == 1, "the gallery is reached before anything is chosen"
    page.locator('.tile[data-image="photo 00005"]').click()
    expect(notes).to_be_enabled(timeout=WAIT_MS)
    notes.fill("before")
    page.locator(".note-told").get_by_text("Kept.").wait_for()
    relay.cut()
    banner = page.get_by_role("alert").filter(has_text="The connection to the server is lost")
    banner.get_by_text("what you typed is kept").wait_for()
    notes.fill("before and while away")
    search.fill("cat")
    page.wait_for_timeout(700)  # as long as the page waits before it sends a note
    with page.expect_navigation():
        relay.mend()
    page.locator(".note-told").get_by_text("Kept.").wait_for()
    assert notes.input_value() == "before and while away"
    expect(search).to_have_value("cat", timeout=WAIT_MS)
    page.locator(".count", has_text="of 24").wait_for()
    assert "image=photo%2000005" in page.url
    assert banner.count() == 0
    notes.fill("")
    page.locator(".note-told").get_by_text("Kept.").wait_for()
    visitor.close()
    relay.close()


@pytest.mark.slow
def test_a_page_whose_websocket_is_refused_says_what_to_do(chromium, server):
    check_words_without_websockets(chromium, server, "explore")


@pytest.mark.slow
def test_a_page_says_that_its_server_is_gone_and_loads_itself_once_one_answers(
    chromium_path, chromium, repository, tmp_path
):
    port = free_port()
    script = repository / "tests" / "browser" / "serve_fake.py"
    server = Server([sys.executable, str(script), str(port), str(tmp_path / "gate")], port, tmp_path / "log.txt")
    visitor = Watched(chromium).open(f"{server.url}/compare")
    banner = visitor.page.get_by_role("alert").filter(has_text="The connection to the server is lost")
    assert banner.count() == 0
    server.process.kill()
    banner.wait_for()
    assert banner.get_by_role("button", name="Load the page again").is_disabled()

    another = HTTPServer(("localhost", port), SimpleHTTPRequestHandler)
    with visitor.page.expect_navigation():
        threading.Thread(target=another.serve_forever, daemon=True).start()
    assert banner.count() == 0
    visitor.close()
    another.shutdown()
    server.close()
