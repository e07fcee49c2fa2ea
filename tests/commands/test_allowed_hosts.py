"""A server answers under its own names alone, at every address, over HTTP and websockets."""

from __future__ import annotations

import socket

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.iostream import IOStream
from tornado.websocket import websocket_connect

from gala_viz.commands.allowed_hosts import AllowedHosts
from gala_viz.commands.experiment.experiment_app import experiment_routes
from gala_viz.commands.page_server import ServerAddress, create_server
from gala_viz.game.handlers import game_routes
from tests.browser.conftest import free_port
from tests.game import shapes
from tests.loops import in_own_loop

SERVED = AllowedHosts(5006)
REBOUND = ("evil.example", "evil.example:5006", "localhost.evil.example:5006", "127.0.0.1.evil.example:5006")


@pytest.mark.parametrize(
    "host",
    ["localhost:5006", "LocalHost:5006", "localhost.:5006", "127.0.0.1:5006", "[::1]:5006", "[0:0:0:0:0:0:0:1]:5006"],
)
def test_a_machines_own_names_are_allowed_in_any_spelling(host):
    assert SERVED.allows(host)


@pytest.mark.parametrize(
    "host",
    [
        *REBOUND,
        "",
        "localhost",
        "localhost:5007",
        "localhost:0",
        "localhost:99999",
        "localhost:5006:5006",
        "localhost:5006/",
        "evil@localhost:5006",
        "localhost:5006 ",
        "[::1:5006",
        "::1:5006",
        "192.168.1.5:5006",
        ".",
        "*:5006",
    ],
)
def test_other_hosts_ports_and_what_is_no_host_are_refused(host):
    assert not SERVED.allows(host)


def test_the_usual_port_need_not_be_named():
    assert AllowedHosts(80).allows("localhost")
    assert AllowedHosts(443).allows("localhost", "https")
    assert not AllowedHosts(80).allows("localhost", "https")


def test_hosts_given_by_name_are_allowed_with_their_port_or_the_usual_ones():
    given = AllowedHosts(5006, allowed=["Lab.example.org", "gate.example.org:8443", "*.lab.example.org"])
    allowed = (
        "lab.example.org",
        "LAB.EXAMPLE.ORG.",
        "lab.example.org:443",
        "gate.example.org:8443",
        "a.lab.example.org",
    )
    assert all(given.allows(host) for host in (*allowed, "localhost:5006"))
    refused = ("lab.example.org:5006", "gate.example.org", "xlab.example.org", "lab.example.org.evil.example")
    assert not any(given.allows(host) for host in refused)
    assert AllowedHosts(5006, allowed=["localhost:8888"]).allows("localhost:8888")


def test_a_server_of_every_interface_is_reached_by_any_address_in_numbers_and_by_no_further_name():
    for every in ("0.0.0.0", "::"):
        hosts = AllowedHosts(5006, every)
        assert all(hosts.allows(host) for host in ("192.168.1.5:5006", "[fe80::1]:5006", "localhost:5006"))
        assert not any(hosts.allows(host) for host in ("192.168.1.5", "lab:5006", *REBOUND))
    assert AllowedHosts(5006, "192.168.1.5").allows("192.168.1.5:5006")
    assert not AllowedHosts(5006, "192.168.1.5").allows("192.168.1.6:5006")


def test_a_refusal_says_where_the_server_is_and_what_to_do():
    named, unreadable = SERVED.refusal_message("lab:80"), SERVED.refusal_message("<b>")
    assert "Its address is http://localhost:5006" in named
    assert "--allow-websocket-origin lab:80" in named
    assert "Its address is http://localhost:5006" in unreadable
    assert "<b>" not in unreadable


class _Experiment:
    """As much of an experiment as its first address asks for."""

    @staticmethod
    def about():
        return {}


@pytest.fixture(scope="module")
def at():
    return ServerAddress(port=free_port(), show=False, allow_websocket_origin=("lab.example.org",))


def test_a_number_of_ipv6_may_be_the_servers_own_and_a_given_name():
    at = ServerAddress(port=free_port(), show=False, address="::1", allow_websocket_origin=("[fe80::1]:8443",))
    server = create_server(_pages(), at)
    server.stop()
    server.unlisten()


def _pages():
    import panel as pn

    return {"compare": lambda: pn.pane.Str("compare"), "game": lambda: pn.pane.Str("game")}


async def _status(at, path, host, **options):
    request = HTTPRequest(f"http://localhost:{at.port}{path}", headers={"Host": host}, **options)
    answer = await AsyncHTTPClient().fetch(request, raise_error=False)
    return answer.code, answer.body.decode("utf-8", "replace")


PATHS = (
    *("/", "/compare", "/game", "/nothing", "/compare/metadata", "/favicon.ico", "/trials/about"),
    "/compare/autoload.js?bokeh-autoload-element=1",
    *("/static/js/bokeh.min.js", "/static/extensions/panel/panel.min.js"),
)


def _serve(at, test, patterns=(), pages=None):
    """``test()`` beside a running server."""

    async def run():
        server = create_server(pages or _pages(), at, patterns)
        server.start()
        try:
            await test()
        finally:
            server.stop()
            server.unlisten()

    in_own_loop(run())


