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

from gala_viz.experiment.messages import (
    InvalidResultError,
    Screen,
    TrialResult,
    parse_client_key,
    parse_session_id,
    parse_trial_number,
)
from gala_viz.experiment.server import ExperimentServer
from gala_viz.experiment.sessions import Session, UnexpectedTrialError
from gala_viz.wire import (
    PARTICIPANT_COOKIE,
    JsonHandler,
    admit_participant,
    await_records,
    is_same_site,
    set_participant_cookie,
)

MAX_BYTES = 4096
PREFETCH_TRIALS = 24
"""How many trials ahead of the next one a page may fetch stimuli."""

T = TypeVar("T")


def routes(server: ExperimentServer, prefix: str, origins: frozenset[str] = frozenset()) -> list[tuple]:
    """The addresses under ``prefix``/trials. ``origins`` are further hosts of pages.

    No image has an address of its own: a participant's next stimuli are sent by the number of their trial.
    """
    shared: dict[str, Any] = {"running": server, "origins": origins}
    handlers = {
        "about": AboutHandler,
        "consent": ConsentHandler,
        "seat": SessionHandler,
        "stimulus": StimulusHandler,
        "begin": TrialBeginHandler,
        "result": TrialResultHandler,
        "end": SessionEndHandler,
    }
    return [(rf"{prefix}/trials/{name}", handler, shared) for name, handler in handlers.items()]


