"""Decoded photographs and thumbnails in bounded caches that all collections share.

``key`` names a file's present content (path, size, modification time, limits): a file that is replaced is read again. A
``PhotoSource`` is the file, or a function that returns the bytes of one, for photographs that lie inside larger files.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np

from gala_viz.cache import BoundedCache, FileCache, cache_folder
from gala_viz.collections.photo_files import ReadingLimits, photo_size_px, read_photo, read_thumbnail

PhotoSource = Path | Callable[[], bytes]

PHOTOS = BoundedCache(96 * 2**20)
THUMBNAILS = BoundedCache(24 * 2**20)
SIZES = BoundedCache(8 * 2**20)
SIZE_BYTES = 400
THUMBNAIL_FILE_BYTES = 512 * 2**20
"""Bytes that the thumbnails of all collections take in the user's cache folder at most."""


def load_photo(source: PhotoSource, key: tuple, limits: ReadingLimits) -> np.ndarray:
    """Return the upright photograph, uint8 RGB (y, x, 3), read-only since it is shared; errors as in ``read_photo``."""
    photo = PHOTOS.get(key)
    if photo is None:
        photo = read_photo(_content(source), limits)
        keep_photo(key, photo)
    return photo


def keep_photo(key: tuple, photo: np.ndarray) -> None:
    """Keep a decoded photograph and its size; it is read-only from now on, since it is shared."""
    photo.flags.writeable = False
    PHOTOS.put(key, photo, photo.nbytes)
    SIZES.put(key, photo.shape[:2], SIZE_BYTES)


def load_size_px(source: PhotoSource, key: tuple, limits: ReadingLimits) -> tuple[int, int]:
    """Return (height, width) in pixels; cached because some formats must be decoded to know how they are turned."""
    size = SIZES.get(key)
    if size is None:
        size = photo_size_px(_content(source), limits)
        SIZES.put(key, size, SIZE_BYTES)
    return size


def load_thumbnail(source: PhotoSource, key: tuple, side_px: int, limits: ReadingLimits, *, on_disk: bool) -> bytes:
    """Return a WebP picture of the upright photograph.

    Parameters
    ----------
    source : Path or callable
        The photograph's file, or a function that returns its bytes.
    key : tuple
        Names the present content of the file.
    side_px : int
        Length of the longer side at most, 1 to 1024 pixels.
    limits : ReadingLimits
        Limits in bytes and pixels of the photographs that are read.
    on_disk : bool
        Whether to store the picture in the user's cache folder, too.

    Returns
    -------
    bytes
        Content of a WebP file.
    """
    key = (*key, side_px)
    content = THUMBNAILS.get(key)
    if content is None:
        files = _files(cache_folder()) if on_disk else None
        content = files.get(repr(key)) if files else None
        if content is None:
            content = read_thumbnail(_content(source), side_px, limits)
            if files:
                files.put(repr(key), content)
        THUMBNAILS.put(key, content, len(content) + 200)
    return content


def _content(source: PhotoSource) -> Path | bytes:
    return source() if callable(source) else source


@lru_cache(maxsize=4)
def _files(folder: Path) -> FileCache:
    return FileCache(folder / "thumbnails", THUMBNAIL_FILE_BYTES, ".webp")
