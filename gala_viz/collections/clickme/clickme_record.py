"""One ClickMe record of either kind: its photograph, its heatmap and its labels, checked before they are used.

The original kind holds raw little-endian float32 arrays, the image in 0..255, or in 0..1; the Harmonization toolbox's
shards hold JPEG pictures. Both have the features image, heatmap and label; click_count and file_path are optional. JPEG
pictures are decoded to the values that TensorFlow gives, with its quick cosine transform: a slower one differs by up to
5 % of the range at single pixels.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
import simplejpeg
from PIL import Image

from gala_viz.collections.clickme.tf_example import (
    Feature,
    bytes_feature,
    example_features,
    float_feature,
    int64_feature,
)
from gala_viz.collections.clickme.tfrecord_file import TFRecordError
from gala_viz.collections.path_labels import split_of_folder

MAX_SIDE = 2048
NO_SPLIT = "none"
_JPEG = b"\xff\xd8\xff"


@dataclass(frozen=True, slots=True)
class RecordLabels:
    """The labels of a record beside its arrays.

    ``click_count`` is -1 where the record has none. ``file_path`` is empty where the record has none, or where it is
    not UTF-8: two paths must not become one. ``split`` is the photograph's in its own collection, "none" where it was
    in none of the splits there, empty where the record does not say.
    """

    label: int
    click_count: int
    file_path: str
    has_heatmap: bool
    split: str = ""


def read_labels(record: bytes | memoryview) -> RecordLabels:
    """Read the labels alone, without decoding an array. Raises ``TFRecordError``."""
    features = example_features(record)
    if "image" not in features:
        raise TFRecordError(f"it has no feature 'image'; it has {', '.join(sorted(features))}.")
    path = _text(bytes(bytes_feature(features, "file_path"))) if "file_path" in features else ""
    count = int64_feature(features, "click_count") if "click_count" in features else -1
    label = int64_feature(features, "label")
    if label < 0:
        raise TFRecordError(f"its label counts from 0; it is {label}.")
    return RecordLabels(label, count, path, "heatmap" in features, _split(features))


def photo_bytes(record: bytes) -> bytes:
    """Return the photograph as it is stored: bytes of a JPEG picture or of raw floats. Raises ``TFRecordError``."""
    features = example_features(record)
    values = float_feature(features, "image")
    return bytes(bytes_feature(features, "image")) if values is None else np.asarray(values, "<f4").tobytes()


def photo_bitmap(record: bytes) -> bytes:
    """Encode the photograph's pixels as a bitmap file. Raises ``TFRecordError``."""
    return encode_bitmap(photo_pixels(record))


def photo_pixels(record: bytes) -> np.ndarray:
    """Return the photograph, uint8 (y, x, 3); raw floats are rounded. Raises ``TFRecordError``."""
    features = example_features(record)
    pixels = _pixels(features, "image", "RGB")
    if pixels is None:
        pixels = to_pixels(_raw(features, "image", 3))
    return pixels


def encode_bitmap(pixels: np.ndarray) -> bytes:
    """Encode pixels, uint8 (y, x, 3), as a bitmap file."""
    bitmap = io.BytesIO()
    Image.fromarray(pixels).save(bitmap, "BMP")
    return bitmap.getvalue()


def to_pixels(values: np.ndarray) -> np.ndarray:
    """Round an image's values to uint8.

    Parameters
    ----------
    values : array
        (y, x, 3), from 0 to 255, or from 0 to 1 where some are no whole numbers.

    Returns
    -------
    array
        uint8 of the same shape.

    Raises
    ------
    TFRecordError
        Values lie outside of both ranges.
    """
    low, high = float(values.min()), float(values.max())
    if low < -0.5 or high > 255.5:
        raise TFRecordError(
            f"a raw image holds values from 0 to 255, or from 0 to 1; this one from {low:.4g} to {high:.4g}."
        )
    if _is_unit(values, low, high):
        values = values * 255
    elif high > 255:
        values = np.minimum(values, 255)
    return np.rint(values, out=np.empty(values.shape, np.uint8), casting="unsafe")  # no large array in between


