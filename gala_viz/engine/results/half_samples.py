"""Errors and reliability from two half-sample means: the maps of the even and of the odd samples.

They are enough for anything that is computed from a map: it is computed of either half, and what differs is chance.
"""

from __future__ import annotations

import numpy as np

from gala_viz.engine.results.reduction import smooth

POOLING_PX = 8.0
"""Standard deviation of the neighbourhood over which squared differences of halves are averaged, in pixels of the input
beyond the smoothing: one difference alone says nearly nothing of the error of its pixel."""


def half_sample_error(halves: np.ndarray, pooling: float = POOLING_PX) -> np.ndarray:
    """Return the Monte-Carlo standard error of the mean of two halves.

    It is half the root mean square of their differences in a Gaussian neighbourhood of each cell.

    Parameters
    ----------
    halves : ndarray, (half, y, x)
        A quantity of either half of the samples; NaN where nothing is known.
    pooling : float
        Standard deviation of the neighbourhood, in cells.

    Returns
    -------
    ndarray, (y, x), float32
        In the unit of ``halves``; NaN where they are.
    """
    squares = ((halves[0].astype(np.float64) - halves[1]) / 2) ** 2
    return np.sqrt(smooth(squares, pooling)).astype(np.float32)


def split_half_reliability(halves: np.ndarray) -> float:
    """Return how well a map of all samples would be found again with other samples: 1 wholly, 0 not at all.

    It is the correlation of the halves' maps over cells, brought to the full number of samples.

    Parameters
    ----------
    halves : ndarray, (half, y, x)
        A map of either half of the samples; cells that are NaN in one of them are left out.

    Returns
    -------
    float
        Pearson's r, where it is above 0 by the formula of Spearman and Brown; NaN where a half is constant or has fewer
        than two cells.

    References
    ----------
    W. Brown 1910, C. Spearman 1910, British Journal of Psychology 3.
    """
    first, second = (half[np.isfinite(halves).all(axis=0)].astype(np.float64) for half in halves)
    if len(first) < 2:
        return float("nan")
    first, second = first - first.mean(), second - second.mean()
    size = np.sqrt((first @ first) * (second @ second))
    if not size > 0:
        return float("nan")
    r = float(first @ second / size)
    return 2 * r / (1 + r) if r > 0 else r
