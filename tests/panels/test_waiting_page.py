"""The page of a visitor who comes before the source is loaded."""

import json
import threading
from types import SimpleNamespace

import panel as pn
import pytest
from bokeh.document import Document
from panel.io.state import set_curdoc
from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.web import Application, HTTPError

from gala_viz.panels.served_pages import HEADINGS, KNOWN_PAGES
from gala_viz.panels.shared_source import SharedSource, source_of_token
from gala_viz.panels.waiting_page import LoadingHandler, page_when_ready
from tests.panels.fake_source import FakeSource
from tests.panels.ready_source import ready


@pytest.fixture
def loading():
    """A source whose networks are never loaded before the test ends."""
    gate = threading.Event()

    def build(say):
        say("Loading <b>networks</b>…")
        gate.wait(20)
        return FakeSource(count=2)

    yield SharedSource(build).start()
    gate.set()


def rendered(document):
    return document.template.render(
        {"bokeh_js": "<script src='static/js/bokeh.js'></script>", **document.template_variables}
    )


def asked(token):
    """What the server answers about a source."""
    connection = SimpleNamespace(context=None, set_close_callback=lambda _: None)
    request = HTTPServerRequest("GET", "/", headers=HTTPHeaders(), connection=connection)
    handler = LoadingHandler(Application(), request)
    handler.get(token)
    return json.loads(b"".join(handler._write_buffer))


def test_it_has_words_as_text_and_no_scripts_of_a_library_that_run(loading):
    document = Document()
    while not loading.step.startswith("Loading"):
        pass
    with set_curdoc(document):
        page = page_when_ready(loading, "compare", lambda: pytest.fail("it is not ready"))
    assert isinstance(page, pn.Spacer)
    html = rendered(document)
    assert HEADINGS["compare"] in html
    assert "Loading &lt;b&gt;networks&lt;/b&gt;…" in html
    assert f"loading/{loading.token}" in html
    assert "<template><script src" in html, "they are fetched, and do not run"


def test_a_source_that_is_ready_gives_its_page():
    page = pn.Spacer()
    assert page_when_ready(ready(FakeSource(count=1)), "grid", lambda: page) is page


def test_a_page_that_cannot_be_built_says_why_and_shows_no_program(caplog):
    def build():
        raise OSError("the records are <b>gone</b>")

    page = page_when_ready(ready(FakeSource(count=1)), "explore", build)
    assert "the records are &lt;b&gt;gone&lt;/b&gt;" in page.object
    assert "Traceback" not in page.object
    assert "Traceback" in caplog.text


def test_the_server_tells_how_far_a_source_is(loading):
    told = asked(loading.token)
    assert told["state"] == "loading"
    shared = ready(FakeSource(count=1))
    assert asked(shared.token)["state"] == "ready"
    with pytest.raises(HTTPError) as refused:
        asked("nothing")
    assert refused.value.status_code == 404


def test_it_tells_why_a_source_failed():
    shared = SharedSource(lambda say: (_ for _ in ()).throw(ValueError("no network of this name")))
    shared._load()
    assert asked(shared.token) == {"state": "failed", "step": "Starting…", "error": "no network of this name"}


def test_a_source_that_is_gone_is_known_no_more():
    token = SharedSource(lambda say: FakeSource(count=1)).token
    assert source_of_token(token) is None


def test_every_page_over_a_source_has_a_heading():
    assert {page.name for page in KNOWN_PAGES if page.heading} == {"compare", "explore", "grid"}
