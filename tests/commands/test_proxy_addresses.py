"""Limits by address hold behind a proxy, also one with an old configuration; slow and large requests are bounded."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from tornado.httputil import HTTPHeaders

from gala_viz.commands import page_server
from gala_viz.commands.proxy_addresses import UNKNOWN_ADDRESS, client_address
from tests.browser.conftest import free_port, wait_for_server


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({}, "127.0.0.1"),
        ({"X-Forwarded-For": "192.0.2.7"}, "192.0.2.7"),
        ({"X-Forwarded-For": "10.9.9.9, 192.0.2.7"}, "192.0.2.7"),
        ({"X-Forwarded-For": "192.0.2.7", "X-Real-Ip": "10.9.9.9"}, "192.0.2.7"),
        ({"X-Forwarded-For": "2001:db8::7", "x-real-ip": "10.9.9.9"}, "2001:db8::7"),
        ({"X-Real-Ip": "10.9.9.9"}, UNKNOWN_ADDRESS),
        ({"X-Forwarded-For": "unknown", "X-Real-Ip": "10.9.9.9"}, UNKNOWN_ADDRESS),
        ({"X-Forwarded-For": "unknown"}, "127.0.0.1"),
    ],
)
def test_a_visitors_address_is_what_the_proxy_wrote_and_never_what_the_visitor_says(headers, address):
    assert client_address(HTTPHeaders(headers), "127.0.0.1") == address


SERVER = """
import sys, json
import panel as pn
from tornado.web import RequestHandler
from gala_viz.commands import page_server
from gala_viz.commands.page_server import ServerAddress, serve
from gala_viz.panels.game.experimenter_page import ExperimenterPage
from gala_viz.records.password import Password

page_server.HTTP_LIMITS.update(idle_connection_timeout=1.0, body_timeout=1.0)
password = Password("a long password")

class Attempt(RequestHandler):
    def get(self):
        try:
            told = str(password.matches(self.get_query_argument("try"), self.request.remote_ip))
        except PermissionError as error:
            told = str(error)
        self.write(json.dumps([self.request.remote_ip, told]))
    post = get

def page():
    from gala_viz.panels.game.experimenter_page import _browser_address
    return pn.pane.Str("address " + _browser_address())

serve({"experimenter": page}, ServerAddress(port=int(sys.argv[1]), behind_proxy=True, show=False),
      patterns=[("/attempt", Attempt)])
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """Port of a server behind a proxy, whose limits of time are those of a test."""
    port = free_port()
    with (tmp_path_factory.mktemp("proxied") / "log.txt").open("w") as log:
        process = subprocess.Popen([sys.executable, "-c", SERVER, str(port)], stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_for_server(f"http://localhost:{port}/favicon.ico", process)
            yield port
        finally:
            process.terminate()
            process.wait(20)


def attempt(port, word, **headers):
    url = f"http://localhost:{port}/attempt?try={word}"
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
        return json.loads(answer.read())


def test_the_experimenters_lockout_is_per_address_whatever_a_visitor_says_of_his(port):
    """The proxy sets X-Forwarded-For alone, as in the file that docs showed before."""
    told = [
        attempt(port, "guess", **{"X-Forwarded-For": "192.0.2.7", "X-Real-Ip": f"10.0.0.{number}"})[1]
        for number in range(12)
    ]
    assert told == ["False"] * 10 + ["too many tries; wait a minute."] * 2
    right = "a%20long%20password"
    assert attempt(port, right, **{"X-Forwarded-For": "192.0.2.8"}) == ["192.0.2.8", "True"]
    assert attempt(port, right, **{"X-Forwarded-For": "192.0.2.8, 192.0.2.7"})[1].startswith("too many")


def open_socket(port):
    connection = socket.create_connection(("localhost", port), timeout=10)
    return connection


def ended(connection):
    """What a server sent before it closed a connection; fails after 10 s."""
    content = b""
    while piece := connection.recv(65536):
        content += piece
    return content


def test_silent_connections_slow_heads_and_slow_bodies_are_closed(port):
    host = f"Host: localhost:{port}\r\n".encode()
    silent, slow, body = (open_socket(port) for _ in range(3))
    slow.sendall(b"GET /attempt?try=x HTTP/1.1\r\n" + host)
    body.sendall(b"POST /attempt?try=x HTTP/1.1\r\n" + host + b"Content-Length: 1000\r\n\r\n" + b"x")
    began = time.monotonic()
    for _ in range(6):
        time.sleep(0.2)
        for connection in (slow, body):
            with contextlib.suppress(OSError):
                connection.sendall(b"x" if connection is body else b"X-A: b\r\n")
    for connection in (silent, slow, body):
        with contextlib.suppress(ConnectionResetError):
            assert b"200 OK" not in ended(connection)
        connection.close()
    assert time.monotonic() - began < 6


def test_a_body_or_head_that_is_too_large_is_refused_before_it_is_read(port):
    for head in (b"Content-Length: 104857600\r\n\r\n", b"X-Long: " + b"x" * 2**17 + b"\r\n\r\n"):
        connection = open_socket(port)
        connection.sendall(f"POST /attempt?try=x HTTP/1.1\r\nHost: localhost:{port}\r\n".encode() + head)
        with contextlib.suppress(ConnectionResetError):
            assert b"200 OK" not in ended(connection)
        connection.close()


def test_limits_are_set_and_leave_time_for_slow_lines():
    assert 20 <= page_server.HTTP_LIMITS["body_timeout"] <= page_server.HTTP_LIMITS["idle_connection_timeout"] <= 120
    assert page_server.HTTP_LIMITS["max_body_size"] <= 2**20
    assert page_server.PING_MS == 20_000


def test_the_experimenters_page_sees_the_address_of_the_proxys_visitor(port):
    url = f"http://localhost:{port}/experimenter"
    headers = {"X-Forwarded-For": "192.0.2.9", "X-Real-Ip": "10.9.9.9"}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
        assert answer.status == 200
