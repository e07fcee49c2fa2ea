"""The catch score: the share of a participant's catch trials that were passed, and what so many trials can tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

CONFIDENCE = 0.95
LEAST_PERCENT = 50.0
"""A column is one of percentages where its largest value is at least so large: counts of trials are smaller."""


@dataclass(frozen=True, slots=True)
class CatchScore:
    """Catch trials of one participant: ``n_passed`` of ``n_trials``, at least one."""

    n_passed: int
    n_trials: int

    @property
    def score(self) -> float:
        """Share of the trials that were passed."""
        return self.n_passed / self.n_trials

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of Clopper and Pearson, over trials, for the share that this participant would pass."""
        low, high = clopper_pearson(np.array(self.n_passed), np.array(self.n_trials))
        return float(low), float(high)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.n_passed} of {self.n_trials} passed, 95 % interval {low:.3f} to {high:.3f}"


def clopper_pearson(n_passed: np.ndarray, n_trials: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95 % intervals of proportions: exact, so that at most 2.5 % lie beyond each end.

    Parameters
    ----------
    n_passed : ndarray, int
        Successes, from 0 to ``n_trials``.
    n_trials : ndarray, int
        Trials, at least 1.

    Returns
    -------
    tuple of two ndarray, float64
        Low and high ends; 0 where nothing was passed, 1 where all was.

    References
    ----------
    C. Clopper and E. Pearson 1934.
    """
    tail, failed = (1 - CONFIDENCE) / 2, n_trials - n_passed
    low = betaincinv(np.maximum(n_passed, 1), failed + 1, tail)
    high = betaincinv(n_passed + 1, np.maximum(failed, 1), 1 - tail)
    return np.where(n_passed == 0, 0.0, low), np.where(failed == 0, 1.0, high)


def catch_shares(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, str]:
    """Tell shares from percentages in a whole column of catch scores.

    A column is one of percentages where all values lie from 0 to 100, the largest at ``LEAST_PERCENT`` or above, and
    none above 0 at 1 or below, where it may be either. In any other column values outside of 0 to 1 are wrong.

    Parameters
    ----------
    scores : ndarray, float, (round,)
        As the table has them, NaN where there is none.

    Returns
    -------
    tuple of ndarray, ndarray, str
        Shares (round,), 0 to 1; which rounds have a wrong value, kept as it is; a sentence where they were percentages.
    """
    known = scores[~np.isnan(scores)]
    has_percent = len(known) > 0 and known.min() >= 0 and LEAST_PERCENT <= known.max() <= 100
    if has_percent and not ((known > 0) & (known <= 1)).any():
        note = f"Catch scores are percentages (from {known.min():g} to {known.max():g}) and were divided by 100."
        return scores / 100, np.zeros(len(scores), bool), note
    return scores, (scores < 0) | (scores > 1), ""
