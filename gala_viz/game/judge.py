"""The judge of one round: which points count, when it ends and how, by the server's clock alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gala_viz.game.bubbles import uncover_bubble
from gala_viz.game.game_spec import GameSpec
from gala_viz.game.scoring import score_points
from gala_viz.records.round_updates import CanvasPoint, Outcome, RoundEnd

STEP_TOLERANCE_PX = 0.01
MIN_INTERVAL_FRACTION = 0.6
"""Shortest time between two points, as a share of the interval: a browser's timer may come early after it was late."""
CLOCK_TOLERANCE_MS = 300.0
"""How far the number of points may run ahead of the time, and the times of a round's first message among themselves."""
STALL_TOLERANCE_MS = 900.0
"""How much later than a quicker message a round's first one may have come: so far may a client's time run ahead."""


class InvalidPointsError(ValueError):
    """A point that the rules do not allow; the message says why. Neither it nor any behind it was counted.

    Parameters
    ----------
    reason : str
        What is wrong, for the log and for who writes a client; no player reads it.
    ahead_ms : float
        By how much the client's times run ahead of the server's clock, where that is why; else 0.

    Attributes
    ----------
    counted : list of CanvasPoint
        Points of the same message that came before it, and count.
    """

    def __init__(self, reason: str, *, ahead_ms: float = 0.0) -> None:
        super().__init__(reason)
        self.ahead_ms = ahead_ms
        self.counted: list[CanvasPoint] = []


class LatePointsError(InvalidPointsError):
    """Points of a round that is over: they may have been on their way when it ended."""


