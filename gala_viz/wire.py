"""What browsers and the server exchange: cookies, origins, JSON, refusals with reasons, small maps."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

import numpy as np
import tornado.web
from numpy.typing import NDArray
from tornado.httputil import HTTPServerRequest

from gala_viz.alignment import area_average
from gala_viz.json_input import InvalidJsonError, parse_json
from gala_viz.records.outages import is_outage
from gala_viz.records.rate_limits import TokenBuckets, client_network

Result = TypeVar("Result")
MAP_CELLS = 64
"""Rows and columns of a map as ``encode_map`` sends it and ``panels/map_over.js`` draws it."""
MAX_BODY_BYTES = 4096
"""Of a request; none of a page's own is longer."""
_log = logging.getLogger(__name__)

Routes = Callable[[str], list[tuple]]
"""Prefix, as part of a regular expression -> addresses under it, as Tornado takes them."""

PARTICIPANT_COOKIE = "gala_viz_player"
COOKIE_LIFETIME_DAYS = 365


class JsonHandler(tornado.web.RequestHandler):
    """A handler that answers with JSON, and reads JSON from pages of this server and of ``origins``."""

    origins: frozenset[str] = frozenset()

    def read_json(self, *, too_long: int = 413) -> Any:
        """Return the JSON of the request, from a page of this server or of ``origins``.

        Raises ``tornado.web.HTTPError``: 403 for other pages, ``too_long`` for more than ``MAX_BODY_BYTES``, 400 for
        what is no JSON.
        """
        if not is_same_site(self.request, self.origins):
            raise tornado.web.HTTPError(403, reason="only this server's own page may tell this")
        if len(self.request.body) > MAX_BODY_BYTES:
            raise tornado.web.HTTPError(too_long, reason=f"at most {MAX_BODY_BYTES} bytes were expected")
        try:
            return parse_json(self.request.body, MAX_BODY_BYTES)
        except InvalidJsonError as error:
            raise tornado.web.HTTPError(400, reason=f"JSON was expected: {error}") from None

    def set_default_headers(self) -> None:
        """Set the headers of every answer, refusals among them."""
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Type", "application/json")

    def write_error(self, status_code: int, **_: Any) -> None:
        """Answer with the reason, as a page shows it."""
        self.finish(json.dumps({"refused": self._reason}))


async def await_records(handler: tornado.web.RequestHandler, answer: Awaitable[Result]) -> Result:
    """Return what the database answers.

    While it cannot be reached, ``handler`` answers 503: the page asks again.
    """
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
    """Create a participant by ``make()``, set the participant's cookie, and return the participant's id.

    ``handler`` answers 429 where too many come from one address. Only participants who were created count among the
    ``newcomers`` of an address.
    """
    network = client_network(handler.request.remote_ip or "")
    if not newcomers.take(network):
        raise tornado.web.HTTPError(429, reason="too many newcomers from this address; try again later")
    try:
        participant, secret = await make()
    except BaseException:
        newcomers.give_back(network)
        raise
    set_participant_cookie(handler, secret)
    return participant


def check_simulated(message: Mapping[str, Any], *, simulated: bool) -> None:
    """Answer 403 to a script that says it is simulated, where the server is not ``simulated``.

    The server alone decides who is marked as simulated. What such a script does would count as a person's otherwise.
    """
    if message.get("simulated") is True and not simulated:
        raise tornado.web.HTTPError(403, reason="people take part here; simulated players need --simulated")


def set_participant_cookie(handler: tornado.web.RequestHandler, secret: str) -> None:
    """Give the browser the ``secret`` of a new participant in a cookie, which no script can read."""
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
    """Return whether the page that sends ``request`` belongs to this host or one of ``origins``.

    Scripts send no origin and may ask.
    """
    origin = request.headers.get("Origin")
    if origin is None:
        return request.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none")
    host = urlsplit(origin).netloc
    return bool(host) and (host == request.host or host in origins)


def encode_map(values: NDArray) -> str | None:
    """Encode a map (y, x) as base64 of 64 x 64 bytes (``MAP_CELLS``), its largest value 255; None where it is empty."""
    small = area_average(np.asarray(values, np.float64), (MAP_CELLS, MAP_CELLS))
    top = float(small.max())
    if not top > 0:
        return None
    return base64.b64encode((255 * small.clip(0) / top).round().astype(np.uint8).tobytes()).decode("ascii")
