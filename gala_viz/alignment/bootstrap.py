"""Confidence intervals of means: percentile bootstrap, for one quantity or for many with the same resamples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.special import ndtr, stdtrit

from gala_viz.deprecated_paths import deprecated_getattr

_BLOCK_VALUES = 4_000_000
NORMAL_95 = 1.959964
"""Standard deviations within which 95 % of a normal distribution lie."""
MIN_IMAGES_FOR_INTERVAL = 6
"""An estimate over fewer images has no interval, and no difference over fewer is tested: resamples of so few values
say little of other images, and five pairs cannot reach p = 0.05. Values and their number are told."""
EXPANDED_BELOW = 30
"""Percentile intervals of fewer values are too narrow: theirs are taken further out (``expanded_confidence``)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfidenceInterval:
    """A mean over ``n`` values and the bounds of its interval, which has ``confidence``.

    ``low`` and ``high`` are NaN where there are too few for an interval. ``n_resamples`` is 0 for an interval that is
    not made by resampling. ``n_categories`` counts the categories of an interval over categories, else it is None.
    """

    mean: float
    low: float
    high: float
    n: int
    confidence: float = 0.95
    n_resamples: int = 10_000
    seed: int = 0
    n_categories: int | None = None


def bootstrap_interval(
    values: np.ndarray | xr.DataArray,
    *,
    clusters: Sequence[str] | None = None,
    confidence: float = 0.95,
    n_resamples: int = 10_000,
    seed: int = 0,
) -> ConfidenceInterval:
    """Return the mean of values and its percentile bootstrap interval over images.

    Below ``MIN_IMAGES_FOR_INTERVAL`` images there is none; below ``EXPANDED_BELOW`` it is an expanded one.

    Parameters
    ----------
    values : ndarray or DataArray, (image,)
        One value an image; NaN is left out.
    clusters : sequence of str, optional
        Category of each image: whole categories are resampled then; default: images.
    confidence : float
        Nominal confidence of the interval, between 0 and 1.
    n_resamples : int
        Resamples of images, at least 100.
    seed : int
        Seed of the resamples.

    Returns
    -------
    ConfidenceInterval
        In the unit of ``values``.

    Raises
    ------
    ValueError
        No image has a value, or a setting is out of range.

    References
    ----------
    Efron 1979; T. C. Hesterberg 2015 (The American Statistician).
    """
    column = np.asarray(values, dtype=float).reshape(-1, 1)
    (interval,) = bootstrap_intervals(
        column, clusters=clusters, confidence=confidence, n_resamples=n_resamples, seed=seed
    )
    if interval is None:
        raise ValueError("no image has a value; there is no mean to bound.")
    return interval


def bootstrap_intervals(
    values: np.ndarray,
    *,
    clusters: Sequence[str] | None = None,
    confidence: float = 0.95,
    n_resamples: int = 10_000,
    seed: int = 0,
) -> list[ConfidenceInterval | None]:
    """Return the mean and the bootstrap interval of every column.

    Columns that are known for the same images have the same resamples, drawn once. That is quick for many columns, and
    each interval is the one that its column would have alone, up to rounding.

    Parameters
    ----------
    values : ndarray, (image, quantity)
        One value an image and quantity; NaN is left out.
    clusters : sequence of str, optional
        Category of each image: whole categories are resampled then; default: images.
    confidence : float
        Nominal confidence of the intervals, between 0 and 1.
    n_resamples : int
        Resamples of images, at least 100.
    seed : int
        Seed of the resamples.

    Returns
    -------
    list of ConfidenceInterval or None
        One for each column; None for a column without values.

    Raises
    ------
    ValueError
        A setting is out of range.

    References
    ----------
    Efron 1979.
    """
    values = np.asarray(values, dtype=float)
    intervals: list[ConfidenceInterval | None] = [None] * values.shape[1]
    for rows, columns in columns_by_missing_rows(values):
        numbers = values[np.ix_(rows, columns)]
        labels = None if clusters is None else np.asarray(clusters, dtype=str)[rows]
        n_units = len(rows) if labels is None else len(set(labels.tolist()))
        means = bootstrap_means(numbers, clusters=labels, n_resamples=n_resamples, seed=seed)
        for position, column in enumerate(columns):
            low, high = resampling_interval(means[:, position], n_units, confidence)
            intervals[column] = ConfidenceInterval(
                mean=float(numbers[:, position].mean()),
                low=low,
                high=high,
                n=len(rows),
                confidence=confidence,
                n_resamples=n_resamples,
                seed=seed,
                n_categories=None if labels is None else n_units,
            )
    return intervals


def wilson_interval(proportion: float, n: int) -> tuple[float, float]:
    """Return the 95 % score interval of a proportion.

    Parameters
    ----------
    proportion : float
        Share of successes, 0 and 1 included.
    n : int
        Trials, at least 1.

    Returns
    -------
    low : float
        Lower end.
    high : float
        Upper end.

    References
    ----------
    Wilson 1927.
    """
    z = NORMAL_95
    centre, half = proportion + z * z / (2 * n), z * np.sqrt(proportion * (1 - proportion) / n + z * z / (4 * n * n))
    return float((centre - half) / (1 + z * z / n)), float((centre + half) / (1 + z * z / n))


