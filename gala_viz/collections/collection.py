"""The base class of all collections: images, their categories, their photographs and their human maps."""

from __future__ import annotations

import copy
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self, TypeVar

import numpy as np
import xarray as xr

from gala_viz.collections.photo_cache import PhotoSource, load_photo, load_size_px, load_thumbnail
from gala_viz.collections.photo_files import FOLDER_LIMITS, ReadingLimits, UnreadableImageError
from gala_viz.registry import UnknownNameError, unknown_name
from gala_viz.specs import content_key
from gala_viz.splits import SplitRule

LARGE_COLLECTION = 500
"""Number of images from which on thumbnails are also stored in the user's cache folder."""

Read = TypeVar("Read")


class Collection(ABC):
    """Images under one name, with categories, splits and human maps. All methods may be called from any thread.

    A subclass says where an image's file lies and what is known of the image. Nothing is decoded before it is needed.
    Decoded photographs, thumbnails and maps stay in memory only as far as shared, bounded caches allow.

    Parameters
    ----------
    name : str
        Short name of the collection.
    title : str
        Title for pages.
    images : sequence of str
        Ids of the images, stable and unique, in order.
    licence : str, optional
        Licence in words; None where it is unknown.
    map_kinds : mapping of str to str, optional
        Human-map kind -> a sentence that describes it. The first kind is the default.
    skipped : sequence of (str, str)
        Files that cannot be shown: (path inside the collection, reason).
    limits : ReadingLimits
        Limits in bytes and pixels of the photographs that are read.

    Raises
    ------
    ValueError
        An image id occurs twice.
    """

    name: str
    title: str
    licence: str | None
    images: tuple[str, ...]
    map_kinds: dict[str, str]
    split_rule: SplitRule = "own"
    """Whether ``split`` returns the collection's own splits, or those by the hash of ``gala_viz.splits``."""
    has_own_splits: bool = False
    """Whether ``split`` decides even where it returns None for every image: then all are in no split."""
    image_noun: str = "image"
    """What one of the images is called, in the singular."""
    empty_folders: tuple[str, ...] = ()
    """Folders in which no photograph lies, of categories perhaps; trainings tell them."""
    split_doubt: str = ""
    """A sentence on names that may be those of splits and are not read as such; training is then refused."""
    label_note: str = ""
    """A clause on how labels are read, where that had to be assumed; trainings tell it."""
    outlined: str = ""
    """What the region "diagnostic" is called, where ``regions`` are known."""
    origin: Mapping[str, str] = MappingProxyType({})
    """By what ``open_collection`` opens it again: "collection" and perhaps "human_maps"; empty where it cannot."""

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

    @property
    def is_lasting(self) -> bool:
        """Whether the same collection, opened the next time, has the same fingerprint."""
        return True

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs of the collection: all but the lock."""
        return {name: value for name, value in vars(self).items() if name != "_skipping"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _skipping=threading.Lock())

    def __len__(self) -> int:
        return len(self.images)

    def __contains__(self, image: object) -> bool:
        return image in self._positions

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}: {len(self)} images, maps: {', '.join(self.map_kinds) or 'none'}>"

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Hash of everything that determines pixels and maps: files, sizes, modification times and settings."""

    @abstractmethod
    def path(self, image: str) -> Path:
        """Return the path of the file that holds an image.

        Parameters
        ----------
        image : str
            Id of the image.

        Returns
        -------
        Path
            The image's file.

        Raises
        ------
        UnknownNameError
            The collection has no such image.
        """

    @property
    def skipped(self) -> tuple[tuple[str, str], ...]:
        """Files that cannot be shown: (path inside the collection, reason). Grows when one proves unreadable."""
        with self._skipping:
            return tuple((self._skipped | self._unread).items())

    def skipped_noun(self, path: str) -> str:
        """Return what is not used where ``skipped`` has ``path``.

        Parameters
        ----------
        path : str
            Path relative to the collection.

        Returns
        -------
        str
            A noun in the singular, for example "file".
        """
        del path
        return "file"

    def skip(self, path: str, reason: str) -> None:
        """List a file as unreadable. The first reason stays.

        Parameters
        ----------
        path : str
            Path relative to the collection.
        reason : str
            Why the file cannot be read, in a sentence.
        """
        with self._skipping:
            self._skipped.setdefault(path, reason)

    def skip_for_now(self, path: str, reason: str | None) -> None:
        """List a file that could not be read this time, or remove it from the list.

        Parameters
        ----------
        path : str
            Path relative to the collection.
        reason : str or None
            Why the file could not be read, in a sentence; None once it was read.
        """
        with self._skipping:
            if reason is None:
                self._unread.pop(path, None)
            else:
                self._unread[path] = reason

    def warm_up(self, report: Callable[[str], None]) -> None:  # noqa: B027 - most have nothing to get ready
        """Do ahead what only the very first image waits for; most collections do nothing.

        Parameters
        ----------
        report : callable
            Called with a sentence that says what is being done.
        """

    def category(self, image: str) -> str | None:
        """Return the category of an image.

        Parameters
        ----------
        image : str
            Id of the image.

        Returns
        -------
        str or None
            Name of the category; None where the collection has none.
        """
        self.check(image)
        return None

    def target(self, image: str) -> int | None:
        """Return the ImageNet index of an image's true category.

        Parameters
        ----------
        image : str
            Id of the image.

        Returns
        -------
        int or None
            Index from 0 to 999; None where it is not known.
        """
        self.check(image)
        return None

    def superclass(self, image: str) -> str | None:
        """Return the group of categories that an image belongs to.

        Parameters
        ----------
        image : str
            Id of the image.

        Returns
        -------
        str or None
            Name of the superclass, for example "animal"; None where there is none.
        """
        self.check(image)
        return None

    def split(self, image: str) -> str | None:
        """Return the split of an image.

        Parameters
        ----------
        image : str
            Id of the image.

        Returns
        -------
        str or None
            "train", "validation" or "test"; None where the collection does not say.
        """
        self.check(image)
        return None

    def photo(self, image: str) -> np.ndarray:
        """Decode the upright photograph of an image.

        Parameters
        ----------
        image : str
            Id of the image.

        Returns
        -------
        array
            uint8 RGB (y, x, 3), read-only.

        Raises
        ------
        UnreadableImageError
            The photograph cannot be shown. The file is then listed in ``skipped``.
        """
        source, key = self._source(image)
        return self._listing_faults(image, lambda: load_photo(source, key, self.limits))

    def size_px(self, image: str) -> tuple[int, int]:
        """Read the size of an image's upright photograph.

        Parameters
        ----------
        image : str
            Id of the image.

        Returns
        -------
        tuple of int
            (height, width) in pixels.

        Raises
        ------
        UnreadableImageError
            The photograph cannot be shown. The file is then listed in ``skipped``.
        """
        source, key = self._source(image)
        return self._listing_faults(image, lambda: load_size_px(source, key, self.limits))

    def thumbnail(self, image: str, side_px: int = 128) -> bytes:
        """Encode a small WebP picture of an image.

        Collections of ``LARGE_COLLECTION`` images or more also store it in the user's cache folder.

        Parameters
        ----------
        image : str
            Id of the image.
        side_px : int
            Length of the longer side at most, 1 to 1024 pixels. Photographs are never enlarged.

        Returns
        -------
        bytes
            Content of a WebP file.

        Raises
        ------
        UnreadableImageError
            The photograph cannot be shown. The file is then listed in ``skipped``.
        """
        source, key = self._source(image)
        on_disk = len(self) >= LARGE_COLLECTION
        return self._listing_faults(image, lambda: load_thumbnail(source, key, side_px, self.limits, on_disk=on_disk))

    def exif_orientation(self, image: str) -> int:
        """Return the EXIF orientation of an image's file.

        Parameters
        ----------
        image : str
            Id of the image.

        Returns
        -------
        int
            1 (as it is stored) to 8; 1 where photographs are no files of their own.
        """
        self.check(image)
        return 1

    def content_size(self, image: str) -> int | None:
        """Return the size of a photograph's file.

        Parameters
        ----------
        image : str
            Id of the image.

        Returns
        -------
        int or None
            Size in bytes; None where the file cannot be read, or is rendered on demand and not there yet.
        """
        try:
            source = self._source(image)[0]
            if not callable(source):
                return source.stat().st_size
        except (OSError, UnreadableImageError):
            return None
        size_and_key = self._size_and_key(image)
        return None if size_and_key is None else size_and_key[0]

    def content_key(self, image: str) -> int | None:
        """Return a hash of a photograph's file, by which the same photograph under another name is recognised.

        Parameters
        ----------
        image : str
            Id of the image.

        Returns
        -------
        int or None
            64 bits; None where the file cannot be read, is larger than ``limits`` allow, or is rendered on demand and
            not there yet.
        """
        size_and_key = self._size_and_key(image)
        return None if size_and_key is None else size_and_key[1]

    def has_human_map(self, image: str) -> bool:
        """Return whether an image has a human map of the default kind, as far as that is known.

        Parameters
        ----------
        image : str
            Id of the image.

        Returns
        -------
        bool
            Whether there is a map; whether it can be used is known once it is read.
        """
        self.check(image)
        return False

    def why_no_map(self, image: str) -> str:
        """Return why ``human_map`` returned None for an image that should have a map.

        Parameters
        ----------
        image : str
            Id of the image.

        Returns
        -------
        str
            A sentence; "" where the reason is not known.
        """
        name = self._map_name(image)
        with self._skipping:
            return self._unread.get(name) or self._skipped.get(name, "")

    def map_unread(self, image: str) -> bool:
        """Return whether the last attempt to read an image's map failed, which says nothing of what its file holds.

        Parameters
        ----------
        image : str
            Id of the image.

        Returns
        -------
        bool
            True where the file could not be read.
        """
        return self._map_name(image) in self._unread

    def human_map(self, image: str, kind: str | None = None, participant: str | None = None) -> xr.DataArray | None:
        """Return where people looked, clicked or painted on an image: of all participants, or of one.

        Parameters
        ----------
        image : str
            Id of the image.
        kind : str, optional
            Human-map kind, a key of ``map_kinds``; None: the default.
        participant : str, optional
            Id of one participant; None: the mean over all.

        Returns
        -------
        DataArray or None
            float32 (y, x) over the photograph's frame; None where there is no map. ``attrs["extent_px"]`` is the
            photograph's (height, width): a map may have fewer, larger cells than the photograph has pixels.

        Raises
        ------
        UnknownNameError
            The image, the kind or the participant is not known.
        """
        self.check(image)
        self.map_kind(kind)
        return None

    def with_smoothing(self, smoothing: str) -> Collection | None:
        """Return this collection with its human maps smoothed otherwise, from what they were before any smoothing.

        Parameters
        ----------
        smoothing : str
            Name in ``gala_viz.collections.clickme.smoothing.SMOOTHINGS``.

        Returns
        -------
        Collection or None
            Of another fingerprint; None where the maps are known only as they are.
        """
        del smoothing
        return None

    def _copy_smoothed(self, smoothing: str) -> Self:
        """Return a copy whose fingerprint is computed anew, and whose maps say by which smoothing they are."""
        other = copy.copy(self)
        vars(other).pop("fingerprint", None)
        other._skipped, other._unread = dict(self._skipped), dict(self._unread)
        other.map_kinds = {
            kind: f"{sentence} Here smoothed otherwise, from what they were before: {smoothing}."
            for kind, sentence in self.map_kinds.items()
        }
        other.origin = MappingProxyType({})
        return other

    def participants(self, image: str, kind: str | None = None) -> tuple[str, ...]:
        """Return the ids of the participants whose maps of an image are known one by one.

        Parameters
        ----------
        image : str
            Id of the image.
        kind : str, optional
            Human-map kind; None: the default.

        Returns
        -------
        tuple of str
            Ids, in the order of ``participant_maps``; empty where they are not known.
        """
        self.check(image)
        self.map_kind(kind)
        return ()

    def participant_maps(self, image: str, kind: str | None = None) -> xr.DataArray | None:
        """Return one map of each participant on an image, smoothed like ``human_map``, which is their mean.

        Parameters
        ----------
        image : str
            Id of the image.
        kind : str, optional
            Human-map kind; None: the default.

        Returns
        -------
        DataArray or None
            float32 (participant, y, x) over the photograph's frame; None where participants are not known one by one.
        """
        self.check(image)
        self.map_kind(kind)
        return None

    def map_version(self, image: str) -> int:
        """Return a number that changes with an image's human-map data while the collection is open.

        Parameters
        ----------
        image : str
            Id of the image.

        Returns
        -------
        int
            0 where maps never change.
        """
        self.check(image)
        return 0

    def regions(self, image: str) -> dict[str, np.ndarray] | None:
        """Return the regions of an image that are known by construction.

        Parameters
        ----------
        image : str
            Id of the image.

        Returns
        -------
        dict of str to array, or None
            Masks bool (y, x) called "diagnostic", "body", "clutter" and "background"; None where they are not known.
        """
        self.check(image)
        return None

    def map_kind(self, kind: str | None) -> str | None:
        """Return a human-map kind, or the default one.

        Parameters
        ----------
        kind : str or None
            A key of ``map_kinds``; None: the default.

        Returns
        -------
        str or None
            The kind; None where None was passed and the collection has no human maps.

        Raises
        ------
        UnknownNameError
            The collection has no such kind.
        """
        if kind is None:
            return next(iter(self.map_kinds), None)
        if kind not in self.map_kinds:
            raise UnknownNameError(unknown_name(f"kind of human map in {self.name!r}", kind, list(self.map_kinds)))
        return kind

    def check(self, image: str) -> int:
        """Return the position of an image in ``images``; every method checks its image by it.

        Parameters
        ----------
        image : str
            Id of the image.

        Returns
        -------
        int
            Position from 0.

        Raises
        ------
        UnknownNameError
            The collection has no such image; the message offers near misses.
        """
        position = self._positions.get(image)
        if position is None:
            near = [known for known in self.images if known.startswith(str(image)[:3])] or list(self.images)
            raise UnknownNameError(unknown_name(f"image in {self.name!r}", image, near[:2000]))
        return position

    def _map_name(self, image: str) -> str:
        """Return what holds the image's map of the default kind, in the words of ``skipped``."""
        return ""

    def _source(self, image: str) -> tuple[PhotoSource, tuple]:
        """Return the photograph's file and a key of its present content.

        A file that is replaced in place has another key and is decoded again.
        """
        path = self.path(image)
        try:
            status = path.stat()
        except OSError as error:
            reason = f"the file cannot be opened ({error.strerror or error})."
            self.skip(image, reason)
            raise UnreadableImageError(f"{self.name}, {image}: {reason}") from error
        return path, (str(path), status.st_size, status.st_mtime_ns, self.limits)

    def _size_and_key(self, image: str) -> tuple[int, int] | None:
        """Return the size and hash of the photograph's file, which is read once, and again where it was replaced."""
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
        """Return the bytes of the photograph's file; None where it cannot be read or exceeds the limits."""
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
