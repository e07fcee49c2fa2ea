"""An experiment's handlers on a Tornado server: consent, session, stimuli ahead of their trials, results, the end.

Every request can be sent twice, so that a page repeats one whose answer it did not get: the second is answered like the
first and changes nothing. An answer that confirms that something is stored is sent after it is in the database.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
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
from gala_viz.experiment.recruitment import InvalidIdError, parse_address_ids
from gala_viz.experiment.server import ExperimentServer
from gala_viz.experiment.sessions import OtherPersonError, Session, UnexpectedTrialError
from gala_viz.wire import (
    PARTICIPANT_COOKIE,
    JsonHandler,
    admit_participant,
    await_records,
    check_simulated,
    set_participant_cookie,
)

PREFETCH_TRIALS = 24
"""How many trials ahead of the next one a page may fetch stimuli."""

T = TypeVar("T")


def routes(server: ExperimentServer, prefix: str, origins: frozenset[str] = frozenset()) -> list[tuple]:
    """Return the addresses under ``prefix``/trials. ``origins`` are further hosts of pages.

    No image has an address of its own: a participant's next stimuli are sent by the number of their trial.
    """
    shared: dict[str, Any] = {"server": server, "origins": origins}
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
        """Store ``server`` and ``origins``, which Tornado passes to the handler of every request."""
        self.server, self.origins = server, origins

    async def run_in_thread(self, function: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Run ``function`` in a thread; answer 503, on which the page repeats its request, during an outage."""
        return await await_records(self, self.server.run_in_thread(function, *arguments, **named))

    async def participant(self) -> str | None:
        """Return the id of the participant whom the cookie names, or None."""
        secret = self.get_cookie(PARTICIPANT_COOKIE)
        return await self.run_in_thread(self.server.participants.find_by_secret, secret) if secret else None

    async def find_session(self) -> Session:
        """Return the participant's session; answer 403 where there is none, and 429 to too many requests."""
        participant = await self.participant()
        session = await self.run_in_thread(self.server.sessions.find, participant) if participant else None
        if session is None:
            raise tornado.web.HTTPError(403, reason="consent and a seat come first")
        if not self.server.request_limit.take(participant):
            raise tornado.web.HTTPError(429, reason="too many requests; wait a moment")
        return session

    async def check_session(self, message: Any) -> Session:
        """Return the participant's session; answer 409 to a message about another one, as of a deleted participant."""
        session_id, session = _read(parse_session_id, message), await self.find_session()
        if session_id not in (None, session.id):
            raise tornado.web.HTTPError(409, reason="this belongs to another sitting")
        return session

    def parse_ids(self, message: Any) -> dict[str, str]:
        """Return the ids of the page's address in ``message``, by name. Raises ``InvalidIdError``."""
        return parse_address_ids(message, self.server.spec.recruitment.all_id_names)

    def send_json(self, content: Any) -> None:
        """Answer with ``content`` as JSON."""
        self.write(json.dumps(content))


class AboutHandler(_Answer):
    """What the page shows before consent; nothing is recorded for it."""

    async def get(self) -> None:
        """Answer with a description of the experiment, and whether this browser has a session in it."""
        participant = await self.participant()
        session = await self.run_in_thread(self.server.sessions.find, participant) if participant else None
        left = None if session is None else len(session.trials) - session.next_trial
        self.send_json({**self.server.about_message(), "begun": session is not None, "left": left})


