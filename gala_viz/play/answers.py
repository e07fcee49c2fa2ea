"""How games and experiments answer a request: JSON that nobody keeps, refusals with their reason."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import tornado.web

from gala_viz.behavior.limits import TokenBuckets
from gala_viz.behavior.outages import is_outage
from gala_viz.play.cookies import set_participant_cookie

Result = TypeVar("Result")
_log = logging.getLogger(__name__)


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


async def answered(handler: tornado.web.RequestHandler, answer: Awaitable[Result]) -> Result:
    """What the database answers. While it cannot be reached, ``handler`` answers 503: the page asks again."""
    try:
        return await answer
    except Exception as error:
        if not is_outage(error):
            raise
        _log.warning("%s was not done, and the page is asked to repeat it: %s", handler.request.path, error)
        raise tornado.web.HTTPError(503, reason="the records cannot be reached now; try again") from None


async def entered(
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
