"""Scores of maps against human maps: rho, Dice and IoU of unsmoothed maps, on one grid of cells of the frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

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


NO_ORDER = "a signed sum of colours does not order places by importance"
"""Why the maps of a reduction have no scores."""


def has_order(reduction: str) -> bool:
    """Return whether maps of a reduction over colour rank places by importance, as human maps do."""
    return reduction != "signed"


def nan_without_order(columns: Mapping[str, np.ndarray], reduction: str) -> dict[str, np.ndarray]:
    """Return scores by name as they are, or all NaN where maps of the reduction do not rank places by importance."""
    return {name: one if has_order(reduction) else np.full_like(one, np.nan) for name, one in columns.items()}


def drawn_name(metric: str) -> str:
    """Return the name of a metric of the map as it is drawn, which is smoothed."""
    return f"{metric}_drawn"


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
    norm_rhos: Sequence[Mapping[str, float]] = (),
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
    norm_rhos : sequence of mapping of str to float
        For each network layer -> rho of its attention norm.

    Returns
    -------
    Dataset, (network,)
        The columns, ``fraction`` (rho as a share of the network's own ceiling, NaN where that is not above 0),
        ``correct`` (1, 0, NaN), ``ceiling``, and with ``norm_rhos`` ``rho_attention`` (network, layer).
    """
    layers = list(dict.fromkeys(layer for of_one in norm_rhos for layer in of_one))
    attention = [[of_one.get(layer, np.nan) for layer in layers] for of_one in norm_rhos]
    values = {name: np.asarray(column, float) for name, column in columns.items()}
    own = np.asarray(ceilings, float)
    values["fraction"] = values["rho"] / np.where(own > 0, own, np.nan)
    values["correct"] = np.array([np.nan if one is None else float(one) for one in correct])
    variables: dict[str, Any] = {**{name: ("network", column) for name, column in values.items()}, "ceiling": ceiling}
    if layers:
        variables["rho_attention"] = (("network", "layer"), np.array(attention, float))
    return xr.Dataset(
        variables,
        coords={"network": list(networks)} | ({"layer": layers} if layers else {}),
        attrs={"resolution_px": resolution_px},
    )
