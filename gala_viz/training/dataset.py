"""Training images: photographs, labels and human maps of sources in one square frame, in memory or read when needed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from gala_viz.cache import cache_folder, read_npz
from gala_viz.collections.human_maps.map_checks import (
    any_unread,
    describe_usable_maps,
    marked_images,
    usable_map,
    why_not_in_frame,
)
from gala_viz.collections.photo_files import UnreadableImageError
from gala_viz.cpu_threads import available_cores
from gala_viz.deprecated_paths import deprecated_getattr
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.specs import fingerprint
from gala_viz.splits import Split
from gala_viz.training.rng import image_keys
from gala_viz.training.sources import PhotoCollection, TrainingSource, sources_of_split

MEMORY_BYTES = 2 * 2**30
"""Images of one split that take more are not held in memory, but read anew in every epoch."""

MAX_CACHED_FILES = 6
"""Files of maps in the cache folder, each up to 100 MB, of validation images up to 200 MB."""

MAPS_VERSION = 5
"""Rises when maps are made or left out in another way."""

ProgressCallback = Callable[[int, int], None]


class TrainingImages:
    """Images of ``sources`` in a square ``frame``; without ``with_maps`` none has a human map.

    ``images`` are all ids, source by source; ``labels`` (image,) int64, -1 for none; ``has_map`` (image,) bool, of maps
    that can be used once ``load`` or ``check_maps`` has run, of all that should be there before; ``rng_keys`` as in
    ``image_keys``. ``read`` gives the same arrays whether ``load`` holds them in memory or not.

    Maps that are ranked need ``map_dtype`` float32: float16 makes the tails of a smooth map ties, which moves
    Spearman's rho in the third digit. Maps that only train are float16, half as large.
    """

    def __init__(
        self,
        sources: Sequence[TrainingSource],
        frame: Preprocessing,
        *,
        with_maps: bool = True,
        map_dtype: DTypeLike = np.float16,
    ) -> None:
        self.sources, self.frame, self.with_maps = tuple(sources), frame, with_maps
        self.map_dtype = np.dtype(map_dtype)
        self.images = tuple(image for source in self.sources for image in source.images)
        self.source_of = np.repeat(np.arange(len(self.sources)), [len(source.images) for source in self.sources])
        labels = [source.label(image) for source in self.sources for image in source.images]
        self.labels = np.array([-1 if label is None else label for label in labels], np.int64)
        self.rng_keys = image_keys(self.images)
        self.has_map = np.zeros(len(self.images), bool)
        self.unusable: dict[int, str] = {}
        """Position -> why the map that should be there cannot be used."""
        start = 0
        for source in self.sources:
            if with_maps and source.role != "plain":
                marked = set(marked_images(source.collection, source.images))
                self.has_map[start : start + len(source.images)] = [image in marked for image in source.images]
            start += len(source.images)
        self._pixels: np.ndarray | None = None
        self._maps: np.ndarray | None = None
        self._readable = np.ones(len(self.images), bool)
        self._row_of_map = np.full(len(self.images), -1)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def n_bytes(self) -> int:
        """Bytes that all images and maps take in memory."""
        return self.frame.side_px**2 * (3 * len(self.images) + self.map_dtype.itemsize * int(self.has_map.sum()))

    @property
    def in_memory(self) -> bool:
        """Whether ``load`` holds all images in memory."""
        return self._pixels is not None

    @property
    def unreadable(self) -> tuple[str, ...]:
        """Images that ``load`` could not read."""
        return tuple(self.images[position] for position in np.flatnonzero(~self._readable))

    def describe_maps(self, source: TrainingSource | None = None) -> str:
        """Return how many maps are usable, of one of the sources or of all.

        For example "57 of 60 maps usable (left out 3: ...)".
        """
        return describe_usable_maps(*self._usable(source))

    def are_few_usable(self, source: TrainingSource) -> bool:
        """Return whether fewer than half of the maps of one of the sources can be used."""
        n_usable, reasons = self._usable(source)
        return n_usable < len(reasons)

    def _usable(self, source: TrainingSource | None) -> tuple[int, dict[str, str]]:
        """Return how many maps of a source, or of all, can be used, and image -> why the map cannot, of the others."""
        which = np.ones(len(self.images), bool)
        if source is not None:
            which = self._images_of(source)
        reasons = {self.images[place]: why for place, why in self.unusable.items() if which[place]}
        sources = self.sources if source is None else (source,)
        reasons |= {image: why for one in sources for image, why in one.unusable.items() if self.with_maps}
        return int(self.has_map[which].sum()), reasons

    def has_maps_of(self, source: TrainingSource) -> bool:
        """Return whether an image of one of the sources has, or should have, a human map here."""
        which = self._images_of(source)
        return bool(self.has_map[which].any()) or any(which[place] for place in self.unusable)

    def _images_of(self, source: TrainingSource) -> np.ndarray:
        """Return which of ``images`` are of one of the sources, (image,) bool."""
        return self.source_of == next(n for n, one in enumerate(self.sources) if one is source)

    def read(self, position: int) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Return photograph and human map of one image.

        Parameters
        ----------
        position : int
            Of the image in ``images``.

        Returns
        -------
        pixels : ndarray, (y, x, 3), uint8, or None
            None for a photograph that cannot be read.
        human_map : ndarray, (y, x), ``map_dtype``, or None
            In shares of the largest value over the whole photograph; None without a usable map.
        """
        if self._pixels is not None:
            row = self._row_of_map[position]
            human_map = None if row < 0 or self._maps is None else self._maps[row]
            return (self._pixels[position] if self._readable[position] else None), human_map
        pixels = self._photo(position)
        return pixels, (self._map(position)[0] if self.has_map[position] and pixels is not None else None)

    def read_many(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return the photographs that can be read, and their maps.

        Parameters
        ----------
        positions : ndarray, (B,), int
            Of images in ``images``.

        Returns
        -------
        readable : ndarray, (B,), bool
            Which of them can be read; the other arrays have these alone.
        pixels : ndarray, (b, y, x, 3), uint8
            Photographs.
        human_maps : ndarray, (b, y, x), ``map_dtype``
            0 everywhere without a map.
        has_map : ndarray, (b,), bool
            Whether there is a usable map.
        """
        side = self.frame.side_px
        if self._pixels is not None:
            readable = self._readable[positions]
            positions = positions[readable]
            rows, human_maps = self._row_of_map[positions], np.zeros((len(positions), side, side), self.map_dtype)
            if self._maps is not None:
                human_maps[rows >= 0] = self._maps[rows[rows >= 0]]
            return readable, self._pixels[positions], human_maps, rows >= 0
        found = [self.read(int(position)) for position in positions]
        readable = np.array([pixels is not None for pixels, _ in found], bool)
        pixels = [pixels for pixels, _ in found if pixels is not None]
        human_maps = np.zeros((len(pixels), side, side), self.map_dtype)
        maps = [human_map for photo, human_map in found if photo is not None]
        for row, human_map in enumerate(maps):
            if human_map is not None:
                human_maps[row] = human_map
        has_map = np.array([human_map is not None for human_map in maps], bool)
        return readable, np.stack(pixels) if pixels else np.empty((0, side, side, 3), np.uint8), human_maps, has_map

    def load(self, progress: ProgressCallback | None = None) -> TrainingImages:
        """Read everything into memory, and return itself.

        Maps, which take longest, are stored in the user's cache folder, by the collections' fingerprints, unless one
        could not be read. ``progress`` is called as ``progress(done, total)``.
        """
        marked, side = np.flatnonzero(self.has_map), self.frame.side_px
        pixels = np.empty((len(self.images), side, side, 3), np.uint8)
        path = self._cache_file("maps")
        cached = self._cached(path, (len(marked), side, side)) if len(marked) else None
        maps = np.zeros((len(marked), side, side), self.map_dtype) if cached is None else cached[0]
        reasons = {} if cached is None else cached[1]
        rows = {int(position): row for row, position in enumerate(marked)}

        def read(position: int) -> tuple[np.ndarray | None, tuple[np.ndarray | None, str] | None]:
            wanted = position in rows and cached is None
            return self._photo(position), self._map(position) if wanted else None

        with ThreadPoolExecutor(min(8, available_cores())) as pool:
            for position, (photo, found) in enumerate(_in_order(pool, read, len(self.images))):
                if photo is None:
                    self._readable[position], pixels[position] = False, 0
                else:
                    pixels[position] = photo
                if found is not None:
                    values, why = found
                    if values is None:
                        reasons[position] = why
                    else:
                        maps[rows[position]] = values
                if progress is not None:
                    progress(position + 1, len(self.images))
        if len(marked) and cached is None and not self._any_unread():
            self._store(path, maps, reasons)
        self._leave_out(reasons)
        self._pixels, self._maps = pixels, maps
        for position, row in rows.items():
            self._row_of_map[position] = row if self.has_map[position] else -1
        return self

    def check_maps(self, progress: ProgressCallback | None = None) -> TrainingImages:
        """Read every human map once, so that ``has_map`` and ``unusable`` are known, and return itself.

        What comes of it is stored in the user's cache folder. ``progress`` is called as ``progress(done, total)``.
        """
        marked = np.flatnonzero(self.has_map)
        if not len(marked):
            return self
        path, nothing = self._cache_file("checked"), np.empty((0, 0, 0), self.map_dtype)
        cached = self._cached(path, nothing.shape)
        reasons = {} if cached is None else cached[1]
        if cached is None:
            with ThreadPoolExecutor(min(8, available_cores())) as pool:
                found = _in_order(pool, lambda number: self._map(int(marked[number]))[1], len(marked))
                for number, why in enumerate(found):
                    if why:
                        reasons[int(marked[number])] = why
                    if progress is not None:
                        progress(number + 1, len(marked))
            if not self._any_unread():
                self._store(path, nothing, reasons)
        self._leave_out(reasons)
        return self

    def _photo(self, position: int) -> np.ndarray | None:
        collection = self.sources[self.source_of[position]].collection
        try:
            return self.frame.resize_and_crop(collection.photo(self.images[position]))
        except (UnreadableImageError, OSError):
            return None

    def _map(self, position: int) -> tuple[np.ndarray | None, str]:
        """Return the human map in the frame, or None and why it cannot be used."""
        collection = self.sources[self.source_of[position]].collection
        try:
            human_map, why = usable_map(collection, self.images[position])
        except UnreadableImageError as error:
            return None, str(error)
        if human_map is None:
            return None, why
        values = (self.frame.map_to_frame(human_map).values.clip(0) / float(human_map.max())).astype(self.map_dtype)
        why = why_not_in_frame(values)
        return (None, why) if why else (values, "")

    def _leave_out(self, reasons: Mapping[int, str]) -> None:
        self.unusable = dict(reasons)
        self.has_map[list(reasons)] = False

    def _any_unread(self) -> bool:
        return any(any_unread(source.collection, source.images) for source in self.sources)

    def _cache_file(self, kind: str) -> Path:
        about = [
            (source.role, source.collection.fingerprint, fingerprint(list(source.images))) for source in self.sources
        ]
        name = fingerprint(kind, MAPS_VERSION, about, self.frame.settings(), self.map_dtype.name)
        return cache_folder() / "training" / f"{kind}-{name}.npz"

    def _cached(self, path: Path, shape: tuple[int, ...]) -> tuple[np.ndarray, dict[int, str]] | None:
        """Return maps and reasons from a cache file; None where it is missing, damaged or of other maps."""
        arrays = read_npz(path) or {}
        human_maps, places, reasons = arrays.get("marks"), arrays.get("positions"), arrays.get("reasons")
        if human_maps is None or places is None or reasons is None:
            return None
        if (human_maps.shape, human_maps.dtype) != (shape, self.map_dtype) or places.shape != reasons.shape:
            return None
        if places.ndim != 1 or not np.isin(places, np.flatnonzero(self.has_map)).all():
            return None
        return human_maps, {int(place): str(why) for place, why in zip(places, reasons, strict=True)}

    def _store(self, path: Path, human_maps: np.ndarray, reasons: Mapping[int, str]) -> None:
        """Write a cache file whole or not at all; of more than ``MAX_CACHED_FILES`` the oldest is deleted."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".partial", delete=False) as file:
            places, texts = np.array(list(reasons), np.int64), np.array(list(reasons.values()), dtype=str)
            np.savez_compressed(file, marks=human_maps, positions=places, reasons=texts)
        Path(file.name).replace(path)
        for old in sorted(path.parent.glob("*.npz"), key=lambda one: one.stat().st_mtime)[:-MAX_CACHED_FILES]:
            old.unlink(missing_ok=True)


def load_dataset(
    collection: PhotoCollection,
    split: Split,
    preprocessing: Preprocessing,
    *,
    categories: Sequence[str] | None = None,
    with_maps: bool = True,
    progress: ProgressCallback | None = None,
) -> TrainingImages:
    """Read one split of a labelled collection into memory; 6,000 images of 128 x 128 px take 500 MB.

    Parameters
    ----------
    collection : PhotoCollection
        Where photographs, categories and maps are read.
    split : {"train", "validation", "test"}
        See ``gala_viz.splits``.
    preprocessing : Preprocessing
        The network's frame.
    categories : sequence of str, optional
        The network's; default: the collection's own ``categories``, else ImageNet's.
    with_maps : bool
        Read the human maps; else none are there.
    progress : callable, optional
        Called as ``progress(done, total)`` when images are read.

    Returns
    -------
    TrainingImages
        Those of which a category is known; maps of the validation and test splits are float32, to be ranked.

    Raises
    ------
    ValueError
        See ``sources_of_split``.
    """
    known = getattr(collection, "categories", None) if categories is None else categories
    sources = sources_of_split([("labels", collection)], split, categories=known)
    map_dtype = np.float16 if split == "train" else np.float32
    return TrainingImages(sources, preprocessing, with_maps=with_maps, map_dtype=map_dtype).load(progress)


def check_any_map(images: TrainingImages, collection_names: str) -> None:
    """Raise ``ValueError`` where no map is usable: a training by maps would be one without."""
    if not images.has_map.any():
        reason = images.describe_maps() if images.unusable else "there is none"
        raise ValueError(
            f"{collection_names}: the training compares attention with human maps, but {reason}. Mend the maps, or "
            "train without them (--attention-weight 0)."
        )


def _in_order(pool: ThreadPoolExecutor, work: Callable[[int], Any], count: int) -> Any:
    """Yield ``work`` of 0 to ``count`` in order, a few ahead, so that results do not heap up."""
    ahead = 64
    jobs = [pool.submit(work, number) for number in range(min(ahead, count))]
    for number in range(count):
        result = jobs[number % ahead].result()
        if number + ahead < count:
            jobs[number % ahead] = pool.submit(work, number + ahead)
        yield result


__getattr__ = deprecated_getattr(__name__)
