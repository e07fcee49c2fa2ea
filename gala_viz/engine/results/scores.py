"""Scores of maps against human maps: rho, Dice and IoU of unsmoothed maps, on one grid of cells of the frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from gala_viz.alignment import COMPARISON_CELLS, PARTNER_KINDS, dice, iou, spearman
from gala_viz.registry import Registry

COMPARISON_GRID = (COMPARISON_CELLS, COMPARISON_CELLS)

Metric = Callable[[np.ndarray, np.ndarray], np.ndarray]

METRICS: Registry[Metric] = Registry("metric", {"rho": spearman, "dice": dice, "iou": iou})
"""Name -> function of two stacks of maps (..., y, x) to similarities (...)."""


FLOORS = tuple(f"floor_{kind}" for kind in PARTNER_KINDS)
"""Names of the shuffled-image baseline beside the metrics: rho with human maps of other images."""


def score_maps(maps: np.ndarray, human_map: np.ndarray | None) -> dict[str, np.ndarray]:
    """Return every metric of maps against the human map of their image.

    Parameters
    ----------
    maps : ndarray, (..., y, x)
        Unsmoothed maps of one image, at the resolution of the comparison.
    human_map : ndarray, (y, x), or None
        The human map in the same frame and resolution.

    Returns
    -------
    dict of str to ndarray, (...), float64
        Name in ``METRICS`` -> similarity; NaN without a human map.
    """
    if human_map is None:
        return {name: np.full(maps.shape[:-2], np.nan) for name in METRICS}
    return {name: np.asarray(metric(maps, human_map), float) for name, metric in METRICS.items()}


def labelled_scores(
    columns: Mapping[str, ArrayLike],
    networks: Sequence[str],
    *,
    ceilings: ArrayLike,
    ceiling: float,
    correct: Sequence[bool | None],
    resolution_px: int,
) -> xr.Dataset:
    """Return the scores of one image by several networks with labels, as ``MapUpdate.scores`` holds them.

    Parameters
    ----------
    columns : mapping of str to array, (network,)
        Metrics, "rho" among them, and floors.
    networks : sequence of str
        Names of the networks.
    ceilings : array, (network,)
        Noise ceiling of the image in each network's own frame; NaN where it is not known.
    ceiling : float
        The one that is shown.
    correct : sequence of bool or None
        Whether each network's first choice is the true category; None where that is not known.
    resolution_px : int
        Rows and columns of the comparison.

    Returns
    -------
    Dataset, (network,)
        The columns, ``fraction`` (rho as a share of the network's own ceiling, NaN where that is not above 0),
        ``correct`` (1, 0, NaN), and ``ceiling``.
    """
    values = {name: np.asarray(column, float) for name, column in columns.items()}
    own = np.asarray(ceilings, float)
    values["fraction"] = values["rho"] / np.where(own > 0, own, np.nan)
    values["correct"] = np.array([np.nan if one is None else float(one) for one in correct])
    return xr.Dataset(
        {**{name: ("network", column) for name, column in values.items()}, "ceiling": ceiling},
        coords={"network": list(networks)},
        attrs={"resolution_px": resolution_px},
    )
