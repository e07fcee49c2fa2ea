"""Photographs that a program has already: arrays, files, or a PyTorch Dataset, as a collection."""

from __future__ import annotations

import io
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gala_viz.collections.collection import Collection
from gala_viz.collections.photo_files import (
    FOLDER_LIMITS,
    UnreadableImageError,
    photo_size_px,
    read_photo,
    read_thumbnail,
)
from gala_viz.specs import content_key, fingerprint


class Images(Collection):
    """Photographs in memory, in files or in a PyTorch Dataset, for everything that takes a collection.

    Photographs are upright RGB pixels before any network's preprocessing, which each network does by itself. Nothing is
    guessed: fractional pixels need ``value_range``, and pixels that a Dataset has normalised are refused. Arrays are
    not copied, and must not change afterwards.

    Parameters
    ----------
    images : sequence, array, Dataset or DataLoader
        Photographs, each an array (y, x, 3) or (y, x), a tensor (3, y, x), a Pillow image or the path of a file; a
        Dataset of such, alone or first in a tuple with their label. Of a DataLoader its dataset is taken, in its order.
    ids : sequence of str, optional
        Names that results have, each once; default: names of files, else numbers from "0000".
    categories : sequence of str, optional
        Names of the labels of a Dataset, by index; of other images the category of each.
    value_range : tuple of two float, optional
        Values of black and white of fractional pixels, for example (0, 1); default: pixels are whole numbers, 0 to 255.
    name, title : str
        Of the collection.

    Raises
    ------
    ValueError
        There are no images, names occur twice, or there are other numbers of names or categories than of images.
    TypeError
        ``images`` has no length, as an IterableDataset, or is a single image.

    Examples
    --------
    >>> import numpy as np
    >>> import gala_viz as gv
    >>> photos = gv.Images(np.zeros((2, 32, 32, 3), np.uint8), ids=["black", "dark"])
    >>> photos.images
    ('black', 'dark')
    """

    def __init__(
        self,
        images: Any,
        ids: Sequence[str] | None = None,
        categories: Sequence[str] | None = None,
        *,
        value_range: tuple[float, float] | None = None,
        name: str = "images",
        title: str | None = None,
    ) -> None:
        items = images.dataset if hasattr(images, "batch_sampler") else images  # of a DataLoader
        _check_is_several(items)
        if not hasattr(items, "__len__") or not hasattr(items, "__getitem__"):
            raise TypeError(f"images with a length and an index were expected; got {type(images).__name__}.")
        count = len(items)
        if count == 0:
            raise ValueError("at least one image was expected; got none.")
        names = tuple(ids) if ids is not None else _names(items, count)
        if len(names) != count:
            raise ValueError(f"{count} ids were expected, one for each image; got {len(names)}.")
        self._items, self._range = items, value_range
        self._is_dataset = not isinstance(items, Sequence | np.ndarray) and not hasattr(items, "detach")
        self._categories = None if categories is None else tuple(categories)
        if categories is not None and not self._is_dataset and len(categories) != count:
            raise ValueError(f"{count} categories were expected, one for each image; got {len(categories)}.")
        super().__init__(name=name, title=title or name, images=names, limits=FOLDER_LIMITS)
        self._fingerprint = ""

    @property
    def fingerprint(self) -> str:
        """Hash of pixels and files; of a Dataset, which may give anything, a name that no other object has."""
        if not self._fingerprint:
            parts: list[Any] = [self.name, list(self.images), list(self._categories or ()), self._range]
            if self._is_dataset:
                parts.append(uuid.uuid4().hex)
            else:
                parts += [self._state(image) for image in self.images]
            self._fingerprint = fingerprint(*parts)
        return self._fingerprint

    @property
    def is_lasting(self) -> bool:
        """Whether the same images, given the next time, have the same fingerprint: not those of a Dataset."""
        return not self._is_dataset

    def path(self, image: str) -> Path:
        """Return the file of an image; ``UnreadableImageError`` for one that lies in memory."""
        item = self._item(image)
        if isinstance(item, str | Path):
            return Path(item)
        raise UnreadableImageError(f"{self.name}, {image}: it is in memory, and has no file.")

    def photo(self, image: str) -> np.ndarray:
        """Return the upright photograph, uint8 RGB (y, x, 3), read-only."""
        item = self._item(image)
        if isinstance(item, str | Path):
            return super().photo(image)
        photo = self._listing_faults(image, lambda: to_photo(item, self._range))
        photo.flags.writeable = False
        return photo

    def size_px(self, image: str) -> tuple[int, int]:
        """Return (height, width) of the photograph in pixels."""
        item = self._item(image)
        if isinstance(item, str | Path):
            return self._listing_faults(image, lambda: photo_size_px(Path(item), self.limits))
        height, width = self.photo(image).shape[:2]
        return height, width

    def thumbnail(self, image: str, side_px: int = 128) -> bytes:
        """Return a small WebP picture, at most ``side_px`` at its longer side."""
        content = io.BytesIO()
        Image.fromarray(self.photo(image)).save(content, "BMP")
        return read_thumbnail(content.getvalue(), side_px, self.limits)

    def content_key(self, image: str) -> int | None:
        """Return a hash of the pixels, or of the file, of an image; None where it cannot be read."""
        try:
            item = self._item(image)
            return super().content_key(image) if isinstance(item, str | Path) else _pixel_key(self.photo(image))
        except UnreadableImageError:
            return None

    def category(self, image: str) -> str | None:
        """Return the category of an image; of a Dataset by its label, for which the image may have to be read."""
        at = self.check(image)
        if not self._is_dataset:
            return None if self._categories is None else self._categories[at]
        label = self._label(at)
        if label is None or self._categories is None:
            return None
        if not 0 <= label < len(self._categories):
            raise ValueError(f"{image}: label {label} has no name; there are {len(self._categories)} categories.")
        return self._categories[label]

    def _label(self, at: int) -> int | None:
        labels = getattr(self._items, "targets", None)
        if labels is None:
            item = self._items[at]
            if not isinstance(item, tuple | list) or len(item) < 2:
                return None
            return int(item[1])
        return int(labels[at])

    def _item(self, image: str) -> Any:
        item = self._items[self.check(image)]
        return item[0] if self._is_dataset and isinstance(item, tuple | list) else item

    def _state(self, image: str) -> list[str] | int | None:
        """Return what an image's file was when it was last written, or a hash of its pixels; None for no image."""
        try:
            is_file = isinstance(self._item(image), str | Path)
            return list(map(str, self._source(image)[1])) if is_file else self.content_key(image)
        except (UnreadableImageError, OSError):
            return None


