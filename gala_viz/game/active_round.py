"""One round while it is played: points in, guesses out, and its end by the server's clock."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from gala_viz.game.bubbles import masked_canvas
from gala_viz.game.judge import InvalidPointsError, Judge
from gala_viz.game.player import Player
from gala_viz.game.round_image import RoundImage
from gala_viz.game.round_summary import other_players_map, player_map
from gala_viz.game.scoring import score_catch_trial
from gala_viz.live.recogniser import rank_of, top_indices
from gala_viz.records.outages import NotStoredError, is_outage
from gala_viz.records.round_updates import CanvasPoint, NetworkGuess, Outcome, RoundKey, RoundUpdate
from gala_viz.records.tables import CATCH, GAME, PRACTICE, now_ms

N_GUESSES_SHOWN = 5
FLUSH_TIMEOUT_S = 1.0
"""How long a player waits for the summary while an end is not in the database yet; it is in the journal."""
SUMMARY_TIMEOUT_S = 2.0
"""How long a player waits for what others painted; then the summary comes without it."""
GUESS_TIMEOUT_S = 60.0
"""How long a round whose time is up waits for the network; then that has failed, and the round does not count."""

_log = logging.getLogger(__name__)


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
        self._n_refusals = 0
        self._reason: str | None = None
        self._network_failed = False
        self._ending = False

    def paint(self, points: Sequence[tuple[float, float, float]], n_refusals: int | None = None) -> None:
        """Add points (x, y, t); the first starts the clock.

        Points of a page that has heard of fewer refusals (``n_refusals``) than there were lie behind a refused one: the
        page takes them back, and nothing is done here. Raises ``InvalidPointsError`` for the first point that is
        refused, those before it count; and ``NotStoredError`` while nothing can be stored, then no point was added.
        """
        if n_refusals is not None and n_refusals < self._n_refusals:
            return
        if not self.game.writer.can_keep():
            raise NotStoredError("neither the database nor the journal can be written.")
        first, began_ms = len(self.judge.points), self.judge.began_ms
        try:
            new_points = self.judge.paint(points, self.game.clock_ms())
        except InvalidPointsError as error:
            self._count(first, error.counted, began_ms)
            raise
        self._count(first, new_points, began_ms)

    def refuse(self, ahead_ms: float = 0.0) -> dict[str, Any]:
        """Return what brings the page back into step after a refusal: the points that count, and where they end.

        Parameters
        ----------
        ahead_ms : float
            By how much the page's times run ahead; it holds them back by so much from now on.

        Returns
        -------
        dict
            Part of the message of the refusal.
        """
        self._n_refusals += 1
        return {
            "round": self.id,
            "n_refusals": self._n_refusals,
            "n_points": len(self.judge.points),
            "ahead_ms": ahead_ms,
        }

    async def skip(self, reason: str) -> None:
        """End the round because the player gives up, for a ``reason`` of ``SKIP_REASONS``."""
        self.judge.skip(self.game.clock_ms())
        self._reason = reason
        await self._end()

    async def leave(self) -> None:
        """Interrupt the round because the player is gone; without a point it stays open and can be shown again."""
        if self.judge.began_ms is None or self._is_time_up():  # then the last guess decides
            return
        self.judge.interrupt(self.game.clock_ms())
        await self._end(send_summary=False)

    def drop(self) -> None:
        """Stop a round that cannot be recorded any more: nothing of it counts from now on."""
        self._ending = True
        self.judge.interrupt(self.game.clock_ms())
        if self._clock is not None:
            self._clock.cancel()

    def _is_time_up(self) -> bool:
        return self.judge.elapsed_at_ms(self.game.clock_ms()) >= self.game.spec.limit_ms

    def _count(self, first: int, new_points: list[CanvasPoint], began_ms: float | None) -> None:
        """Record ``new_points``, set the clock by when the round began, and query the network."""
        if not new_points:
            return
        self._record(RoundUpdate(first=first, points=new_points, began_ms=now_ms() if began_ms is None else None))
        if self.judge.began_ms != began_ms:  # the first point, or one that shows that the first came late
            if self._clock is not None:
                self._clock.cancel()
            left_ms = self.game.spec.limit_ms - self.judge.elapsed_at_ms(self.game.clock_ms())
            self._clock = asyncio.get_running_loop().call_later(left_ms / 1000, self._time_up)
        if self._guessing is None or self._guessing.done():
            self._guessing = asyncio.create_task(self._guess())

    def _record(self, part: RoundUpdate) -> None:
        self.game.record(self._key, part)

    async def _guess(self) -> None:
        """Query the network, each time with all that is uncovered by then, until there is nothing new."""
        spec = self.game.spec
        while not self.judge.is_over and len(self.judge.points) > self._n_guessed:
            count, at_ms = len(self.judge.points), self.judge.points[-1].at_ms
            canvas = masked_canvas(self.round_image.canvas, self.judge.mask, spec)
            try:
                probabilities = await asyncio.wrap_future(self.game.recogniser.recognise(canvas))
            except Exception as error:  # whatever it is, the player did nothing wrong
                await self._fail(f"{type(error).__name__}: {error}")
                return
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
            if self.judge.is_over:
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
        """End the round when the time is up; guesses on points that came in time still count, however late they are."""
        guessing = self._guessing
        if guessing is not None and not guessing.done():
            await self.player.send({"type": "time_up", "round": self.id})
            stopping = asyncio.ensure_future(self.game.stopping.wait())
            await asyncio.wait([guessing, stopping], timeout=GUESS_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if not guessing.done() or guessing.cancelled():
                await self._fail("it gave no answer")
        self.judge.apply_time_limit(self.game.clock_ms())
        await self._end()

    async def _fail(self, why: str) -> None:
        """End a round whose network failed: it is interrupted and does not count, and the player is told."""
        if self.judge.is_over:
            return
        _log.error("%s could not recognise what a player painted: %s", self.game.recogniser.network.name, why)
        self._network_failed = True
        self.judge.interrupt(self.game.clock_ms())
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
        if send_summary:
            await player.send({"type": "over", "round": self.id})  # the rest may wait for the database
        await self.game.flush(player.participant, FLUSH_TIMEOUT_S)
        player.n_rounds += 1
        if send_summary:
            await player.send(await self._summary())

    async def _summary(self) -> dict[str, Any]:
        """Return the message of the end: outcome, score, the player's own map and that of others."""
        judge, others, known = self.judge, None, True
        if self.kind != CATCH:
            try:
                reading = self.game.run_reader(
                    other_players_map,
                    self.game.database,
                    self.game.collection,
                    self.image,
                    self.round_image.box,
                    self.player.participant,
                    simulated=self.player.simulated,
                )
                others = await asyncio.wait_for(reading, SUMMARY_TIMEOUT_S)
            except TimeoutError:
                known = False
            except SQLAlchemyError as error:
                if not is_outage(error):
                    raise
                known = False
        points = [(point.x_px, point.y_px) for point in judge.points]
        own = await asyncio.to_thread(player_map, points, self.game.spec.canvas_px)  # readers may wait for the database
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
            "network_failed": self._network_failed,
        }
