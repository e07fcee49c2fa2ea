"""What the browser of a participant and the server say to each other: cookies, origins, JSON, refusals with reasons."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import tornado.web
from tornado.httputil import HTTPServerRequest

from gala_viz.records.outages import is_outage
from gala_viz.records.rate_limits import TokenBuckets

Result = TypeVar("Result")
_log = logging.getLogger(__name__)

Routes = Callable[[str], list[tuple]]
"""Prefix, as part of a regular expression -> addresses under it, as Tornado takes them."""

PARTICIPANT_COOKIE = "gala_viz_player"
COOKIE_LIFETIME_DAYS = 365


class JsonHandler(tornado.web.RequestHandler):
    """An address that answers with JSON."""

    def set_default_headers(self) -> None:
        """For every answer, refusals among them."""
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Type", "application/json")

    def write_error(self, status_code: int, **_: Any) -> None:
        """The reason, as a page shows it."""
        self.finish(json.dumps({"refused": self._reason}))


async def await_records(handler: tornado.web.RequestHandler, answer: Awaitable[Result]) -> Result:
    """What the database answers. While it cannot be reached, ``handler`` answers 503: the page asks again."""
    try:
        return await answer
    except Exception as error:
        if not is_outage(error):
            raise
        _log.warning("%s was not done, and the page is asked to repeat it: %s", handler.request.path, error)
        raise tornado.web.HTTPError(503, reason="the records cannot be reached now; try again") from None


async def admit_participant(
    handler: tornado.web.RequestHandler, newcomers: TokenBuckets, make: Callable[[], Awaitable[tuple[str, str]]]
) -> str:
    """The new participant that ``make()`` makes, whom the cookie of ``handler`` names; 429 where there are too many.

    Only who was made counts among the ``newcomers`` of an address.
    """
    address = handler.request.remote_ip or ""
    if not newcomers.take(address):
        raise tornado.web.HTTPError(429, reason="too many newcomers from this address; try again later")
    try:
        participant, secret = await make()
    except BaseException:
        newcomers.give_back(address)
        raise
    set_participant_cookie(handler, secret)
    return participant


def set_participant_cookie(handler: tornado.web.RequestHandler, secret: str) -> None:
    """Give the browser the secret of a new participant; no script can read it."""
    handler.set_cookie(
        PARTICIPANT_COOKIE,
        secret,
        expires_days=COOKIE_LIFETIME_DAYS,
        httponly=True,
        samesite="Lax",
        secure=handler.request.protocol == "https",
        path="/",
    )


def is_same_site(request: HTTPServerRequest, origins: frozenset[str]) -> bool:
    """Whether the page that asks belongs to this host (or one of ``origins``); scripts send no origin and may ask."""
    origin = request.headers.get("Origin")
    if origin is None:
        return request.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none")
    host = urlsplit(origin).netloc
    return bool(host) and (host == request.host or host in origins)
