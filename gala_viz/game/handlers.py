"""The game's handlers on a Tornado server: what the page shows first, consent, and the websocket of a session."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Awaitable
from typing import Any, TypeVar

import tornado.web
import tornado.websocket

from gala_viz.game.server import GameServer
from gala_viz.game.session import PARTICIPANT_DELETED, PLAYED_ELSEWHERE, Session
from gala_viz.participant_texts import privacy_note
from gala_viz.records.participants import software_versions
from gala_viz.records.rate_limits import client_network
from gala_viz.wire import (
    PARTICIPANT_COOKIE,
    JsonHandler,
    Routes,
    admit_participant,
    await_records,
    check_simulated,
    is_same_site,
)

T = TypeVar("T")
PING_S = 20.0
"""How often a connection is pinged, and how long its answer may take."""
MAX_SOCKET_BYTES = 2**18
"""Longest message that is read; one longer than ``messages.MAX_BYTES`` is refused in a sentence."""
SWITCHING_PROTOCOLS = 101


def game_routes(game: GameServer, origins: frozenset[str] = frozenset()) -> Routes:
    """Return the function prefix -> addresses of the game, which a server calls when it starts."""
    return lambda prefix: routes(game, prefix, software_versions(), origins)


def routes(
    game: GameServer, prefix: str, versions: dict[str, str], origins: frozenset[str] = frozenset()
) -> list[tuple]:
    """Return the addresses under ``prefix``/play, for a Tornado application.

    No photograph has an address: it is sent within its round, to its player.

    Parameters
    ----------
    game : GameServer
        The game behind them.
    prefix : str
        Begin of their paths, as part of a regular expression.
    versions : dict of str to str
        Versions of the software, stored with every session.
    origins : frozenset of str
        Further hosts whose pages may connect.

    Returns
    -------
    list of tuple
        (pattern, handler, arguments), as Tornado takes them.
    """
    shared: dict[str, Any] = {"game": game, "versions": versions, "origins": origins, "open_from": Counter()}
    return [
        (rf"{prefix}/play/about", AboutHandler, shared),
        (rf"{prefix}/play/consent", ConsentHandler, shared),
        (rf"{prefix}/play/socket", GameSocketHandler, shared),
    ]


class _Shared:
    """What the handlers have in common."""

    def initialize(
        self, game: GameServer, versions: dict[str, str], origins: frozenset[str], open_from: Counter
    ) -> None:
        """Store what Tornado passes to the handler of every request.

        Parameters
        ----------
        game : GameServer
            The game.
        versions : dict of str to str
            Versions of the software.
        origins : frozenset of str
            Further hosts whose pages may connect.
        open_from : Counter
            Network address -> its open connections.
        """
        self.game, self.versions, self.origins, self.open_from = game, versions, origins, open_from

    async def participant(self) -> str | None:
        """Return the id of the participant whom the cookie names, or None."""
        secret = self.get_cookie(PARTICIPANT_COOKIE)
        return (
            await self.query_records(self.game.run_reader(self.game.participants.find_by_secret, secret))
            if secret
            else None
        )

    async def query_records(self, answer: Awaitable[T]) -> T:
        """Return the result of a query; answer 503 where the database cannot be reached."""
        return await await_records(self, answer)


class AboutHandler(_Shared, JsonHandler):
    """What the page shows before consent; nothing is recorded for it."""

    async def get(self) -> None:
        """Answer with the privacy note, and whether this browser's participant has agreed before."""
        participant = await self.participant()
        person = (
            await self.query_records(self.game.run_reader(self.game.participants.profile, participant))
            if participant
            else None
        )
        content = {
            "consented": bool(person and person.consented),
            "privacy": privacy_note("game", self.game.collection.title),
        }
        self.write(json.dumps({**content, "collection": self.game.collection.title}))