@dataclass(slots=True)
class Judge:
    """One round by the rules of ``spec``.

    All ``now_ms`` are of one clock of the server's that never runs backwards.

    Parameters
    ----------
    spec : GameSpec
        Rules of the game.
    points : list of CanvasPoint
        Points that count.
    began_ms : float, optional
        Time of the first point by the server's clock, None before it: its arrival, or earlier where a later message
        shows that it was slower to arrive.
    outcome : Outcome, optional
        How the round ended; None before its end.
    elapsed_ms : float, optional
        Time from the first point to the end.
    score : float
        Points won, 0 to 100.

    Attributes
    ----------
    mask : ndarray, (y, x), bool
        Pixels of the canvas that the points uncover.
    """

    spec: GameSpec
    points: list[CanvasPoint] = field(default_factory=list)
    mask: np.ndarray = field(init=False)
    began_ms: float | None = None
    outcome: Outcome | None = None
    elapsed_ms: float | None = None
    score: float = 0.0
    _arrived_ms: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.mask = np.zeros((self.spec.canvas_px, self.spec.canvas_px), dtype=bool)

    @property
    def is_over(self) -> bool:
        """Whether nothing more counts."""
        return self.outcome is not None

    def elapsed_at_ms(self, now_ms: float) -> float:
        """Return the time since the first point.

        Parameters
        ----------
        now_ms : float
            Present time by the server's clock.

        Returns
        -------
        float
            Milliseconds, 0 before the first point.
        """
        return 0.0 if self.began_ms is None else now_ms - self.began_ms

    def paint(self, points: Sequence[tuple[float, float, float]], now_ms: float) -> list[CanvasPoint]:
        """Add points that have just arrived, up to the first that is refused; the first one of all starts the round.

        A message that starts the round is taken whole or not at all. Where the times of a later one run ahead, the
        first was slower to arrive, and the round began as much earlier: nothing is won by a false clock.

        Parameters
        ----------
        points : sequence of (float, float, float)
            x and y in canvas pixels, origin top left, and t in ms of the player's clock.
        now_ms : float
            Present time by the server's clock.

        Returns
        -------
        list of CanvasPoint
            The new points, with their time by the server's clock.

        Raises
        ------
        InvalidPointsError
            A point is outside of the canvas, further than a step from the one before, too early after it or ahead of
            the server's clock; or there are none, or too many for the time. Those before it are in ``counted``.
        LatePointsError
            The round is over, its time is up, or a point was painted after that.
        """
        if self.is_over:
            raise LatePointsError(f"the round is over ({self.outcome}).")
        if self.elapsed_at_ms(now_ms) >= self.spec.limit_ms:
            raise LatePointsError("the time is up.")
        if not points:
            raise InvalidPointsError("at least one point was expected.")
        starts = self.began_ms is None
        arrived = now_ms if starts else self._arrived_ms
        began = now_ms if self.began_ms is None else self.began_ms
        tolerance_ms = CLOCK_TOLERANCE_MS if starts else STALL_TOLERANCE_MS
        new_points: list[CanvasPoint] = []
        refusal = None
        first, last = (self.points[0], self.points[-1]) if self.points else (None, None)
        for x, y, t in points:
            try:
                self._check(x, y, t, first, last)
                since_ms = 0.0 if first is None else t - first.t_ms
                began_by_then = self._begin(since_ms, began, arrived, now_ms, tolerance_ms)
                self._check_count(len(self.points) + len(new_points) + 1, now_ms - began_by_then)
            except InvalidPointsError as error:
                refusal = error
                break
            began = began_by_then
            last = CanvasPoint(x, y, t, now_ms - began)
            first = first or last
            new_points.append(last)
        if refusal is not None and starts:
            raise refusal
        self.began_ms, self._arrived_ms = began, arrived
        self.points += new_points
        for point in new_points:
            uncover_bubble(self.mask, point.x_px, point.y_px, self.spec)
        if refusal is not None:
            refusal.counted = new_points
            raise refusal
        return new_points

    def apply_time_limit(self, now_ms: float) -> bool:
        """End the round as lost if its time is up and it has not ended.

        Parameters
        ----------
        now_ms : float
            Present time by the server's clock.

        Returns
        -------
        bool
            Whether the round is lost, now or before.
        """
        if not self.is_over and self.elapsed_at_ms(now_ms) >= self.spec.limit_ms:
            self._end(Outcome.LOST, self.spec.limit_ms)
        return self.outcome is Outcome.LOST

    def judge_guess(self, place: int, at_ms: float) -> bool:
        """End the round as won if the true category is among the first ``spec.top`` of the network's guess.

        Parameters
        ----------
        place : int
            Place of the true category in the guess, 1 for the first; places up to ``spec.top`` win.
        at_ms : float
            Time of the last point that the network saw, since the first: a slow network costs the player nothing.

        Returns
        -------
        bool
            Whether this guess wins the round; False where it has ended.
        """
        if not self.is_over and place <= self.spec.top:
            self._end(Outcome.WON, at_ms)
            self.score = score_points(at_ms, self.spec.limit_ms)
            return True
        return False

    def skip(self, now_ms: float) -> None:
        """End the round as skipped, unless it has ended or its time is up.

        Parameters
        ----------
        now_ms : float
            Present time by the server's clock.
        """
        if not self.is_over and self.elapsed_at_ms(now_ms) < self.spec.limit_ms:
            self._end(Outcome.SKIPPED, self.elapsed_at_ms(now_ms))

    def interrupt(self, now_ms: float) -> None:
        """End the round as interrupted, unless it has ended: the connection or the server was lost.

        Parameters
        ----------
        now_ms : float
            Present time by the server's clock.
        """
        if not self.is_over:
            self._end(Outcome.INTERRUPTED, self.elapsed_at_ms(now_ms))

    def round_end(self, ended_ms: int, **more: Any) -> RoundEnd:
        """Return how the round ended, for the records.

        Parameters
        ----------
        ended_ms : int
            Time of the end since 1970, UTC.
        **more
            ``combo``, ``skip_reason`` and ``passed`` of ``RoundEnd``.

        Returns
        -------
        RoundEnd
            Outcome, time and score.

        Raises
        ------
        ValueError
            The round has not ended.
        """
        if self.outcome is None:
            raise ValueError("the round has not ended.")
        return RoundEnd(
            outcome=str(self.outcome), ended_ms=ended_ms, elapsed_ms=self.elapsed_ms, score=self.score, **more
        )

    def _end(self, outcome: Outcome, elapsed_ms: float) -> None:
        self.outcome, self.elapsed_ms = outcome, elapsed_ms

    def _check(self, x: float, y: float, t: float, first: CanvasPoint | None, last: CanvasPoint | None) -> None:
        """Raise ``InvalidPointsError`` unless a point may follow ``last`` in a round that began with ``first``."""
        side = self.spec.canvas_px
        if not all(math.isfinite(value) for value in (x, y, t)):
            raise InvalidPointsError("a point is three finite numbers: x, y and time.")
        if not (0 <= x < side and 0 <= y < side):
            raise InvalidPointsError(f"({x:g}, {y:g}) lies outside of the canvas of {side} x {side} px.")
        if first is None or last is None:
            return
        step = math.hypot(x - last.x_px, y - last.y_px)
        if step > self.spec.step_px + STEP_TOLERANCE_PX:
            raise InvalidPointsError(f"a step of {step:.2f} px; at most {self.spec.step_px:g} px are taken at a time.")
        if t <= last.t_ms:
            raise InvalidPointsError("times run backwards.")
        if t - last.t_ms < MIN_INTERVAL_FRACTION * self.spec.interval_ms:
            raise InvalidPointsError(
                f"two points within {t - last.t_ms:.1f} ms; one every {self.spec.interval_ms:g} ms is taken."
            )

    def _begin(self, since_ms: float, began: float, arrived: float, now_ms: float, tolerance_ms: float) -> float:
        """Return when the round began if a point painted ``since_ms`` after the first has arrived by now.

        This is the smallest difference of the two clocks so far: no message arrives before it is sent.
        """
        began_at_latest = min(began, now_ms - since_ms)
        if began_at_latest < arrived - tolerance_ms:
            raise InvalidPointsError("the times run ahead of the server's clock.", ahead_ms=began - (now_ms - since_ms))
        if now_ms - began_at_latest >= self.spec.limit_ms:
            raise LatePointsError("it was painted after the time was up.")
        return began_at_latest

    def _check_count(self, count: int, elapsed_ms: float) -> None:
        """Raise ``InvalidPointsError`` where ``count`` points are more than ``elapsed_ms`` allows."""
        if count > min(self.spec.max_points, (elapsed_ms + CLOCK_TOLERANCE_MS) / self.spec.interval_ms + 1):
            raise InvalidPointsError(
                f"{count} points after {elapsed_ms:.0f} ms; one every {self.spec.interval_ms:g} ms counts."
            )
