"""Scripts, pages and messages travel compressed; what a browser unpacks is what was there before."""

from __future__ import annotations

import gzip
from pathlib import Path

import panel as pn
import panel_material_ui  # noqa: F401 - by which the server knows its scripts
import pytest
from bokeh.settings import settings
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect

from gala_viz.commands import compressed_files
from gala_viz.commands.page_server import ServerAddress, create_server
from gala_viz.game.handlers import GameSocketHandler
from tests.browser.conftest import free_port
from tests.loops import in_own_loop

LARGE = ("/static/js/bokeh.min.js", "/static/js/bokeh-widgets.min.js", "/static/extensions/panel/panel.min.js",
         "/static/extensions/panel-material-ui/panel-material-ui.bundle.js")  # fmt: skip


def _ask(*wanted, prefix=""):
    """Answers to (path, headers) of a running server, as they came over the wire."""
    at = ServerAddress(port=free_port(), prefix=prefix, show=False)

    async def run():
        server = create_server({"words": lambda: pn.pane.Str("word " * 2000)}, at)
        server.start()
        try:
            answers = []
            for path, headers in wanted:
                url = f"http://localhost:{at.port}{path}"
                request = HTTPRequest(url, headers=headers, decompress_response=False)
                answers.append(await AsyncHTTPClient().fetch(request, raise_error=False))
            return answers
        finally:
            server.stop()
            server.unlisten()

    return in_own_loop(run())


@pytest.mark.parametrize("prefix", ["", "/lab"])
def test_scripts_are_sent_compressed_to_whoever_takes_that_and_whole_to_others(prefix):
    paths = [prefix + path for path in LARGE]
    packed = _ask(*((path, {"Accept-Encoding": "gzip"}) for path in paths), prefix=prefix)
    plain = _ask(*((path, {}) for path in paths), prefix=prefix)
    for small, whole in zip(packed, plain, strict=True):
        assert (small.code, whole.code) == (200, 200)
        assert small.headers["Content-Encoding"] == "gzip"
        assert "Content-Encoding" not in whole.headers
        assert gzip.decompress(small.body) == whole.body
        assert len(small.body) < 0.4 * len(whole.body)
        assert small.headers["Etag"] != whole.headers["Etag"]
        assert int(small.headers["Content-Length"]) == len(small.body)


def test_a_script_that_the_browser_has_is_not_sent_again_and_a_part_is_a_part_of_the_plain_file():
    (first,) = _ask((LARGE[0], {"Accept-Encoding": "gzip"}))
    known = {"Accept-Encoding": "gzip", "If-None-Match": first.headers["Etag"]}
    again, part, missing = _ask(
        (LARGE[0], known),
        (LARGE[0], {"Range": "bytes=0-99"}),
        ("/static/js/nothing.js", {"Accept-Encoding": "gzip"}),
    )
    assert (again.code, again.body) == (304, b"")
    script = Path(settings.bokehjs_path(), "js", "bokeh.min.js").read_bytes()
    assert (part.code, part.body) == (206, script[:100])
    assert missing.code == 404


def test_a_file_is_compressed_once():
    compressed_files._compressed.cache_clear()
    _ask(*[(LARGE[0], {"Accept-Encoding": "gzip"})] * 3)
    about = compressed_files._compressed.cache_info()
    assert (about.misses, about.hits) == (1, 2)


def test_a_page_is_sent_compressed_and_a_picture_as_it_is():
    page, icon = _ask(("/words", {"Accept-Encoding": "gzip"}), ("/favicon.ico", {"Accept-Encoding": "gzip"}))
    assert page.headers["Content-Encoding"] == "gzip"
    assert b"<!DOCTYPE html>" in gzip.decompress(page.body)
    picture = "/static/extensions/panel/images/favicon.ico"
    (icon,) = _ask((picture, {"Accept-Encoding": "gzip"}))
    assert icon.code == 200
    assert "Content-Encoding" not in icon.headers


@pytest.mark.parametrize("is_elsewhere", [True, False])
def test_messages_of_a_page_are_compressed_where_a_browser_elsewhere_offers_it(is_elsewhere):
    at = ServerAddress(port=free_port(), show=False)

    async def run():
        server = create_server({"words": lambda: pn.pane.Str("word")}, at)
        server.start()
        try:
            headers = {"Sec-WebSocket-Protocol": "bokeh, x"}
            if is_elsewhere:
                headers["X-Forwarded-For"] = "192.0.2.1"
            request = HTTPRequest(f"ws://localhost:{at.port}/words/ws", headers=headers)
            socket = await websocket_connect(request, compression_options={})
            return dict(socket.headers)
        finally:
            server.stop()
            server.unlisten()

    assert ("permessage-deflate" in in_own_loop(run()).get("Sec-Websocket-Extensions", "")) is is_elsewhere


def test_messages_of_a_game_are_compressed():
    assert GameSocketHandler.get_compression_options(None) is not None