def _pixel_key(photo: np.ndarray) -> int:
    return content_key(repr(photo.shape).encode() + photo.tobytes())


def _check_is_several(images: Any) -> None:
    """Raise ``TypeError`` for what is one image and could be taken for a stack of them."""
    one = isinstance(images, str | Path | Image.Image)
    if not one and hasattr(images, "shape") and len(images.shape) == 3:
        one = images.shape[0 if hasattr(images, "detach") else -1] in (1, 3)
    if one:
        raise TypeError("several images were expected; got one: put it in a list. A stack of grey ones is list(stack).")


def to_photo(item: Any, value_range: tuple[float, float] | None = None) -> np.ndarray:
    """Return pixels as a photograph.

    Parameters
    ----------
    item : array, tensor or Pillow image
        (y, x, 3) or (y, x); a tensor (3, y, x) or (1, y, x).
    value_range : tuple of two float, optional
        Values of black and white of fractional pixels.

    Returns
    -------
    ndarray, (y, x, 3), uint8
        RGB.

    Raises
    ------
    UnreadableImageError
        It is no picture, or its values have no agreed range.
    """
    if isinstance(item, Image.Image):
        content = io.BytesIO()
        item.save(content, "PNG")
        return read_photo(content.getvalue(), FOLDER_LIMITS)
    is_tensor = hasattr(item, "detach")
    values = item.detach().cpu().numpy() if is_tensor else np.asarray(item)
    if is_tensor and values.ndim == 3:
        values = np.moveaxis(values, 0, -1)
    if values.ndim == 3 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim == 2:
        values = np.repeat(values[..., None], 3, axis=-1)
    if values.ndim != 3 or values.shape[-1] != 3 or 0 in values.shape:
        layout = "a tensor (3, y, x)" if is_tensor else "an array (y, x, 3)"
        raise UnreadableImageError(f"{layout} was expected; got shape {tuple(np.shape(item))}.")
    if values.dtype == np.uint8:
        return values.copy()
    if value_range is None:
        raise UnreadableImageError(
            f"pixels as whole numbers from 0 to 255 (uint8) were expected; got {values.dtype}. For fractional pixels "
            "say what black and white are, for example value_range=(0, 1); for normalised ones give a Dataset without "
            "that transform."
        )
    black, white = value_range
    shares = (values.astype(np.float64) - black) / (white - black)
    if not np.isfinite(shares).all() or shares.min() < -1e-6 or shares.max() > 1 + 1e-6:
        raise UnreadableImageError(
            f"values from {black:g} to {white:g} were expected; got {values.min():g} to {values.max():g}."
        )
    return np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8)


def _names(items: Any, count: int) -> tuple[str, ...]:
    """Return names of files, where all are files with different names, else numbers."""
    if isinstance(items, Sequence) and all(isinstance(item, str | Path) for item in items):
        names = tuple(Path(item).name for item in items)
        if len(set(names)) == count:
            return names
    width = max(4, len(str(count - 1)))
    return tuple(f"{number:0{width}d}" for number in range(count))
