"""Scores computed anew from the maps of a store: after human maps or the rules of a measurement have changed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gala_viz.collections.collection import Collection
from gala_viz.collections.human_maps.map_checks import marked_images
from gala_viz.engine.results.human_maps import HumanMaps
from gala_viz.engine.results.scores import FLOORS, METRICS, has_order
from gala_viz.networks.frames import common_frame
from gala_viz.specs import MEASUREMENT_VERSION
from gala_viz.store.layout import SCORES, segment
from gala_viz.store.zarr_store import Store

WRITTEN_AT_ONCE = 4096
"""Human maps that are written together: shards of a store hold many."""


def rescore(
    store: Store, collection: Collection, progress: Callable[[int, int], None] = lambda done, total: None
) -> None:
    """Replace the scores of a store by those of its maps with the human maps of now; no network is needed.

    rho, Dice, IoU, floors, ceilings and rho of attention norms are computed anew, and human maps, why others are not
    used, and which images are marked are noted anew; whether predictions are right and the size of deltas stay. Maps
    that are stored in fewer cells than the network's input are compared as they are stored.

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
    frames = [network.frame for network in spec.networks]
    human = HumanMaps(collection, common_frame(frames), store.images, strict=True)
    values = {
        f"scores/{name}": np.full_like(store.column(f"scores/{name}"), np.nan)
        for name in SCORES
        if name not in ("correct", "delta_size")
    }
    there = [image for image in store.images if store.is_there(image)]
    human_maps = np.full((WRITTEN_AT_ONCE, *cells), np.nan, np.float32)
    notes = store.column("note")
    begun = 0
    for done, image in enumerate(there, start=1):
        row = store.position(image)
        while row >= begun + WRITTEN_AT_ONCE:
            store.replace_human_maps(begun, human_maps)
            human_maps, begun = np.full_like(human_maps, np.nan), begun + WRITTEN_AT_ONCE
        human_map = human.on_grid(image, cells)
        human_maps[row - begun] = np.nan if human_map is None else human_map
        notes[row] = human.why_not_usable(image)
        values["scores/ceiling"][row] = human.ceiling(image, cells)
        for number, (network, frame) in enumerate(zip(spec.networks, frames, strict=True)):
            at = segment(network.name)
            for order, method in enumerate(spec.methods):
                one = store.read(f"{at}/{method}/map", image)
                known = np.isfinite(one).all() and has_order(spec.reduction)
                found = human.scores(image, one, frame, cells) if known else {}
                for name in (*METRICS, *FLOORS):
                    values[f"scores/{name}"][order, number, row] = found.get(name, np.nan)
            for layer in network.layers:
                norm = store.read(f"{at}/attention_norm/{segment(layer)}/norm", image)
                rho = human.norm_rhos(image, {layer: norm}, frame)[layer]
                values["scores/rho_attention"][number, spec.layers.index(layer), row] = rho
        progress(done, len(there))
    store.replace_human_maps(begun, human_maps)
    marked = set(marked_images(collection, store.images))
    values |= {"note": notes, "marked": np.array([image in marked for image in store.images])}
    store.replace_scores(values, str(MEASUREMENT_VERSION), collection.fingerprint)
