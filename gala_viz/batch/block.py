"""All that a store holds of one block of images: networks' results, human maps, scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from gala_viz.alignment import area_average
from gala_viz.attribution.methods import METHODS
from gala_viz.collections.collection import Collection
from gala_viz.collections.photo_files import UnreadableImageError
from gala_viz.engine.measurement import measure
from gala_viz.engine.results.delta import delta
from gala_viz.engine.results.human_maps import HumanMaps
from gala_viz.engine.results.prediction import top_categories
from gala_viz.engine.results.scores import nan_without_order
from gala_viz.networks.frames import common_frame, is_same_cut, resample_to_frame
from gala_viz.networks.network import Network
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.store.layout import arrays_of, pixel_key, segment
from gala_viz.store.spec import ABOUT, StoreSpec

Values = dict[str, np.ndarray]


class Faults(NamedTuple):
    """The images of a block that are not there, and why.

    They are photographs that cannot be read, and those for which a network's numbers are NaN or infinite. Images with
    ``unusable_maps`` are there, without their human maps. ``notes`` say how the block was computed, where that is worth
    saying.
    """

    unreadable: dict[str, str]
    not_finite: dict[str, str]
    unusable_maps: dict[str, str]
    notes: frozenset[str] = frozenset()


def block_values(
    spec: StoreSpec,
    collection: Collection,
    networks: Sequence[Network],
    images: Sequence[str],
    human: HumanMaps | None = None,
) -> tuple[Values, Faults]:
    """Return every array of a store for some of its images, and the images that are not there.

    Results depend on images and settings alone, given the machine: a block computed again is the same to the last bit.

    Parameters
    ----------
    spec : StoreSpec
        Settings of the store.
    collection : Collection
        Where photographs and human maps are read.
    networks : sequence of Network
        Those of the spec, in its order.
    images : sequence of str
        Ids.
    human : HumanMaps, optional
        ``human_maps_of`` the networks, made once for many blocks; default: they are made.

    Returns
    -------
    dict of str to ndarray
        Path -> array, NaN where there is nothing.
    Faults
        Images that are not there, and why.
    """
    block = _Block(spec, collection, images, human or human_maps_of(collection, collection.images, networks))
    for number, network in enumerate(networks if block.readable else ()):
        block.enter(number, network)
    block.enter_delta_sizes()
    return block.values, Faults(block.unreadable, block.not_finite, block.unusable_maps, frozenset(block.notes))


def human_maps_of(
    collection: Collection, images: Sequence[str], networks: Sequence[Network], *, strict: bool = True
) -> HumanMaps:
    """Return human maps over what all networks see.

    Parameters
    ----------
    collection : Collection
        Where they are read.
    images : sequence of str
        Among which partner images are drawn.
    networks : sequence of Network
        All that are compared.
    strict : bool
        Whether they raise ``OSError`` where a map cannot be read: a block without it would stay so.

    Returns
    -------
    HumanMaps
        In the networks' common frame.
    """
    return HumanMaps(collection, common_frame([network.preprocessing for network in networks]), images, strict=strict)


def empty_block(spec: StoreSpec, n_images: int) -> Values:
    """Return all arrays of a block, filled with what stands for "nothing"."""
    return {
        one.path: np.full(one.shape(n_images), one.fill, one.dtype)
        for one in arrays_of(spec)
        if one.path not in ("status", "note")
    }


class _Block:
    """The values of one block while they are filled in, network by network."""

    def __init__(
        self,
        spec: StoreSpec,
        collection: Collection,
        images: Sequence[str],
        human: HumanMaps,
    ) -> None:
        self.spec, self.collection, self.images, self.human = spec, collection, list(images), human
        self.values = empty_block(spec, len(images))
        self.unreadable = {image: why for image in images if (why := _fault(collection, image)) is not None}
        self.readable = [image for image in images if image not in self.unreadable]
        self.values["pixels"][self._rows(self.readable)] = [pixel_key(collection.photo(one)) for one in self.readable]
        self.not_finite: dict[str, str] = {}
        self.unusable_maps: dict[str, str] = {}
        self.notes: set[str] = set()
        self._cells = (spec.comparison_cells, spec.comparison_cells)

    def enter(self, number: int, network: Network) -> None:
        """Measure one network, the ``number``-th of the spec, and enter all of its values."""
        spec, human, own = self.spec, self.human, network.preprocessing
        at, rows = segment(spec.networks[number].name), self._rows(self.readable)
        measured = measure(
            network,
            self.collection,
            self.readable,
            {name: _method_spec(spec, name) for name in spec.methods},
            spec.target if spec.target in ("own", "label") else int(spec.target),
            reduction=spec.reduction,
            errors=spec.errors,
        )
        self.notes |= measured.notes
        for image, why in measured.not_finite.items():
            self.not_finite.setdefault(image, why)
        if number == 0:
            self._enter_human_maps()
        best, probabilities = top_categories(np.stack([result.logits for result in measured.forward])[measured.finite])
        finite_rows = np.array(rows, int)[measured.finite]
        self.values[f"{at}/top_index"][finite_rows, : best.shape[1]] = best
        self.values[f"{at}/top_probability"][finite_rows, : best.shape[1]] = probabilities
        self.values["scores/correct"][number, rows] = measured.correct()
        for layer in network.layers:
            norms = np.stack([result.norms[layer] for result in measured.forward])
            norms = np.where(measured.finite[:, None, None], norms, np.nan)
            self.values[f"{at}/attention_norm/{segment(layer)}/norm"][rows] = norms
            self.values["scores/rho_attention"][number, spec.layers.index(layer), rows] = [
                human.norm_rhos(image, {layer: norm}, own)[layer]
                for image, norm in zip(self.readable, norms, strict=True)
            ]
        for order, method in enumerate(spec.methods):
            if method in measured.maps:
                self._enter_maps(f"{at}/{method}", (order, number), own, measured.maps[method])

    def enter_delta_sizes(self) -> None:
        """Enter the mean absolute delta of each two networks, over the cells of the first that both see."""
        frames = [one.frame for one in self.spec.networks]
        for order, method in enumerate(self.spec.methods):
            for first, one in enumerate(self.spec.networks):
                for second, other in enumerate(self.spec.networks):
                    if first == second:
                        continue
                    a, b = (self.values[f"{segment(name)}/{method}/map"] for name in (one.name, other.name))
                    if not is_same_cut(frames[first], frames[second]):
                        b = self._resampled(b, frames[second], frames[first], a.shape[1:])
                    self.values["scores/delta_size"][order, first, second] = _mean_size(delta(a, b))

    def _resampled(
        self, maps: np.ndarray, own: Preprocessing, frame: Preprocessing, size: tuple[int, int]
    ) -> np.ndarray:
        """Return maps of the block (image, y, x) in another network's frame; NaN for images that are not there."""
        resampled = np.full((len(maps), *size), np.nan, np.float32)
        for row, image in zip(self._rows(self.readable), self.readable, strict=True):
            resampled[row] = resample_to_frame(maps[row], own, frame, self.collection.size_px(image), size)
        return resampled

    def _rows(self, images: Sequence[str]) -> list[int]:
        return [self.images.index(image) for image in images]

    def _enter_human_maps(self) -> None:
        """Enter human maps and noise ceilings over what all networks see, and why others are not used."""
        human = self.human
        for row, image in zip(self._rows(self.readable), self.readable, strict=True):
            human_map = human.on_grid(image, self._cells)
            if human_map is not None:
                self.values["human/map"][row] = human_map
                self.values["scores/ceiling"][row] = human.ceiling(image, self._cells)
            elif why := human.why_not_usable(image):
                self.unusable_maps[image] = why

    def _enter_maps(self, at: str, place: tuple[int, int], own: Preprocessing, maps: xr.Dataset) -> None:
        """Enter the maps of one method; ``place`` is that of method and network in /scores."""
        images, values = maps["image"].values.tolist(), self.values
        rows, grid = self._rows(images), self.spec.grid(self.spec.networks[place[1]])
        values[f"{at}/explained"][rows] = maps["explained"].values
        values[f"{at}/sigma"][rows] = maps["sigma"].values
        values[f"{at}/map"][rows] = area_average(maps["map"].values, grid)
        if f"{at}/standard_error" in values:
            values[f"{at}/standard_error"][rows] = area_average(maps["standard_error"].values, grid)
        if f"{at}/half_map" in values:
            values[f"{at}/half_map"][rows] = np.moveaxis(area_average(maps["half_map"].values, grid), 0, 1)
        for row, image, one in zip(rows, images, maps["map"].values, strict=True):
            found = self.human.scores(image, one, own, self._cells)
            for name, value in nan_without_order(found, self.spec.reduction).items():
                values[f"scores/{name}"][*place, row] = value


def _mean_size(deltas: np.ndarray) -> np.ndarray:
    """Return the mean absolute value of each delta (image, y, x) over the cells that are known; NaN without any."""
    n_known = np.isfinite(deltas).sum(axis=(1, 2))
    return np.where(n_known > 0, np.nansum(np.abs(deltas), axis=(1, 2)) / np.maximum(n_known, 1), np.nan)


def _method_spec(spec: StoreSpec, method: str) -> Any:
    """Return the settings of a method, of its own type."""
    settings = {key: value for key, value in spec.methods[method].items() if key not in ABOUT}
    return METHODS[method].spec_type(**settings)


def _fault(collection: Collection, image: str) -> str | None:
    """Return why a photograph cannot be read; None where it can."""
    try:
        collection.photo(image)
    except UnreadableImageError as error:
        return str(error)
    return None
