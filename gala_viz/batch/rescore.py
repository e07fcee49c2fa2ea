"""Scores computed anew from the maps of a store: after human maps or the rules of a measurement have changed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gala_viz.alignment import spearman
from gala_viz.attribution.provenance import MEASUREMENT_VERSION
from gala_viz.collections.collection import Collection
from gala_viz.engine.results.human_maps import HumanMaps
from gala_viz.engine.results.scores import FLOORS, METRICS
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.store.layout import SCORES, segment
from gala_viz.store.zarr_store import Store


def rescore(
    store: Store, collection: Collection, progress: Callable[[int, int], None] = lambda done, total: None
) -> None:
    """Replace the scores of a store by those of its maps with the human maps of now; no network is needed.

    rho, Dice, IoU, floors, ceilings and rho of attention norms are computed anew; whether predictions are right and the
    size of deltas stay. Maps that are stored in fewer cells than the network's input are compared as they are stored.

    Parameters
    ----------
    store : Store
        Open for writing.
    collection : Collection
        Its images and human maps.
    progress : callable
        Called as ``progress(done, total)`` after each image.
    """
    spec = store.spec
    cells = (spec.comparison_cells, spec.comparison_cells)
    frames = [Preprocessing.from_settings(network.preprocessing) for network in spec.networks]
    human = {frame: HumanMaps(collection, frame, store.images, strict=True) for frame in frames}
    values = {
        f"scores/{name}": np.full_like(store.column(f"scores/{name}"), np.nan)
        for name in SCORES
        if name not in ("correct", "delta_size")
    }
    there = [image for image in store.images if store.is_there(image)]
    for done, image in enumerate(there, start=1):
        row = store.position(image)
        values["scores/ceiling"][row] = human[frames[0]].ceiling(image, cells)
        for number, (network, frame) in enumerate(zip(spec.networks, frames, strict=True)):
            at = segment(network.name)
            for order, method in enumerate(spec.methods):
                one = store.read(f"{at}/{method}/map", image)
                found = human[frame].scores(image, one, cells) if np.isfinite(one).all() else {}
                for name in (*METRICS, *FLOORS):
                    values[f"scores/{name}"][order, number, row] = found.get(name, np.nan)
            for layer in network.layers:
                norm = store.read(f"{at}/attention_norm/{segment(layer)}/norm", image)
                rho = _rho(norm, human[frame].on_grid(image, norm.shape))
                values["scores/rho_attention"][number, spec.layers.index(layer), row] = rho
        progress(done, len(there))
    store.replace_scores(values, str(MEASUREMENT_VERSION))


def _rho(norm: np.ndarray, human_map: np.ndarray | None) -> float:
    return float("nan") if human_map is None else float(spearman(norm, human_map))
