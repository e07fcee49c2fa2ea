"""How sure a number is: intervals over images, a paired randomisation test, and correction for many tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr

MIN_ITERATIONS = 10_000
_BLOCK_VALUES = 4_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A mean over ``n`` values; ``confidence`` of its bootstrap resamples lie between ``low`` and ``high``."""

    mean: float
    low: float
    high: float
    n: int
    confidence: float = 0.95
    n_resamples: int = 10_000
    seed: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class PairedTest:
    """A paired, two-sided randomisation test: ``p`` is the chance of a mean difference this far from 0 either way.

    ``difference`` is the mean of b - a over the ``n`` pairs; ``n_dropped`` pairs had a NaN. ``exact`` tells that all
    2^n sign flips were enumerated, and ``n_iterations`` counts them; else they were drawn with ``seed``.
    """

    difference: float
    p: float
    n: int
    n_dropped: int
    n_iterations: int
    exact: bool
    seed: int


def paired_randomisation(
    a: np.ndarray | xr.DataArray, b: np.ndarray | xr.DataArray, *, n_iterations: int = MIN_ITERATIONS, seed: int = 0
) -> PairedTest:
    """Does ``b`` differ from ``a`` on the same images? Under the null each pair's difference flips its sign at will.

    The statistic is the mean difference b - a. With few pairs (2^n <= ``n_iterations``) all sign flips are enumerated
    and p is exact; else p = (1 + hits) / (1 + n_iterations), which is never 0. Labelled values are matched by label.
    """
    if n_iterations < MIN_ITERATIONS:
        raise ValueError(f"n_iterations is at least {MIN_ITERATIONS}, so that p is steady; got {n_iterations}.")
    if isinstance(a, xr.DataArray) and isinstance(b, xr.DataArray):
        a, b = xr.align(a, b, join="exact")
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(f"two rows of values, one pair an image, were expected; got {first.shape} and {second.shape}.")
    differences = second - first
    kept = differences[~np.isnan(differences)]
    if not len(kept):
        raise ValueError("no image has a value from both; nothing can be tested.")
    exact = 2 ** min(len(kept), 63) <= n_iterations
    total = float(kept.sum())
    count = 2 ** len(kept) if exact else n_iterations
    draw = _all_signs if exact else _drawn_signs(np.random.default_rng([seed, 1]))
    reached = abs(total) - 1e-9 * np.abs(kept).sum()
    hits = sum(int((np.abs(block @ kept) >= reached).sum()) for block in _sign_blocks(draw, count, len(kept)))
    return PairedTest(
        difference=total / len(kept),
        p=hits / count if exact else (1 + hits) / (1 + count),
        n=len(kept),
        n_dropped=len(differences) - len(kept),
        n_iterations=count,
        exact=exact,
        seed=seed,
    )


def _sign_blocks(draw: Callable[[int, int, int], np.ndarray], count: int, n: int):
    rows = max(1, _BLOCK_VALUES // n)
    for start in range(0, count, rows):
        yield draw(start, min(rows, count - start), n)


def _all_signs(start: int, rows: int, n: int) -> np.ndarray:
    return 1.0 - 2.0 * ((np.arange(start, start + rows)[:, None] >> np.arange(n)) & 1)


def _drawn_signs(generator: np.random.Generator) -> Callable[[int, int, int], np.ndarray]:
    return lambda start, rows, n: 1.0 - 2.0 * generator.integers(0, 2, (rows, n), dtype=np.int8)


def bootstrap_interval(
    values: np.ndarray | xr.DataArray, *, confidence: float = 0.95, n_resamples: int = 10_000, seed: int = 0
) -> Interval:
    """The mean of ``values`` (one an image; NaN left out) and its percentile bootstrap interval over images."""
    numbers = np.asarray(values, dtype=float).ravel()
    numbers = numbers[~np.isnan(numbers)]
    if not len(numbers):
        raise ValueError("no image has a value; there is no mean to bound.")
    means = bootstrap_means(numbers[:, None], n_resamples=n_resamples, seed=seed)[:, 0]
    low, high = percentile_bounds(means, confidence)
    return Interval(
        mean=float(numbers.mean()),
        low=low,
        high=high,
        n=len(numbers),
        confidence=confidence,
        n_resamples=n_resamples,
        seed=seed,
    )


def bootstrap_means(values: np.ndarray, *, n_resamples: int, seed: int) -> np.ndarray:
    """Means of rows of ``values`` (image, quantity) drawn with replacement: (resample, quantity).

    The same images are drawn for all quantities, so that ratios and differences of them can be bounded.
    """
    if n_resamples < 100:
        raise ValueError(f"n_resamples is at least 100; got {n_resamples}.")
    n = len(values)
    generator = np.random.default_rng([seed, 2])
    rows = max(1, _BLOCK_VALUES // n)
    means = np.empty((n_resamples, values.shape[1]))
    for start in range(0, n_resamples, rows):
        drawn = generator.integers(0, n, (min(rows, n_resamples - start), n))
        for quantity in range(values.shape[1]):
            means[start : start + len(drawn), quantity] = values[drawn, quantity].mean(axis=1)
    return means


def percentile_bounds(draws: np.ndarray, confidence: float) -> tuple[float, float]:
    """The central interval that holds ``confidence`` of ``draws``."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is a share of resamples, between 0 and 1; got {confidence!r}.")
    tail = (1 - confidence) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return float(low), float(high)


def benjamini_hochberg(p: np.ndarray | xr.DataArray) -> np.ndarray | xr.DataArray:
    """Adjusted p values of many tests at once: calling those <= q significant keeps the false-discovery rate at q.

    Source: Benjamini and Hochberg 1995. The shape and labels of ``p`` are kept; NaN tests are left out and stay NaN.
    """
    if isinstance(p, xr.DataArray):
        return p.copy(data=benjamini_hochberg(p.values))
    p = np.asarray(p, dtype=float)
    adjusted = np.full(p.shape, np.nan)
    tested = ~np.isnan(p)
    values = p[tested]
    if ((values < 0) | (values > 1)).any():
        raise ValueError("p values lie in [0, 1]; some do not.")
    order = np.argsort(values)
    scaled = values[order] * len(values) / np.arange(1, len(values) + 1)
    monotone = np.minimum.accumulate(scaled[::-1])[::-1]
    result = np.empty(len(values))
    result[order] = np.minimum(monotone, 1.0)
    adjusted[tested] = result
    return adjusted