def columns_by_missing_rows(values: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield groups of columns whose NaN stand in the same rows.

    Parameters
    ----------
    values : ndarray, (image, quantity)
        Columns; those that are NaN throughout are in no group.

    Yields
    ------
    rows : ndarray, (row,), int
        Rows with a value.
    columns : ndarray, (column,), int
        Columns of the group.
    """
    known = ~np.isnan(values)
    groups: dict[bytes, list[int]] = {}
    for column in range(values.shape[1]):
        groups.setdefault(known[:, column].tobytes(), []).append(column)
    for columns in groups.values():
        rows = np.flatnonzero(known[:, columns[0]])
        if len(rows):
            yield rows, np.array(columns)


def bootstrap_means(
    values: np.ndarray, *, clusters: np.ndarray | None = None, n_resamples: int, seed: int
) -> np.ndarray:
    """Return means of rows that are drawn with replacement.

    The same rows are drawn for all quantities, so that ratios and differences of them can have intervals.

    Parameters
    ----------
    values : ndarray, (image, quantity)
        Finite values.
    clusters : ndarray, (image,), str, optional
        Category of each image: whole categories are drawn then; default: images.
    n_resamples : int
        Resamples, at least 100.
    seed : int
        Seed of the resamples.

    Returns
    -------
    ndarray, (resample, quantity), float64
        Means in the unit of ``values``.

    Raises
    ------
    ValueError
        ``n_resamples`` is below 100.
    """
    if n_resamples < 100:
        raise ValueError(f"n_resamples is at least 100; got {n_resamples}.")
    sizes = np.ones(len(values))
    if clusters is not None:
        values, sizes = sums_by_cluster(values, clusters), sums_by_cluster(sizes[:, None], clusters)[:, 0]
    n = len(values)
    rng = np.random.default_rng([seed, 2])
    rows = max(1, _BLOCK_VALUES // n)
    means = np.empty((n_resamples, values.shape[1]))
    for start in range(0, n_resamples, rows):
        size = min(rows, n_resamples - start)
        cells = rng.integers(0, n, (size, n)) + n * np.arange(size)[:, None]
        counts = np.bincount(cells.ravel(), minlength=size * n).reshape(size, n)
        means[start : start + size] = counts @ values / (counts @ sizes)[:, None]
    return means


def sums_by_cluster(values: np.ndarray, clusters: Sequence[str] | np.ndarray) -> np.ndarray:
    """Return sums over the images of each category.

    Parameters
    ----------
    values : ndarray, (image, quantity)
        Finite values.
    clusters : sequence of str
        Category of each image.

    Returns
    -------
    ndarray, (category, quantity)
        Categories in alphabetical order.
    """
    names, codes = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    sums = np.zeros((len(names), values.shape[1]))
    np.add.at(sums, codes, values)
    return sums


def resampling_interval(resampled_values: np.ndarray, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the percentile interval of a quantity whose ``n`` values were resampled.

    Parameters
    ----------
    resampled_values : ndarray, (resample,)
        The quantity in each resample.
    n : int
        Values that were resampled: images, participants or categories.
    confidence : float
        Nominal confidence, between 0 and 1.

    Returns
    -------
    low : float
        Lower end; NaN below ``MIN_IMAGES_FOR_INTERVAL`` values.
    high : float
        Upper end.

    References
    ----------
    T. C. Hesterberg 2015 (The American Statistician): percentiles further out for few values.
    """
    if n < MIN_IMAGES_FOR_INTERVAL:
        return float("nan"), float("nan")
    return percentile_interval(
        resampled_values, expanded_confidence(confidence, n) if n < EXPANDED_BELOW else confidence
    )


def expanded_confidence(confidence: float, n: int, n_strata: int = 1) -> float:
    """Return the confidence, below 1, whose normal interval is as wide as the t interval of ``n`` values.

    Parameters
    ----------
    confidence : float
        Nominal confidence, between 0 and 1.
    n : int
        Values, at least one more than strata.
    n_strata : int
        Values that are resampled within so many strata leave ``n`` - ``n_strata`` degrees of freedom.

    Returns
    -------
    float
        At least ``confidence``.

    References
    ----------
    T. C. Hesterberg 2015 (The American Statistician).
    """
    # scipy.special's functions, since importing scipy.stats takes as long as the rest of a small command
    df = n - n_strata
    reach = np.sqrt(n / df) * stdtrit(df, (1 + confidence) / 2)
    return min(float(1 - 2 * ndtr(-reach)), float(np.nextafter(1.0, 0.0)))  # two values: 1 but for rounding


def percentile_interval(resampled_values: np.ndarray, confidence: float) -> tuple[float, float]:
    """Return the central interval that holds a share of resampled values.

    Parameters
    ----------
    resampled_values : ndarray, (resample,)
        Values of all resamples.
    confidence : float
        Share of the resamples within the interval, between 0 and 1.

    Returns
    -------
    low : float
        Lower end.
    high : float
        Upper end.

    Raises
    ------
    ValueError
        ``confidence`` is no share.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is a share of resamples, between 0 and 1; got {confidence!r}.")
    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled_values, [tail, 1 - tail])
    return float(low), float(high)


__getattr__ = deprecated_getattr(__name__)
