"""Headers of every answer, by the kind of its address: which scripts may run, who may frame it, what is told to others.

``HEADERS`` is the one table; docs/tasks/server.md lists it, and a test compares the two. A browser takes a
Content-Security-Policy as the list of all that a page may load or connect to: what somebody smuggles into a page
fetches nothing from another host, and sends nothing there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from bokeh.server.views.session_handler import SessionHandler
from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.web import Application, OutputTransform, RequestHandler

PARTICIPANT_PAGES = frozenset({"game", "experiment"})
EXPERIMENTER_PAGES = frozenset({"experimenter"})
DATA_ADDRESSES = frozenset({"play", "trials", "download", "static", "favicon.ico"})
"""First parts of addresses below the prefix; every other one is a page, also one that is not there."""
FRAME_ANCESTORS = "FRAME_ANCESTORS"
"""Stands in ``HEADERS`` for 'self' and the hosts of ``--frame-ancestors``."""

PAGE_SOURCES = {
    "default-src": "'none'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval' blob:",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self' blob:",
    "base-uri": "'none'",
    "form-action": "'self'",
    "object-src": "'none'",
}
"""What a page may load; docs/tasks/server.md says why each relaxation is there."""


def _policy(frame_ancestors: str, sources: Mapping[str, str] = PAGE_SOURCES) -> str:
    return "; ".join(f"{name} {value}" for name, value in {**sources, "frame-ancestors": frame_ancestors}.items())


_EVERYWHERE = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}
HEADERS: dict[str, dict[str, str]] = {
    "page": {"Content-Security-Policy": _policy(FRAME_ANCESTORS), **_EVERYWHERE},
    "participant": {"Content-Security-Policy": _policy("*"), **_EVERYWHERE},
    "experimenter": {
        "Content-Security-Policy": _policy("'none'"),
        **_EVERYWHERE,
        "Referrer-Policy": "no-referrer",
    },
    "data": {"Content-Security-Policy": _policy("'none'", {"default-src": "'none'"}), **_EVERYWHERE},
}
"""Kind of address -> its headers: pages, those of participants, the experimenter's, and what pages fetch."""

_ANCESTOR = re.compile(r"(https?://)?(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*(:(\d{1,5}|\*))?", re.IGNORECASE | re.ASCII)


def address_kind(path: str, prefix: str = "") -> str:
    """Return the kind of the address ``path`` of a server below ``prefix`` ("" or "/lab/tools"): a key of ``HEADERS``.

    Examples
    --------
    >>> address_kind("/lab/tools/game", "/lab/tools"), address_kind("/experimenter/ws"), address_kind("/")
    ('participant', 'experimenter', 'page')
    """
    below = unquote(path).removeprefix(prefix).lstrip("/")
    name = below.partition("/")[0]
    if name in EXPERIMENTER_PAGES:
        return "experimenter"
    if name in PARTICIPANT_PAGES:
        return "participant"
    return "data" if name in DATA_ADDRESSES else "page"


def response_headers(kind: str, frame_ancestors: Iterable[str] = ()) -> dict[str, str]:
    """Return the headers of a kind of address, whose pages ``frame_ancestors`` may frame beside this server's own."""
    ancestors = " ".join(["'self'", *frame_ancestors])
    return {name: value.replace(FRAME_ANCESTORS, ancestors) for name, value in HEADERS[kind].items()}


def is_frame_ancestor(text: str) -> bool:
    """Return whether ``text`` names hosts as a Content-Security-Policy does: https://lab.example.org, *.example.org."""
    return _ANCESTOR.fullmatch(text) is not None


def add_headers(application: Application, prefix: str = "", frame_ancestors: Iterable[str] = ()) -> None:
    """Let ``application`` send the headers of the table with every answer, refusals and files among them."""
    by_kind = {kind: response_headers(kind, tuple(frame_ancestors)) for kind in HEADERS}

    class AddHeaders(OutputTransform):
        """Adds the headers to one answer."""

        def __init__(self, request: HTTPServerRequest) -> None:
            self._headers = by_kind[address_kind(request.path, prefix)]

        def transform_first_chunk(
            self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
        ) -> tuple[int, HTTPHeaders, bytes]:
            """Add the headers."""
            del finishing
            for name, value in self._headers.items():
                headers[name] = value
            return status_code, headers, chunk

    application.transforms.append(AddHeaders)


class PageHeadHandler(RequestHandler):
    """Answers HEAD for a page, of which no session is made."""

    def head(self, *_: Any) -> None:
        """Say that the page is there."""
        self.set_header("Content-Type", "text/html")


def answer_head(application: Application) -> None:
    """Let ``application`` answer HEAD, which monitors and proxies send, wherever it answers GET."""
    find = application.find_handler

    def find_for_head(request: HTTPServerRequest, **keywords: Any) -> Any:
        delegate = find(request, **keywords)
        kind = getattr(delegate, "handler_class", None)
        if request.method != "HEAD" or kind is None or kind.head is not RequestHandler.head:
            return delegate
        if issubclass(kind, SessionHandler):
            return application.get_handler_delegate(request, PageHeadHandler)
        delegate.handler_class = type(kind.__name__, (kind,), {"head": kind.get})
        return delegate

    application.find_handler = find_for_head  # type: ignore[method-assign]
