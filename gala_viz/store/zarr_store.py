"""A store of maps on disk: created once, written block by block, read while it grows."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import xarray as xr
import zarr

from gala_viz.splits import UNKNOWN
from gala_viz.store.layout import (
    LABELS,
    MISSING,
    NOT_FINITE,
    THERE,
    UNREADABLE,
    arrays_of,
    learnt_path,
    segment,
)
from gala_viz.store.source import Labels
from gala_viz.store.spec import MEASUREMENT, PRECISION, StoredNetwork, StoreSpec

ATTRS, GATHERED, CHECKED, CIRCUMSTANCES = "gala_viz", "gathered", "finite_checked", "circumstances"
"""``CHECKED`` marks stores whose writer has set apart what is not finite; others are checked when they are read."""
SCORES_VERSION = "scores_version"
FINGERPRINT = "fingerprint"
LAYER_PATH = "layer_path"
"""Attr of a network's Grad-CAM: the layer at which it was computed; stores of before have none."""
SCORED_ALIKE = "scored_over_what_all_see"
SCORED_WITH = "scored_with"
"""Fingerprint of the collection whose human maps the scores are of."""


class StoreError(ValueError):
    """A store that cannot be used as requested; the message says why and what to do."""


class Store:
    """The store at ``path``. Raises ``StoreError`` for what is none.

    Reading never waits for a writer: a block counts once its status is written, which is its last write.
    """

    def __init__(self, path: str | Path, *, writing: bool = False) -> None:
        self.path = Path(path).expanduser()
        try:
            self._root = zarr.open_group(self.path, mode="r+" if writing else "r", use_consolidated=False)
            self.settings = json.loads(self._root.attrs[ATTRS])
        except (OSError, KeyError, ValueError) as error:
            raise StoreError(f"{self.path} is no store of maps ({error}); gala-viz attribute makes one.") from None
        self.spec = spec_from(self.settings)
        self.images: tuple[str, ...] = tuple(self._array("image")[:].tolist())
        self._positions = {image: position for position, image in enumerate(self.images)}

    def __contains__(self, image: object) -> bool:
        return image in self._positions

    def _array(self, path: str) -> Any:
        """Return an array, whose values are read when it is indexed."""
        return self._root[path]

    @property
    def gathered(self) -> bool:
        """Whether nothing is missing, and what has one value an image is there in few chunks too."""
        return bool(self._root.attrs.get(GATHERED, False))

    def status(self) -> np.ndarray:
        """Return the status of all images, (image,) int8: ``MISSING``, ``THERE``, ``UNREADABLE`` or ``NOT_FINITE``."""
        return self.column("status")

    def labels(self) -> Labels:
        """Return what the collection said of all images when the store was made."""
        texts = {name: tuple(self._array(name)[:].tolist()) for name in LABELS}
        return Labels(**texts, has_human_map=self._array("marked")[:])

    def learnt(self, network: str) -> np.ndarray:
        """Return the training status of all images for ``network``, (image,) int8.

        It is what the network's card said when the store was made, see ``gala_viz.splits``.
        """
        path = learnt_path(network)
        return self._array(path)[:] if path in self._root else np.full(len(self.images), UNKNOWN, np.int8)

    def notes(self) -> dict[str, str]:
        """Return the reason of each unreadable image, by image."""
        status = self.status()
        notes = self.column("note")
        return {self.images[row]: str(notes[row]) for row in np.flatnonzero(status == UNREADABLE)}

    def not_finite(self) -> dict[str, str]:
        """Return the reason of each image that is not there since a network's numbers are NaN or infinite, by image.

        In a store whose writer did not set these apart, the first choices are read, and the deltas of networks that
        have one frame; maps without a delta are checked when their image is read.
        """
        status = self.status()
        notes = self.column("note")
        reasons = {self.images[row]: str(notes[row]) for row in np.flatnonzero(status == NOT_FINITE)}
        if not self._root.attrs.get(CHECKED):
            for row in np.flatnonzero((status == THERE) & self._suspects()).tolist():
                if why := self._why_not_finite_before(row):
                    reasons[self.images[row]] = why
        return reasons

    def unusable_maps(self) -> dict[str, str]:
        """Return why the human map of an image that is there is not used, by image.

        There are none in stores without such reasons.
        """
        notes = self.column("note")
        return {self.images[row]: str(notes[row]) for row in np.flatnonzero(self.status() == THERE) if notes[row]}

    def missing_blocks(self) -> list[int]:
        """Return the numbers of the blocks that are not written."""
        status = self.status()
        return [number for number in range(self.spec.n_blocks) if (status[self.spec.block(number)] == MISSING).any()]

    def position(self, image: str) -> int:
        """Return the image's row. Raises ``KeyError`` for one that is not in the store."""
        return self._positions[image]

    def is_there(self, image: str) -> bool:
        """Return whether the image's maps are stored."""
        position = self._positions.get(image)
        there = position is not None and int(self._array("status")[position]) == THERE
        return there and not self.why_not_finite(image)

    def why_not_finite(self, image: str) -> str:
        """Return why the image is not there although it was computed: a network's numbers are not finite; "" else."""
        position = self._positions[image]
        status = int(self._array("status")[position])
        if status == NOT_FINITE:
            return str(self._array("note")[position])
        checked = status != THERE or self._root.attrs.get(CHECKED)
        return "" if checked else self._why_not_finite_before(position)

    def _suspects(self) -> np.ndarray:
        """Return where a first choice is not finite, or the delta of two maps that are there, (image,) bool."""
        networks = self.spec.networks
        suspect = np.zeros(len(self.images), bool)
        for network in networks:
            suspect |= ~np.isfinite(self._array(f"{segment(network.name)}/top_probability")[:, 0])
        sizes = self.column("scores/delta_size")
        for order, method in enumerate(self.spec.methods):
            there = [self._array(f"{segment(network.name)}/{method}/explained")[:] >= 0 for network in networks]
            for one, other in itertools.combinations(range(len(networks)), 2):
                if networks[one].preprocessing == networks[other].preprocessing:
                    suspect |= ~np.isfinite(sizes[order, one, other]) & there[one] & there[other]
        return suspect

    def _why_not_finite_before(self, row: int) -> str:
        """Return what ``why_not_finite`` does from an image's numbers, for stores that do not set such images apart."""
        for network in self.spec.networks:
            at, of = segment(network.name), f"of {network.name}"
            if not np.isfinite(self._array(f"{at}/top_probability")[row, 0]):
                return f"{self.images[row]}: the logits {of} are NaN or infinite."
            for method in self.spec.methods:
                explained = self._array(f"{at}/{method}/explained")[row] >= 0
                if explained and not np.isfinite(self._array(f"{at}/{method}/map")[row]).all():
                    return f"{self.images[row]}: the stored {method} map {of} is NaN or infinite."
        return ""

    def read(self, path: str, image: str) -> np.ndarray:
        """Return one image's values of an array. Raises ``KeyError`` for an array that is not stored."""
        array = self._array(path)
        position = self._positions[image]
        return np.asarray(array[..., position] if path.startswith("scores/") else array[position])

    def column(self, path: str) -> np.ndarray:
        """Return all values of an array that has one value for each image."""
        return np.asarray(self._array(f"{GATHERED}/{path}" if self.gathered else path)[:])

    def has(self, path: str) -> bool:
        """Return whether there is an array at ``path``."""
        return path in self._root

    def layer_path(self, network: str, method: str) -> str:
        """Return the path of the layer at which maps of a network were computed; "" where the store does not tell."""
        return str(self._array(f"{segment(network)}/{method}/map").attrs.get(LAYER_PATH, ""))

    def write_block(
        self,
        number: int,
        values: Mapping[str, np.ndarray],
        unreadable: Mapping[str, str],
        not_finite: Mapping[str, str] = MappingProxyType({}),
        unusable_maps: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Write a whole block, its status last.

        Parameters
        ----------
        number : int
            Number of the block.
        values : mapping of str to ndarray
            Path -> values with one entry for each image of the block, NaN where it is unreadable.
        unreadable : mapping of str to str
            Image that is not there because it cannot be read -> reason.
        not_finite : mapping of str to str
            Image that is not there because a network's numbers are NaN or infinite -> reason.
        unusable_maps : mapping of str to str
            Image whose human map is not used -> reason.

        Raises
        ------
        StoreError
            The arrays are not those of the store.
        OSError
            The disk is full.
        """
        where = self.spec.block(number)
        images = self.images[where]
        expected = {one.path: one for one in arrays_of(self.spec) if one.path not in ("status", "note")}
        if expected.keys() != values.keys():
            wrong = sorted(expected.keys() ^ values.keys())
            raise StoreError(f"block {number}: the arrays differ from the store's, the first is {wrong[0]!r}.")
        for path, one in expected.items():
            shape = one.shape(len(images))
            if values[path].shape != shape:
                raise StoreError(f"block {number}, {path}: shape {shape} was expected; got {values[path].shape}.")
            at = (..., where) if one.leading else where
            self._array(path)[at] = values[path].astype(one.dtype, copy=False)
        notes = {**unusable_maps, **not_finite, **unreadable}
        states = {**dict.fromkeys(not_finite, NOT_FINITE), **dict.fromkeys(unreadable, UNREADABLE)}
        self._array("note")[where] = np.array([notes.get(image, "") for image in images], dtype=object)
        self._array("status")[where] = np.array([states.get(image, THERE) for image in images], np.int8)

    def tree(self) -> xr.DataTree:
        """Return everything as a DataTree, whose values are read when they are used."""
        return xr.open_datatree(self.path, engine="zarr", consolidated=False)

    @property
    def circumstances(self) -> list[dict[str, str]]:
        """What its blocks were computed with, each once: device, threads, machine, versions of packages.

        With more than one, blocks of different ones differ by rounding.
        """
        return list(self._root.attrs.get(CIRCUMSTANCES, []))

    def add_circumstances(self, about: Mapping[str, str]) -> None:
        """Record what blocks are computed with from now on; only the process that owns the store calls it."""
        known = self.circumstances
        if not any(_are_alike(about, one) for one in known):
            self._root.attrs[CIRCUMSTANCES] = [*known, dict(about)]

    @property
    def scores_version(self) -> str:
        """Version of the measurement by whose rules the scores were made: "1" for stores of before it was counted."""
        return str(self._root.attrs.get(SCORES_VERSION, self.spec.versions.get(MEASUREMENT, "1")))

    @property
    def is_scored_alike(self) -> bool:
        """Whether scores are over the part of a photograph that all networks see; before, each was in its own frame."""
        return self.spec.has_one_cut or bool(self._root.attrs.get(SCORED_ALIKE, False))

    @property
    def scored_with(self) -> str:
        """Fingerprint of the collection whose human maps the scores are of; "" while they are being replaced."""
        return str(self._root.attrs.get(SCORED_WITH, self.spec.collection["fingerprint"]))

    def replace_scores(self, values: Mapping[str, np.ndarray], version: str, collection: str) -> None:
        """Replace arrays that have one value an image, and record by what rules and of which human maps they are.

        Parameters
        ----------
        values : mapping of str to ndarray
            Path -> all values of an array, (..., image).
        version : str
            Version of the measurement.
        collection : str
            Fingerprint of the collection whose human maps they are of.
        """
        self._root.attrs[SCORED_WITH] = ""  # a kill in the middle shows
        gathered = self.gathered
        for path, column in values.items():
            self._array(path)[:] = column
            if gathered and f"{GATHERED}/{path}" in self._root:
                self._array(f"{GATHERED}/{path}")[:] = column
        self._root.attrs.update({SCORES_VERSION: version, SCORED_WITH: collection, SCORED_ALIKE: True})

    def replace_human_maps(self, first: int, maps: np.ndarray) -> None:
        """Replace the human maps (image, y, x) of the images from position ``first`` on."""
        self._root.attrs[SCORED_WITH] = ""
        count = min(len(maps), len(self.images) - first)
        self._array("human/map")[first : first + count] = maps[:count]


def _are_alike(about: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Return whether two circumstances agree in what both tell but the reason of the precision."""
    return all(about[name] == other[name] for name in about.keys() & other.keys() if name != PRECISION)


def fingerprint_at(path: str | Path) -> str:
    """Return the fingerprint of the spec of the store at ``path`` as it is now; "" where there is none."""
    try:
        return str(zarr.open_group(path, mode="r", use_consolidated=False).attrs.get(FINGERPRINT, ""))
    except (OSError, KeyError):
        return ""


def open_store(path: str | Path) -> xr.DataTree:
    """Open a store of maps, which ``gala-viz attribute`` made, as labelled arrays; nothing is computed or changed.

    Parameters
    ----------
    path : str or Path
        Folder of the store.

    Returns
    -------
    DataTree
        ``tree["NETWORK/METHOD"]["map"]`` are maps (image, y, x), ``tree["scores"]`` has one value an image; see
        ``gala_viz.store.layout``. Values are read when they are used. Blocks that are not written yet are NaN, and 0 in
        ``tree["status"]``. Open it anew once the store is finished: its files are put together then, and what a tree of
        before has not read yet is NaN, or an error.

    Raises
    ------
    StoreError
        There is no store.

    Examples
    --------
    >>> import gala_viz as gv
    >>> scores = gv.open_store("maps.zarr")["scores"]  # doctest: +SKIP
    """
    return Store(path).tree()


def spec_from(settings: Mapping[str, Any]) -> StoreSpec:
    """Return the spec of plain values, the inverse of ``StoreSpec.settings``.

    Raises ``StoreError`` for settings of another version.
    """
    plain = dict(settings)
    try:
        networks = tuple(
            StoredNetwork(
                **{
                    **network,
                    "input_px": tuple(network["input_px"]),
                    "layers": {layer: tuple(grid) for layer, grid in network["layers"].items()},
                    "categories": tuple(network["categories"]),
                }
            )
            for network in plain.pop("networks")
        )
        return StoreSpec(networks=networks, **plain)
    except (KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"the store's settings are of another version ({error}).") from None
