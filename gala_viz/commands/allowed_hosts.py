"""Names under which a server answers. A page of another site whose name is made to point at this machine is refused.

Browsers keep pages of different hosts apart by their names alone. A site that has its own name lead to 127.0.0.1, once
its page is loaded, would be let in as if it were this server's own page (DNS rebinding). What its browser still sends
is the name, in the header ``Host`` of every request, and ``Origin`` of websockets, which no page can choose and few
proxies change.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest
from tornado.web import Application, RequestHandler

LOOPBACK = ("localhost", "127.0.0.1", "::1")
ALL_INTERFACES = frozenset({"", "0.0.0.0", "::"})
DEFAULT_PORTS = {"http": 80, "https": 443}
MISDIRECTED = 421
PROXY_HEADER_PREFIXES = ("forwarded", "via", "x-forwarded-", "x-real-ip")
"""Beginnings of the names of headers that proxies add."""
MAX_LOGGED_REFUSALS = 20

_log = logging.getLogger(__name__)
_HOST = re.compile(r"(\[[0-9a-z:.%]+\]|[a-z0-9*._-]+)(?::(\d{1,5}))?", re.IGNORECASE | re.ASCII)


class AllowedHosts:
    """The hosts of a server that listens on ``port`` of ``address``, and those given by name, as HOST or HOST:PORT.

    These are this machine's own names and ``address``, with the port; for a server of every interface any address in
    numbers, with the port, as no site can have that for a name. A given HOST without a port means the usual ones, 80
    and 443; ``*`` stands for any part of a name. ``port`` None: any port.
    """

    def __init__(self, port: int | None, address: str = "localhost", allowed: Iterable[str] = ()) -> None:
        self.port, self.address = port, address
        self._own = own_names(address)
        self._given = [_split(host) for host in allowed]

    def allows(self, host: str, protocol: str = "http") -> bool:
        """Return whether a request for ``host``, which came by ``protocol``, is meant for this server."""
        target = _split(host)
        if target is None:
            return False
        name, port = target
        usual = DEFAULT_PORTS.get(protocol, 80)
        is_own = name in self._own or (self.address in ALL_INTERFACES and _is_number(name))
        if is_own and self.port in (None, port or usual):
            return True
        return any(
            fnmatchcase(name, pattern) and (port == allowed or {port, allowed} <= {None, *DEFAULT_PORTS.values()})
            for pattern, allowed in filter(None, self._given)
        )

    def refusal_message(self, host: str) -> str:
        """Return the sentence that answers a request for another host."""
        name = "localhost" if self.address in ALL_INTERFACES else self.address
        here = f"http://{f'[{name}]' if ':' in name else name}" + (f":{self.port}" if self.port else "")
        if _split(host) is None:
            return f"The request names no host that could be this server. Its address is {here}."
        return (
            f"This server does not answer under the name {host}. Its address is {here}; where it is meant to be "
            f"reached under that name as well, start it with --allow-websocket-origin {host}."
        )


def own_names(address: str) -> set[str]:
    """Return the names of this machine, and ``address`` where that is the address of a server."""
    return {*LOOPBACK, _plain(address)} - ALL_INTERFACES


def are_public(hosts: Iterable[str], origins: Iterable[str], *, is_proxied: bool) -> bool:
    """Return whether others than the users of this machine reach servers: by network, another name, or a proxy.

    Servers listen on ``hosts``, and ``origins`` are allowed by name; ``is_proxied`` where they trust a proxy.
    """
    return is_proxied or not all(map(is_loopback, {*hosts, *origins}))


def has_proxy_headers(headers: Mapping[str, Any]) -> bool:
    """Return whether ``headers`` show that a proxy passed the request on; some proxies add none."""
    return any(name.lower().startswith(PROXY_HEADER_PREFIXES) for name in headers)


def is_from_this_machine(request: HTTPServerRequest) -> bool:
    """Return whether a request came straight from a program on the server's own machine."""
    return is_loopback(request.remote_ip or "") and not has_proxy_headers(request.headers)


def is_host(text: str) -> bool:
    """Return whether ``text`` is HOST or HOST:PORT."""
    return _split(text) is not None


def is_loopback(host: str) -> bool:
    """Return whether a machine reaches only itself under ``host``, a name or number with or without a port."""
    parts = _split(host) or _split(f"[{host}]")
    name = parts[0] if parts else ""
    return name == "localhost" or name.endswith(".localhost") or (_is_number(name) and ip_address(name).is_loopback)


class MisdirectedRequestHandler(RequestHandler):
    """Answers that a request is meant for another server."""

    def initialize(self, reason: str) -> None:
        """Set the sentence of the answer."""
        self._sentence = reason

    def prepare(self) -> None:
        """Refuse every request."""
        self.set_status(MISDIRECTED, "Misdirected Request")
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.finish(self._sentence + "\n")


def enforce_hosts(application: Application, hosts: AllowedHosts) -> None:
    """Let ``application`` answer, at any of its addresses and to any request, only requests for ``hosts``."""
    find = application.find_handler
    logged: set[str] = set()

    def find_allowed(request: HTTPServerRequest, **keywords: Any) -> Any:
        """Return the handler of a request for an allowed host, else one that refuses it."""
        host, protocol = request.headers.get("Host", ""), request.protocol
        if hosts.allows(host, protocol):
            host, protocol = _page_host(request)
            if host is None or hosts.allows(host, protocol):
                return find(request, **keywords)
            if (
                host not in logged and len(logged) < MAX_LOGGED_REFUSALS
            ):  # a page that is refused says little, and tries again
                logged.add(host)
                _log.warning("A page was refused its connection. %s", hosts.refusal_message(host))
        return application.get_handler_delegate(
            request, MisdirectedRequestHandler, {"reason": hosts.refusal_message(host)}
        )

    application.find_handler = find_allowed  # type: ignore[method-assign]


def _page_host(request: HTTPServerRequest) -> tuple[str | None, str]:
    """Return host and protocol in the address of the page that opens a websocket; None for other requests.

    Tornado accepts the word of a browser that page and server are the same, as they are for it where a proxy gives its
    own name for ``Host``.
    """
    origin = request.headers.get("Origin")
    if origin is None or request.headers.get("Upgrade", "").lower() != "websocket":
        return None, ""
    url = urlsplit(origin)
    return url.netloc, url.scheme


def _split(host: str) -> tuple[str, int | None] | None:
    """Return name and port of a host, the name in one spelling of the many; None for what is none."""
    match = _HOST.fullmatch(host)
    if match is None:
        return None
    port = int(match[2]) if match[2] else None
    name = _plain(match[1])
    return None if not name or (port is not None and not 0 < port < 65536) else (name, port)


def _plain(name: str) -> str:
    name = name.lower().removeprefix("[").removesuffix("]")
    try:
        return str(ip_address(name))
    except ValueError:
        return name.removesuffix(".")


def _is_number(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
