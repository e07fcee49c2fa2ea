"""Psychometric functions: how accuracy rises with what is revealed, and the level at which it reaches 75 %.

p(x) = 0.5 + (0.5 - lapse) / (1 + exp(-slope (log10 x - middle))): a logistic function of the logarithm of the level x,
from chance (two answers) to 1 - lapse. Source: Wichmann & Hill 2001 (Perception & Psychophysics), equation 1.
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
"""Bounds of the fit: middle in log10 per cent, slope per log10 unit, lapse as a share of trials."""
_STEPS, _ZOOMS = (25, 17, 6), 7


@dataclass(frozen=True, kw_only=True, slots=True)
class Threshold:
    """The level (per cent of the important pixels) of 75 % correct, NaN where it is beyond 100 % or nothing was fitted.

    ``low`` and ``high`` hold ``confidence`` of the bootstrap resamples of participants; a resample that does not reach
    75 % within 100 % counts as beyond it (infinity). ``n`` counts participants.
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
    """p correct at ``levels`` (per cent), broadcast against the parameters."""
    shape = 1 / (1 + np.exp(-slope * (np.log10(levels) - location)))
    return GUESS_RATE + (1 - GUESS_RATE - lapse_rate) * shape


def inverse_psychometric_function(
    criterion: float, location: NDArray, slope: NDArray, lapse_rate: NDArray
) -> NDArray[np.float64]:
    """The level (per cent) at which accuracy reaches ``criterion``; infinite where lapses keep it below."""
    share = (criterion - GUESS_RATE) / (1 - GUESS_RATE - np.asarray(lapse_rate, dtype=float))
    with np.errstate(divide="ignore", invalid="ignore"):
        place = location - np.log(1 / share - 1) / slope
    return np.where(share < 1, 10.0**place, np.inf)


def fit_psychometric_function(
    n_correct: NDArray, n_trials: NDArray, levels: NDArray
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Maximum-likelihood (middle, slope, lapse), each (row,), of rows of counts ``n_correct`` of ``n_trials`` (row,
    level).

    A grid over the bounds, then ever finer grids around the best of each row: no starting values, no local search that
    could fail, all rows at once.
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
        tried = np.clip(best[:, None] + around * reach, lows, highs)
        p = _accuracy(tried, x)
        likelihood = (n_correct[:, None] * np.log(p) + (n_trials - n_correct)[:, None] * np.log1p(-p)).sum(axis=-1)
        best = tried[np.arange(len(tried)), likelihood.argmax(axis=1)]
        reach = reach * 0.6
    return best[:, 0], np.exp(best[:, 1]), best[:, 2]


def _accuracy(parameters: NDArray, x: NDArray) -> NDArray[np.float64]:
    """(row, point, level), kept off 0 and 1 so that a logarithm of it is finite."""
    middle, slope, lapse = (parameters[..., axis, None] for axis in range(3))
    return np.clip(psychometric_function(10.0**x, middle, np.exp(slope), lapse), 1e-9, 1 - 1e-9)


def estimate_threshold(
    n_correct: NDArray,
    n_trials: NDArray,
    levels: NDArray,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Threshold:
    """The fit to counts (participant, level) of all participants together, its interval over participants.

    Percentile intervals of few participants are too narrow; these are taken at percentiles further out, so that they
    are as wide as a t interval would be (the expanded percentile interval of Hesterberg 2015, The American
    Statistician). With one participant there is nothing to resample, and no interval.
    """
    n_correct, n_trials = np.asarray(n_correct, dtype=float), np.asarray(n_trials, dtype=float)
    n = len(n_correct)
    if not n_trials.sum():
        return Threshold(
            level=np.nan, low=np.nan, high=np.nan, middle=np.nan, slope=np.nan, lapse=np.nan, n=0, n_resamples=0
        )
    middle, slope, lapse = (
        float(one[0]) for one in fit_psychometric_function(n_correct.sum(axis=0), n_trials.sum(axis=0), levels)
    )
    level = _within(inverse_psychometric_function(CRITERION, middle, slope, lapse))
    low = high = np.nan
    if n > 1:
        draws = np.random.default_rng([seed, 3]).integers(0, n, (n_resamples, n))
        counts = np.stack([np.bincount(row, minlength=n) for row in draws])
        drawn = _within(
            inverse_psychometric_function(
                CRITERION, *fit_psychometric_function(counts @ n_correct, counts @ n_trials, levels)
            )
        )
        with np.errstate(invalid="ignore"):
            low, high = percentile_interval(np.where(np.isinf(drawn), 1e9, drawn), expanded_confidence(confidence, n))
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
