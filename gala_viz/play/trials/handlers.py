"""An experiment's addresses on a Tornado server: consent, a seat, stimuli one trial ahead, results, the end.

Every request can be sent twice, so that a page repeats one whose answer it did not get: the second is answered like the
first and changes nothing. An answer that tells of something stored is sent when it is in the database, not before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

import tornado.web

from gala_viz.experiment.results import BadResult, Result, Screen, client_key_of, number_of, sitting_of
from gala_viz.experiment.sittings import NotNow, Seat
from gala_viz.play.answers import JsonAnswer, answered, entered
from gala_viz.play.cookies import COOKIE, remember, same_site
from gala_viz.play.trials.running import Running

MAX_BYTES = 4096
AHEAD = 24
"""How many trials ahead of the next one a page may fetch stimuli."""

Outcome = TypeVar("Outcome")


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
        "end": End,
    }
    return [(rf"{prefix}/trials/{name}", handler, shared) for name, handler in handlers.items()]


class _Answer(JsonAnswer):
    def initialize(self, running: Running, origins: frozenset[str]) -> None:
        """Tornado hands every request what ``routes`` told."""
        self.running, self.origins = running, origins

    async def aside(self, act: Callable[..., Outcome], *arguments: Any, **named: Any) -> Outcome:
        """``act`` in a thread. A database that cannot be reached is answered with 503: the page asks again."""
        return await answered(self, self.running.aside(act, *arguments, **named))

    async def participant(self) -> str | None:
        """Whom the cookie names, if consent was given."""
        secret = self.get_cookie(COOKIE)
        return await self.aside(self.running.people.known_by, secret) if secret else None

    async def seat(self) -> Seat:
        """The participant's place; refuses who has none, and who asks too often."""
        participant = await self.participant()
        seat = await self.aside(self.running.sittings.seat, participant) if participant else None
        if seat is None:
            raise tornado.web.HTTPError(403, reason="consent and a seat come first")
        if not self.running.requests.take(participant):
            raise tornado.web.HTTPError(429, reason="too many requests; wait a moment")
        return seat

    async def seat_of(self, told: Any) -> Seat:
        """The participant's place; refuses what is about another sitting, as of somebody who was deleted meanwhile."""
        sitting, seat = _read(sitting_of, told), await self.seat()
        if sitting not in (None, seat.id):
            raise tornado.web.HTTPError(409, reason="this belongs to another sitting")
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
        seat = await self.aside(self.running.sittings.seat, participant) if participant else None
        left = None if seat is None else len(seat.trials) - seat.next
        self.say({**self.running.about(), "begun": seat is not None, "left": left})


class Consent(_Answer):
    """Somebody agrees: only now a participant is made, and the cookie is set."""

    async def post(self) -> None:
        """``{"agreed": true}``, with ``"simulated": true`` from a script, and the page's ``client_key``.

        Where the answer with the cookie is lost, the same key names the same participant again.
        """
        told = self.told()
        if not isinstance(told, dict) or told.get("agreed") is not True:
            raise tornado.web.HTTPError(400, reason="consent was expected")
        participant, people = await self.participant(), self.running.people
        key = _read(client_key_of, told)
        own = None if key is None else hashlib.sha256(f"consent {key}".encode()).hexdigest()
        if participant is None and own is not None:
            participant = await self.aside(people.known_by, own)
            if participant is not None:
                remember(self, own)
        if participant is None:
            simulated = told.get("simulated") is True
            participant = await entered(
                self, self.running.newcomers, lambda: self.aside(people.new, simulated=simulated, secret=own)
            )
        await self.aside(people.consent, participant)
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
        seat = await self.aside(running.sittings.enter, participant, screen, running.versions)
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
        content = await self.aside(self.running.picture, seat.trials[number])
        self.set_header("Content-Type", "image/png")
        self.write(content)


class Begin(_Answer):
    """A trial is about to be shown."""

    async def post(self) -> None:
        """``{"number": n, "sitting": its id, "client_key": the page's}``."""
        told = self.told()
        number, key, seat = _read(number_of, told), _read(client_key_of, told), await self.seat_of(told)
        await _now(self.aside(self.running.sittings.begin, seat, number, key))
        self.say({"begun": number})


class Finish(_Answer):
    """A trial is over."""

    async def post(self) -> None:
        """Its result; the answer is feedback, and a summary after the last trial of a block."""
        told = self.told()
        result, seat = _read(Result.read, told), await self.seat_of(told)
        said = await _now(self.aside(self.running.finish, seat, result))
        self.say({"stored": result.number, **said})


class End(_Answer):
    """The page has come to the end, and asks what is stored before it says so."""

    async def post(self) -> None:
        """``{"sitting": its id}``; the answer tells how many trials there were, and how many results are stored."""
        seat = await self.seat_of(self.told())
        self.say({"ended": asdict(await _now(self.aside(self.running.sittings.end, seat)))})


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
