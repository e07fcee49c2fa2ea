"""A labelled collection held in memory: its photographs, maps and labels as arrays."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import xarray as xr

from gala_viz.collections.caching import cache_folder
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.specs import fingerprint
from gala_viz.splits import Split
from gala_viz.training.chance import image_keys
from gala_viz.training.samples import Source, sources_of_split

KEPT = 6
"""Files of maps in the cache folder, each up to 100 MB."""

Progress = Callable[[int, int], None]


class LabelledCollection(Protocol):
    """The part of a collection that a training from scratch uses; a category's index is its place in ``categories``."""

    name: str
    images: tuple[str, ...]
    categories: tuple[str, ...]
    fingerprint: str

    def category(self, image: str) -> str | None:
        """One of ``categories``."""
        ...

    def photo(self, image: str) -> np.ndarray:
        """The photograph (y, x, 3), uint8."""
        ...

    def human_map(self, image: str) -> xr.DataArray | None:
        """The map (y, x) over the whole photograph."""
        ...


@dataclass(frozen=True)
class Held:
    """Images of one split as arrays in a network's frame.

    ``pixels`` (image, y, x, 3) uint8; ``marks`` (image, y, x) float16, each map's largest value 1, all 0 where there is
    none; ``labels`` (image,) int64; ``has_map`` (image,) bool; ``keys`` as in ``image_keys``. ``source`` says of which
    collection they are.
    """

    images: tuple[str, ...]
    pixels: np.ndarray
    marks: np.ndarray
    labels: np.ndarray
    has_map: np.ndarray
    keys: np.ndarray
    source: Source


def hold(
    collection: LabelledCollection,
    split: Split,
    preprocessing: Preprocessing,
    *,
    with_maps: bool = True,
    progress: Progress | None = None,
) -> Held:
    """Read the ``split`` (see ``gala_viz.splits``) of ``collection``; 6,000 images of 128 x 128 px take 500 MB.

    Training images that are the same photograph, byte for byte, as one of another split are left out; ``source`` of
    what comes back names them. Maps, which take longest, are kept in the user's cache folder, by the collection's
    fingerprint. ``progress(done, total)`` is called as images are read. Raises ``ValueError`` where the split is empty
    or an image's category is not among the collection's.
    """
    (source,) = sources_of_split([("plain", collection)], split)
    images = source.images
    name = fingerprint("marks", collection.fingerprint, images, preprocessing.settings())
    kept = cache_folder() / "training" / f"{name}.npz"
    side = preprocessing.crop_px
    pixels = np.empty((len(images), side, side, 3), np.uint8)
    labels = np.empty(len(images), np.int64)
    marks = _read(kept) if with_maps else np.zeros((len(images), side, side), np.float16)
    missing = marks is None
    if marks is None:
        marks = np.zeros((len(images), side, side), np.float16)
    for number, image in enumerate(images):
        category = collection.category(image)
        if category not in collection.categories:
            raise ValueError(f"{collection.name}, {image}: its category {category!r} is not among the collection's.")
        labels[number] = collection.categories.index(category)
        pixels[number] = preprocessing.view(collection.photo(image))
        human_map = collection.human_map(image) if missing else None
        if human_map is not None and (strongest := float(human_map.max())) > 0:
            marks[number] = preprocessing.map_to_frame(human_map).values.clip(0) / strongest
        if progress is not None:
            progress(number + 1, len(images))
    if missing:
        _write(kept, marks)
    return Held(images, pixels, marks, labels, marks.any(axis=(1, 2)), image_keys(images), source)


def _read(path: Path) -> np.ndarray | None:
    if not path.is_file():
        return None
    with np.load(path) as arrays:
        return arrays["marks"]


def _write(path: Path, marks: np.ndarray) -> None:
    """Whole or not at all, whoever else writes the same; the oldest of more than ``KEPT`` files goes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".partial", delete=False) as file:
        np.savez_compressed(file, marks=marks)
    Path(file.name).replace(path)
    for old in sorted(path.parent.glob("*.npz"), key=lambda one: one.stat().st_mtime)[:-KEPT]:
        old.unlink(missing_ok=True)
