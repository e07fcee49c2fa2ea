"""Settings of the ClickMe game. Source: Linsley et al. 2019, section 4."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gala_viz.records.canvas import BUBBLE_PX, CANVAS_PX, INTERVAL_MS, STEP_PX
from gala_viz.specs import check_finite


@dataclass(frozen=True, kw_only=True, slots=True)
class GameSpec:
    """Settings of a round: how it is played and judged.

    Parameters
    ----------
    canvas_px : int
        Side of the canvas.
    bubble_px : int
        Side of the square that a point uncovers.
    step_px : float
        Largest distance of a point from the one before.
    interval_ms : float
        Time between two points while the pointer is followed.
    limit_ms : float
        Time from the first point until the round is lost.
    top : int
        The round is won when the true category is among this many first categories of a guess.
    fill : {"grey", "noise"}
        What the network sees where nothing is uncovered: grey, or the darkened noise of the published game.
    catch_share : float
        Share of the rounds that are catch trials, whose answer is known.
    n_practice : int
        How many of a participant's first rounds are practice.

    References
    ----------
    Linsley et al. 2019, section 4.
    """

    canvas_px: int = CANVAS_PX
    bubble_px: int = BUBBLE_PX
    step_px: float = STEP_PX
    interval_ms: float = INTERVAL_MS
    limit_ms: float = 7000.0
    top: int = 5
    fill: Literal["grey", "noise"] = "grey"
    catch_share: float = 0.05
    n_practice: int = 1

    def __post_init__(self) -> None:
        check_finite(self)
        if not 1 <= self.bubble_px <= self.canvas_px:
            raise ValueError(f"bubble_px lies between 1 and the canvas, {self.canvas_px}; got {self.bubble_px}.")
        if min(self.step_px, self.interval_ms, self.limit_ms) <= 0:
            values = f"{self.step_px}, {self.interval_ms} and {self.limit_ms}"
            raise ValueError(f"step_px, interval_ms and limit_ms are above 0; got {values}.")
        if self.top < 1:
            raise ValueError(f"top is at least 1; got {self.top}.")
        if self.fill not in ("grey", "noise"):
            raise ValueError(f"fill is 'grey' or 'noise'; got {self.fill!r}.")
        if not 0 <= self.catch_share < 1:
            raise ValueError(f"catch_share is a share of the rounds, from 0 to below 1; got {self.catch_share}.")
        if self.n_practice < 0:
            raise ValueError(f"n_practice is 0 or more; got {self.n_practice}.")

    @property
    def max_points(self) -> int:
        """Points that fit into a round, the first included."""
        return int(self.limit_ms // self.interval_ms) + 1
