"""A page whose server ends: it says so, and can be loaded anew once a server answers there again."""

from __future__ import annotations

import sys
import threading
from http.server import HTTPServer, SimpleHTTPRequestHandler

import pytest

from tests.browser.conftest import Server, Watched, free_port

pytestmark = pytest.mark.browser


@pytest.mark.slow
def test_a_page_says_that_its_server_is_gone_and_offers_to_load_it_again(chromium_path, chromium, repository, tmp_path):
    port = free_port()
    script = repository / "tests" / "browser" / "serve_fake.py"
    server = Server([sys.executable, str(script), str(port), str(tmp_path / "gate")], port, tmp_path / "log.txt")
    visitor = Watched(chromium).open(f"{server.url}/compare")
    banner = visitor.page.get_by_role("alert").filter(has_text="The connection to the server is lost")
    assert banner.count() == 0
    server.process.kill()
    banner.wait_for()
    again = banner.get_by_role("button", name="Load the page again")
    assert again.is_disabled()

    another = HTTPServer(("localhost", port), SimpleHTTPRequestHandler)
    threading.Thread(target=another.serve_forever, daemon=True).start()
    visitor.page.wait_for_function("() => document.querySelector('[data-lost] button:enabled') != null")
    with visitor.page.expect_navigation():
        again.click()
    assert banner.count() == 0
    visitor.close()
    another.shutdown()
    server.close()
