"""A page whose server ends: it says so, and shows what it showed once the server is back and it is loaded anew."""

from __future__ import annotations

import sys

import pytest

from tests.browser.conftest import Server, Watched, free_port

pytestmark = pytest.mark.browser


@pytest.fixture
def serve(chromium_path, repository, tmp_path):
    port, made = free_port(), []
    script = repository / "tests" / "browser" / "serve_fake.py"

    def one() -> Server:
        made.append(
            Server([sys.executable, str(script), str(port), str(tmp_path / "gate")], port, tmp_path / "log.txt")
        )
        return made[-1]

    yield one
    for server in made:
        if server.process.poll() is None:
            server.close()


def test_a_page_says_that_its_server_is_gone_and_comes_back_as_it_was(serve, chromium):
    server = serve()
    visitor = Watched(chromium).open(f"{server.url}/compare?image=photo+00003")
    visitor.settled()
    banner = visitor.page.get_by_role("alert").filter(has_text="The connection to the server is lost")
    assert banner.count() == 0
    server.process.kill()
    banner.wait_for()
    again = banner.get_by_role("button", name="Load the page again")
    assert again.is_disabled()
    serve()
    visitor.page.wait_for_function("() => document.querySelector('[data-lost] button:enabled') != null")
    again.click()
    visitor.page.locator(".id").get_by_text("photo 00003", exact=True).wait_for()
    assert banner.count() == 0
    visitor.close()
