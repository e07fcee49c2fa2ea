"""All that a store holds of one block of images: what the networks make of them, what people marked, how alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gala_viz.alignment import CeilingSpec, area_average, dice, iou, spearman
from gala_viz.attribution.attention import BATCH, logits_and_norms, softmax
from gala_viz.attribution.delta import delta
from gala_viz.attribution.labelled import attribution_maps
from gala_viz.attribution.methods import METHODS
from gala_viz.collections.collection import Collection
from gala_viz.collections.reading import UnreadableImageError
from gala_viz.evaluation.people import People, people_of
from gala_viz.imagenet import label_index
from gala_viz.networks.network import Network
from gala_viz.store.layout import N_TOP, arrays_of, segment
from gala_viz.store.spec import ABOUT, StoreSpec

CEILING = CeilingSpec(n_splits=100)

Values = dict[str, np.ndarray]


def block_values(
    spec: StoreSpec, collection: Collection, networks: Sequence[Network], images: Sequence[str]
) -> tuple[Values, dict[str, str]]:
    """Every array of the store for ``images``, NaN where there is nothing; and unreadable image -> why.

    ``networks`` are those of the spec, in its order. Results depend on the images and the settings alone, given the
    machine: a block computed again is the same to the last bit.
    """
    values = empty_block(spec, len(images))
    unreadable = {image: why for image in images if (why := _fault(collection, image)) is not None}
    rows = [row for row, image in enumerate(images) if image not in unreadable]
    readable = [images[row] for row in rows]
    if not readable:
        return values, unreadable
    for number, (network, stored) in enumerate(zip(networks, spec.networks, strict=True)):
        logits, norms = _passes(network, collection, readable)
        labels = [
            label_index(network.categories, collection.category(image), collection.target(image)) for image in readable
        ]
        _enter_choices(values, segment(stored.name), number, rows, logits, labels)
        people = _people(spec, collection, network, readable, norms)
        if people is not None and number == 0:
            _enter_people(values, spec, images, people)
        for layer, maps in norms.items():
            values[f"{segment(stored.name)}/attention_norm/{segment(layer)}/norm"][rows] = maps
            rho = _alike(spearman, maps, readable, people)
            values["scores/rho_attention"][number, spec.layers.index(layer), rows] = rho
        targets = _targets(spec, logits, labels, readable)
        for order, method in enumerate(spec.methods):
            _enter_maps(values, spec, collection, network, number, order, method, rows, readable, targets, people)
    _enter_deltas(values, spec)
    return values, unreadable


def empty_block(spec: StoreSpec, n_images: int) -> Values:
    """All arrays of a block, filled with what stands for "nothing"."""
    return {
        one.path: np.full(one.shape(n_images), one.fill, one.dtype)
        for one in arrays_of(spec)
        if one.path not in ("status", "note")
    }


def _fault(collection: Collection, image: str) -> str | None:
    """Why a photograph cannot be read; None where it can."""
    try:
        collection.photo(image)
    except UnreadableImageError as error:
        return str(error)
    return None


def _passes(
    network: Network, collection: Collection, images: Sequence[str]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Logits (image, category) and norms by layer (image, y, x)."""
    parts = []
    for start in range(0, len(images), BATCH):
        batch = [network.preprocessing.to_input(collection.photo(image)) for image in images[start : start + BATCH]]
        parts.append(logits_and_norms(network, np.stack(batch)))
    norms = {layer: np.concatenate([found[layer] for _, found in parts]) for layer in network.layers}
    return np.concatenate([logits for logits, _ in parts]), norms


def _enter_choices(
    values: Values, at: str, number: int, rows: Sequence[int], logits: np.ndarray, labels: Sequence[int | None]
) -> None:
    probabilities = softmax(logits)
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :N_TOP]
    found = best.shape[1]
    values[f"{at}/top_index"][rows, :found] = best
    values[f"{at}/top_probability"][rows, :found] = np.take_along_axis(probabilities, best, axis=1)
    correct = [
        np.nan if label is None else float(first == label) for first, label in zip(best[:, 0], labels, strict=True)
    ]
    values["scores/correct"][number, rows] = correct


