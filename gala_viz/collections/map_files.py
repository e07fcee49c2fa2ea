"""Human maps from files: PNG, NPY and NPZ, checked before they are believed."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

SUFFIXES = frozenset({".npz", ".npy", ".png"})
MAX_SIDE = 4096
MAX_PARTICIPANTS = 1000
MAX_VALUES = 64_000_000
ASPECT_TOLERANCE = 0.05
_PARTICIPANT_KEYS = ("participants", "participant")


class MapFileError(ValueError):
    """A map file that is refused; the message says why and what was expected."""


@dataclass(frozen=True, slots=True)
class MapFile:
    """The values of one file, float32 (y, x), or (participant, y, x) with the participants' ids."""

    values: np.ndarray
    participants: tuple[str, ...] = ()


def read_map_file(path: Path, photo_px: tuple[int, int] | None = None) -> MapFile:
    """Read a human map that covers the whole photograph, at any resolution.

    - PNG: grey, 8 or 16 bits, scaled to 0..1.
    - NPY: one array (y, x) of numbers.
    - NPZ: one array (y, x); or one array (participant, y, x) with a second one, ``participants``, of as many ids.

    Values are finite and at least 0; ``photo_px`` (height, width) is compared with the map's shape, whose ratio may
    differ by 5 % or one cell. Pickled objects are never loaded. Raises ``MapFileError``.
    """
    try:
        found = {".png": _png, ".npy": _npy, ".npz": _npz}[path.suffix.lower()](path)
    except MapFileError:
        raise
    except Exception as error:  # readers raise errors of many kinds on damaged files
        told = " ".join(str(error).split())[:120].rstrip(".") or type(error).__name__
        raise MapFileError(f"the map cannot be read ({told}).") from error
    check_values(found.values)
    if photo_px is not None:
        check_aspect(found.values.shape[-2:], photo_px)
    participants = found.participants
    return MapFile(np.ascontiguousarray(found.values, dtype=np.float32), participants)


def _png(path: Path) -> MapFile:
    with Image.open(path, formats=("PNG",)) as image:
        check_shape((image.height, image.width))
        if image.mode not in ("1", "L", "I;16", "I;16B", "I"):
            raise MapFileError(f"a map is a grey PNG of 8 or 16 bits; this one has the mode {image.mode}.")
        scale = 1 if image.mode == "1" else 255 if image.mode == "L" else 65535
        return MapFile(np.asarray(image).astype(np.float32) / scale)


def _npy(path: Path) -> MapFile:
    with open(path, "rb") as file:
        shape, dtype = _header(file)
        if len(shape) != 2:
            raise MapFileError(f"a map is an array (y, x); this one has the shape {shape}.")
        check_shape(shape)
        _check_dtype(dtype)
        file.seek(0)
        return MapFile(np.load(file, allow_pickle=False))


def _npz(path: Path) -> MapFile:
    with zipfile.ZipFile(path) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        ids_key = next((key for key in _PARTICIPANT_KEYS if key in members), None)
        keys = [key for key in members if key != ids_key]
        if len(keys) != 1:
            raise MapFileError(f"an NPZ map holds one array (and perhaps 'participants'); this one has {sorted(keys)}.")
        with archive.open(members[keys[0]]) as file:
            shape, dtype = _header(file)
        _check_dtype(dtype)
        if len(shape) != (2 if ids_key is None else 3):
            expected = "(y, x)" if ids_key is None else "(participant, y, x)"
            raise MapFileError(f"an array {expected} was expected; this one has the shape {shape}.")
        check_shape(shape[-2:], shape[0] if len(shape) == 3 else 1)
        values = _array(archive, members[keys[0]])
        if ids_key is None:
            return MapFile(values)
        if members[ids_key].file_size > 1_000_000:
            raise MapFileError("the array 'participants' is larger than ids can be.")
        ids = tuple(str(value) for value in _array(archive, members[ids_key]).ravel())
    if len(ids) != shape[0] or len(set(ids)) != len(ids) or not ids:
        raise MapFileError(f"{shape[0]} maps need as many different participants; got {len(ids)} ids.")
    return MapFile(values, ids)


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    return np.load(io.BytesIO(archive.read(member)), allow_pickle=False)


def _header(file) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type that a NPY file announces, without reading its values."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype


def _check_dtype(dtype: np.dtype) -> None:
    if dtype.hasobject:
        raise MapFileError("the array holds Python objects, which are never unpickled; save plain numbers.")
    if not (np.issubdtype(dtype, np.integer) or np.issubdtype(dtype, np.floating) or dtype == np.bool_):
        raise MapFileError(f"a map holds real numbers; this one holds {dtype}.")
    if dtype.itemsize > 16:
        raise MapFileError(f"a map holds plain numbers; this one holds {dtype}.")


def check_shape(shape: tuple[int, ...], n_participants: int = 1) -> None:
    """Refuse a map whose sides are too small or too large to be one, with ``MapFileError``."""
    height, width = shape
    if not (2 <= height <= MAX_SIDE and 2 <= width <= MAX_SIDE):
        raise MapFileError(f"each side of a map has 2 to {MAX_SIDE} cells; this one has {height} x {width}.")
    if not 1 <= n_participants <= MAX_PARTICIPANTS or n_participants * height * width > MAX_VALUES:
        raise MapFileError(f"maps of at most {MAX_PARTICIPANTS} participants and {MAX_VALUES:,} values are read.")


def check_values(values: np.ndarray) -> None:
    """Refuse values that are not finite or below 0, with ``MapFileError``."""
    with np.errstate(over="ignore"):
        values = values.astype(np.float32)
    if not np.isfinite(values).all():
        count = int((~np.isfinite(values)).sum())
        raise MapFileError(f"a map's values are finite float32 numbers; {count} of {values.size} are not.")
    if values.min() < 0:
        raise MapFileError(f"a map's values are at least 0; the smallest is {values.min():.4g}.")


def check_aspect(shape: tuple[int, ...], photo_px: tuple[int, int]) -> None:
    """Refuse a map whose proportions are not the photograph's, with ``MapFileError``."""
    height, width = shape
    expected = photo_px[0] / photo_px[1]
    lowest, highest = (height - 1) / (width + 1), (height + 1) / (width - 1)
    if not lowest / (1 + ASPECT_TOLERANCE) <= expected <= highest * (1 + ASPECT_TOLERANCE):
        raise MapFileError(
            f"a map covers the whole photograph; {height} x {width} cells do not fit {photo_px[0]} x {photo_px[1]} px "
            "(height x width). Save the map in the photograph's proportions."
        )
