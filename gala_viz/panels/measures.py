"""What images can be laid out by: one value an image, from the scores that a source knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from gala_viz.store.source import NetworkInfo

Measure = Callable[[xr.Dataset], NDArray[np.float32]]
MEASURED = {"rho": "Spearman's rho", "dice": "Dice", "iou": "IoU"}


def measures(networks: Sequence[NetworkInfo], layers: Sequence[str], has_people: bool) -> dict[str, Measure]:
    """Title -> function from scores to one value an image, NaN where unknown. The first two begin as the axes."""
    first, second = networks
    found: dict[str, Measure] = {}
    if has_people:
        for name, title in MEASURED.items():
            for row, network in enumerate(networks):
                found[f"{title}: {network.title}"] = _of_network(name, row)
            if name == "rho":
                found[f"gain of {second.title} (rho)"] = lambda scores: (
                    _column(scores, "rho", 1) - _column(scores, "rho", 0)
                )
    found[f"size of the delta, {second.title} minus {first.title}"] = lambda scores: _column(scores, "delta_size")
    if has_people:
        for layer in layers:
            for row, network in enumerate(networks):
                if layer in network.layers:
                    found[f"attention rho, {layer}: {network.title}"] = _of_layer(layer, row)
        found["noise ceiling (split-half rho)"] = lambda scores: _column(scores, "ceiling")
    return found


def ceiling_for(title: str) -> bool:
    """Whether the noise ceiling at the resolution of comparisons belongs beside this measure."""
    return title.startswith(f"{MEASURED['rho']}:")


def _of_network(name: str, row: int) -> Measure:
    return lambda scores: _column(scores, name, row)


def _of_layer(layer: str, row: int) -> Measure:
    return lambda scores: np.asarray(scores["rho_attention"].sel(layer=layer)[row], dtype=np.float32)


def _column(scores: xr.Dataset, name: str, row: int | None = None) -> NDArray[np.float32]:
    values = np.asarray(scores[name], dtype=np.float32)
    return values if row is None else values[row]
