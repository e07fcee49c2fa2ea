"""Headers of every answer are those of the one table, by a real server; HEAD answers; nothing else is told."""

from __future__ import annotations

import re
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from gala_viz.commands.page_server import ServerAddress, create_server
from gala_viz.commands.response_headers import FRAME_ANCESTORS, HEADERS, PAGE_SOURCES, address_kind, response_headers
from gala_viz.game.handlers import game_routes
from tests.browser.conftest import free_port
from tests.game import shapes

PREFIX = "/lab/tools"
SITE = "https://portal.example.org"
KINDS = {
    "/": "page",
    "/compare": "page",
    "/explore": "page",
    "/compare/metadata": "page",
    "/nothing": "page",
    "/game": "participant",
    "/game?PROLIFIC_PID=abc": "participant",
    "/experiment": "participant",
    "/experimenter": "experimenter",
    "/%65xperimenter": "experimenter",
    "/play/about": "data",
    "/play/consent": "data",
    "/play/socket": "data",
    "/download/none": "data",
    "/static/js/bokeh.min.js": "data",
}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Address below the prefix of a server of every kind of page, in a thread, and the sessions of its pages."""
    import asyncio

    folder, made, ready = tmp_path_factory.mktemp("game"), [], threading.Event()
    at = ServerAddress(port=free_port(), show=False, prefix=PREFIX, frame_ancestors=(SITE,))
    loop = asyncio.new_event_loop()

    def page(name):
        def make():
            import panel as pn

            made.append(name)
            return pn.pane.Str(name)

        return make

    async def run():
        pages = {name: page(name) for name in ("compare", "explore", "game", "experiment", "experimenter")}
        game = shapes.game(folder / "photos", folder / "records.sqlite", 9)
        server = create_server(pages, at, game_routes(game)(""))
        server.start()
        stop.append(asyncio.Event())
        ready.set()
        await stop[0].wait()
        server.stop()
        server.unlisten()
        await game.close()

    stop: list = []
    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    assert ready.wait(60)
    yield f"http://localhost:{at.port}{PREFIX}", made
    loop.call_soon_threadsafe(stop[0].set)
    thread.join(20)
    loop.close()


def answer(url, method="GET", **headers):
    """Status, headers and content of an answer, of refusals too."""
    try:
        got = urllib.request.urlopen(urllib.request.Request(url, method=method, headers=headers), timeout=30)
    except urllib.error.HTTPError as error:
        got = error
    return got.status, got.headers, got.read()


@pytest.mark.parametrize(("path", "kind"), KINDS.items())
def test_every_address_has_the_headers_of_its_kind(served, path, kind):
    _, headers, _ = answer(served[0] + path)
    expected = response_headers(kind, [SITE])
    assert {name: headers[name] for name in expected} == expected


def test_a_refusal_to_another_host_has_them_too(served):
    status, headers, _ = answer(served[0] + "/compare", Host="evil.example")
    assert status == 421
    assert headers["Content-Security-Policy"] == response_headers("page", [SITE])["Content-Security-Policy"]


def test_who_may_frame_what():
    ancestors = {
        kind: response_headers(kind, [SITE])["Content-Security-Policy"].split("frame-ancestors ")[1] for kind in HEADERS
    }
    assert ancestors == {"page": f"'self' {SITE}", "participant": "*", "experimenter": "'none'", "data": "'none'"}
    assert response_headers("page")["Content-Security-Policy"].endswith("frame-ancestors 'self'")


def test_no_kind_lets_a_page_fetch_from_or_send_to_another_host():
    allowed = {"'none'", "'self'", "'unsafe-inline'", "'unsafe-eval'", "data:", "blob:"}
    assert {source for sources in PAGE_SOURCES.values() for source in sources.split()} <= allowed
    assert {"default-src", "base-uri", "form-action"} <= set(PAGE_SOURCES)
    for headers in HEADERS.values():
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] in ("same-origin", "no-referrer")


def test_a_name_that_only_begins_like_a_page_is_another_one():
    assert [address_kind(path) for path in ("/games", "/experiments", "/experimenters", "/lab/game", "")] == [
        "page"
    ] * 5
    assert address_kind("//experimenter") == address_kind("/experimenter/autoload.js") == "experimenter"


@pytest.mark.parametrize(
    ("site", "is_one"),
    [
        ("https://lab.example.org", True),
        ("https://lab.example.org:8443", True),
        ("*.example.org", True),
        ("lab.example.org", True),
        ("https://a.org; script-src *", False),
        ("https://a.org https://b.org", False),
        ("a.org,b.org", False),
        ("https://a.org/path", False),
        ("javascript:", False),
        ("*", False),
        ("", False),
        ("a.org\n", False),
    ],
)
def test_sites_that_may_frame_pages_are_hosts_and_nothing_that_ends_the_policy(site, is_one):
    if is_one:
        assert ServerAddress(frame_ancestors=(site,)).frame_ancestors == (site,)
        return
    with pytest.raises(ValueError, match="--frame-ancestors takes sites as https://HOST"):
        ServerAddress(frame_ancestors=(site,))


@pytest.mark.parametrize("path", ["/", "/compare", "/experimenter", "/game", "/play/about", "/static/js/bokeh.min.js"])
def test_head_answers_as_get_does_without_content_and_without_a_session(served, path):
    url, made = served
    expected = answer(url + path)
    before = len(made)
    status, headers, content = answer(url + path, "HEAD")
    assert (status, content) == (expected[0], b"") == (200, b"")
    assert headers["Content-Type"] == expected[1]["Content-Type"]
    assert headers["Content-Security-Policy"] == expected[1]["Content-Security-Policy"]
    assert len(made) == before, "HEAD made a session"


def test_head_of_what_is_not_there_is_not_found(served):
    assert answer(served[0] + "/nothing", "HEAD")[0] == 404
    assert answer(served[0] + "/download/none", "HEAD")[0] == 404


def test_the_experimenters_page_is_served_and_not_listed(served):
    assert answer(served[0] + "/experimenter")[0] == 200
    _, _, content = answer(served[0] + "/")
    assert b"./compare" in content
    assert b"experimenter" not in content


@pytest.mark.parametrize("query", ["image=%00", "image=%ED%A0%80", "image=%FF", f"page={'9' * 400}", "a=%EDA&a"])
@pytest.mark.parametrize(
    "cookie", ["gala_viz_player=\xed\xa0\x80", 'gala_viz_player="\\000"', "gala_viz_player=" + "9" * 400]
)
@pytest.mark.parametrize("path", ["/compare", "/play/about"])
def test_what_is_no_text_or_no_number_in_an_address_or_a_cookie_raises_no_error(served, caplog, path, query, cookie):
    status, _, content = answer(f"{served[0]}{path}?{query}", Cookie=cookie)
    assert status in (200, 400)
    assert b"Traceback" not in content
    assert not [record for record in caplog.records if record.exc_info or record.levelname == "ERROR"]


def documented():
    """Kind -> headers as the table in docs/tasks/server.md says."""
    text = (Path(__file__).parents[2] / "docs" / "tasks" / "server.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| (\w+) \| [^|]+ \| `(frame-ancestors [^`]+)` \| `([\w-]+)` \| `([\w-]+)` \|$", text, re.MULTILINE
    )
    sources = re.search(r"```text\n(default-src [^`]+)```", text)[1]
    return rows, dict(line.split(" ", 1) for line in sources.strip().splitlines())


def test_docs_list_every_header_as_it_is_sent():
    rows, sources = documented()
    assert sources == PAGE_SOURCES
    told = {
        kind: {
            "ancestors": headers["Content-Security-Policy"].split("; ")[-1].replace(FRAME_ANCESTORS, "'self' SITES"),
            "Referrer-Policy": headers["Referrer-Policy"],
            "X-Content-Type-Options": headers["X-Content-Type-Options"],
        }
        for kind, headers in HEADERS.items()
    }
    assert {kind: dict(zip(told["page"], rest, strict=True)) for kind, *rest in rows} == told