def is_in_unit_range(record: bytes) -> bool:
    """Return whether a record's photograph is stored as fractions from 0 to 1. Raises ``TFRecordError``."""
    features = example_features(record)
    if _is_jpeg(features, "image"):
        return False
    values = _raw(features, "image", 3)
    return _is_unit(values, float(values.min()), float(values.max()))


def _is_unit(values: np.ndarray, low: float, high: float) -> bool:
    """Return whether fractions between 0 and 1 are among ``values`` and nothing else; a black picture has none."""
    return low >= 0 and high <= 1 and bool((values != np.floor(values)).any())


def read_heatmap(record: bytes) -> np.ndarray:
    """Read the heatmap (y, x), float32: counts for raw floats, 0..255 for a picture. Raises ``TFRecordError``."""
    features = example_features(record)
    pixels = _pixels(features, "heatmap", "GRAY")
    values = _raw(features, "heatmap", 1) if pixels is None else pixels.astype(np.float32)
    check_counts(values)
    return values[..., 0]


def check_counts(heatmap: np.ndarray) -> None:
    """Raise ``TFRecordError`` for a heatmap with negative values."""
    if heatmap.min() < 0:
        raise TFRecordError(f"a heatmap's values are at least 0; the smallest is {float(heatmap.min()):.4g}.")


def _split(features: dict[str, Feature]) -> str:
    """Return the feature "split" in this project's words; "" where there is none, or it is no split."""
    if "split" not in features:
        return ""
    try:
        name = _text(bytes(bytes_feature(features, "split"))).strip().lower()
    except TFRecordError:
        return ""
    return NO_SPLIT if name == NO_SPLIT else split_of_folder(name) or ""


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return ""


def _pixels(features: dict[str, Feature], name: str, colours: str) -> np.ndarray | None:
    """Decode a JPEG picture to uint8 (y, x, channel); None where the feature holds no JPEG picture."""
    if not _is_jpeg(features, name):
        return None
    content = bytes(bytes_feature(features, name))
    try:
        height, width = (int(side) for side in simplejpeg.decode_jpeg_header(content)[:2])
        if not (2 <= height <= MAX_SIDE and 2 <= width <= MAX_SIDE):
            raise TFRecordError(f"each side of its {name} has 2 to {MAX_SIDE} px; this one has {height} x {width}.")
        return simplejpeg.decode_jpeg(content, colours, fastdct=True)
    except ValueError as error:
        if isinstance(error, TFRecordError):
            raise
        raise TFRecordError(f"its {name} is a damaged JPEG picture ({error}).") from None


def _is_jpeg(features: dict[str, Feature], name: str) -> bool:
    return float_feature(features, name) is None and bytes_feature(features, name)[: len(_JPEG)] == _JPEG


def _raw(features: dict[str, Feature], name: str, channels: int) -> np.ndarray:
    """Read a square array (y, x, channel) of finite float32 values."""
    values = float_feature(features, name)
    if values is None:
        content = bytes_feature(features, name)
        values = np.frombuffer(content, "<f4") if len(content) % 4 == 0 else np.empty(0, np.float32)
    side = math.isqrt(values.size // channels)
    if not 2 <= side <= MAX_SIDE or side * side * channels != values.size:
        raise TFRecordError(
            f"its {name} is neither a JPEG picture nor a square array of float32 with {channels} channel(s), for "
            f"example 256 x 256 x {channels}."
        )
    check_all_finite(values, name)
    return values.reshape(side, side, channels)


def check_all_finite(values: np.ndarray, name: str) -> None:
    """Raise ``TFRecordError`` where the array ``name`` of a record holds values that are NaN or infinite."""
    if not (np.isfinite(values.min()) and np.isfinite(values.max())):  # NaN is both
        n_wrong = int((~np.isfinite(values)).sum())
        raise TFRecordError(f"its {name} holds {n_wrong} values that are NaN or infinite.")
