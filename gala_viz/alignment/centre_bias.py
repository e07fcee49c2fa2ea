"""What the middle of an image explains by itself: rho of a centre-only map, and rho with the centre held constant.

Photographers put objects in the middle, so any map that is largest there resembles people's.
"""

from __future__ import annotations

import numpy as np

from gala_viz.alignment.similarity import spearman_kernel


def centre_map(grid: tuple[int, int], extent_px: tuple[float, float] = (1, 1)) -> np.ndarray:
    """Return a map that knows no image: the nearer to the middle of the frame, the larger.

    Only its ranks count, so that any function that falls with the distance, such as a Gaussian of any width, is the
    same.

    Parameters
    ----------
    grid : tuple of int
        Rows and columns.
    extent_px : tuple of float
        Height and width of the frame, for frames that are not square.

    Returns
    -------
    ndarray, (y, x), float64
        Negative squared distance of a cell's centre from the middle, in the unit of ``extent_px``.

    References
    ----------
    Tatler 2007 (Journal of Vision).
    """
    # whole numbers in units of half a cell, so that cells at one distance are ties to the last bit
    y, x = (2 * np.arange(n) - (n - 1) for n in grid)
    return -(((y * extent_px[0] * grid[1]) ** 2)[:, None] + ((x * extent_px[1] * grid[0]) ** 2)[None]).astype(float)


def partial_rho(a: np.ndarray, b: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Return Spearman's rho of two maps with a third held constant.

    Parameters
    ----------
    a, b : ndarray, (..., y, x)
        Maps of one resolution; the leading axes broadcast. A pixel that is NaN in one
        is left out of all three.
    given : ndarray, (y, x)
        The third, for example ``centre_map``.

    Returns
    -------
    ndarray, (...), float64
        Partial rho in [-1, 1]; NaN where a map is constant, or has the ranks of ``given``.

    References
    ----------
    Kendall 1942 (Biometrika); Fisher 1924 for the partial correlation.
    """
    a, b, given = np.broadcast_arrays(*(np.asarray(one, dtype=float) for one in (a, b, given)))
    missing = np.isnan(a) | np.isnan(b) | np.isnan(given)
    if missing.any():  # all three rhos are of the same pixels
        a, b, given = (np.where(missing, np.nan, one) for one in (a, b, given))
    of_both, of_a, of_b = spearman_kernel(a, b), spearman_kernel(a, given), spearman_kernel(b, given)
    left = (1 - of_a**2) * (1 - of_b**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(left > 1e-12, np.clip((of_both - of_a * of_b) / np.sqrt(left), -1.0, 1.0), np.nan)
