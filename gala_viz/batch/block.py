"""All that a store holds of one block of images: what the networks make of them, what people marked, how alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gala_viz.alignment import area_average, spearman
from gala_viz.attribution.finite import NonFiniteError, check_finite
from gala_viz.attribution.methods import METHODS
from gala_viz.collections.collection import Collection
from gala_viz.collections.photo_files import UnreadableImageError
from gala_viz.engine.attribution_maps import attribution_maps
from gala_viz.engine.forward import forward
from gala_viz.engine.results.delta import delta
from gala_viz.engine.results.forward_result import ForwardResult
from gala_viz.engine.results.human_maps import HumanMaps
from gala_viz.engine.results.prediction import top_categories
from gala_viz.imagenet import label_index
from gala_viz.networks.network import Network
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.store.layout import arrays_of, segment
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
    human: Mapping[Preprocessing, HumanMaps] | None = None,
) -> tuple[Values, Faults]:
    """Every array of the store for ``images``, NaN where there is nothing; and the images that are not there.

    ``networks`` are those of the spec, in its order. Results depend on images and settings alone, given the machine:
    a block computed again is the same to the last bit. ``human`` are ``human_maps_of`` the networks; they may be made
    once for many blocks.
    """
    block = _Block(spec, collection, images, human or human_maps_of(collection, collection.images, networks))
    for number, network in enumerate(networks if block.readable else ()):
        block.look(number, network)
    block.compare()
    return block.values, Faults(block.unreadable, block.not_finite, block.unusable_maps)


def human_maps_of(
    collection: Collection, images: Sequence[str], networks: Sequence[Network]
) -> dict[Preprocessing, HumanMaps]:
    """Human maps in each frame of ``networks``, whose partner images are drawn among ``images``.

    They raise ``OSError`` where a map cannot be read: a block without it would stay so.
    """
    frames = dict.fromkeys(network.preprocessing for network in networks)
    return {frame: HumanMaps(collection, frame, images, strict=True) for frame in frames}


def empty_block(spec: StoreSpec, n_images: int) -> Values:
    """All arrays of a block, filled with what stands for "nothing"."""
    return {
        one.path: np.full(one.shape(n_images), one.fill, one.dtype)
        for one in arrays_of(spec)
        if one.path not in ("status", "note")
    }


class _Block:
    """The values of one block while they are filled in, network by network; ``rows`` are those of readable images."""

    def __init__(
        self,
        spec: StoreSpec,
        collection: Collection,
        images: Sequence[str],
        human: Mapping[Preprocessing, HumanMaps],
    ) -> None:
        self.spec, self.collection, self.images, self.human = spec, collection, list(images), human
        self.values = empty_block(spec, len(images))
        self.unreadable = {image: why for image in images if (why := _fault(collection, image)) is not None}
        self.readable = [image for image in images if image not in self.unreadable]
        self.not_finite: dict[str, str] = {}
        self.unusable_maps: dict[str, str] = {}
        self._cells = (spec.comparison_cells,) * 2

    def look(self, number: int, network: Network) -> None:
        """Everything of one network, the ``number``-th of the spec."""
        at = segment(self.spec.networks[number].name)
        results = forward(
            network, [network.preprocessing.to_input(self.collection.photo(image)) for image in self.readable]
        )
        logits = np.stack([result.logits for result in results])
        labels = [
            label_index(network.categories, self.collection.category(image), self.collection.target(image))
            for image in self.readable
        ]
        finite = self._finite(network, results)
        self._enter_choices(at, number, logits, labels, finite)
        human = self.human[network.preprocessing]
        if number == 0:
            self._enter_human_maps(human)
        rows = self._rows(self.readable)
        for layer in network.layers:
            maps = np.stack([result.norms[layer] for result in results])
            maps = np.where(finite[:, None, None], maps, np.nan)
            self.values[f"{at}/attention_norm/{segment(layer)}/norm"][rows] = maps
            human_maps = [human.on_grid(image, maps.shape[1:]) for image in self.readable]
            self.values["scores/rho_attention"][number, self.spec.layers.index(layer), rows] = [
                np.nan if marked is None else spearman(one, marked)
                for one, marked in zip(maps, human_maps, strict=True)
            ]
        measured = dict(zip(self.readable, finite.tolist(), strict=True))
        found = _targets(self.spec, logits, labels, self.readable)
        targets = {image: target for image, target in found.items() if measured[image]}
        if targets:
            for order, method in enumerate(self.spec.methods):
                self._enter_maps(f"{at}/{method}", (order, number), network, method, targets)

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

    def _enter_human_maps(self, human: HumanMaps) -> None:
        """Human maps and noise ceilings in the first network's frame, and why others are not used."""
        for row, image in zip(self._rows(self.readable), self.readable, strict=True):
            marked = human.on_grid(image, self._cells)
            if marked is not None:
                self.values["human/map"][row] = marked
                self.values["scores/ceiling"][row] = human.ceiling(image, self._cells)
            elif why := human.why_not_usable(image):
                self.unusable_maps[image] = why

    def _finite(self, network: Network, results: Sequence[ForwardResult]) -> np.ndarray:
        """For which of the readable images (image,) all numbers of the network are finite; others are noted."""
        finite = np.ones(len(self.readable), bool)
        for row, (image, result) in enumerate(zip(self.readable, results, strict=True)):
            try:
                result.check(network.name, image)
            except NonFiniteError as error:
                finite[row] = False
                self.not_finite.setdefault(image, str(error))
        return finite

    def _enter_choices(
        self, at: str, number: int, logits: np.ndarray, labels: Sequence[int | None], finite: np.ndarray
    ) -> None:
        """First choices, of images for which the logits and the norms of layers are ``finite``."""
        rows = np.array(self._rows(self.readable), int)[finite]
        best, probabilities = top_categories(logits[finite])
        n_top = best.shape[1]
        self.values[f"{at}/top_index"][rows, :n_top] = best
        self.values[f"{at}/top_probability"][rows, :n_top] = probabilities
        known = [label for label, one in zip(labels, finite, strict=True) if one]
        self.values["scores/correct"][number, rows] = [
            np.nan if label is None else float(first == label) for first, label in zip(best[:, 0], known, strict=True)
        ]

    def _enter_maps(
        self,
        at: str,
        place: tuple[int, int],
        network: Network,
        method: str,
        targets: Mapping[str, int],
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
        human = self.human[network.preprocessing]
        for row, image, one in zip(rows, explained, found["map"].values, strict=True):
            for name, value in human.scores(image, one, self._cells).items():
                values[f"scores/{name}"][*place, row] = value


def _fault(collection: Collection, image: str) -> str | None:
    """Why a photograph cannot be read; None where it can."""
    try:
        collection.photo(image)
    except UnreadableImageError as error:
        return str(error)
    return None


def _targets(
    spec: StoreSpec, logits: np.ndarray, labels: Sequence[int | None], images: Sequence[str]
) -> dict[str, int]:
    """Image -> the category that is explained; images whose true category is asked for and not known are left out."""
    if spec.target == "own":
        return dict(zip(images, logits.argmax(axis=1).tolist(), strict=True))
    if spec.target == "label":
        return {image: label for image, label in zip(images, labels, strict=True) if label is not None}
    return dict.fromkeys(images, int(spec.target))
