"""One player's session: messages of the page, answers of the server, and the round that is played."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from gala_viz.collections.photo_files import UnreadableImageError
from gala_viz.game.active_round import FLUSH_TIMEOUT_S, ActiveRound
from gala_viz.game.judge import InvalidPointsError, LatePointsError
from gala_viz.game.messages import (
    SKIP_REASONS,
    HelloMessage,
    InvalidMessageError,
    LeaderboardMessage,
    NextRoundMessage,
    NicknameMessage,
    PaintMessage,
    SkipMessage,
    parse_message,
)
from gala_viz.game.next_round import start_next_round
from gala_viz.game.player import Player, Send
from gala_viz.game.server import GameServer
from gala_viz.records.leaderboard import LeaderboardPeriod, leaderboard, player_statistics
from gala_viz.records.outages import NotStoredError, is_outage
from gala_viz.records.pause import is_paused
from gala_viz.records.round_writer import ENDED_ELSEWHERE, TAKEN_OVER, WITHDRAWN

T = TypeVar("T")
_log = logging.getLogger(__name__)

OUTAGE_TIMEOUT_S, MAX_RETRY_WAIT_S = 60.0, 2.0
"""How long a player waits for a database that is away, and the longest time between two tries."""
PLAYED_ELSEWHERE, PARTICIPANT_DELETED = "elsewhere", "deleted"
"""Types of a page's last message: the participant plays in another window, or was deleted."""
RECORDS_AWAY = "the records cannot be reached; try again in a moment."
MAX_BACKGROUND_REQUESTS = 8
"""Most requests for nicknames and leaderboards that wait at a time."""


