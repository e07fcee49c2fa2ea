"""Photographs that visitors bring: checked, kept in memory for this process, and only so many."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict

import numpy as np

from gala_viz.collections.photo_files import UPLOAD_LIMITS, UnreadableImageError, read_photo, read_thumbnail
from gala_viz.registry import UnknownNameError

PREFIX = "upload-"
MOST, MOST_BYTES = 64, 256 * 2**20


class Uploads:
    """Uploaded photographs by id, with their names, as the bytes that came; the oldest go when there are too many."""

    def __init__(self, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._kept: OrderedDict[str, tuple[str, bytes]] = OrderedDict()  # id -> file's name, content
        self._lock = threading.Lock()

    def __contains__(self, image: object) -> bool:
        return image in self._kept

    def add(self, filename: str, content: bytes) -> str:
        """Check and keep a photograph; return its id, the same for the same bytes and not to be guessed.

        Raises ``ValueError`` for what is no PNG, JPEG or WebP within the limits, with the file's name as plain text.
        """
        try:
            read_photo(content, UPLOAD_LIMITS)
        except UnreadableImageError as error:
            raise ValueError(f"{_shown(filename)}: {error}") from None
        image = PREFIX + hashlib.sha256(content).hexdigest()[:16]
        with self._lock:
            self._kept[image] = (_shown(filename), bytes(content))
            self._kept.move_to_end(image)
            while len(self._kept) > self._most or (
                len(self._kept) > 1 and sum(len(one) for _, one in self._kept.values()) > self._most_bytes
            ):
                self._kept.popitem(last=False)
        return image

    def filename(self, image: str) -> str:
        """Return the name under which the photograph came last, as plain text; "" when it is no longer kept."""
        return self._kept.get(image, ("", b""))[0]

    def content(self, image: str) -> bytes:
        """Return the bytes that came; b"" when the photograph is no longer kept."""
        return self._kept.get(image, ("", b""))[1]

    def photo(self, image: str) -> np.ndarray:
        """Return the upright photograph, uint8 RGB (y, x, 3); ``UnknownNameError`` when it is no longer kept."""
        return read_photo(self._bytes(image), UPLOAD_LIMITS)

    def thumbnail(self, image: str, side_px: int = 128) -> bytes:
        """Return a WebP picture, at most ``side_px`` at its longer side."""
        return read_thumbnail(self._bytes(image), side_px, UPLOAD_LIMITS)

    def _bytes(self, image: str) -> bytes:
        with self._lock:
            if image not in self._kept:
                raise UnknownNameError(f"the uploaded photograph {image!r} is no longer kept; upload it again.")
            self._kept.move_to_end(image)
            return self._kept[image][1]


def _shown(filename: str) -> str:
    """Return a file's name as one short line of plain text, without its folders."""
    name = str(filename).replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(letter if letter.isprintable() else " " for letter in name)[:80] or "upload"