class ConsentHandler(_Shared, JsonHandler):
    """Consent: only now a participant is created, and the cookie is set."""

    async def post(self) -> None:
        """Take ``{"agreed": true}``, with ``"simulated": true`` from a script that plays; see ``check_simulated``."""
        message = self.read_json(too_long=400)
        if not isinstance(message, dict) or message.get("agreed") is not True:
            raise tornado.web.HTTPError(400, reason="consent was expected")
        check_simulated(message, simulated=self.game.simulated)
        participant = await self.participant()
        if participant is None:
            new, simulated = self.game.participants.create, self.game.simulated
            participant = await admit_participant(
                self,
                self.game.newcomer_limit,
                lambda: self.query_records(self.game.run_writer(new, simulated=simulated)),
            )
        await self.query_records(self.game.run_writer(self.game.participants.record_consent, participant))
        self.write(json.dumps({"consented": True}))


class GameSocketHandler(_Shared, tornado.websocket.WebSocketHandler):
    """One player's connection."""

    session: Session | None = None
    network: str | None = None
    """Where the connection comes from, as limits count it; None while it is not counted."""
    _is_gone = False

    @property
    def ping_interval(self) -> float:
        """Seconds between pings."""
        return PING_S

    @property
    def ping_timeout(self) -> float:
        """Seconds in which a ping is answered, or the connection is closed; its player may connect again."""
        return PING_S

    @property
    def max_message_size(self) -> int:
        """Most bytes of a message; a connection that sends more is closed."""
        return MAX_SOCKET_BYTES

    def get_compression_options(self) -> dict[str, int]:
        """Compress messages, at little cost: nearly all of them are small."""
        return {"compression_level": 1}

    def check_origin(self, origin: str) -> bool:
        """Return whether the page is of this server's own host, or of one in ``origins``."""
        return is_same_site(self.request, self.origins)

    async def prepare(self) -> None:
        """Refuse a participant without consent (403), and an address with too many connections (429)."""
        self.player = await self.participant()
        person = (
            await self.query_records(self.game.run_reader(self.game.participants.profile, self.player))
            if self.player
            else None
        )
        if person is None or not person.consented:
            raise tornado.web.HTTPError(403, reason="consent comes first")
        if self._is_gone:  # while the records were read
            raise tornado.web.HTTPError(400, reason="the page is gone")
        network = client_network(self.request.remote_ip or "")
        if self.open_from[network] >= self.game.limits.connections:
            raise tornado.web.HTTPError(429, reason="too many players from this address")
        self.open_from[network] += 1  # before anything is awaited: others are checked meanwhile
        self.network = network

    async def open(self, *_: str, **__: str) -> None:
        """Start the session of a page that has connected."""
        self.set_nodelay(True)
        self.session = Session(self.game, self.player, self._tell, self.versions)
        await self.session.open()

    async def on_message(self, message: str | bytes) -> None:
        """Pass a message to the session; Tornado reads the next one only when this one is done."""
        if self.session is not None:
            await self.session.receive(message)

    def on_close(self) -> None:
        """Close the session of a page that is gone."""
        self._is_gone = True
        self._stop_counting()
        if self.session is not None:
            session, self.session = self.session, None
            self.game.spawn(session.close())

    def on_finish(self) -> None:
        """Count a connection no longer that was refused after it was counted; Tornado finishes opened ones, too."""
        if self.get_status() != SWITCHING_PROTOCOLS:
            self._stop_counting()

    def _stop_counting(self) -> None:
        """Take the connection off the open ones of its network, once."""
        network, self.network = self.network, None
        if network is not None:
            self.open_from[network] -= 1
            if not self.open_from[network]:
                del self.open_from[network]

    async def _tell(self, message: dict[str, Any]) -> None:
        try:
            await self.write_message(json.dumps(message))
            if message["type"] in (PLAYED_ELSEWHERE, PARTICIPANT_DELETED):
                self.close(reason=message["type"])
        except tornado.websocket.WebSocketClosedError:
            logging.getLogger(__name__).debug("a page is gone before its %s", message.get("type"))
