"""One round while it is played: points in, guesses out, and its end by the server's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from gala_viz.game.bubbles import masked_canvas
from gala_viz.game.judge import Judge
from gala_viz.game.player import Player
from gala_viz.game.round_image import RoundImage
from gala_viz.game.round_summary import other_players_map, player_map
from gala_viz.game.scoring import score_catch_trial
from gala_viz.live.recogniser import rank_of, top_indices
from gala_viz.records.outages import NotStoredError, is_outage
from gala_viz.records.round_updates import NetworkGuess, Outcome, RoundKey, RoundUpdate
from gala_viz.records.tables import CATCH, GAME, PRACTICE, now_ms

N_GUESSES_SHOWN = 5
FLUSH_TIMEOUT_S = 1.0
"""How long a player waits for the summary while an end is not in the database yet; it is in the journal."""


class ActiveRound:
    """The round called ``round_id`` on ``round_image``: its judge decides, its player gets guesses and the end."""

    def __init__(
        self, player: Player, round_id: str, image: str, kind: str, round_image: RoundImage, answer: str | None
    ) -> None:
        self.player, self.game = player, player.game
        self.id, self.image, self.kind, self.round_image, self._answer = round_id, image, kind, round_image, answer
        self._key = RoundKey(round=round_id, visit=player.session_id, participant=player.participant)
        self.judge = Judge(self.game.spec)
        self._guessing: asyncio.Task | None = None
        self._clock: asyncio.TimerHandle | None = None
        self._n_guessed = 0
        self._reason: str | None = None
        self._ending = False

    def paint(self, points: Sequence[tuple[float, float, float]]) -> None:
        """Add points (x, y, t); the first starts the clock.

        Raises ``InvalidPointsError``, and ``NotStoredError`` while nothing can be stored; then no point was added.
        """
        if not self.game.writer.can_keep():
            raise NotStoredError("neither the database nor the journal can be written.")
        began = self.judge.began_ms is None
        first = len(self.judge.points)
        new_points = self.judge.paint(points, self.game.clock_ms())
        self._record(RoundUpdate(first=first, points=new_points, began_ms=now_ms() if began else None))
        if began:
            limit_s = self.game.spec.limit_ms / 1000
            self._clock = asyncio.get_running_loop().call_later(limit_s, self._time_up)
        if self._guessing is None or self._guessing.done():
            self._guessing = asyncio.create_task(self._guess())

    async def skip(self, reason: str) -> None:
        """End the round because the player gives up, for a ``reason`` of ``SKIP_REASONS``."""
        self.judge.skip(self.game.clock_ms())
        self._reason = reason
        await self._end()

    async def leave(self) -> None:
        """Interrupt the round because the player is gone; without a point it stays open and can be shown again."""
        if self.judge.began_ms is None:
            return
        self.judge.interrupt(self.game.clock_ms())
        await self._end(send_summary=False)

    def drop(self) -> None:
        """Stop a round that cannot be recorded any more: nothing of it counts from now on."""
        self._ending = True
        self.judge.interrupt(self.game.clock_ms())
        if self._clock is not None:
            self._clock.cancel()

    def _record(self, part: RoundUpdate) -> None:
        self.game.record(self._key, part)

    async def _guess(self) -> None:
        """Query the network, each time with all that is uncovered by then, until there is nothing new."""
        spec = self.game.spec
        while not self.judge.is_over and len(self.judge.points) > self._n_guessed:
            count, at_ms = len(self.judge.points), self.judge.points[-1].at_ms
            canvas = masked_canvas(self.round_image.canvas, self.judge.mask, spec)
            probabilities = await asyncio.wrap_future(self.game.recogniser.recognise(canvas))
            self._n_guessed = count
            place = rank_of(probabilities, self.round_image.target)
            best = top_indices(probabilities, max(N_GUESSES_SHOWN, min(spec.top, 10)))
            guess = NetworkGuess(
                n_points=count,
                at_ms=at_ms,
                place=place,
                categories=[self.game.recogniser.categories[index] for index in best],
                probabilities=[float(probabilities[index]) for index in best],
            )
            if self.judge.is_over and self.judge.outcome != Outcome.LOST:
                return
            self._record(RoundUpdate(guesses=[guess]))
            won = self.judge.judge_guess(place, at_ms)
            await self.player.send(
                {
                    "type": "guess",
                    "round": self.id,
                    "n_points": count,
                    "place": place if place <= N_GUESSES_SHOWN else None,
                    "guesses": [
                        [name, round(p, 4)]
                        for name, p in zip(
                            guess.categories[:N_GUESSES_SHOWN], guess.probabilities[:N_GUESSES_SHOWN], strict=True
                        )
                    ],
                }
            )
            if won:
                await self._end()

    def _time_up(self) -> None:
        self.game.spawn(self._lose())

    async def _lose(self) -> None:
        """End the round when the time is up; a guess on points that came in time still counts."""
        if self._guessing is not None and not self._guessing.done():
            await asyncio.wait([self._guessing], timeout=2.0)
        self.judge.apply_time_limit(self.game.clock_ms())
        await self._end()

    async def _end(self, *, send_summary: bool = True) -> None:
        """Record the end that the judge decided, once, and send the summary to the player."""
        if self._ending or not self.judge.is_over:
            return
        self._ending = True
        if self._clock is not None:
            self._clock.cancel()
        player, judge = self.player, self.judge
        won = judge.outcome is Outcome.WON
        if self.kind != PRACTICE and judge.outcome is not Outcome.INTERRUPTED:
            player.combo = player.combo + 1 if won else 0
        passed = score_catch_trial(judge.mask, self._answer) if self._answer is not None else None
        end = judge.round_end(now_ms(), combo=player.combo, skip_reason=self._reason, passed=passed)
        self._record(RoundUpdate(end=end))
        await self.game.flush(player.participant, FLUSH_TIMEOUT_S)
        player.n_rounds += 1
        if send_summary:
            await player.send(await self._summary())

    async def _summary(self) -> dict[str, Any]:
        """Return the message of the end: outcome, score, the player's own map and that of others."""
        judge, others, known = self.judge, None, True
        if self.kind != CATCH:
            try:
                others = await self.game.run_reader(
                    other_players_map,
                    self.game.database,
                    self.game.collection,
                    self.image,
                    self.round_image.box,
                    self.player.participant,
                    simulated=self.player.simulated,
                )
            except SQLAlchemyError as error:
                if not is_outage(error):
                    raise
                known = False
        points = [(point.x_px, point.y_px) for point in judge.points]
        own = await self.game.run_reader(player_map, points, self.game.spec.canvas_px)
        return {
            "type": "end",
            "round": self.id,
            "outcome": str(judge.outcome),
            "score": round(judge.score, 1),
            "combo": self.player.combo,
            "practice": self.kind == PRACTICE,
            "counts": self.kind == GAME,
            "elapsed_ms": judge.elapsed_ms,
            "own": own,
            "others": others,
            "others_known": known,
        }
