"""The list of pages, log-in, and pages of errors ask no other host than their own, in a real browser."""

from __future__ import annotations

import http.server
import sys
import threading

import pytest

from tests.browser.accessibility import check_accessible
from tests.browser.conftest import Server, Watched, free_port

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
PAGES = """
import sys
import panel as pn
from gala_viz.commands.page_server import ServerAddress, serve

def broken():
    raise ValueError("this page cannot be made")

serve({"one": lambda: pn.pane.Str("one"), "two": broken, "game": lambda: pn.pane.Str("game"),
       "experimenter": lambda: pn.pane.Str("door")},
      ServerAddress(port=int(sys.argv[1]), prefix="lab/tools", show=False))
"""


@pytest.fixture(scope="module")
def served(chromium_path, tmp_path_factory):
    """A server of three pages, one of which cannot be made, and of an experimenter's, below a path."""
    port = free_port()
    log = tmp_path_factory.mktemp("pages") / "log.txt"
    server = Server([sys.executable, "-c", PAGES, str(port)], port, log, "lab/tools/")
    yield f"{server.url}/lab/tools"
    server.close()


@pytest.fixture(scope="module")
def with_login(chromium_path, repository, tmp_path_factory):
    """An app behind Panel's log-in, with the pages that come with gala_viz, as the documentation says."""
    port, folder = free_port(), tmp_path_factory.mktemp("login")
    pages = repository / "gala_viz" / "panels" / "pages"
    app = folder / "one.py"
    app.write_text("import panel as pn\npn.pane.Str('one').servable()\n")
    (folder / "two.py").write_text(app.read_text())
    command = [sys.executable, "-m", "panel", "serve", str(app), str(folder / "two.py"), "--port", str(port)]
    command += ["--basic-auth", "word", "--cookie-secret", "secret", "--index", str(pages / "index.html")]
    command += ["--basic-login-template", str(pages / "login.html"), "--logout-template", str(pages / "logout.html")]
    command += ["--auth-template", str(pages / "error.html")]
    server = Server(command, port, folder / "log.txt", "login")
    yield server.url
    server.close()


@pytest.fixture(scope="module")
def portal(served):
    """Address of another site, of which ``/NAME`` shows the page NAME of the server in a frame."""

    class Portal(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f'<iframe src="{served}{self.path}"></iframe>'.encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("localhost", 0), Portal)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("name", "is_shown"), [("game", True), ("one", False), ("experimenter", False), ("", False)])
def test_another_site_frames_the_pages_of_participants_alone(chromium, portal, name, is_shown):
    visitor = Watched(chromium)
    visitor.page.goto(f"{portal}/{name}")
    if is_shown:
        visitor.page.frame_locator("iframe").get_by_text("game").first.wait_for()
        assert visitor.errors == []
    else:
        visitor.page.wait_for_timeout(500)
        assert any("frame-ancestors" in one for one in visitor.errors)
        assert visitor.page.frames[1].url.startswith("chrome-error:")
    visitor.close()


@pytest.fixture
def browser(chromium):
    opened = Watched(chromium)
    yield opened
    opened.close()
    assert opened.hosts == {"localhost"}


@pytest.mark.parametrize("address", ["/", "", "?token=secret"])
def test_the_list_of_pages_names_those_for_visitors_and_says_what_they_are(served, browser, address):
    browser.page.goto(f"{served}{address}")
    assert browser.page.get_by_role("link").all_inner_texts() == ["Play ClickMe", "one", "two"]
    browser.page.get_by_role("main").get_by_text("Paint the telling parts of photographs").wait_for()
    browser.page.get_by_role("link", name="one").click()
    browser.page.get_by_text("one").first.wait_for()


@pytest.mark.parametrize(("system", "chosen"), [("light", ""), ("dark", ""), ("light", "1"), ("dark", "0")])
def test_the_list_of_pages_is_light_or_dark_as_the_pages_are(chromium, served, system, chosen):
    visitor = Watched(chromium, color_scheme=system)
    if chosen:
        visitor.context.add_cookies([{"name": "gala_viz_dark", "value": chosen, "url": served}])
    visitor.page.goto(f"{served}/")
    is_dark = chosen == "1" or (system == "dark" and not chosen)
    background = "rgb(16, 20, 24)" if is_dark else "rgb(255, 255, 255)"
    assert visitor.page.evaluate("getComputedStyle(document.body).backgroundColor") == background
    check_accessible(visitor.page)
    visitor.close()


@pytest.mark.parametrize("path", ["nothing", "static/js/nothing.js", "one/ws"])
def test_an_address_that_is_none(served, browser, path):
    answer = browser.page.goto(f"{served}/{path}")
    assert answer.status in (400, 404)
    browser.page.wait_for_load_state("networkidle")


def test_a_page_that_cannot_be_made(served, browser):
    browser.page.goto(f"{served}/two")
    browser.page.get_by_text("error", exact=False).first.wait_for(state="attached")
    browser.page.wait_for_load_state("networkidle")


def test_logging_in_and_out(with_login, browser):
    page = browser.page
    page.goto(f"{with_login}/one")
    page.get_by_label("Name").fill("somebody")
    page.get_by_label("Password").fill("a guess")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("alert").get_by_text("Invalid", exact=False).wait_for()
    page.get_by_label("Name").fill("somebody")
    page.get_by_label("Password").fill("word")
    page.get_by_role("button", name="Log in").click()
    page.get_by_text("one").first.wait_for()
    page.goto(f"{with_login}/")
    assert page.get_by_role("link").all_inner_texts() == ["one", "two"]
    page.goto(f"{with_login}/logout")
    page.get_by_role("link", name="Log in again").click()
    page.get_by_label("Password").wait_for()
