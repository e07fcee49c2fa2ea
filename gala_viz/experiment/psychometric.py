"""Psychometric functions: how accuracy rises with what is revealed, and the level at which it reaches 75 %.

p(x) = 0.5 + (0.5 - lapse) / (1 + exp(-slope (log10 x - location))): a logistic function of the logarithm of the level
x, from the guess rate (two answers) to 1 - lapse. Source: Wichmann and Hill 2001 (Perception & Psychophysics),
equation 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from scipy.stats import t as student

from gala_viz.alignment.bootstrap import percentile_interval
from gala_viz.deprecated_paths import deprecated_getattr

GUESS_RATE = 0.5
CRITERION = 0.75
LOCATION_BOUNDS = (-2.0, 4.0)
SLOPE_BOUNDS = (0.5, 40.0)
LAPSE_RATE_BOUNDS = (0.0, 0.1)
"""Bounds of the fit: location in log10 per cent, slope per log10 unit, lapse rate as a share of trials."""
_STEPS, _ZOOMS = (25, 17, 6), 7


@dataclass(frozen=True, kw_only=True, slots=True)
class Threshold:
    """The level (per cent of the important pixels) of 75 % correct, NaN where it is beyond 100 % or nothing was fitted.

    ``low`` and ``high`` hold ``confidence`` of the bootstrap resamples of participants; a resample that does not reach
    75 % within 100 % counts as beyond it (infinity). ``middle`` is the location of the fit in log10 per cent, ``slope``
    is per log10 unit, ``lapse`` a share of trials. ``n`` counts participants.
    """

    level: float
    low: float
    high: float
    middle: float
    slope: float
    lapse: float
    n: int
    n_resamples: int
    confidence: float = 0.95
    seed: int = 0


def psychometric_function(
    levels: NDArray, location: NDArray, slope: NDArray, lapse_rate: NDArray
) -> NDArray[np.float64]:
    """Return the probability of a correct answer; all arguments broadcast.

    Parameters
    ----------
    levels : ndarray
        Per cent of the important pixels, above 0.
    location : ndarray
        log10 per cent at which half of the rise is reached.
    slope : ndarray
        Per log10 unit.
    lapse_rate : ndarray
        1 minus the highest accuracy: the share of errors that no level removes.

    Returns
    -------
    ndarray
        Probability, from the guess rate 0.5 to 1 - lapse rate, float64.

    References
    ----------
    Wichmann and Hill 2001, equation 1.
    """
    shape = 1 / (1 + np.exp(-slope * (np.log10(levels) - location)))
    return GUESS_RATE + (1 - GUESS_RATE - lapse_rate) * shape


def inverse_psychometric_function(
    criterion: float, location: NDArray, slope: NDArray, lapse_rate: NDArray
) -> NDArray[np.float64]:
    """Return the level at which the probability of a correct answer reaches ``criterion``; all arguments broadcast.

    Parameters
    ----------
    criterion : float
        Probability above the guess rate 0.5.
    location : ndarray
        log10 per cent at which half of the rise is reached.
    slope : ndarray
        Per log10 unit.
    lapse_rate : ndarray
        1 minus the highest accuracy: the share of errors that no level removes.

    Returns
    -------
    ndarray
        Per cent of the important pixels, float64; infinite where the lapse rate keeps the probability below.

    References
    ----------
    Wichmann and Hill 2001, equation 1.
    """
    share = (criterion - GUESS_RATE) / (1 - GUESS_RATE - np.asarray(lapse_rate, dtype=float))
    with np.errstate(divide="ignore", invalid="ignore"):
        log_level = location - np.log(1 / share - 1) / slope
    return np.where(share < 1, 10.0**log_level, np.inf)


def fit_psychometric_function(
    n_correct: NDArray, n_trials: NDArray, levels: NDArray
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Fit (location, slope, lapse rate), each (row,), to counts of each row by maximum likelihood within the bounds.

    ``n_correct`` and ``n_trials`` are (row, level) or (level,), ``levels`` (level,) are in per cent. A grid over the
    bounds, then ever finer grids around the best point of each row: no starting values, no local search that could
    fail, all rows at once.
    """
    n_correct, n_trials = np.atleast_2d(np.asarray(n_correct, float)), np.atleast_2d(np.asarray(n_trials, float))
    x = np.log10(np.asarray(levels, dtype=float))
    lows = np.array([LOCATION_BOUNDS[0], np.log(SLOPE_BOUNDS[0]), LAPSE_RATE_BOUNDS[0]])
    highs = np.array([LOCATION_BOUNDS[1], np.log(SLOPE_BOUNDS[1]), LAPSE_RATE_BOUNDS[1]])
    axes = [np.linspace(low, high, steps) for low, high, steps in zip(lows, highs, _STEPS, strict=True)]
    grid = np.stack([one.ravel() for one in np.meshgrid(*axes, indexing="ij")], axis=-1)
    p = _accuracy(grid[None], x)
    likelihood = n_correct @ np.log(p[0]).T + (n_trials - n_correct) @ np.log1p(-p[0]).T
    best = grid[likelihood.argmax(axis=1)]
    reach = np.array([one[1] - one[0] for one in axes])
    around = np.stack([one.ravel() for one in np.meshgrid(*[[-1, -0.5, 0, 0.5, 1]] * 3, indexing="ij")], axis=-1)
    for _ in range(_ZOOMS):
        candidates = np.clip(best[:, None] + around * reach, lows, highs)
        p = _accuracy(candidates, x)
        likelihood = (n_correct[:, None] * np.log(p) + (n_trials - n_correct)[:, None] * np.log1p(-p)).sum(axis=-1)
        best = candidates[np.arange(len(candidates)), likelihood.argmax(axis=1)]
        reach = reach * 0.6
    return best[:, 0], np.exp(best[:, 1]), best[:, 2]


