"""Whether two networks differ: a paired randomisation test, and correction for many tests at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from gala_viz.alignment.bootstrap import columns_by_missing_rows, sums_by_cluster

MIN_ITERATIONS = 10_000
_BLOCK_VALUES = 4_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class PairedTest:
    """A paired, two-sided randomisation test: ``p`` is the chance of a mean difference this far from 0 either way.

    ``difference`` is the mean of b - a over the ``n`` pairs; ``n_dropped`` pairs had a NaN. ``n_flipped`` are the
    pairs, or categories of them, whose signs flip, and of ``n_nonzero`` flips change anything. ``exact`` says that all
    2^n_flipped sign flips were enumerated, and ``n_iterations`` counts them; else they were drawn with ``seed``.
    """

    difference: float
    p: float
    n: int
    n_dropped: int
    n_iterations: int
    exact: bool
    seed: int
    n_flipped: int
    n_nonzero: int

    @property
    def is_bound(self) -> bool:
        """Whether ``p`` is only known to be no larger: of the drawn sign flips none reached the difference."""
        return not self.exact and self.p <= 1 / (1 + self.n_iterations)

    @property
    def smallest_p(self) -> float:
        """The smallest p that a test of so many differing pairs can give; 1 where none differs."""
        least = min(1.0, 2.0 ** (1 - self.n_nonzero))
        return least if self.exact else max(least, 1 / (1 + self.n_iterations))


def paired_randomisation(
    a: np.ndarray | xr.DataArray, b: np.ndarray | xr.DataArray, *, n_iterations: int = MIN_ITERATIONS, seed: int = 0
) -> PairedTest:
    """Test whether ``b`` differs from ``a`` on the same images, by random sign flips of the paired differences.

    The statistic is the mean difference b - a. Under the null hypothesis the sign of each pair's difference is random.
    With few pairs (2^n <= ``n_iterations``) all sign flips are enumerated and p is exact; else p = (1 + hits) / (1 +
    n_iterations), which is never 0.

    Parameters
    ----------
    a : ndarray or DataArray, (image,)
        One value an image; NaN is left out.
    b : ndarray or DataArray, (image,)
        Values of the same images; labelled values must have the same labels.
    n_iterations : int
        Sign flips, at least 10,000.
    seed : int
        Seed of the sign flips.

    Returns
    -------
    PairedTest
        Mean difference and p.

    Raises
    ------
    ValueError
        The shapes differ, no image has both values, or ``n_iterations`` is too small.

    References
    ----------
    Fisher 1935.
    """
    if isinstance(a, xr.DataArray) and isinstance(b, xr.DataArray):
        a, b = xr.align(a, b, join="exact")
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(f"two rows of values, one pair an image, were expected; got {first.shape} and {second.shape}.")
    (test,) = paired_randomisations((second - first)[:, None], n_iterations=n_iterations, seed=seed)
    if test is None:
        raise ValueError("no image has a value from both; nothing can be tested.")
    return test


def paired_randomisations(
    differences: np.ndarray,
    *,
    clusters: Sequence[str] | None = None,
    n_iterations: int = MIN_ITERATIONS,
    seed: int = 0,
) -> list[PairedTest | None]:
    """Test the paired differences of every column against 0, as ``paired_randomisation`` does.

    Columns that are known for the same images are tested with the same sign flips, drawn once; each result is the one
    that the column would have alone.

    Parameters
    ----------
    differences : ndarray, (image, quantity)
        b - a; NaN is left out.
    clusters : sequence of str, optional
        Category of each image: the signs of whole categories flip then; default: of images.
    n_iterations : int
        Sign flips, at least 10,000.
    seed : int
        Seed of the sign flips.

    Returns
    -------
    list of PairedTest or None
        One for each column; None for a column that is NaN throughout.

    Raises
    ------
    ValueError
        ``n_iterations`` is too small.

    References
    ----------
    Fisher 1935.
    """
    if n_iterations < MIN_ITERATIONS:
        raise ValueError(f"n_iterations is at least {MIN_ITERATIONS}, so that p is steady; got {n_iterations}.")
    differences = np.asarray(differences, dtype=float)
    tests: list[PairedTest | None] = [None] * differences.shape[1]
    for rows, columns in columns_by_missing_rows(differences):
        group = differences[np.ix_(rows, columns)]
        if clusters is not None:
            group = sums_by_cluster(group, np.asarray(clusters, dtype=str)[rows])
        n = len(group)
        exact = 2 ** min(n, 63) <= n_iterations
        count = 2**n if exact else n_iterations
        draw = _all_signs if exact else _drawn_signs(np.random.default_rng([seed, 1]))
        total = group.sum(axis=0)
        reached = np.abs(total) - 1e-9 * np.abs(group).sum(axis=0)
        hits = sum((np.abs(block @ group) >= reached).sum(axis=0) for block in _sign_blocks(draw, count, n))
        nonzero = np.count_nonzero(group, axis=0)
        for column, sum_, hit, n_nonzero in zip(
            columns, total.tolist(), np.asarray(hits).tolist(), nonzero.tolist(), strict=True
        ):
            tests[column] = PairedTest(
                difference=sum_ / len(rows),
                p=hit / count if exact else (1 + hit) / (1 + count),
                n=len(rows),
                n_dropped=len(differences) - len(rows),
                n_iterations=count,
                exact=exact,
                seed=seed,
                n_flipped=n,
                n_nonzero=n_nonzero,
            )
    return tests


def _sign_blocks(draw: Callable[[int, int, int], np.ndarray], count: int, n: int) -> Iterator[np.ndarray]:
    rows = max(1, _BLOCK_VALUES // n)
    for start in range(0, count, rows):
        yield draw(start, min(rows, count - start), n)


def _all_signs(start: int, rows: int, n: int) -> np.ndarray:
    return 1.0 - 2.0 * ((np.arange(start, start + rows)[:, None] >> np.arange(n)) & 1)


def _drawn_signs(generator: np.random.Generator) -> Callable[[int, int, int], np.ndarray]:
    return lambda start, rows, n: 1.0 - 2.0 * generator.integers(0, 2, (rows, n), dtype=np.int8)


def benjamini_hochberg(p: np.ndarray | xr.DataArray) -> np.ndarray | xr.DataArray:
    """Return adjusted p values of many tests at once.

    Where tests with an adjusted p <= q are called significant, the false-discovery rate is at most q.

    Parameters
    ----------
    p : ndarray or DataArray
        p values in [0, 1], of any shape; NaN tests are left out.

    Returns
    -------
    ndarray or DataArray, float64
        Adjusted p values, with the shape and the labels of ``p``; NaN stays NaN.

    Raises
    ------
    ValueError
        A p value lies outside [0, 1].

    References
    ----------
    Benjamini and Hochberg 1995.
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