class _Answer(JsonHandler):
    def initialize(self, server: ExperimentServer, origins: frozenset[str]) -> None:
        """Tornado hands every request what ``routes`` told."""
        self.server, self.origins = server, origins

    async def run_in_thread(self, function: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """``function`` in a thread. A database that cannot be reached is answered with 503: the page asks again."""
        return await await_records(self, self.server.run_in_thread(function, *arguments, **named))

    async def participant(self) -> str | None:
        """Whom the cookie names, if consent was given."""
        secret = self.get_cookie(PARTICIPANT_COOKIE)
        return await self.run_in_thread(self.server.participants.find_by_secret, secret) if secret else None

    async def find_session(self) -> Session:
        """The participant's place; refuses who has none, and who asks too often."""
        participant = await self.participant()
        seat = await self.run_in_thread(self.server.sessions.find, participant) if participant else None
        if seat is None:
            raise tornado.web.HTTPError(403, reason="consent and a seat come first")
        if not self.server.request_limit.take(participant):
            raise tornado.web.HTTPError(429, reason="too many requests; wait a moment")
        return seat

    async def check_session(self, message: Any) -> Session:
        """The participant's place; refuses what is about another sitting, as of somebody who was deleted meanwhile."""
        sitting, seat = _read(parse_session_id, message), await self.find_session()
        if sitting not in (None, seat.id):
            raise tornado.web.HTTPError(409, reason="this belongs to another sitting")
        return seat

    def read_json(self) -> Any:
        """The JSON of the request, from a page of this server."""
        if not is_same_site(self.request, self.origins):
            raise tornado.web.HTTPError(403, reason="only the experiment's own page may tell this")
        if len(self.request.body) > MAX_BYTES:
            raise tornado.web.HTTPError(413, reason=f"at most {MAX_BYTES} bytes were expected")
        try:
            return json.loads(self.request.body)
        except (ValueError, RecursionError):
            raise tornado.web.HTTPError(400, reason="JSON was expected") from None

    def send_json(self, content: Any) -> None:
        """Answer with JSON."""
        self.write(json.dumps(content))


class AboutHandler(_Answer):
    """What the page shows before anybody agreed; nothing is recorded for it."""

    async def get(self) -> None:
        """What it is, and whether this browser has a place in it already."""
        participant = await self.participant()
        seat = await self.run_in_thread(self.server.sessions.find, participant) if participant else None
        left = None if seat is None else len(seat.trials) - seat.next_trial
        self.send_json({**self.server.about_message(), "begun": seat is not None, "left": left})


class ConsentHandler(_Answer):
    """Somebody agrees: only now a participant is made, and the cookie is set."""

    async def post(self) -> None:
        """``{"agreed": true}``, with ``"simulated": true`` from a script, and the page's ``client_key``.

        Where the answer with the cookie is lost, the same key names the same participant again.
        """
        told = self.read_json()
        if not isinstance(told, dict) or told.get("agreed") is not True:
            raise tornado.web.HTTPError(400, reason="consent was expected")
        participant, people = await self.participant(), self.server.participants
        key = _read(parse_client_key, told)
        own = None if key is None else hashlib.sha256(f"consent {key}".encode()).hexdigest()
        if participant is None and own is not None:
            participant = await self.run_in_thread(people.find_by_secret, own)
            if participant is not None:
                set_participant_cookie(self, own)
        if participant is None:
            simulated = told.get("simulated") is True
            participant = await admit_participant(
                self,
                self.server.newcomer_limit,
                lambda: self.run_in_thread(people.create, simulated=simulated, secret=own),
            )
        await self.run_in_thread(people.record_consent, participant)
        self.send_json({"consented": True})


class SessionHandler(_Answer):
    """A place in the experiment: a new one, or the participant's own, to go on at the next trial."""

    async def post(self) -> None:
        """What the page measured of its screen."""
        screen = _read(Screen.parse, self.read_json())
        participant = await self.participant()
        if participant is None:
            raise tornado.web.HTTPError(403, reason="consent comes first")
        running = self.server
        seat = await self.run_in_thread(running.sessions.get_or_create, participant, screen, running.versions)
        self.send_json(running.session_message(seat))


class StimulusHandler(_Answer):
    """A stimulus of one of the next trials."""

    async def get(self) -> None:
        """By ``number``; what was shown is not sent again."""
        seat = await self.find_session()
        text = self.get_query_argument("number", "")
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 7 else -1
        if not seat.next_trial <= number < min(seat.next_trial + PREFETCH_TRIALS, len(seat.trials)):
            raise tornado.web.HTTPError(404, reason="this is none of the next trials")
        content = await self.run_in_thread(self.server.stimulus_png, seat.trials[number])
        self.set_header("Content-Type", "image/png")
        self.write(content)


class TrialBeginHandler(_Answer):
    """A trial is about to be shown."""

    async def post(self) -> None:
        """``{"number": n, "sitting": its id, "client_key": the page's}``."""
        told = self.read_json()
        number, key, seat = (
            _read(parse_trial_number, told),
            _read(parse_client_key, told),
            await self.check_session(told),
        )
        await _now(self.run_in_thread(self.server.sessions.begin_trial, seat, number, key))
        self.send_json({"begun": number})


class TrialResultHandler(_Answer):
    """A trial is over."""

    async def post(self) -> None:
        """Its result; the answer is feedback, and a summary after the last trial of a block."""
        told = self.read_json()
        result, seat = _read(TrialResult.parse, told), await self.check_session(told)
        said = await _now(self.run_in_thread(self.server.store_result, seat, result))
        self.send_json({"stored": result.number, **said})


class SessionEndHandler(_Answer):
    """The page has come to the end, and asks what is stored before it says so."""

    async def post(self) -> None:
        """``{"sitting": its id}``; the answer tells how many trials there were, and how many results are stored."""
        seat = await self.check_session(self.read_json())
        self.send_json({"ended": asdict(await _now(self.run_in_thread(self.server.sessions.end_session, seat)))})


def _read(read: Any, told: Any) -> Any:
    try:
        return read(told)
    except InvalidResultError as error:
        raise tornado.web.HTTPError(400, reason=str(error)) from None


async def _now(work: Any) -> Any:
    try:
        return await work
    except UnexpectedTrialError as error:
        raise tornado.web.HTTPError(409, reason=str(error)) from None
