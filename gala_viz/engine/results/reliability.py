"""How far a delta can be read: its reliability in words, and how much of it lies beyond its error.

Reliability is the split-half correlation over samples (``half_samples.split_half_reliability``). Beside the share of a
map that lies beyond two standard errors stands the share that noise alone puts there: with errors of few degrees of
freedom that is more than the 4.6 % of a normal distribution.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.special import stdtr

MOSTLY_NOISE, RELIABLE = 0.5, 0.75
"""Below the first less than half of a delta's variance would come again with other samples; from the second on nothing
is said beside the number."""
ERRORS = 2.0
"""A value is within its error where it lies no more than so many standard errors from 0."""
DEGREES_OF_FREEDOM = "degrees_of_freedom"
"""Attr of standard errors: of how many independent values they are, less one."""
ADVICE = "more samples or more smoothing"
POOLED_DEGREES_OF_FREEDOM = float("inf")
"""Of ``half_sample_error``, which pools many cells: noise that is smoothed by 0 to 16 cells has 3.4 to 4.6 % beyond two
of them, a normal distribution 4.6 %."""


def reliability_words(reliability: float) -> str:
    """Return what a delta's reliability means: "mostly noise", "partly noise", or "" (reliable, or not known)."""
    if not reliability < RELIABLE:
        return ""
    return "mostly noise" if reliability < MOSTLY_NOISE else "partly noise"


def reliability_text(reliability: float) -> str:
    """Return a delta's reliability as a phrase, "reliability 0.29, mostly noise"; "" where it is not known."""
    if np.isnan(reliability):
        return ""
    words = reliability_words(reliability)
    return f"reliability {reliability:.2f}{', ' * bool(words)}{words}"


def share_beyond_error(values: np.ndarray, error: np.ndarray | None) -> float:
    """Return the share of a map that lies beyond ``ERRORS`` standard errors.

    Parameters
    ----------
    values : ndarray, (y, x)
        Signed map; NaN cells are left out.
    error : ndarray, (y, x), or None
        Its standard error, in its unit.

    Returns
    -------
    float
        From 0 to 1; NaN where no cell has a value and an error.
    """
    if error is None:
        return float("nan")
    known = np.isfinite(values) & np.isfinite(error)
    return float(np.mean(np.abs(values[known]) > ERRORS * error[known])) if known.any() else float("nan")


def chance_beyond_error(degrees_of_freedom: float, errors: float = ERRORS) -> float:
    """Return the share of noise that lies beyond so many standard errors of so many ``degrees_of_freedom``.

    By Student's t, for an error that is estimated apart from the value; NaN where there are none.
    """
    return float(2 * stdtr(degrees_of_freedom, -errors)) if degrees_of_freedom > 0 else float("nan")


def beyond_error_text(values: xr.DataArray, error: xr.DataArray | None) -> str:
    """Return how much of a map lies beyond its error, beside what chance gives; "" where that is not known.

    Parameters
    ----------
    values : DataArray, (y, x)
        Signed map.
    error : DataArray, (y, x), or None
        Its standard error; with ``degrees_of_freedom`` in its attrs the share that noise alone puts there is told.

    Returns
    -------
    str
        For example "31 % of its pixels beyond 2 standard errors (noise alone: 8 %)".
    """
    share = share_beyond_error(np.asarray(values), None if error is None else np.asarray(error))
    if error is None or np.isnan(share):
        return ""
    chance = chance_beyond_error(float(error.attrs.get(DEGREES_OF_FREEDOM, 0)))
    of_noise = "" if np.isnan(chance) else f" (noise alone: {100 * chance:.0f} %)"
    return f"{100 * share:.0f} % of its pixels beyond {ERRORS:g} standard errors{of_noise}"
