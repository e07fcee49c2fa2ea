"""One ClickMe record in an NPZ file of its own: image (y, x, 3), heatmap (y, x) and label, read without pickle."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np

from gala_viz.collections.clickme.clickme_record import MAX_SIDE, check_all_finite, check_counts, to_pixels
from gala_viz.collections.clickme.tfrecord_file import TFRecordError
from gala_viz.collections.human_maps.map_checks import damage_refused
from gala_viz.collections.human_maps.npz_arrays import check_compression, read_checked_member

KEYS = ("image", "heatmap", "label")
MAX_RECORD_BYTES = 2**26
"""Of a record's file, and of each of its arrays."""
_MAX_MEMBERS = 100
_MAX_LABEL_BYTES = 2**12


def holds_records(path: Path) -> bool:
    """Return whether the NPZ file at ``path`` has the arrays of a record; a damaged or foreign file has not."""
    try:
        with zipfile.ZipFile(path) as archive:
            return set(KEYS) <= set(_members(archive))
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return False


def read_label(record: bytes | Path) -> int:
    """Read the label alone, a whole number from 0 on. Raises ``TFRecordError``, ``OSError``."""
    values = _read(record, "label", _MAX_LABEL_BYTES)
    if values.size != 1 or not np.isfinite(values).all() or values.ravel()[0] != np.floor(values.ravel()[0]):
        raise TFRecordError(f"its label should be one whole number; it is {values.dtype} of the shape {values.shape}.")
    label = int(values.ravel()[0])
    if label < 0:
        raise TFRecordError(f"its label counts from 0; it is {label}.")
    return label


def check_file_bytes(path: Path) -> None:
    """Raise ``TFRecordError`` for a file larger than a record's, ``OSError`` where it cannot be opened."""
    if path.stat().st_size > MAX_RECORD_BYTES:
        raise TFRecordError(f"a record's file has at most {MAX_RECORD_BYTES / 1e6:.0f} MB.")


def npz_photo_pixels(record: bytes | Path) -> np.ndarray:
    """Return the photograph, uint8 (y, x, 3). Raises ``TFRecordError``, ``OSError``."""
    values = _read(record, "image", MAX_RECORD_BYTES)
    if values.ndim != 3 or values.shape[-1] != 3 or not all(2 <= side <= MAX_SIDE for side in values.shape[:2]):
        raise TFRecordError(
            f"its image should be an array (y, x, 3) of 2 to {MAX_SIDE} px a side; its shape is {values.shape}."
        )
    if values.dtype == np.uint8:
        return values
    check_all_finite(values, "image")
    return to_pixels(values)


def npz_heatmap(record: bytes | Path) -> np.ndarray:
    """Read the heatmap (y, x), float32, as it is stored. Raises ``TFRecordError``, ``OSError``."""
    values = _read(record, "heatmap", MAX_RECORD_BYTES)
    if values.ndim == 3 and 1 in (values.shape[0], values.shape[-1]):
        values = values[0] if values.shape[0] == 1 else values[..., 0]
    if values.ndim != 2 or not all(2 <= side <= MAX_SIDE for side in values.shape):
        raise TFRecordError(
            f"its heatmap should be an array (y, x) of 2 to {MAX_SIDE} cells a side; its shape is {values.shape}."
        )
    check_all_finite(values, "heatmap")
    check_counts(values)
    return np.ascontiguousarray(values, np.float32)


def _read(record: bytes | Path, key: str, max_bytes: int) -> np.ndarray:
    """Return one array of a record, from its bytes or its file."""
    with damage_refused("it", refusal=TFRecordError):
        if isinstance(record, Path):
            check_file_bytes(record)
        with zipfile.ZipFile(io.BytesIO(record) if isinstance(record, bytes) else record) as archive:
            members = _members(archive)
            if key not in members:
                raise TFRecordError(f"it has no array {key!r}; it has {', '.join(sorted(members)[:10]) or 'none'}.")
            check_compression(archive)
            return read_checked_member(archive, members[key], max_bytes)


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    infos = archive.infolist()
    if len(infos) > _MAX_MEMBERS:
        raise ValueError(f"a record has a few arrays; this file has {len(infos)}.")
    return {info.filename.removesuffix(".npy"): info for info in infos}
