"""The points of a round, and whether a catch trial was passed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEFT, RIGHT = "left", "right"


def score_points(elapsed_ms: float, limit_ms: float) -> float:
    """Return the points of a round won after ``elapsed_ms``: 100 (1 - elapsed / limit)^3.

    They fall from 100 at once to 0 at the limit. Source: the published game's curve.
    """
    left = min(1.0, max(0.0, 1.0 - elapsed_ms / limit_ms))
    return 100.0 * left**3


def score_catch_trial(mask: NDArray[np.bool_], answer: str) -> bool | None:
    """Return whether more of ``mask`` (y, x) lies on the ``answer`` side; None where nothing was painted."""
    half = mask.shape[1] // 2
    left, right = int(mask[:, :half].sum()), int(mask[:, half:].sum())
    if left + right == 0:
        return None
    return (left > right) if answer == LEFT else (right > left)
