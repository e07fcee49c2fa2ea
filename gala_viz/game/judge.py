"""The judge of one round: which points count, when it ends, how it ends. It owns the clock; a client's word is none."""

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
    """Points that cannot be: the message says why. Nothing of the message was counted."""


class LatePointsError(InvalidPointsError):
    """Points of a round that is over: they may have been on their way when it ended."""


@dataclass(slots=True)
class Judge:
    """One round by ``spec``: ``points`` that were taken, ``mask`` of what they uncover, the ``outcome`` once it ended.

    All ``now_ms`` are of one clock of the server's that never runs backwards.
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
        """Time since the first point, 0 before it."""
        return 0.0 if self.began_ms is None else now_ms - self.began_ms

    def paint(self, points: Sequence[tuple[float, float, float]], now_ms: float) -> list[CanvasPoint]:
        """Take ``points`` (x, y, t) that have just arrived; all or none. Raises ``InvalidPointsError``."""
        if self.is_over:
            raise LatePointsError(f"the round is over ({self.outcome}).")
        if self.elapsed_at_ms(now_ms) >= self.spec.limit_ms:
            raise LatePointsError("the time is up.")
        if not points:
            raise InvalidPointsError("at least one point was expected.")
        began = now_ms if self.began_ms is None else self.began_ms
        taken: list[CanvasPoint] = []
        first, last = (self.points[0] if self.points else None), (self.points[-1] if self.points else None)
        for x, y, t in points:
            self._check(x, y, t, first, last, now_ms - began)
            last = CanvasPoint(x, y, t, now_ms - began)
            first = first or last
            taken.append(last)
        count = len(self.points) + len(taken)
        if count > min(self.spec.max_points, (now_ms - began + CLOCK_TOLERANCE_MS) / self.spec.interval_ms + 1):
            raise InvalidPointsError(
                f"{count} points after {now_ms - began:.0f} ms; one every {self.spec.interval_ms:g} ms counts."
            )
        self.began_ms = began
        self.points += taken
        for point in taken:
            uncover_bubble(self.mask, point.x_px, point.y_px, self.spec)
        return taken

    def apply_time_limit(self, now_ms: float) -> bool:
        """Whether the time is up; then the round is lost, unless it ended before."""
        if not self.is_over and self.elapsed_at_ms(now_ms) >= self.spec.limit_ms:
            self._end(Outcome.LOST, self.spec.limit_ms)
        return self.outcome is Outcome.LOST

    def judge_guess(self, place: int, at_ms: float) -> bool:
        """The network's guess on what was uncovered ``at_ms`` after the first point: the true category has ``place``.

        Whether that wins the round. The time is that of the points, so that a slow network costs the player nothing.
        """
        if not self.is_over and place <= self.spec.top:
            self._end(Outcome.WON, at_ms)
            self.score = score_points(at_ms, self.spec.limit_ms)
            return True
        return False

    def skip(self, now_ms: float) -> None:
        """The player gives up."""
        if not self.is_over:
            self._end(Outcome.SKIPPED, self.elapsed_at_ms(now_ms))

    def interrupt(self, now_ms: float) -> None:
        """The connection or the server was lost."""
        if not self.is_over:
            self._end(Outcome.INTERRUPTED, self.elapsed_at_ms(now_ms))

    def round_end(self, ended_ms: int, **more: Any) -> RoundEnd:
        """Return how the round ended, for the records.

        Parameters
        ----------
        ended_ms
            Since 1970, UTC.
        more
            ``combo``, ``skip_reason`` and ``passed`` of ``RoundEnd``.

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
