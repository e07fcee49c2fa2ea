"""One player's connection: what the page says, what the server answers, and the round that is played."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from gala_viz.behavior.judge import Refused, TooLate
from gala_viz.behavior.leaders import Span, best, leaders
from gala_viz.behavior.messages import (
    SKIP_REASONS,
    BadMessage,
    Hello,
    Leaders,
    Name,
    Next,
    Paint,
    Skip,
    read_message,
)
from gala_viz.behavior.outages import NotStoredError, is_outage
from gala_viz.behavior.round_writer import DELETED, ENDED, TAKEN
from gala_viz.behavior.switches import is_paused
from gala_viz.play.game import Game
from gala_viz.play.play_round import STORED_S, PlayedRound
from gala_viz.play.starting import started_round

Send = Callable[[dict[str, Any]], Awaitable[None]]
Result = TypeVar("Result")

PATIENCE_S, LONGEST_WAIT_S = 60.0, 2.0
"""How long a player waits for a database that is away, and the longest time between two tries."""
ELSEWHERE, GONE = "elsewhere", "deleted"
"""What a page hears last: the participant plays in another window, or everything of theirs was deleted."""
MOST_BESIDE = 8
"""Names and leaderboards that wait at a time."""


class Session:
    """The connection of ``participant``; ``send`` tells its page something. All methods belong to the game's loop."""

    def __init__(self, game: Game, participant: str, send: Send, versions: dict[str, str]) -> None:
        self.game, self.participant, self.send, self._versions = game, participant, send, versions
        self.visit: str | None = None
        self.surface_rule: int | None = None
        self.simulated = False
        self.n_rounds = 0
        self.combo = 0
        self._round: PlayedRound | None = None
        self._starting, self._asking = asyncio.Lock(), asyncio.Lock()
        self._n_beside = 0
        self._closed: str | None = None

    @property
    def closed(self) -> bool:
        """Whether nothing is played here any more."""
        return self._closed is not None

    async def open(self) -> None:
        """Take over from another connection of the same participant: one plays at a time."""
        former = self.game.sessions.get(self.participant)
        self.game.sessions[self.participant] = self
        if former is not None:
            await former.evict(ENDED)

    async def receive(self, content: str | bytes) -> None:
        """Act on one message. What cannot be is answered, and changes nothing."""
        if self._closed is not None:
            await self.send({"type": self._closed})
            return
        await self._answered(lambda: self._act(content))

    async def evict(self, why: str) -> None:
        """Stop for good: the participant was ``DELETED``, or plays in another window (``TAKEN``, ``ENDED``)."""
        if self.closed:
            return
        self._closed = GONE if why == DELETED else ELSEWHERE
        with contextlib.suppress(Exception):  # it may be gone already
            await self.send({"type": self._closed})
        if why in (DELETED, TAKEN) and self._round is not None:
            self._round.drop()
        await self.close()

    async def close(self) -> None:
        """The connection is gone: a begun round is over, a round that was only shown waits."""
        self._closed = self._closed or ELSEWHERE
        if self._round is not None:
            await self._round.leave()
            self._round = None
        if self.game.sessions.get(self.participant) is self:
            del self.game.sessions[self.participant]

    async def _answered(self, act: Callable[[], Awaitable[None]]) -> None:
        """Do ``act``, and tell the page why not, where it cannot be."""
        try:
            await act()
        except TooLate as error:
            await self.send({"type": "late", "reason": str(error)})
        except (BadMessage, Refused) as error:
            await self.send({"type": "refused", "reason": str(error)})
        except (SQLAlchemyError, NotStoredError) as error:
            if is_outage(error):
                await self.send({"type": "refused", "reason": "the records cannot be reached; try again in a moment."})
            elif not await self.game.reading(self.game.rounds.has_participant, self.participant):
                await self.evict(DELETED)
            else:
                raise

    async def _act(self, content: str | bytes) -> None:
        if not self.game.messages.take(self.participant):
            raise BadMessage("too many messages; wait a moment.")
        message = read_message(content)
        if isinstance(message, Hello):
            await self._welcome(message)
        elif self.visit is None:
            raise BadMessage("a page says hello first.")
        elif isinstance(message, Name):
            self._beside(lambda: self._name(message.nickname))
        elif isinstance(message, Next):
            await self._next(message.image)
        elif isinstance(message, Paint):
            self._playing(message.round).paint(message.points)
        elif isinstance(message, Skip):
            await self._playing(message.round).skip(message.reason)
        elif isinstance(message, Leaders):
            self._beside(lambda: self._leaders(Span(message.span)))

    def _beside(self, act: Callable[[], Awaitable[None]]) -> None:
        """Do ``act`` after others like it, while painting goes on: a slow database costs no point."""
        if self._n_beside >= MOST_BESIDE:
            raise BadMessage("too many messages; wait a moment.")
        self._n_beside += 1

        async def in_turn() -> None:
            try:
                async with self._asking:
                    await self._answered(lambda: self._patiently(act))
            finally:
                self._n_beside -= 1

        self.game.spawn(in_turn())

    async def _patiently(self, act: Callable[[], Awaitable[Result]]) -> Result:
        """The result of ``act``, which is tried again while the database is away."""
        end, wait_s = time.monotonic() + PATIENCE_S, 0.25
        while True:
            try:
                return await act()
            except Exception as error:
                if not is_outage(error) or self.closed or time.monotonic() > end:
                    raise
            await self.send({"type": "waiting"})
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def _welcome(self, hello: Hello) -> None:
        await self.game.stored(self.participant, STORED_S)  # a round that the connection before left
        person = await self._patiently(lambda: self.game.reading(self.game.people.person, self.participant))
        device = {"pointer": hello.pointer, "screen_px": list(hello.screen_px)}
        mobile, versions = hello.mobile, self._versions
        self.surface_rule = hello.surface_rule
        if self.visit is None:
            self.visit = await self._patiently(
                lambda: self.game.writing(
                    self.game.people.visit, self.participant, device, mobile=mobile, versions=versions
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

    async def _next(self, asked: str | None) -> None:
        if self._starting.locked():
            raise BadMessage("a round is being prepared.")
        async with self._starting:
            if self._round is not None and not self._round.judge.ended:
                raise BadMessage("the round is not over.")
            if await self._patiently(lambda: self.game.reading(is_paused, self.game.database)):
                await self.send({"type": "paused"})
                return
            if not self.game.round_starts.take(self.participant):
                raise BadMessage("too many rounds in a minute; wait a moment.")
            found = await self._patiently(lambda: started_round(self, asked))
            if self.closed:  # meanwhile; the round waits for the window that plays now
                return
            self._round = found
        if found is None:
            await self.send({"type": "finished"})

    def _playing(self, round_id: str) -> PlayedRound:
        if self._round is None or self._round.id != round_id:
            raise BadMessage("no such round is played here.")
        return self._round

    async def _name(self, nickname: str) -> None:
        kept = await self.game.writing(self.game.people.call, self.participant, nickname)
        await self.send({"type": "named", "nickname": kept})

    async def _leaders(self, span: Span) -> None:
        now = datetime.now().astimezone()
        rows = await self.game.reading(leaders, self.game.database, span, self.participant, now)
        own = await self.game.reading(best, self.game.database, self.participant)
        told = {"rows": [asdict(row) for row in rows], "best": asdict(own)}
        await self.send({"type": "leaders", "span": str(span), **told})


_TOLD = ("canvas_px", "bubble_px", "step_px", "interval_ms", "limit_ms", "top")