def _accuracy(parameters: NDArray, x: NDArray) -> NDArray[np.float64]:
    """Return accuracy (row, point, level), clipped to inside of (0, 1), so that its logarithm is finite."""
    location, log_slope, lapse_rate = (parameters[..., axis, None] for axis in range(3))
    return np.clip(psychometric_function(10.0**x, location, np.exp(log_slope), lapse_rate), 1e-9, 1 - 1e-9)


def estimate_threshold(
    n_correct: NDArray,
    n_trials: NDArray,
    levels: NDArray,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Threshold:
    """Estimate the level of 75 % correct from all participants together, with its interval over participants.

    Percentile intervals of few participants are too narrow; these are taken at percentiles further out, so that they
    are as wide as a t interval (expanded percentile interval). With one participant there is nothing to resample, and
    no interval.

    Parameters
    ----------
    n_correct : ndarray, (participant, level)
        Counts of correct answers.
    n_trials : ndarray, (participant, level)
        Counts of trials.
    levels : ndarray, (level,)
        Per cent of the important pixels.
    n_resamples : int
        Bootstrap resamples of participants.
    seed : int
        Determines the resamples.
    confidence : float
        Nominal confidence of the interval.

    Returns
    -------
    Threshold
        Level, interval and fit; these are NaN, and ``n`` is 0, where there is no trial.

    References
    ----------
    Wichmann and Hill 2001; T. C. Hesterberg 2015 (The American Statistician).
    """
    n_correct, n_trials = np.asarray(n_correct, dtype=float), np.asarray(n_trials, dtype=float)
    n = len(n_correct)
    if not n_trials.sum():
        return Threshold(
            level=np.nan,
            low=np.nan,
            high=np.nan,
            middle=np.nan,
            slope=np.nan,
            lapse=np.nan,
            n=0,
            n_resamples=0,
            confidence=confidence,
            seed=seed,
        )
    middle, slope, lapse = (
        float(one[0]) for one in fit_psychometric_function(n_correct.sum(axis=0), n_trials.sum(axis=0), levels)
    )
    level = _within(inverse_psychometric_function(CRITERION, middle, slope, lapse))
    low = high = np.nan
    if n > 1:
        draws = np.random.default_rng([seed, 3]).integers(0, n, (n_resamples, n))
        counts = np.stack([np.bincount(row, minlength=n) for row in draws])
        resampled = _within(
            inverse_psychometric_function(
                CRITERION, *fit_psychometric_function(counts @ n_correct, counts @ n_trials, levels)
            )
        )
        with np.errstate(invalid="ignore"):
            low, high = percentile_interval(
                np.where(np.isinf(resampled), 1e9, resampled), expanded_confidence(confidence, n)
            )
        low, high = (np.inf if bound > 100 else bound for bound in (low, high))
    return Threshold(
        level=float(level) if np.isfinite(level) else np.nan,
        low=low,
        high=high,
        middle=middle,
        slope=slope,
        lapse=lapse,
        n=n,
        n_resamples=n_resamples if n > 1 else 0,
        confidence=confidence,
        seed=seed,
    )


def expanded_confidence(confidence: float, n: int) -> float:
    """Return the confidence, below 1, whose normal interval is as wide as the t interval of ``n`` values."""
    reach = np.sqrt(n / (n - 1)) * student.ppf((1 + confidence) / 2, n - 1)
    return min(float(1 - 2 * norm.cdf(-reach)), float(np.nextafter(1.0, 0.0)))  # two values: 1 but for rounding


def _within(levels: NDArray) -> NDArray[np.float64]:
    return np.where(np.asarray(levels) <= 100, levels, np.inf)


__getattr__ = deprecated_getattr(__name__)
