"""Photographs from files that may be anything: upright RGB pixels, or an error that says what is wrong.

The content decides, never the name: PNG, JPEG, WebP, BMP and TIFF are read. Sizes are checked on the header, before a
pixel is decoded. Colour profiles are not applied: networks are trained on the stored values.
"""

from __future__ import annotations

import io
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
from PIL import Image, ImageOps

from gala_viz.error_text import error_message
from gala_viz.specs import COUNTS

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF")
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".webp", ".bmp", ".tif", ".tiff"})
UNREAD_SUFFIXES = frozenset({".gif", ".heic", ".heif", ".avif", ".jp2", ".svg", ".psd", ".exr", ".dng", ".cr2", ".nef"})
"""Suffixes of pictures that are not read: such files are listed as refused, so that none is missing in silence."""


class UnreadableImageError(ValueError):
    """A file or an upload that cannot be shown; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadingLimits:
    """Limits of what is read: ``max_bytes`` of a file, ``max_pixels`` in its header, ``formats`` by content.

    ``exif`` "apply" turns pictures upright by their EXIF orientation, "ignore" leaves them as they are stored.
    ``background`` (red, green, blue in 0..255) shows through transparent pixels. A MB in messages is 10^6 bytes.
    """

    max_bytes: int = 200_000_000
    max_pixels: int = 50_000_000
    formats: tuple[str, ...] = FORMATS
    background: tuple[int, int, int] = (255, 255, 255)
    exif: Literal["apply", "ignore"] = field(default="apply", metadata={COUNTS: lambda spec: spec.exif != "apply"})

    def __post_init__(self) -> None:
        if self.max_bytes < 1 or self.max_pixels < 1:
            raise ValueError(f"limits are at least one byte and one pixel; got {self.max_bytes} and {self.max_pixels}.")
        unknown = sorted(set(self.formats) - set(FORMATS))
        if unknown or not self.formats:
            raise ValueError(f"formats are among {FORMATS}; got {self.formats}.")
        if self.exif not in ("apply", "ignore"):
            raise ValueError(f"exif is apply or ignore; got {self.exif!r}.")
        if len(self.background) != 3 or not all(0 <= value <= 255 for value in self.background):
            raise ValueError(f"background is (red, green, blue), each 0 to 255; got {self.background}.")


FOLDER_LIMITS = ReadingLimits()
"""For files of a collection: 200 MB and 50 megapixels."""
UPLOAD_LIMITS = ReadingLimits(max_bytes=20_000_000, formats=("PNG", "JPEG", "WEBP"))
"""For uploads to a page: PNG, JPEG or WebP, 20 MB and 50 megapixels."""


class SharedBudget:
    """An amount that threads take shares of and give back; who finds too little left waits. It is for one process."""

    def __init__(self, total: int) -> None:
        self._total, self._taken, self._changed = total, 0, threading.Condition()

    @contextmanager
    def share(self, amount: int) -> Iterator[None]:
        """Hold ``amount`` within the block; more than the total is as much as the total, which is held alone."""
        amount = min(amount, self._total)
        with self._changed:
            self._changed.wait_for(lambda: self._taken + amount <= self._total)
            self._taken += amount
        try:
            yield
        finally:
            with self._changed:
                self._taken -= amount
                self._changed.notify_all()


UPLOAD_PIXELS = SharedBudget(UPLOAD_LIMITS.max_pixels)
"""Pixels of uploads that are decoded at a time, whoever sent them: a file of 145 kB may have 50 megapixels, and takes
up to a GB while it is decoded."""


def read_photo(source: str | Path | bytes, limits: ReadingLimits = FOLDER_LIMITS) -> np.ndarray:
    """Decode ``source``, a path or a file's bytes, to upright RGB: uint8 (y, x, 3).

    EXIF orientation is applied, unless ``limits.exif`` says otherwise; grey is repeated; transparency shows
    ``limits.background``; 16-bit values are scaled to 8; CMYK is converted; of several frames or pages the first is
    used. Raises ``UnreadableImageError``.
    """
    with _opened(source, limits) as image:
        return np.array(_upright_rgb(image, limits), dtype=np.uint8)


def photo_size_px(source: str | Path | bytes, limits: ReadingLimits = FOLDER_LIMITS) -> tuple[int, int]:
    """Return (height, width) of the upright photograph in pixels. Raises ``UnreadableImageError``.

    The header is enough, except for a PNG without EXIF before its pixels and a turned TIFF, which are decoded.
    """
    with _opened(source, limits) as image:
        turned = _turning(image, limits) in (5, 6, 7, 8)
        if turned and image.format == "TIFF":  # Pillow's releases differ in whether this header is turned already
            image = _upright_rgb(image, limits)
            turned = False
        width, height = image.size
        return (width, height) if turned else (height, width)


def read_thumbnail(source: str | Path | bytes, side_px: int, limits: ReadingLimits = FOLDER_LIMITS) -> bytes:
    """Encode the upright photograph as WebP, its longer side at most ``side_px`` (1 to 1024) pixels; never enlarged.

    Raises ``UnreadableImageError``, and ``ValueError`` for another ``side_px``.
    """
    if not 1 <= side_px <= 1024:
        raise ValueError(f"a thumbnail's longer side has 1 to 1024 px; got {side_px}.")
    with _opened(source, limits) as image:
        image.draft("RGB", (2 * side_px, 2 * side_px))
        small = _upright_rgb(image, limits)
        small.thumbnail((side_px, side_px), Image.Resampling.BICUBIC, reducing_gap=3.0)
        encoded = io.BytesIO()
        small.save(encoded, "WEBP", quality=80, method=2)
        return encoded.getvalue()


def exif_orientation(source: str | Path | bytes, limits: ReadingLimits = FOLDER_LIMITS) -> int:
    """Return a photograph's EXIF orientation, 1 (as it is stored) to 8. Raises ``UnreadableImageError``."""
    with _opened(source, limits) as image:
        return _orientation(image)


