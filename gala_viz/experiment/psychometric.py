"""Psychometric functions: how accuracy rises with what is revealed, and the level at which it reaches 75 %.

p(x) = 0.5 + (0.5 - lapse) / (1 + exp(-slope (log10 x - location))): a logistic function of the logarithm of the level
x, from the guess rate (two answers) to 1 - lapse. At the full image, an infinite level, p is 1 - lapse.
Source: Wichmann and Hill 2001 (Perception & Psychophysics), equation 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, xlogy

from gala_viz.alignment.bootstrap import expanded_confidence, percentile_interval
from gala_viz.deprecated_paths import deprecated_getattr

GUESS_RATE = 0.5
CRITERION = 0.75
LOCATION_BOUNDS = (-2.0, 4.0)
SLOPE_BOUNDS = (0.5, 40.0)
LAPSE_RATE_BOUNDS = (0.0, 0.1)
"""Bounds of the fit: location in log10 per cent, slope per log10 unit, lapse rate as a share of trials."""
_STEPS, _MAX_ITERATIONS, _BLOCK_VALUES = (61, 17, 6), 200, 4_000_000
_LOWS = np.array([LOCATION_BOUNDS[0], np.log(SLOPE_BOUNDS[0]), LAPSE_RATE_BOUNDS[0]])
_HIGHS = np.array([LOCATION_BOUNDS[1], np.log(SLOPE_BOUNDS[1]), LAPSE_RATE_BOUNDS[1]])
_SCALES = np.array([1.0, 1.0, 0.1])
"""Units of location, logarithm of the slope and lapse rate in which the fit takes its steps."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Threshold:
    """The level (per cent) of 75 % correct, NaN where it is beyond the largest level or nothing was fitted.

    ``low`` and ``high`` hold ``confidence`` of the bootstrap resamples of units, participants or images; a resample
    that does not reach 75 % within the largest level counts as beyond it (infinity). ``location`` is in log10 per cent,
    ``slope`` per log10 unit, ``lapse_rate`` a share of trials. ``n`` counts units. ``at_bound`` names the parameters
    that lie at a bound of the fit, as "lapse = 0.1"; such a value tells the bound, not the observer.
    """

    level: float
    low: float
    high: float
    location: float
    slope: float
    lapse_rate: float
    n: int
    n_resamples: int
    confidence: float = 0.95
    seed: int = 0
    at_bound: str = ""


