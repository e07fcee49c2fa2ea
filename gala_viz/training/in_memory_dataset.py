"""In-memory dataset: photographs, maps and labels of one split of a labelled collection as arrays."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from gala_viz.cache import cache_folder, read_npz
from gala_viz.collections.map_checks import (
    any_unread,
    describe_usable_maps,
    marked_images,
    usable_map,
    why_not_in_frame,
)
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.specs import fingerprint
from gala_viz.splits import Split
from gala_viz.training.dataset import PhotoCollection, TrainingSource, sources_of_split
from gala_viz.training.rng import image_keys

MAX_CACHED_FILES = 6
"""Files of maps in the cache folder, each up to 100 MB."""

MAPS_VERSION = 4
"""Rises when maps are made or left out in another way."""

ProgressCallback = Callable[[int, int], None]


class LabelledCollection(PhotoCollection, Protocol):
    """The part of a collection that a training from scratch uses.

    A category's index is its position in ``categories``.
    """

    categories: tuple[str, ...]


@dataclass(frozen=True)
class InMemoryDataset:
    """Images of one split as arrays in a network's frame.

    ``pixels`` (image, y, x, 3) uint8; ``human_maps`` (image, y, x) float16, as shares of the largest value of the map
    over the whole photograph, all 0 where there is none; ``labels`` (image,) int64; ``has_map`` (image,) bool;
    ``rng_keys`` as in ``image_keys``. ``source`` says of which collection they are, ``unusable`` why maps cannot be
    used: image -> reason.
    """

    images: tuple[str, ...]
    pixels: np.ndarray
    human_maps: np.ndarray
    labels: np.ndarray
    has_map: np.ndarray
    rng_keys: np.ndarray
    source: TrainingSource
    unusable: Mapping[str, str] = field(default_factory=dict)

    def describe_maps(self) -> str:
        """Return how many maps are usable, for example "57 of 60 maps usable (left out 3: ...)"."""
        return describe_usable_maps(int(self.has_map.sum()), self.unusable)


def load_dataset(
    collection: LabelledCollection,
    split: Split,
    preprocessing: Preprocessing,
    *,
    with_maps: bool = True,
    progress: ProgressCallback | None = None,
) -> InMemoryDataset:
    """Read one split of a collection; 6,000 images of 128 x 128 px take 500 MB.

    Images that are the same photograph, byte for byte, as one held out from the split are left out; ``source`` of the
    result names them. Maps, which take longest, are stored in the user's cache folder, by the collection's fingerprint,
    unless one could not be read.

    Parameters
    ----------
    collection : LabelledCollection
        Where photographs, categories and maps are read.
    split : {"train", "validation", "test"}
        See ``gala_viz.splits``.
    preprocessing : Preprocessing
        The network's frame.
    with_maps : bool
        Read the human maps; else none are there.
    progress : callable, optional
        Called as ``progress(done, total)`` when images are read.

    Returns
    -------
    InMemoryDataset
        Maps that are not finite, negative, all zero or constant, and those of which nothing lies in the frame, count as
        none and are listed in ``unusable``.

    Raises
    ------
    ValueError
        The split is empty, or an image's category is not among the collection's.
    """
    (source,) = sources_of_split([("plain", collection)], split)
    images = source.images
    name = fingerprint("marks", MAPS_VERSION, collection.fingerprint, images, preprocessing.settings())
    cache_file = cache_folder() / "training" / f"{name}.npz"
    side = preprocessing.crop_px
    pixels = np.empty((len(images), side, side, 3), np.uint8)
    labels = np.empty(len(images), np.int64)
    nothing = np.zeros((len(images), side, side), np.float16)
    cached = _read(cache_file, nothing.shape) if with_maps else (nothing, {})
    missing = cached is None
    human_maps, unusable = cached or (nothing, {})
    for number, image in enumerate(images):
        category = collection.category(image)
        if category not in collection.categories:
            raise ValueError(f"{collection.name}, {image}: its category {category!r} is not among the collection's.")
        labels[number] = collection.categories.index(category)
        pixels[number] = preprocessing.resize_and_crop(collection.photo(image))
        if missing:
            human_maps[number], why = _marks(collection, image, preprocessing)
            unusable |= {image: why} if why else {}
        if progress is not None:
            progress(number + 1, len(images))
    if missing and not any_unread(collection, images):
        _write(cache_file, human_maps, unusable)
    has_map = np.asarray(human_maps.any(axis=(1, 2)))
    return InMemoryDataset(images, pixels, human_maps, labels, has_map, image_keys(images), source, unusable)


def check_any_map(dataset: InMemoryDataset, collection_name: str) -> None:
    """Raise ``ValueError`` where no map is usable: a training by maps would be one without."""
    if not dataset.has_map.any():
        reason = dataset.describe_maps() if dataset.unusable else "there is none"
        raise ValueError(
            f"{collection_name}: the training compares attention with human maps, but {reason}. Mend the maps, or "
            "train without them (--attention-weight 0)."
        )


def _marks(collection: LabelledCollection, image: str, preprocessing: Preprocessing) -> tuple[np.ndarray, str]:
    """Return the human map in the frame, and why it cannot be used; zeros where there is none.

    Values are shares of the largest one over the whole photograph.
    """
    nothing = np.zeros(preprocessing.input_px, np.float16)
    if not marked_images(collection, [image]):
        return nothing, ""
    human_map, why = usable_map(collection, image)
    if human_map is None:
        return nothing, why
    values = (preprocessing.map_to_frame(human_map).values.clip(0) / float(human_map.max())).astype(np.float16)
    why = why_not_in_frame(values)
    return (nothing, why) if why else (values, "")


def _read(path: Path, shape: tuple[int, ...]) -> tuple[np.ndarray, dict[str, str]] | None:
    """Return maps and reasons from the cache file ``path``.

    None for a file that is not there, is damaged, or has other maps than of ``shape``.
    """
    arrays = read_npz(path) or {}
    human_maps, unusable = arrays.get("marks"), arrays.get("unusable")
    if human_maps is None or unusable is None or (human_maps.shape, human_maps.dtype) != (shape, np.float16):
        return None
    if unusable.ndim != 2 or unusable.shape[1] != 2:
        return None
    return human_maps, {str(image): str(why) for image, why in unusable}


def _write(path: Path, marks: np.ndarray, unusable: Mapping[str, str]) -> None:
    """Write a cache file whole or not at all, whoever else writes the same.

    Of more than ``MAX_CACHED_FILES`` files the oldest is deleted.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".partial", delete=False) as file:
        np.savez_compressed(file, marks=marks, unusable=np.array(list(unusable.items()), dtype=str).reshape(-1, 2))
    Path(file.name).replace(path)
    for old in sorted(path.parent.glob("*.npz"), key=lambda one: one.stat().st_mtime)[:-MAX_CACHED_FILES]:
        old.unlink(missing_ok=True)