def _people(
    spec: StoreSpec,
    collection: Collection,
    network: Network,
    images: Sequence[str],
    norms: Mapping[str, np.ndarray],
) -> People | None:
    grids = [(spec.comparison_cells,) * 2, *(maps.shape[1:] for maps in norms.values())]
    return people_of(collection, images, network.preprocessing, grids, CEILING, block_images=len(images))


def _enter_people(values: Values, spec: StoreSpec, images: Sequence[str], people: People) -> None:
    cells = (spec.comparison_cells,) * 2
    rows = [list(images).index(image) for image in people.images]
    values["human/map"][rows] = people.maps[cells].values
    ceiling = people.ceilings[cells]
    if ceiling is not None:
        known = [list(images).index(str(image)) for image in ceiling.per_image["image"].values]
        values["scores/ceiling"][known] = ceiling.per_image.values


def _targets(
    spec: StoreSpec, logits: np.ndarray, labels: Sequence[int | None], images: Sequence[str]
) -> dict[str, int]:
    """Image -> the category that is explained; images whose true category is asked for and not known are left out."""
    if spec.target == "own":
        return dict(zip(images, logits.argmax(axis=1).tolist(), strict=True))
    if spec.target == "label":
        return {image: label for image, label in zip(images, labels, strict=True) if label is not None}
    return dict.fromkeys(images, int(spec.target))


def _enter_maps(
    values: Values,
    spec: StoreSpec,
    collection: Collection,
    network: Network,
    number: int,
    order: int,
    method: str,
    rows: Sequence[int],
    images: Sequence[str],
    targets: Mapping[str, int],
    people: People | None,
) -> None:
    explained = [image for image in images if image in targets]
    if not explained:
        return
    at, where = f"{segment(spec.networks[number].name)}/{method}", dict(zip(images, rows, strict=True))
    rows = [where[image] for image in explained]
    settings = {key: value for key, value in spec.methods[method].items() if key not in ABOUT}
    found = attribution_maps(
        network,
        collection,
        method,
        METHODS[method].spec(**settings),
        explained,
        targets,
        reduction=spec.reduction,
        return_error=True,
    )
    values[f"{at}/explained"][rows] = [targets[image] for image in explained]
    values[f"{at}/sigma"][rows] = found["sigma"].values
    grid = spec.grid(spec.networks[number])
    values[f"{at}/map"][rows] = area_average(found["map"].values, grid)
    if f"{at}/standard_error" in values:
        values[f"{at}/standard_error"][rows] = area_average(found["standard_error"].values, grid)
    coarse = area_average(found["map"].values, (spec.comparison_cells,) * 2)
    for name, measure in (("rho", spearman), ("dice", dice), ("iou", iou)):
        values[f"scores/{name}"][order, number, rows] = _alike(measure, coarse, explained, people)


def _alike(
    measure: Callable[[Any, Any], Any], maps: np.ndarray, images: Sequence[str], people: People | None
) -> np.ndarray:
    """How alike each map is to people's on the same grid: (image,), NaN where people marked nothing."""
    found = np.full(len(images), np.nan)
    if people is not None:
        human = people.maps[maps.shape[1:]]
        known = [row for row, image in enumerate(images) if image in people.images]
        if known:
            found[known] = measure(maps[known], human.sel(image=[images[row] for row in known]).values)
    return found


def _enter_deltas(values: Values, spec: StoreSpec) -> None:
    """Mean absolute delta of each two networks whose maps have one grid and one frame."""
    for order, method in enumerate(spec.methods):
        for first, one in enumerate(spec.networks):
            for second, other in enumerate(spec.networks):
                if first == second or one.preprocessing != other.preprocessing:
                    continue
                pair = (values[f"{segment(network.name)}/{method}/map"] for network in (one, other))
                sizes = np.abs(delta(*pair)).mean(axis=(1, 2))
                values["scores/delta_size"][order, first, second] = sizes
