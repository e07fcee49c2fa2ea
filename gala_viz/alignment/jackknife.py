"""Intervals by the delete-one jackknife: for estimates whose parts hang together, so that resampling them misleads."""

from __future__ import annotations

import numpy as np
from scipy.special import stdtrit


def jackknife_error(without_each: np.ndarray) -> float:
    """Return the delete-one jackknife standard error of an estimate.

    Parameters
    ----------
    without_each : ndarray, (unit,)
        The estimate without each unit.

    Returns
    -------
    float
        In the unit of the estimate; NaN where an estimate without a unit is not known, and below two units.

    References
    ----------
    B. Efron and C. Stein 1981 (Annals of Statistics).
    """
    n = len(without_each)
    if n < 2:
        return float("nan")
    return float(np.sqrt((n - 1) / n * np.square(without_each - np.mean(without_each)).sum()))


def interval_of_error(
    estimate: float, standard_error: float, n: int, *, confidence: float = 0.95
) -> tuple[float, float]:
    """Return the interval of Student's t around an estimate.

    Parameters
    ----------
    estimate : float
        The estimate.
    standard_error : float
        Its standard error.
    n : int
        Units that the error is from; there is one degree of freedom less.
    confidence : float
        Nominal confidence, between 0 and 1.

    Returns
    -------
    low : float
        Lower end; NaN below two units.
    high : float
        Upper end.
    """
    reach = standard_error * float(stdtrit(n - 1, (1 + confidence) / 2)) if n > 1 else float("nan")
    return estimate - reach, estimate + reach
