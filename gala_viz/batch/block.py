"""All that a store holds of one block of images: what the networks make of them, what people marked, how alike."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gala_viz.alignment import area_average, dice, iou, spearman
from gala_viz.attribution.attention import BATCH_SIZE, logits_and_norms, softmax
from gala_viz.attribution.attribution_maps import attribution_maps
from gala_viz.attribution.delta import delta
from gala_viz.attribution.finite import NonFiniteError, check_finite, check_forward_pass
from gala_viz.attribution.methods import METHODS
from gala_viz.batch.people import BlockPeople
from gala_viz.collections.collection import Collection
from gala_viz.collections.partner_images import PartnerImages
from gala_viz.collections.photo_files import UnreadableImageError
from gala_viz.imagenet import label_index
from gala_viz.networks.network import Network
from gala_viz.store.layout import N_TOP, arrays_of, segment
from gala_viz.store.spec import ABOUT, StoreSpec

Values = dict[str, np.ndarray]


class Faults(NamedTuple):
    """The images of a block that are not there, and why: photographs that cannot be read, and those for which a
    network's numbers are NaN or infinite; and those that are there, whose human maps are not used.
    """

    unreadable: dict[str, str]
    not_finite: dict[str, str]
    unusable_maps: dict[str, str]


def block_values(
    spec: StoreSpec,
    collection: Collection,
    networks: Sequence[Network],
    images: Sequence[str],
    partners: PartnerImages | None = None,
) -> tuple[Values, Faults]:
    """Every array of the store for ``images``, NaN where there is nothing; and the images that are not there.

    ``networks`` are those of the spec, in its order. Results depend on images and settings alone, given the machine:
    a block computed again is the same to the last bit. ``partners`` may be made once for many blocks.
    """
    block = _Block(spec, collection, images, partners or PartnerImages(collection, collection.images))
    for number, network in enumerate(networks if block.readable else ()):
        block.look(number, network)
    block.compare()
    return block.values, Faults(block.unreadable, block.not_finite, block.unusable_maps)


def empty_block(spec: StoreSpec, n_images: int) -> Values:
    """All arrays of a block, filled with what stands for "nothing"."""
    return {
        one.path: np.full(one.shape(n_images), one.fill, one.dtype)
        for one in arrays_of(spec)
        if one.path not in ("status", "note")
    }


class _Block:
    """The values of one block while they are filled in, network by network; ``rows`` are those of readable images."""

    def __init__(self, spec: StoreSpec, collection: Collection, images: Sequence[str], partners: PartnerImages) -> None:
        self.spec, self.collection, self.images, self.partners = spec, collection, list(images), partners
        self.values = empty_block(spec, len(images))
        self.unreadable = {image: why for image in images if (why := _fault(collection, image)) is not None}
        self.readable = [image for image in images if image not in self.unreadable]
        self.not_finite: dict[str, str] = {}
        self.unusable_maps: dict[str, str] = {}
        self._cells = (spec.comparison_cells,) * 2
        self._marked: dict[str, BlockPeople] = {}

    def look(self, number: int, network: Network) -> None:
        """Everything of one network, the ``number``-th of the spec."""
        at = segment(self.spec.networks[number].name)
        logits, norms = _passes(network, self.collection, self.readable)
        labels = [
            label_index(network.categories, self.collection.category(image), self.collection.target(image))
            for image in self.readable
        ]
        finite = self._finite(network, logits, norms)
        self._enter_choices(at, number, logits, labels, finite)
        people = self._people(network)
        if number == 0:
            self.unusable_maps = {image: people.left_out[image] for image in self.readable if image in people.left_out}
        if number == 0 and people.images:
            marked = self._rows(people.images)
            self.values["human/map"][marked] = people.on(self._cells)
            self.values["scores/ceiling"][marked] = people.ceilings()
        rows = self._rows(self.readable)
        for layer, maps in norms.items():
            maps = np.where(finite[:, None, None], maps, np.nan)
            self.values[f"{at}/attention_norm/{segment(layer)}/norm"][rows] = maps
            rho = people.alike(spearman, maps, self.readable)
            self.values["scores/rho_attention"][number, self.spec.layers.index(layer), rows] = rho
        measured = dict(zip(self.readable, finite.tolist(), strict=True))
        found = _targets(self.spec, logits, labels, self.readable)
        targets = {image: target for image, target in found.items() if measured[image]}
        if targets:
            for order, method in enumerate(self.spec.methods):
                self._enter_maps(f"{at}/{method}", (order, number), network, method, targets, people)

    def compare(self) -> None:
        """Mean absolute delta of each two networks whose maps have one frame."""
        for order, method in enumerate(self.spec.methods):
            for first, one in enumerate(self.spec.networks):
                for second, other in enumerate(self.spec.networks):
                    if first == second or one.preprocessing != other.preprocessing:
                        continue
                    pair = (self.values[f"{segment(name)}/{method}/map"] for name in (one.name, other.name))
                    self.values["scores/delta_size"][order, first, second] = np.abs(delta(*pair)).mean(axis=(1, 2))

    def _rows(self, images: Sequence[str]) -> list[int]:
        return [self.images.index(image) for image in images]

    def _finite(self, network: Network, logits: np.ndarray, norms: Mapping[str, np.ndarray]) -> np.ndarray:
        """For which of the readable images (image,) all numbers of the network are finite; others are noted."""
        finite = np.ones(len(self.readable), bool)
        for row, image in enumerate(self.readable):
            try:
                check_forward_pass(
                    logits[row], {layer: maps[row] for layer, maps in norms.items()}, network.name, image
                )
            except NonFiniteError as error:
                finite[row] = False
                self.not_finite.setdefault(image, str(error))
        return finite

    def _enter_choices(
        self, at: str, number: int, logits: np.ndarray, labels: Sequence[int | None], finite: np.ndarray
    ) -> None:
        """First choices, of images for which the logits and the norms of layers are ``finite``."""
        rows, probabilities = np.array(self._rows(self.readable), int)[finite], softmax(logits[finite])
        best = np.argsort(-probabilities, axis=1, kind="stable")[:, :N_TOP]
        found = best.shape[1]
        self.values[f"{at}/top_index"][rows, :found] = best
        self.values[f"{at}/top_probability"][rows, :found] = np.take_along_axis(probabilities, best, axis=1)
        known = [label for label, one in zip(labels, finite, strict=True) if one]
        self.values["scores/correct"][number, rows] = [
            np.nan if label is None else float(first == label) for first, label in zip(best[:, 0], known, strict=True)
        ]

    def _people(self, network: Network) -> BlockPeople:
        """People's maps in the network's frame; networks that cut photographs alike share them."""
        key = json.dumps(network.preprocessing.settings())
        if key not in self._marked:
            cells = self.spec.comparison_cells
            frame = network.preprocessing
            self._marked[key] = BlockPeople(self.collection, self.readable, frame, self.partners, cells)
        return self._marked[key]

    def _enter_maps(
        self,
        at: str,
        place: tuple[int, int],
        network: Network,
        method: str,
        targets: Mapping[str, int],
        people: BlockPeople,
    ) -> None:
        """Maps by one method of the images in ``targets``; ``place`` is that of method and network in /scores."""
        explained, values = list(targets), self.values
        rows, grid = self._rows(explained), self.spec.grid(self.spec.networks[place[1]])
        settings = {key: value for key, value in self.spec.methods[method].items() if key not in ABOUT}
        found = attribution_maps(
            network,
            self.collection,
            method,
            METHODS[method].spec_type(**settings),
            explained,
            targets,
            reduction=self.spec.reduction,
            return_error=True,
            only_finite=False,
        )
        for row, image in enumerate(explained):
            try:
                check_finite(found["map"].values[row], f"values of the {method} map", network.name, image)
            except NonFiniteError as error:
                self.not_finite.setdefault(image, str(error))
                found["map"].values[row] = np.nan
        values[f"{at}/explained"][rows] = list(targets.values())
        values[f"{at}/sigma"][rows] = found["sigma"].values
        values[f"{at}/map"][rows] = area_average(found["map"].values, grid)
        if f"{at}/standard_error" in values:
            values[f"{at}/standard_error"][rows] = area_average(found["standard_error"].values, grid)
        coarse = area_average(found["map"].values, self._cells)
        for name, measure in (("rho", spearman), ("dice", dice), ("iou", iou)):
            values[f"scores/{name}"][*place, rows] = people.alike(measure, coarse, explained)
        for kind, floor in people.floors(coarse, explained).items():
            values[f"scores/floor_{kind}"][*place, rows] = floor


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
    for start in range(0, len(images), BATCH_SIZE):
        batch = [
            network.preprocessing.to_input(collection.photo(image)) for image in images[start : start + BATCH_SIZE]
        ]
        parts.append(logits_and_norms(network, np.stack(batch)))
    norms = {layer: np.concatenate([found[layer] for _, found in parts]) for layer in network.layers}
    return np.concatenate([logits for logits, _ in parts]), norms


def _targets(
    spec: StoreSpec, logits: np.ndarray, labels: Sequence[int | None], images: Sequence[str]
) -> dict[str, int]:
    """Image -> the category that is explained; images whose true category is asked for and not known are left out."""
    if spec.target == "own":
        return dict(zip(images, logits.argmax(axis=1).tolist(), strict=True))
    if spec.target == "label":
        return {image: label for image, label in zip(images, labels, strict=True) if label is not None}
    return dict.fromkeys(images, int(spec.target))
