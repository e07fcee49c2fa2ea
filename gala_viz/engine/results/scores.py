"""Scores of maps against human maps: rho, Dice and IoU of unsmoothed maps, on one grid of cells of the frame."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gala_viz.alignment import COMPARISON_CELLS, area_average, dice, iou, spearman
from gala_viz.registry import Registry

COMPARISON_GRID = (COMPARISON_CELLS, COMPARISON_CELLS)

Metric = Callable[[np.ndarray, np.ndarray], np.ndarray]

METRICS: Registry[Metric] = Registry("metric", {"rho": spearman, "dice": dice, "iou": iou})
"""Name -> function of two stacks of maps (..., y, x) to similarities (...)."""


def score_maps(
    maps: np.ndarray, human_map: np.ndarray | None, grid: tuple[int, int] = COMPARISON_GRID
) -> dict[str, np.ndarray]:
    """Return every metric of maps against the human map of their image.

    Parameters
    ----------
    maps : ndarray, (..., y, x)
        Unsmoothed maps of one image over the frame; they are averaged over the cells of ``grid``.
    human_map : ndarray, (y, x) of ``grid``, or None
        The human map in the same frame.
    grid : tuple of int
        Rows and columns of the comparison.

    Returns
    -------
    dict of str to ndarray, (...), float64
        Name in ``METRICS`` -> similarity; NaN without a human map.
    """
    if human_map is None:
        return {name: np.full(maps.shape[:-2], np.nan) for name in METRICS}
    coarse = area_average(maps, grid)
    return {name: np.asarray(metric(coarse, human_map), float) for name, metric in METRICS.items()}