def test_every_address_refuses_a_rebound_name_and_answers_its_own(at):
    patterns = experiment_routes(_Experiment())("")

    async def test():
        for path in PATHS:
            for host in ("evil.example", f"evil.example:{at.port}"):
                code, body = await _status(at, path, host)
                assert (code, "does not answer under the name" in body) == (421, True), path
            assert (await _status(at, path, f"localhost:{at.port}"))[0] != 421, path
            assert (await _status(at, path, "lab.example.org"))[0] != 421, path
        for method in ("POST", "PUT", "PATCH"):
            code, _ = await _status(at, "/trials/consent", f"evil.example:{at.port}", method=method, body=b"{}")
            assert code == 421

    _serve(at, test, patterns)


def test_a_websocket_is_refused_to_a_rebound_name_that_says_the_same_origin(at):
    async def upgrade(host, origin, **more):
        headers = {"Host": host, "Origin": f"http://{origin}", "Sec-WebSocket-Protocol": "bokeh, x", **more}
        try:
            await websocket_connect(HTTPRequest(f"ws://localhost:{at.port}/compare/ws", headers=headers))
        except HTTPClientError as error:
            return error.code
        return 101

    async def test():
        here, evil = f"localhost:{at.port}", f"evil.example:{at.port}"
        assert await upgrade(here, here) == 101
        for more in ({}, {"Sec-Fetch-Site": "same-origin"}):
            assert await upgrade(evil, evil, **more) == 421
            assert await upgrade(evil, here, **more) == 421
        assert await upgrade(here, evil) == 421

    _serve(at, test)


def test_a_page_behind_a_proxy_that_hides_its_name_is_connected_under_a_given_name_alone(at, caplog):
    """As nginx does that is told no ``proxy_set_header Host``."""

    async def upgrade(origin):
        headers = {"Host": f"127.0.0.1:{at.port}", "Origin": origin, "Sec-Fetch-Site": "same-origin"}
        headers["Sec-WebSocket-Protocol"] = "bokeh, x"
        try:
            await websocket_connect(HTTPRequest(f"ws://localhost:{at.port}/compare/ws", headers=headers))
        except HTTPClientError as error:
            return error.code
        return 101

    async def test():
        assert await upgrade("https://lab.example.org") == 101
        assert await upgrade(f"http://[::1]:{at.port}") == 101
        for other in ("https://hidden.example.org", "https://hidden.example.org", "null", "https://localhost"):
            assert await upgrade(other) == 421

    _serve(at, test)
    told = [record.getMessage() for record in caplog.records if record.name == "gala_viz.commands.allowed_hosts"]
    assert len(told) == 3, "each name once"
    assert "--allow-websocket-origin hidden.example.org" in told[0]


def test_a_session_that_comes_through_a_proxy_writes_no_notes_whatever_the_server_was_told(at):
    from gala_viz.commands.compare_app import notes_are_read_only
    from gala_viz.panels.compare.compare_options import CompareOptions

    found = []

    def page():
        import panel as pn

        found.append(notes_are_read_only(CompareOptions(), False))
        return pn.pane.Str("compare")

    async def test():
        here = f"http://localhost:{at.port}/compare"
        for header in ({}, {"X-Forwarded-For": "192.0.2.7"}, {"Forwarded": "for=192.0.2.7"}, {"Via": "1.1 gate"}):
            assert (await AsyncHTTPClient().fetch(HTTPRequest(here, headers=header))).code == 200

    _serve(at, test, pages={"compare": page})
    assert found == [False, True, True, True]


def test_a_game_takes_no_consent_and_no_player_under_a_rebound_name(at, tmp_path):
    game = shapes.game(tmp_path / "photos", tmp_path / "records.sqlite", 9)
    evil, here = f"evil.example:{at.port}", f"localhost:{at.port}"

    async def consent(host):
        headers = {"Host": host, "Origin": f"http://{host}"}
        agreed = HTTPRequest(f"http://localhost:{at.port}/play/consent", "POST", headers, '{"agreed": true}')
        return await AsyncHTTPClient().fetch(agreed, raise_error=False)

    async def open_socket(host, cookie):
        headers = {"Host": host, "Origin": f"http://{host}", "Cookie": cookie}
        try:
            await websocket_connect(HTTPRequest(f"ws://localhost:{at.port}/play/socket", headers=headers))
        except HTTPClientError as error:
            return error.code
        return 101

    async def test():
        try:
            assert (await consent(evil)).code == 421
            agreed = await consent(here)
            assert agreed.code == 200
            cookie = agreed.headers["Set-Cookie"].split(";")[0]
            assert await open_socket(evil, cookie) == 421
            assert await open_socket(here, cookie) == 101
        finally:
            await game.close()

    _serve(at, test, game_routes(game)(""))


def test_a_request_without_a_host_is_refused(at):
    async def test():
        stream = IOStream(socket.create_connection(("localhost", at.port)))
        await stream.write(b"GET /compare HTTP/1.0\r\n\r\n")
        answer = await stream.read_until_close()
        assert answer.startswith(b"HTTP/1.1 4")

    _serve(at, test)
