"""How sure a mean is: percentile bootstrap intervals, for one quantity or for many that share their resamples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

_BLOCK_VALUES = 4_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfidenceInterval:
    """A mean over ``n`` values; ``confidence`` of its bootstrap resamples lie between ``low`` and ``high``.

    With ``n`` = 1 there is nothing to resample: ``low`` and ``high`` are the value itself and tell no uncertainty.
    """

    mean: float
    low: float
    high: float
    n: int
    confidence: float = 0.95
    n_resamples: int = 10_000
    seed: int = 0


def bootstrap_interval(
    values: np.ndarray | xr.DataArray, *, confidence: float = 0.95, n_resamples: int = 10_000, seed: int = 0
) -> ConfidenceInterval:
    """The mean of ``values`` (one an image; NaN left out) and its percentile bootstrap interval over images."""
    column = np.asarray(values, dtype=float).reshape(-1, 1)
    (found,) = bootstrap_intervals(column, confidence=confidence, n_resamples=n_resamples, seed=seed)
    if found is None:
        raise ValueError("no image has a value; there is no mean to bound.")
    return found


def bootstrap_intervals(
    values: np.ndarray, *, confidence: float = 0.95, n_resamples: int = 10_000, seed: int = 0
) -> list[ConfidenceInterval | None]:
    """``bootstrap_interval`` of every column of ``values`` (image, quantity); None for a column without values.

    Columns that are known for the same images are bounded by the same resamples, drawn once: quick for many columns,
    and each interval is the one that its column would have alone, up to rounding.
    """
    values = np.asarray(values, dtype=float)
    found: list[ConfidenceInterval | None] = [None] * values.shape[1]
    for known, columns in columns_by_missing_rows(values):
        numbers = values[np.ix_(known, columns)]
        means = bootstrap_means(numbers, n_resamples=n_resamples, seed=seed)
        for position, column in enumerate(columns):
            low, high = percentile_interval(means[:, position], confidence)
            found[column] = ConfidenceInterval(
                mean=float(numbers[:, position].mean()),
                low=low,
                high=high,
                n=len(known),
                confidence=confidence,
                n_resamples=n_resamples,
                seed=seed,
            )
    return found


def wilson_interval(proportion: float, n: int) -> tuple[float, float]:
    """The 95 % score interval of a ``proportion`` of ``n`` trials; it bounds 0 and 1 too. Source: Wilson 1927."""
    z = 1.959964
    centre, half = proportion + z * z / (2 * n), z * np.sqrt(proportion * (1 - proportion) / n + z * z / (4 * n * n))
    return float((centre - half) / (1 + z * z / n)), float((centre + half) / (1 + z * z / n))


def columns_by_missing_rows(values: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Groups of columns of ``values`` (image, quantity) whose NaN stand in the same rows: (rows known, columns).

    Columns that are NaN throughout are in no group.
    """
    known = ~np.isnan(values)
    groups: dict[bytes, list[int]] = {}
    for column in range(values.shape[1]):
        groups.setdefault(known[:, column].tobytes(), []).append(column)
    for columns in groups.values():
        rows = np.flatnonzero(known[:, columns[0]])
        if len(rows):
            yield rows, np.array(columns)


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
        size = min(rows, n_resamples - start)
        cells = generator.integers(0, n, (size, n)) + n * np.arange(size)[:, None]
        counts = np.bincount(cells.ravel(), minlength=size * n).reshape(size, n)
        means[start : start + size] = counts @ values / n
    return means


def percentile_interval(resampled_values: np.ndarray, confidence: float) -> tuple[float, float]:
    """The central interval that holds ``confidence`` of ``resampled_values``."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is a share of resamples, between 0 and 1; got {confidence!r}.")
    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled_values, [tail, 1 - tail])
    return float(low), float(high)