class Session(Player):
    """The connection of ``participant``; ``send`` sends its page a message. All methods belong to the game's loop."""

    def __init__(self, game: GameServer, participant: str, send: Send, versions: dict[str, str]) -> None:
        super().__init__(game, participant, self._send_unless_closed)
        self._send_to_page, self._versions = send, versions
        self._round: ActiveRound | None = None
        self._starting, self._asking = asyncio.Lock(), asyncio.Lock()
        self._n_beside = 0
        self._closed: str | None = None

    @property
    def is_closed(self) -> bool:
        """Whether the session has ended."""
        return self._closed is not None

    @property
    def open_round(self) -> str | None:
        """Id of the round that is shown and not over, or None."""
        return None if self._round is None or self._round.judge.is_over else self._round.id

    async def open(self) -> None:
        """Take over from another connection of the same participant: one plays at a time."""
        former = self.game.sessions.get(self.participant)
        self.game.sessions[self.participant] = self
        if former is not None:
            await former.evict(ENDED_ELSEWHERE)

    async def receive(self, content: str | bytes) -> None:
        """Act on one message. A message that is refused is answered with the reason, and changes nothing."""
        if self._closed is not None:
            await self.send({"type": self._closed})
            return
        await self._answered(lambda: self._act(content))

    async def evict(self, reason: str) -> None:
        """End the session and send its page why.

        The participant was ``WITHDRAWN``, or plays in another window (``TAKEN_OVER``, ``ENDED_ELSEWHERE``). With the
        first two reasons nothing more of the round is stored.

        Parameters
        ----------
        reason : str
            One of the three.
        """
        if self.is_closed:
            return
        self._closed = PARTICIPANT_DELETED if reason == WITHDRAWN else PLAYED_ELSEWHERE
        with contextlib.suppress(Exception):  # it may be gone already
            await self.send({"type": self._closed})
        if reason in (WITHDRAWN, TAKEN_OVER) and self._round is not None:
            self._round.drop()
        await self.close()

    async def close(self) -> None:
        """Close the session: a begun round is interrupted, a round that was only shown waits."""
        self._closed = self._closed or PLAYED_ELSEWHERE
        if self._round is not None:
            await self._round.leave()
            self._round = None
        if self.game.sessions.get(self.participant) is self:
            del self.game.sessions[self.participant]

    async def _send_unless_closed(self, message: dict[str, Any]) -> None:
        """Send the page ``message``. Once the session is closed its page is told that, and nothing more.

        What was under way then, as a round that was being prepared, ends without a word.
        """
        if self._closed is None or message["type"] == self._closed:
            await self._send_to_page(message)

    async def _answered(self, act: Callable[[], Awaitable[None]]) -> None:
        """Run ``act``; send the page the reason where it is refused."""
        try:
            await act()
        except LatePointsError as error:
            await self.send({"type": "late", "reason": str(error)})
        except InvalidMessageError as error:
            await self.send({"type": "refused", "reason": str(error)})
        except (SQLAlchemyError, NotStoredError) as error:
            if is_outage(error):
                await self.send({"type": "refused", "reason": RECORDS_AWAY})
            elif not await self.game.run_reader(self.game.rounds.has_participant, self.participant):
                await self.evict(WITHDRAWN)
            else:
                raise

    async def _act(self, content: str | bytes) -> None:
        """Parse one message and do what it asks for."""
        if not self.game.message_limit.take(self.participant):
            raise InvalidMessageError("too many messages; wait a moment.")
        message = parse_message(content)
        if isinstance(message, HelloMessage):
            await self._welcome(message)
        elif self.session_id is None:
            raise InvalidMessageError("a page says hello first.")
        elif isinstance(message, NicknameMessage):
            self._beside(lambda: self._name(message.nickname))
        elif isinstance(message, NextRoundMessage):
            await self._next(message.image)
        elif isinstance(message, PaintMessage):
            await self._paint(message)
        elif isinstance(message, SkipMessage):
            await self._playing(message.round).skip(message.reason)
        elif isinstance(message, LeaderboardMessage):
            self._beside(lambda: self._leaders(LeaderboardPeriod(message.period)))

    def _beside(self, act: Callable[[], Awaitable[None]]) -> None:
        """Run ``act`` after others like it, while painting goes on: a slow database costs no point."""
        if self._n_beside >= MAX_BACKGROUND_REQUESTS:
            raise InvalidMessageError("too many messages; wait a moment.")
        self._n_beside += 1

        async def in_turn() -> None:
            try:
                async with self._asking:
                    await self._answered(lambda: self._patiently(act))
            finally:
                self._n_beside -= 1

        self.game.spawn(in_turn())

    async def _patiently(self, act: Callable[[], Awaitable[T]]) -> T:
        """Return the result of ``act``, which is repeated while the database is away, ``OUTAGE_TIMEOUT_S`` at most."""
        end, wait_s = time.monotonic() + OUTAGE_TIMEOUT_S, 0.25
        while True:
            try:
                return await act()
            except Exception as error:
                if not is_outage(error) or self.is_closed or time.monotonic() > end:
                    raise
            await self.send({"type": "waiting"})
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, MAX_RETRY_WAIT_S)

    async def _welcome(self, hello: HelloMessage) -> None:
        """Store the session with its device, and send the rules and the participant's profile."""
        await self.game.flush(self.participant, FLUSH_TIMEOUT_S)  # a round that the connection before left
        person = await self._patiently(lambda: self.game.run_reader(self.game.participants.profile, self.participant))
        device = {"pointer": hello.pointer, "screen_px": list(hello.screen_px)}
        mobile, versions = hello.mobile, self._versions
        self.surface_rule = hello.surface_rule
        if self.session_id is None:
            self.session_id = await self._patiently(
                lambda: self.game.run_writer(
                    self.game.participants.start_session, self.participant, device, mobile=mobile, versions=versions
                )
            )
        self.simulated, self.n_rounds, self.combo = person.simulated, person.n_rounds, person.combo
        spec = asdict(self.game.spec)
        await self.send(
            {
                "type": "welcome",
                "player": self.participant,
                "nickname": person.nickname,
                "n_rounds": person.n_rounds,
                "combo": person.combo,
                "spec": {key: spec[key] for key in _TOLD},
                "collection": self.game.collection.title,
                "network": self.game.recogniser.network.title,
                "skip_reasons": list(SKIP_REASONS),
            }
        )

    async def _next(self, requested: str | None) -> None:
        """Start a round, unless one is in play, the game is paused, or there were too many in a minute.

        A game none of whose images can be read counts as paused.
        """
        if self._starting.locked():
            raise InvalidMessageError("a round is being prepared.")
        async with self._starting:
            if self._round is not None and not self._round.judge.is_over:
                raise InvalidMessageError("the round is not over.")
            if await self._patiently(lambda: self.game.run_reader(is_paused, self.game.database)):
                await self.send({"type": "paused"})
                return
            if not self.game.round_limit.take(self.participant):
                raise InvalidMessageError("too many rounds in a minute; wait a moment.")
            try:
                active_round = await self._patiently(lambda: start_next_round(self, requested))
            except UnreadableImageError as error:
                _log.error("no photograph could be shown to a player, who is told of a pause: %s", error)
                await self.send({"type": "paused"})
                return
            if self.is_closed:  # meanwhile; the round waits for the window that plays now
                return
            self._round = active_round
        if active_round is None:
            await self.send({"type": "finished"})

    async def _paint(self, message: PaintMessage) -> None:
        """Add points to the round; where one is refused, tell the page which count, so that it goes on from there."""
        active_round = self._playing(message.round)
        try:
            active_round.paint(message.points, message.n_refusals)
        except LatePointsError:
            raise
        except InvalidPointsError as error:
            _log.info("points of round %s are refused: %s", message.round, error)
            await self.send({"type": "refused", "reason": str(error), **active_round.refuse(error.ahead_ms)})
        except NotStoredError:
            await self.send({"type": "refused", "reason": RECORDS_AWAY, **active_round.refuse()})

    def _playing(self, round_id: str) -> ActiveRound:
        if self._round is None or self._round.id != round_id:
            raise InvalidMessageError("no such round is played here.")
        return self._round

    async def _name(self, nickname: str) -> None:
        cleaned = await self.game.run_writer(self.game.participants.set_nickname, self.participant, nickname)
        await self.send({"type": "named", "nickname": cleaned})

    async def _leaders(self, span: LeaderboardPeriod) -> None:
        now = datetime.now().astimezone()
        rows = await self.game.run_reader(leaderboard, self.game.database, span, self.participant, now)
        own = await self.game.run_reader(player_statistics, self.game.database, self.participant)
        content = {"rows": [asdict(row) for row in rows], "best": asdict(own)}
        await self.send({"type": "leaders", "span": str(span), **content})


_TOLD = ("canvas_px", "bubble_px", "step_px", "interval_ms", "limit_ms", "top")
