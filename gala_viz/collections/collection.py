"""What every collection answers: images, their categories, their photographs, and what people marked on them."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import xarray as xr

from gala_viz.collections.photo_cache import PhotoSource, load_photo, load_size_px, load_thumbnail
from gala_viz.collections.photo_files import FOLDER_LIMITS, ReadingLimits, UnreadableImageError
from gala_viz.registry import UnknownNameError, unknown_name
from gala_viz.specs import content_key
from gala_viz.splits import SplitRule

LARGE_COLLECTION = 500
"""From this many images on, thumbnails are also kept in the user's cache folder."""

Read = TypeVar("Read")


class Collection(ABC):
    """Images under one name. All methods may be called from any thread; nothing is decoded before it is asked for.

    ``images`` are stable, unique ids; ``map_kinds`` says what human maps there are, kind -> a sentence, the first being
    the default; ``licence`` is None where it is unknown. A subclass says where an image's file lies and what is known
    of it; decoded photographs, thumbnails and maps are kept in memory only as far as shared, bounded caches reach.
    """

    name: str
    title: str
    licence: str | None
    images: tuple[str, ...]
    map_kinds: dict[str, str]
    split_rule: SplitRule = "own"
    """Whether ``split`` tells splits of the collection's own, or answers by the hash of ``gala_viz.splits``."""
    has_own_splits: bool = False
    """Whether ``split`` decides also where it answers None of every image: then all are in no split."""
    split_doubt: str = ""
    """A sentence on names that may be those of splits and are not read as such; a training is then refused."""
    outlined: str = ""
    """What the region "diagnostic" is called, where ``regions`` are known."""

    def __init__(
        self,
        *,
        name: str,
        title: str,
        images: Sequence[str],
        licence: str | None = None,
        map_kinds: Mapping[str, str] | None = None,
        skipped: Sequence[tuple[str, str]] = (),
        limits: ReadingLimits = FOLDER_LIMITS,
    ) -> None:
        self.name, self.title, self.licence, self.limits = name, title, licence, limits
        self.images = tuple(images)
        self.map_kinds = dict(map_kinds or {})
        self._positions = {image: position for position, image in enumerate(self.images)}
        if len(self._positions) != len(self.images):
            raise ValueError(f"{name}: image ids are unique; some occur twice.")
        self._skipped = dict(skipped)
        self._unread: dict[str, str] = {}
        self._skipping = threading.Lock()
        self._contents: dict[str, tuple[int, int, int]] = {}

    def __len__(self) -> int:
        return len(self.images)

    def __contains__(self, image: object) -> bool:
        return image in self._positions

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}: {len(self)} images, maps: {', '.join(self.map_kinds) or 'none'}>"

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Names everything that determines pixels and maps: files, sizes, times of change and settings."""

    @abstractmethod
    def path(self, image: str) -> Path:
        """The file that holds the image. Raises ``UnknownNameError`` for an image that the collection does not hold."""

    @property
    def skipped(self) -> tuple[tuple[str, str], ...]:
        """Files that cannot be shown: (path inside the collection, reason). Grows when one proves unreadable."""
        with self._skipping:
            return tuple((self._skipped | self._unread).items())

    def skip(self, path: str, reason: str) -> None:
        """List ``path``, relative to the collection, as unreadable, once."""
        with self._skipping:
            self._skipped.setdefault(path, reason)

    def skip_for_now(self, path: str, reason: str | None) -> None:
        """List ``path`` as one that could not be read just now; with None, after it was read, no longer."""
        with self._skipping:
            if reason is None:
                self._unread.pop(path, None)
            else:
                self._unread[path] = reason

    def warm_up(self, report: Callable[[str], None]) -> None:  # noqa: B027 - most have nothing to get ready
        """Do now what only the very first image waits for; ``report`` hears what that is."""

    def category(self, image: str) -> str | None:
        """The label of the image, or None where the collection has none."""
        self.check(image)
        return None

    def target(self, image: str) -> int | None:
        """The true category's ImageNet index, 0 to 999, or None where it is not known."""
        self.check(image)
        return None

    def superclass(self, image: str) -> str | None:
        """The group of categories that the image belongs to, for example "animal", or None."""
        self.check(image)
        return None

    def split(self, image: str) -> str | None:
        """ "train", "validation" or "test" where the collection says so, else None."""
        self.check(image)
        return None

    def photo(self, image: str) -> np.ndarray:
        """The upright photograph, uint8 RGB (y, x, 3), read-only.

        Raises ``UnreadableImageError``, and lists the file in ``skipped``, when it cannot be shown.
        """
        source, key = self._source(image)
        return self._listing_faults(image, lambda: load_photo(source, key, self.limits))

    def size_px(self, image: str) -> tuple[int, int]:
        """(height, width) of the upright photograph, from the file's header."""
        source, key = self._source(image)
        return self._listing_faults(image, lambda: load_size_px(source, key, self.limits))

    def thumbnail(self, image: str, side_px: int = 128) -> bytes:
        """A WebP picture whose longer side is at most ``side_px``; fails like ``photo``."""
        source, key = self._source(image)
        on_disk = len(self) >= LARGE_COLLECTION
        return self._listing_faults(image, lambda: load_thumbnail(source, key, side_px, self.limits, on_disk=on_disk))

    def content_size(self, image: str) -> int | None:
        """Bytes of the photograph's file; None where it cannot be read, or is made only when it is asked for."""
        try:
            source = self._source(image)[0]
            if not callable(source):
                return source.stat().st_size
        except (OSError, UnreadableImageError):
            return None
        told = self._size_and_key(image)
        return None if told is None else told[0]

    def content_key(self, image: str) -> int | None:
        """A name, 64 bits, of the file's bytes, by which the same photograph under another name is recognised.

        None where ``content_size`` is None.
        """
        told = self._size_and_key(image)
        return None if told is None else told[1]

    def has_human_map(self, image: str) -> bool:
        """Whether people's marks on this image are known, in the default kind."""
        self.check(image)
        return False

    def why_no_map(self, image: str) -> str:
        """Why ``human_map`` gave none of an image that is said to have one; "" where that is not known."""
        name = self._map_name(image)
        with self._skipping:
            return self._unread.get(name) or self._skipped.get(name, "")

    def map_unread(self, image: str) -> bool:
        """Whether reading the image's map failed the last time, which says nothing of what its file holds."""
        return self._map_name(image) in self._unread

    def human_map(self, image: str, kind: str | None = None, participant: str | None = None) -> xr.DataArray | None:
        """Where people looked or marked: float32 (y, x) over the photograph's frame, of all participants or of one.

        ``attrs["extent_px"]`` is the photograph's (height, width); a map may have fewer, larger cells than the
        photograph has pixels. None where there is no map; ``UnknownNameError`` for a kind or participant not known.
        """
        self.check(image)
        self.map_kind(kind)
        return None

    def participants(self, image: str, kind: str | None = None) -> tuple[str, ...]:
        """Ids of those whose marks on this image are known one by one."""
        self.check(image)
        self.map_kind(kind)
        return ()

    def participant_maps(self, image: str, kind: str | None = None) -> xr.DataArray | None:
        """One map each, float32 (participant, y, x), smoothed like ``human_map``, which is their mean; or None."""
        self.check(image)
        self.map_kind(kind)
        return None

    def map_version(self, image: str) -> int:
        """Rises when people's marks on the image become more while the collection is open; 0 where they never do."""
        self.check(image)
        return 0

    def regions(self, image: str) -> dict[str, np.ndarray] | None:
        """Masks (y, x) of "diagnostic", "body", "clutter" and "background" where they are known by construction."""
        self.check(image)
        return None

    def map_kind(self, kind: str | None) -> str | None:
        """``kind`` itself, or the default for None; None where the collection has no human maps at all."""
        if kind is None:
            return next(iter(self.map_kinds), None)
        if kind not in self.map_kinds:
            raise UnknownNameError(unknown_name(f"kind of human map in {self.name!r}", kind, list(self.map_kinds)))
        return kind

    def check(self, image: str) -> int:
        """The image's position; raises ``UnknownNameError``, with near misses, for an id not in the collection."""
        position = self._positions.get(image)
        if position is None:
            near = [known for known in self.images if known.startswith(str(image)[:3])] or list(self.images)
            raise UnknownNameError(unknown_name(f"image in {self.name!r}", image, near[:2000]))
        return position

    def _map_name(self, image: str) -> str:
        """What holds the image's map of the default kind, as ``skipped`` calls it."""
        return ""

    def _source(self, image: str) -> tuple[PhotoSource, tuple]:
        """The photograph's file, and a name of its present content: a file replaced in place is decoded again."""
        path = self.path(image)
        try:
            status = path.stat()
        except OSError as error:
            reason = f"the file cannot be opened ({error.strerror or error})."
            self.skip(image, reason)
            raise UnreadableImageError(f"{self.name}, {image}: {reason}") from error
        return path, (str(path), status.st_size, status.st_mtime_ns, self.limits)

    def _size_and_key(self, image: str) -> tuple[int, int] | None:
        """Of the photograph's file, which is read once, and again where it was replaced."""
        try:
            version = hash(self._source(image)[1])
        except UnreadableImageError:
            return None
        known = self._contents.get(image)
        if known is None or known[0] != version:
            content = self._content(image)
            if content is None:
                return None
            known = self._contents[image] = version, len(content), content_key(content)
        return known[1:]

    def _content(self, image: str) -> bytes | None:
        """The photograph's file as it is, where it can be read and is not larger than any that is shown."""
        try:
            source = self._source(image)[0]
            if callable(source):
                return source()
            return source.read_bytes() if source.stat().st_size <= self.limits.max_bytes else None
        except (OSError, UnreadableImageError):
            return None

    def _listing_faults(self, image: str, read: Callable[[], Read]) -> Read:
        try:
            return read()
        except UnreadableImageError as error:
            self.skip(image, str(error))
            raise UnreadableImageError(f"{self.name}, {image}: {error}") from error
