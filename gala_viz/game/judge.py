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
"""How far a client's time may run ahead of the server's since the first point: messages arrive at uneven speed."""


class InvalidPointsError(ValueError):
    """Points that the rules do not allow; the message says why. None of them was counted."""


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
        Time of the first point by the server's clock; None before it.
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
        """Add points that have just arrived, all or none; the first one starts the round.

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
            the server's clock; or there are none, or too many for the time.
        LatePointsError
            The round is over, or its time is up.
        """
        if self.is_over:
            raise LatePointsError(f"the round is over ({self.outcome}).")
        if self.elapsed_at_ms(now_ms) >= self.spec.limit_ms:
            raise LatePointsError("the time is up.")
        if not points:
            raise InvalidPointsError("at least one point was expected.")
        began = now_ms if self.began_ms is None else self.began_ms
        new_points: list[CanvasPoint] = []
        first, last = (self.points[0] if self.points else None), (self.points[-1] if self.points else None)
        for x, y, t in points:
            self._check(x, y, t, first, last, now_ms - began)
            last = CanvasPoint(x, y, t, now_ms - began)
            first = first or last
            new_points.append(last)
        count = len(self.points) + len(new_points)
        if count > min(self.spec.max_points, (now_ms - began + CLOCK_TOLERANCE_MS) / self.spec.interval_ms + 1):
            raise InvalidPointsError(
                f"{count} points after {now_ms - began:.0f} ms; one every {self.spec.interval_ms:g} ms counts."
            )
        self.began_ms = began
        self.points += new_points
        for point in new_points:
            uncover_bubble(self.mask, point.x_px, point.y_px, self.spec)
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
        """End the round as skipped, unless it has ended.

        Parameters
        ----------
        now_ms : float
            Present time by the server's clock.
        """
        if not self.is_over:
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

    def _check(
        self, x: float, y: float, t: float, first: CanvasPoint | None, last: CanvasPoint | None, since_ms: float
    ) -> None:
        """Raise ``InvalidPointsError`` unless a point may follow ``last``, ``since_ms`` after the ``first``."""
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
        if t - first.t_ms > since_ms + CLOCK_TOLERANCE_MS:
            raise InvalidPointsError("the times run ahead of the server's clock.")
