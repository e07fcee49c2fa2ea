"""Two networks on a few images, map by map at full resolution: what figure 2 shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gala_viz.collections.collection import Collection
from gala_viz.engine.attribution_maps import attribution_maps
from gala_viz.engine.forward import predictions_and_norms
from gala_viz.engine.results.delta import delta
from gala_viz.engine.results.half_samples import split_half_reliability
from gala_viz.imagenet import label_index
from gala_viz.networks.frames import is_same_cut
from gala_viz.networks.network import Network
from gala_viz.specs import SmoothGradSpec


@dataclass(frozen=True, kw_only=True, eq=False)
class SideBySide:
    """One image in the networks' common frame.

    ``view`` (y, x, 3) uint8; ``human_map`` (y, x) or None; ``maps`` the two SmoothGrad maps (y, x), in logits per input
    unit; ``delta`` of their normalised values, second minus first, and its split-half ``reliability``; ``norms`` of one
    layer at its grid, None where a network lacks it. ``explained`` are the categories' indices in each network.
    """

    image: str
    category: str | None
    view: np.ndarray
    human_map: np.ndarray | None
    maps: tuple[np.ndarray, np.ndarray]
    delta: np.ndarray
    reliability: float
    norms: tuple[np.ndarray | None, np.ndarray | None]
    explained: tuple[int, int]


def side_by_side(
    pair: tuple[Network, Network],
    collection: Collection,
    images: Sequence[str],
    spec: SmoothGradSpec,
    layer: str | None,
) -> list[SideBySide]:
    """Return both networks' maps of images, with the same noise.

    The true category is explained where both networks know it, so that the delta is of one question; else each
    network's own first choice.

    Parameters
    ----------
    pair : tuple of two Network
        The delta is the second minus the first.
    collection : Collection
        Where photographs are read.
    images : sequence of str
        Ids.
    spec : SmoothGradSpec
        Samples, noise and seed.
    layer : str, optional
        Whose attention norms; None: none.

    Returns
    -------
    list of SideBySide
        One for each image.

    Raises
    ------
    ValueError
        The networks see different frames.
    """
    first, second = pair
    if not is_same_cut(first.preprocessing, second.preprocessing):
        raise ValueError(f"{first.name} and {second.name} see photographs in different frames; they have no delta.")
    norms, maps = [], []
    for network in pair:
        choices, found = predictions_and_norms(network, collection, images)
        norms.append(found.get(layer) if layer is not None else None)
        own = dict(zip(images, choices.values.tolist(), strict=True))
        targets = {
            image: own[image] if (one := _label(pair, network, collection, image)) is None else one for image in images
        }
        maps.append(attribution_maps(network, collection, "smoothgrad", spec, images, targets, return_halves=True))
    deltas, halves = (delta(*(one[name].values for one in maps)) for name in ("map", "half_map"))
    maps = [one["map"] for one in maps]
    return [
        SideBySide(
            image=image,
            category=collection.category(image),
            view=first.preprocessing.resize_and_crop(collection.photo(image)),
            human_map=_human_map(first, collection, image),
            maps=(maps[0].values[row], maps[1].values[row]),
            delta=deltas[row],
            reliability=split_half_reliability(halves[:, row]),
            norms=tuple(None if one is None else one.values[row] for one in norms),
            explained=(int(maps[0].explained[row]), int(maps[1].explained[row])),
        )
        for row, image in enumerate(images)
    ]


def _label(pair: tuple[Network, Network], network: Network, collection: Collection, image: str) -> int | None:
    """Return the true category's index in ``network``, or None where one of the two does not know it."""
    about = collection.category(image), collection.target(image)
    if any(label_index(one.categories, *about) is None for one in pair):
        return None
    return label_index(network.categories, *about)


def _human_map(network: Network, collection: Collection, image: str) -> np.ndarray | None:
    found = collection.human_map(image)
    return None if found is None else network.preprocessing.map_to_frame(found).values