class ConsentHandler(_Answer):
    """Consent: only now a participant is created, and the cookie is set."""

    async def post(self) -> None:
        """Take ``{"agreed": true}``, with ``"simulated": true`` from a script, and the page's ``client_key``.

        ``"ids"`` of the page's address are checked here, before anything is stored, and stored with the session.

        Where the answer with the cookie is lost, the same key names the same participant again.
        """
        message = self.read_json()
        if not isinstance(message, dict) or message.get("agreed") is not True:
            raise tornado.web.HTTPError(400, reason="consent was expected")
        check_simulated(message, simulated=self.server.simulated)
        participant, people = await self.participant(), self.server.participants
        _read(self.parse_ids, message)
        key = _read(parse_client_key, message)
        own = None if key is None else hashlib.sha256(f"consent {key}".encode()).hexdigest()
        if participant is None and own is not None:
            participant = await self.run_in_thread(people.find_by_secret, own)
            if participant is not None:
                set_participant_cookie(self, own)
        if participant is None:
            simulated = self.server.simulated
            participant = await admit_participant(
                self,
                self.server.newcomer_limit,
                lambda: self.run_in_thread(people.create, simulated=simulated, secret=own),
            )
        await self.run_in_thread(people.record_consent, participant)
        self.send_json({"consented": True})


class SessionHandler(_Answer):
    """A session of the experiment: a new one, or the participant's own, to go on at the next trial."""

    async def post(self) -> None:
        """Take the page's measurements of its screen, and the ids of its address.

        Answer with what the page needs for the trials that are left; 409 where the ids are of another person than the
        session's.
        """
        message = self.read_json()
        screen, ids = _read(Screen.parse, message), _read(self.parse_ids, message)
        participant = await self.participant()
        if participant is None:
            raise tornado.web.HTTPError(403, reason="consent comes first")
        server = self.server
        create = server.sessions.get_or_create
        session = await _now(self.run_in_thread(create, participant, screen, server.versions, ids))
        self.send_json(server.session_message(session))


class StimulusHandler(_Answer):
    """A stimulus of one of the next trials."""

    async def get(self) -> None:
        """Answer with the PNG of trial ``number``; what was shown is not sent again."""
        session = await self.find_session()
        text = self.get_query_argument("number", "")
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 7 else -1
        if not session.next_trial <= number < min(session.next_trial + PREFETCH_TRIALS, len(session.trials)):
            raise tornado.web.HTTPError(404, reason="this is none of the next trials")
        content = await self.run_in_thread(self.server.stimulus_png, session.trials[number])
        self.set_header("Content-Type", "image/png")
        self.write(content)


class TrialBeginHandler(_Answer):
    """A trial is about to be shown."""

    async def post(self) -> None:
        """Take ``{"number": n, "sitting": its id, "client_key": the page's}`` and record that the trial begins."""
        message = self.read_json()
        number, key, session = (
            _read(parse_trial_number, message),
            _read(parse_client_key, message),
            await self.check_session(message),
        )
        await _now(self.run_in_thread(self.server.sessions.begin_trial, session, number, key))
        self.send_json({"begun": number})


class TrialResultHandler(_Answer):
    """A trial is over."""

    async def post(self) -> None:
        """Store the result; answer with feedback, and with a summary after the last trial of a block."""
        message = self.read_json()
        result, session = _read(TrialResult.parse, message), await self.check_session(message)
        answer = await _now(self.run_in_thread(self.server.store_result, session, result))
        self.send_json({"stored": result.number, **answer})


class SessionEndHandler(_Answer):
    """The end of a session: the page asks what is stored before it says so to the participant."""

    async def post(self) -> None:
        """Take ``{"sitting": its id, "ids": those of the page's address}``.

        Answer with the numbers of trials and of stored results, and the completion link.
        """
        message = self.read_json()
        ids, session = _read(self.parse_ids, message), await self.check_session(message)
        self.send_json(await _now(self.run_in_thread(self.server.end_message, session, ids)))


def _read(parse: Any, message: Any) -> Any:
    try:
        return parse(message)
    except (InvalidResultError, InvalidIdError) as error:
        raise tornado.web.HTTPError(400, reason=str(error)) from None


async def _now(work: Any) -> Any:
    try:
        return await work
    except (UnexpectedTrialError, OtherPersonError) as error:
        raise tornado.web.HTTPError(409, reason=str(error)) from None
