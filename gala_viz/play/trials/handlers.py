"""An experiment's addresses on a Tornado server: consent, a seat, stimuli one trial ahead, and results."""

from __future__ import annotations

import json
from typing import Any

import tornado.web

from gala_viz.experiment.results import BadResult, Result, Screen, number_of
from gala_viz.experiment.sittings import NotNow, Seat
from gala_viz.play.answers import JsonAnswer
from gala_viz.play.cookies import COOKIE, remember, same_site
from gala_viz.play.trials.running import Running

MAX_BYTES = 4096
AHEAD = 24
"""How many trials ahead of the next one a page may fetch stimuli."""


def routes(running: Running, prefix: str, origins: frozenset[str] = frozenset()) -> list[tuple]:
    """The addresses under ``prefix``/trials. ``origins`` are further hosts of pages.

    No image has an address of its own: a participant's next stimuli are sent by the number of their trial.
    """
    shared: dict[str, Any] = {"running": running, "origins": origins}
    handlers = {
        "about": About,
        "consent": Consent,
        "seat": TakeSeat,
        "stimulus": Picture,
        "begin": Begin,
        "result": Finish,
    }
    return [(rf"{prefix}/trials/{name}", handler, shared) for name, handler in handlers.items()]


class _Answer(JsonAnswer):
    def initialize(self, running: Running, origins: frozenset[str]) -> None:
        """Tornado hands every request what ``routes`` told."""
        self.running, self.origins = running, origins

    async def participant(self) -> str | None:
        """Whom the cookie names, if consent was given."""
        secret = self.get_cookie(COOKIE)
        return await self.running.aside(self.running.people.known_by, secret) if secret else None

    async def seat(self) -> Seat:
        """The participant's place; refuses who has none, and who asks too often."""
        participant = await self.participant()
        seat = await self.running.aside(self.running.sittings.seat, participant) if participant else None
        if seat is None:
            raise tornado.web.HTTPError(403, reason="consent and a seat come first")
        if not self.running.requests.take(participant):
            raise tornado.web.HTTPError(429, reason="too many requests; wait a moment")
        return seat

    def told(self) -> Any:
        """The JSON of the request, from a page of this server."""
        if not same_site(self.request, self.origins):
            raise tornado.web.HTTPError(403, reason="only the experiment's own page may tell this")
        if len(self.request.body) > MAX_BYTES:
            raise tornado.web.HTTPError(413, reason=f"at most {MAX_BYTES} bytes were expected")
        try:
            return json.loads(self.request.body)
        except (ValueError, RecursionError):
            raise tornado.web.HTTPError(400, reason="JSON was expected") from None

    def say(self, told: Any) -> None:
        """Answer with JSON."""
        self.write(json.dumps(told))


class About(_Answer):
    """What the page shows before anybody agreed; nothing is recorded for it."""

    async def get(self) -> None:
        """What it is, and whether this browser has a place in it already."""
        participant = await self.participant()
        seat = await self.running.aside(self.running.sittings.seat, participant) if participant else None
        self.say({**self.running.about(), "begun": seat is not None})


class Consent(_Answer):
    """Somebody agrees: only now a participant is made, and the cookie is set."""

    async def post(self) -> None:
        """``{"agreed": true}``, with ``"simulated": true`` from a script."""
        told = self.told()
        if not isinstance(told, dict) or told.get("agreed") is not True:
            raise tornado.web.HTTPError(400, reason="consent was expected")
        participant, people = await self.participant(), self.running.people
        if participant is None:
            if not self.running.newcomers.take(self.request.remote_ip or ""):
                raise tornado.web.HTTPError(429, reason="too many new participants from this address; try again later")
            participant, secret = await self.running.aside(people.new, simulated=told.get("simulated") is True)
            remember(self, secret)
        await self.running.aside(people.consent, participant)
        self.say({"consented": True})


class TakeSeat(_Answer):
    """A place in the experiment: a new one, or the participant's own, to go on at the next trial."""

    async def post(self) -> None:
        """What the page measured of its screen."""
        screen = _read(Screen.read, self.told())
        participant = await self.participant()
        if participant is None:
            raise tornado.web.HTTPError(403, reason="consent comes first")
        running = self.running
        seat = await running.aside(running.sittings.enter, participant, screen, running.versions)
        self.say(running.seated(seat))


class Picture(_Answer):
    """A stimulus of one of the next trials."""

    async def get(self) -> None:
        """By ``number``; what was shown is not sent again."""
        seat = await self.seat()
        text = self.get_query_argument("number", "")
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 7 else -1
        if not seat.next <= number < min(seat.next + AHEAD, len(seat.trials)):
            raise tornado.web.HTTPError(404, reason="this is none of the next trials")
        content = await self.running.aside(self.running.picture, seat.trials[number])
        self.set_header("Content-Type", "image/png")
        self.write(content)


class Begin(_Answer):
    """A trial is about to be shown."""

    async def post(self) -> None:
        """``{"number": n}``."""
        number, seat = _read(number_of, self.told()), await self.seat()
        await _now(self.running.aside(self.running.sittings.begin, seat, number))
        self.say({"begun": number})


class Finish(_Answer):
    """A trial is over."""

    async def post(self) -> None:
        """Its result; the answer is feedback, and a summary after the last trial of a block."""
        result, seat = _read(Result.read, self.told()), await self.seat()
        self.say(await _now(self.running.aside(self.running.finish, seat, result)))


def _read(read: Any, told: Any) -> Any:
    try:
        return read(told)
    except BadResult as error:
        raise tornado.web.HTTPError(400, reason=str(error)) from None


async def _now(work: Any) -> Any:
    try:
        return await work
    except NotNow as error:
        raise tornado.web.HTTPError(409, reason=str(error)) from None