@contextmanager
def _opened(source: str | Path | bytes, limits: ReadingLimits) -> Iterator[Image.Image]:
    """Open ``source`` and check its header; whatever a decoder raises becomes ``UnreadableImageError``."""
    stream = _stream(source, limits)
    try:
        with stream, Image.open(stream, formats=limits.formats) as image:
            width, height = image.size
            if width * height > limits.max_pixels:
                raise UnreadableImageError(_too_many_pixels(limits, f"{width} x {height} pixels"))
            with UPLOAD_PIXELS.share(width * height) if limits is UPLOAD_LIMITS else nullcontext():
                yield image
    except UnreadableImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UnreadableImageError(_too_many_pixels(limits, "far more")) from None
    except Image.UnidentifiedImageError:
        known = ", ".join(limits.formats)
        raise UnreadableImageError(f"the content is none of {known}, or its header is damaged.") from None
    except MemoryError:
        raise UnreadableImageError("there was not enough memory to decode the picture; make it smaller.") from None
    except Exception as error:  # decoders raise errors of a dozen kinds on damaged files
        raise UnreadableImageError(f"the file is damaged or cut short ({error_message(error)}).") from error


def _stream(source: str | Path | bytes, limits: ReadingLimits) -> BinaryIO:
    """Open ``source`` as a stream of bytes, within the limits."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        n_bytes, stream = len(source), io.BytesIO(source)
    else:
        try:
            status = Path(source).stat()
            if not stat.S_ISREG(status.st_mode):
                raise UnreadableImageError("this is no regular file.")
            n_bytes, stream = status.st_size, open(source, "rb")  # noqa: SIM115 - closed by the caller
        except OSError as error:
            raise UnreadableImageError(f"the file cannot be opened ({error.strerror or error}).") from error
    if n_bytes == 0 or n_bytes > limits.max_bytes:
        stream.close()
        if n_bytes == 0:
            raise UnreadableImageError("the file is empty; a picture was expected. Copy or save it again.")
        raise UnreadableImageError(
            f"at most {limits.max_bytes / 1e6:g} MB are read; the file has {n_bytes / 1e6:.1f} MB. Make it smaller."
        )
    return stream


def _too_many_pixels(limits: ReadingLimits, size: str) -> str:
    return f"at most {limits.max_pixels / 1e6:g} megapixels are read; the picture has {size}. Make it smaller."


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(0x0112, 1))
    except Exception:  # a damaged EXIF block says nothing about the pixels
        return 1


def _turning(image: Image.Image, limits: ReadingLimits) -> int:
    """Return the orientation by which a picture is turned, 1 for none."""
    orientation = _orientation(image)
    if limits.exif == "apply" or orientation == 1:
        return orientation
    if image.format == "TIFF":  # which Pillow turns by itself, from one release on
        raise UnreadableImageError("a TIFF with an EXIF orientation cannot be read without it; save it as PNG.")
    return 1


def _upright_rgb(image: Image.Image, limits: ReadingLimits) -> Image.Image:
    turning = _turning(image, limits)
    image.load()
    if limits.exif == "apply":  # a PNG may say it after its pixels
        turning = _orientation(image)
    turned = image if turning == 1 else (ImageOps.exif_transpose(image) or image)
    return _rgb(turned, limits.background)


def _rgb(image: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    """Convert a picture of any mode to RGB, over ``background`` where it is transparent."""
    mode = image.mode
    if mode.startswith("I;16"):
        return _from_16_bits(np.asarray(image))
    if mode == "I":
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise UnreadableImageError("32-bit whole numbers have no agreed range; save the picture with 8 or 16 bits.")
        return _from_16_bits(values)
    if mode == "F":
        raise UnreadableImageError("fractional grey values have no agreed range; save the picture with 8 or 16 bits.")
    if mode in ("RGBA", "RGBa", "LA", "La", "PA") or (mode in ("1", "L", "P", "RGB") and "transparency" in image.info):
        layer = image.convert("LA").convert("RGBA") if mode == "La" else image.convert("RGBA")
        backdrop = Image.new("RGBA", layer.size, (*background, 255))
        return Image.alpha_composite(backdrop, layer).convert("RGB")
    return image if mode == "RGB" else image.convert("RGB")


def _from_16_bits(values: np.ndarray) -> Image.Image:
    grey = np.rint(values.astype(np.float32) / 257).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")
