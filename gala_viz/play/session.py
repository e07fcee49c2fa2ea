"""One player's connection: what the page says, what the server answers, and the round that is played."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from gala_viz.behavior.judge import Refused, TooLate
from gala_viz.behavior.leaders import Span, best, leaders
from gala_viz.behavior.messages import (
    SKIP_REASONS,
    BadMessage,
    Hello,
    Leaders,
    Message,
    Name,
    Next,
    Paint,
    Skip,
    read_message,
)
from gala_viz.behavior.switches import is_paused
from gala_viz.play.game import Game
from gala_viz.play.play_round import PlayedRound
from gala_viz.play.starting import started_round

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Session:
    """The connection of ``participant``; ``send`` tells its page something. All methods belong to the game's loop."""

    def __init__(self, game: Game, participant: str, send: Send, versions: dict[str, str]) -> None:
        self.game, self.participant, self.send, self._versions = game, participant, send, versions
        self.visit: str | None = None
        self.simulated = False
        self.n_rounds = 0
        self.combo = 0
        self._round: PlayedRound | None = None
        self._starting = asyncio.Lock()

    async def open(self) -> None:
        """Take over from another connection of the same participant: one plays at a time."""
        former = self.game.sessions.get(self.participant)
        self.game.sessions[self.participant] = self
        if former is not None:
            with contextlib.suppress(Exception):  # it may be gone already
                await former.send({"type": "elsewhere"})
            await former.close(keep=True)

    async def receive(self, content: str | bytes) -> None:
        """Act on one message. What cannot be is answered, and changes nothing."""
        try:
            if not self.game.messages.take(self.participant):
                raise BadMessage("too many messages; wait a moment.")
            await self._act(read_message(content))
        except TooLate as error:
            await self.send({"type": "late", "reason": str(error)})
        except (BadMessage, Refused) as error:
            await self.send({"type": "refused", "reason": str(error)})

    async def close(self, *, keep: bool = False) -> None:
        """The connection is gone: a begun round is over, a round that was only shown waits."""
        if self._round is not None:
            await self._round.leave()
            self._round = None
        if not keep and self.game.sessions.get(self.participant) is self:
            del self.game.sessions[self.participant]

    async def _act(self, message: Message) -> None:
        if isinstance(message, Hello):
            await self._welcome(message)
        elif self.visit is None:
            raise BadMessage("a page says hello first.")
        elif isinstance(message, Name):
            kept = await self.game.writing(self.game.people.call, self.participant, message.nickname)
            await self.send({"type": "named", "nickname": kept})
        elif isinstance(message, Next):
            await self._next(message.image)
        elif isinstance(message, Paint):
            self._playing(message.round).paint(message.points)
        elif isinstance(message, Skip):
            await self._playing(message.round).skip(message.reason)
        elif isinstance(message, Leaders):
            await self._leaders(Span(message.span))

    async def _welcome(self, hello: Hello) -> None:
        person = await self.game.reading(self.game.people.person, self.participant)
        device = {"pointer": hello.pointer, "screen_px": list(hello.screen_px)}
        mobile, versions = hello.mobile, self._versions
        if self.visit is None:
            self.visit = await self.game.writing(
                self.game.people.visit, self.participant, device, mobile=mobile, versions=versions
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
            if await self.game.reading(is_paused, self.game.database):
                await self.send({"type": "paused"})
                return
            if not self.game.round_starts.take(self.participant):
                raise BadMessage("too many rounds in a minute; wait a moment.")
            self._round = await started_round(self, asked)
        if self._round is None:
            await self.send({"type": "finished"})

    def _playing(self, round_id: str) -> PlayedRound:
        if self._round is None or self._round.id != round_id:
            raise BadMessage("no such round is played here.")
        return self._round

    async def _leaders(self, span: Span) -> None:
        now = datetime.now().astimezone()
        rows = await self.game.reading(leaders, self.game.database, span, self.participant, now)
        own = await self.game.reading(best, self.game.database, self.participant)
        told = {"rows": [asdict(row) for row in rows], "best": asdict(own)}
        await self.send({"type": "leaders", "span": str(span), **told})


_TOLD = ("canvas_px", "bubble_px", "step_px", "interval_ms", "limit_ms", "top")