def psychometric_function(
    levels: NDArray, location: NDArray, slope: NDArray, lapse_rate: NDArray
) -> NDArray[np.float64]:
    """Return the probability of a correct answer; all arguments broadcast.

    Parameters
    ----------
    levels : ndarray
        What is revealed, in per cent, above 0; infinite for the full image.
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
        In per cent, float64; infinite where the lapse rate keeps the probability below.

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

    ``n_correct`` and ``n_trials`` are (row, level) or (level,), ``levels`` (level,) are in per cent, infinite for the
    full image, which tells the lapse rate alone. From the best points of a grid over the bounds, steps of Newton's
    method with damping (Levenberg and Marquardt) climb to the maximum; parameters that press against a bound stay
    there. All rows are fitted at once, each as it would be alone.
    """
    n_correct, n_trials = (np.atleast_2d(np.asarray(one, dtype=float)) for one in (n_correct, n_trials))
    x = np.log10(np.asarray(levels, dtype=float))
    axes = [np.linspace(low, high, steps) for low, high, steps in zip(_LOWS, _HIGHS, _STEPS, strict=True)]
    grid = np.stack([one.ravel() for one in np.meshgrid(*axes, indexing="ij")], axis=-1)
    p, q = _probabilities(grid, x)
    # Infinite logarithms would make NaN of counts of 0.
    log_p, log_q = np.log(p), np.log(np.maximum(q, 1e-300))
    steepness = np.digitize(grid[:, 1], [*np.quantile(axes[1], [1 / 3, 2 / 3]), axes[1][-1]])
    rows = max(1, _BLOCK_VALUES // len(grid))
    parts = []
    for begin in range(0, len(n_correct), rows):
        right, total = n_correct[begin : begin + rows], n_trials[begin : begin + rows]
        likelihood = right @ log_p.T + (total - right) @ log_q.T
        # A shallow, a middling, a steep start and a step: the likelihood of few trials has more than one maximum.
        bands = [steepness == band for band in range(4)]
        starts = [grid[band][likelihood[:, band].argmax(axis=1)] for band in bands]
        tops = [_climb(start, right, total - right, x) for start in starts]
        best = np.argmax([value for _, value in tops], axis=0)
        parts.append(np.stack([parameters for parameters, _ in tops])[best, np.arange(len(right))])
    found = np.concatenate(parts)
    return found[:, 0], np.exp(found[:, 1]), found[:, 2]


def _probabilities(parameters: NDArray, x: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the probabilities (row, level) of a right and a wrong answer; the second keeps its small values."""
    location, log_slope, lapse_rate = (parameters[:, axis, None] for axis in range(3))
    z = np.exp(log_slope) * (x - location)
    rise = expit(z)
    p = GUESS_RATE + (1 - GUESS_RATE - lapse_rate) * rise
    return p, (1 - GUESS_RATE) * expit(-z) + lapse_rate * rise


def _climb(start: NDArray, right: NDArray, wrong: NDArray, x: NDArray) -> tuple[NDArray, NDArray]:
    """Climb from ``start`` (row, parameter) to a maximum within the bounds; return it and its log-likelihood (row,)."""
    parameters, value = start.copy(), np.full(len(start), -np.inf)
    damping = np.full(len(start), 1e-3)
    p, q = _probabilities(parameters, x)
    value = (xlogy(right, p) + xlogy(wrong, q)).sum(axis=1)
    active = np.arange(len(start))
    for _ in range(_MAX_ITERATIONS):
        own, counts = parameters[active], (right[active], wrong[active])
        gradient, curvature = _derivatives(own, *counts, x)
        held = ((own <= _LOWS) & (gradient <= 0)) | ((own >= _HIGHS) & (gradient >= 0))
        gradient = np.where(held, 0.0, gradient)
        curvature = np.where(held[:, :, None] | held[:, None, :], -np.eye(3), curvature)
        # Absolute eigenvalues: also where the likelihood curves upwards, the step climbs.
        scales, directions = np.linalg.eigh(curvature)
        scales = np.abs(scales)
        scales = np.maximum(scales, 1e-9 * scales.max(axis=1, keepdims=True)) + 1e-12
        along = np.einsum("rpd,rp->rd", directions, gradient)
        remaining = (along**2 / scales).sum(axis=1)
        step = np.einsum("rpd,rd->rp", directions, along / (scales + (damping[active] * scales.max(axis=1))[:, None]))
        step = step / np.maximum(1.0, np.abs(step).max(axis=1, keepdims=True)) * _SCALES
        candidate = np.clip(own + step, _LOWS, _HIGHS)
        p, q = _probabilities(candidate, x)
        reached = (xlogy(counts[0], p) + xlogy(counts[1], q)).sum(axis=1)
        better = reached > value[active]
        parameters[active[better]], value[active[better]] = candidate[better], reached[better]
        damping[active] = np.clip(damping[active] * np.where(better, 0.2, 5.0), 1e-9, 1e9)
        active = active[(remaining > 1e-8) & (damping[active] < 1e8)]
        if not len(active):
            break
    return parameters, value


def _derivatives(parameters: NDArray, right: NDArray, wrong: NDArray, x: NDArray) -> tuple[NDArray, NDArray]:
    """Return first (row, 3) and second derivatives (row, 3, 3) of the log-likelihood, in units of ``_SCALES``."""
    location, log_slope, lapse_rate = (parameters[:, axis, None] for axis in range(3))
    slope, height = np.exp(log_slope), 1 - GUESS_RATE - lapse_rate
    z = slope * (x - location)
    rise, rest = expit(z), expit(-z)
    z = np.where(np.isfinite(z), z, 0.0)  # at the full image only the lapse rate counts
    first, second = rise * rest, rise * rest * (rest - rise)
    gradient_p = np.stack([-height * slope * first, height * z * first, -rise])
    curvature_p = np.zeros((3, 3, *first.shape))
    curvature_p[0, 0] = height * slope**2 * second
    curvature_p[1, 1] = height * (second * z**2 + first * z)
    curvature_p[0, 1] = curvature_p[1, 0] = -height * slope * (second * z + first)
    curvature_p[0, 2] = curvature_p[2, 0] = slope * first
    curvature_p[1, 2] = curvature_p[2, 1] = -z * first
    p, q = _probabilities(parameters, x)
    q = np.where(wrong > 0, q, 1.0)
    linear, square = right / p - wrong / q, right / p**2 + wrong / q**2
    gradient = np.einsum("prl,rl->rp", gradient_p, linear)
    curvature = np.einsum("pdrl,rl->rpd", curvature_p, linear)
    curvature -= np.einsum("prl,drl,rl->rpd", gradient_p, gradient_p, square)
    return gradient * _SCALES, curvature * _SCALES * _SCALES[:, None]


def estimate_threshold(
    n_correct: NDArray,
    n_trials: NDArray,
    levels: NDArray,
    *,
    strata: Sequence[str] | NDArray | None = None,
    largest: float = 100.0,
    n_resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Threshold:
    """Estimate the level of 75 % correct from all units together, with its interval over units.

    Units are participants, or images. Percentile intervals of few units are too narrow; these are taken at percentiles
    further out, so that they are as wide as a t interval (expanded percentile interval). Where a stratum has one unit
    alone there is nothing to resample, and no interval.

    Parameters
    ----------
    n_correct : ndarray, (unit, level)
        Counts of correct answers.
    n_trials : ndarray, (unit, level)
        Counts of trials.
    levels : ndarray, (level,)
        What is revealed, in per cent; infinite for the full image.
    strata : sequence of str, (unit,), optional
        Units are resampled within their stratum, images within their superclass; default: all are of one.
    largest : float
        Level beyond which a threshold counts as not reached, in per cent.
    n_resamples : int
        Bootstrap resamples of units.
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
            location=np.nan,
            slope=np.nan,
            lapse_rate=np.nan,
            n=0,
            n_resamples=0,
            confidence=confidence,
            seed=seed,
        )
    location, slope, lapse_rate = (
        float(one[0]) for one in fit_psychometric_function(n_correct.sum(axis=0), n_trials.sum(axis=0), levels)
    )
    level = float(inverse_psychometric_function(CRITERION, location, slope, lapse_rate))
    groups = np.unique(np.zeros(n) if strata is None else np.asarray(strata), return_inverse=True)[1]
    low = high = np.nan
    last = largest * (1 + 1e-6)  # a step between two levels may put the threshold at the largest but for rounding
    can_be_resampled = np.bincount(groups).min() > 1
    if can_be_resampled:
        counts = _resample_counts(groups, n_resamples, seed)
        fits = fit_psychometric_function(counts @ n_correct, counts @ n_trials, levels)
        resampled = inverse_psychometric_function(CRITERION, *fits)
        low, high = percentile_interval(
            np.where(resampled > last, 1e9, resampled), expanded_confidence(confidence, n, int(groups.max()) + 1)
        )
        low, high = (np.inf if bound > last else bound for bound in (low, high))
    return Threshold(
        level=level if level <= last else np.nan,
        low=low,
        high=high,
        location=location,
        slope=slope,
        lapse_rate=lapse_rate,
        n=n,
        n_resamples=n_resamples if can_be_resampled else 0,
        confidence=confidence,
        seed=seed,
        at_bound=_parameters_at_bound(location, slope, lapse_rate),
    )


def _resample_counts(groups: NDArray[np.intp], n_resamples: int, seed: int) -> NDArray[np.float64]:
    """Return how often each unit is drawn, (resample, unit): as many of each group as it has, with replacement."""
    rng = np.random.default_rng([seed, 3])
    counts = np.zeros((n_resamples, len(groups)))
    for group in range(groups.max() + 1):
        own = np.flatnonzero(groups == group)
        drawn = own[rng.integers(0, len(own), (n_resamples, len(own)))]
        np.add.at(counts, (np.arange(n_resamples)[:, None], drawn), 1.0)
    return counts


def _parameters_at_bound(location: float, slope: float, lapse_rate: float) -> str:
    fitted = {
        "location": (location, LOCATION_BOUNDS),
        "slope": (slope, SLOPE_BOUNDS),
        "lapse": (lapse_rate, LAPSE_RATE_BOUNDS),
    }
    found = [
        f"{name} = {bound:g}"
        for name, (value, bounds) in fitted.items()
        for bound in bounds
        if np.isclose(value, bound, rtol=1e-6, atol=1e-9)
    ]
    return "; ".join(found)


__getattr__ = deprecated_getattr(__name__)
