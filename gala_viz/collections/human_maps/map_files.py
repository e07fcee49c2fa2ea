"""Human maps from files: PNG, NPY and NPZ, checked before they are used."""

from __future__ import annotations

import io
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np
from PIL import Image

from gala_viz.collections.human_maps.map_checks import (
    MAX_VALUES,
    LabelMaskError,
    MapFileError,
    check_aspect,
    check_no_labels,
    check_not_cumulative,
    check_shape,
    check_values,
    describe_values,
    drop_constant_maps,
    failed_to_read,
    to_float32,
)

SUFFIXES = frozenset({".npz", ".npy", ".png"})
MAX_ITEM_BYTES = 16
MAX_ARRAY_BYTES = MAX_ITEM_BYTES * MAX_VALUES
"""Bytes of the largest array that is unpacked, unless a caller sets fewer."""
_PARTICIPANT_KEYS = ("participants", "participant")
_MAX_HEADER_BYTES = 2**16
_MAX_MEMBERS = 100
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Others name the memory that unpacking takes, of any size."""


@dataclass(frozen=True, slots=True)
class MapFile:
    """The values of one file, float32 (y, x), or (participant, y, x) with the participants' ids.

    ``n_left_out`` participants are in the file and marked nothing.
    """

    values: np.ndarray
    participants: tuple[str, ...] = ()
    n_left_out: int = 0


def read_map_file(path: str | Path, photo_px: tuple[int, int] | None = None) -> MapFile:
    """Read a human map that covers the whole photograph, at any resolution.

    - PNG: grey, 1, 8 or 16 bits, scaled to 0..1; in colours too, where red, green and blue are equal and none of it is
      transparent.
    - NPY: one array (y, x) of numbers.
    - NPZ: one array (y, x); or one array (participant, y, x) with a second one, ``participants``, of as many ids.

    Values are finite, at least 0 and not all the same; participants whose own map is constant are left out.
    ``photo_px`` (height, width) is compared with the map's shape, whose ratio may differ by 5 % or one cell. Pickled
    objects are never loaded. Raises ``MapFileError``, also for label masks and for cumulative maps in place of
    participants', and ``OSError`` where the file cannot be read.
    """
    path = Path(path)
    with open(path, "rb") as file:
        return _read(path.suffix, file, photo_px, MAX_ARRAY_BYTES)


def read_map_bytes(
    content: bytes, suffix: str, photo_px: tuple[int, int] | None = None, max_array_bytes: int = MAX_ARRAY_BYTES
) -> MapFile:
    """Read a human map from the bytes of a file, as ``read_map_file`` does.

    Parameters
    ----------
    content : bytes
        The file.
    suffix : str
        End of its name, one of ``SUFFIXES``.
    photo_px : tuple of int, optional
        (height, width) of the photograph in pixels.
    max_array_bytes : int
        Bytes of the largest array that is unpacked; its header is checked before.

    Returns
    -------
    MapFile
        The map.

    Raises
    ------
    MapFileError
        The map cannot be used.
    """
    if zipfile.is_zipfile(io.BytesIO(content)) and content.count(b"PK\x01\x02") > _MAX_MEMBERS:
        raise MapFileError(f"an NPZ map holds one array; this one has more than {_MAX_MEMBERS} members.")
    return _read(suffix, io.BytesIO(content), photo_px, max_array_bytes)


def _read(suffix: str, file: BinaryIO, photo_px: tuple[int, int] | None, max_array_bytes: int) -> MapFile:
    try:
        content = {".png": _png, ".npy": _npy, ".npz": _npz}[suffix.lower()](file, max_array_bytes)
    except MapFileError:
        raise
    except Exception as error:  # readers raise errors of many kinds on damaged files
        if failed_to_read(error):
            raise
        message = " ".join(str(error).split())[:120].rstrip(".") or type(error).__name__
        raise MapFileError(f"the map cannot be read ({message}).") from error
    values, participants = content.values, content.participants
    if participants:
        values, participants = drop_constant_maps(values, participants)
        check_not_cumulative(values)
    else:
        check_values(values)
    if photo_px is not None:
        check_aspect(values.shape[-2:], photo_px)
    n_left_out = len(content.participants) - len(participants)
    return MapFile(to_float32(values), participants, n_left_out)


def _png(file: BinaryIO, max_array_bytes: int) -> MapFile:
    """Read a grey PNG, scaled to 0..1 by its number of bits."""
    with Image.open(file, formats=("PNG",)) as image:
        check_shape((image.height, image.width))
        _check_bytes(4 * image.height * image.width, max_array_bytes)
        if image.mode == "P":
            raise LabelMaskError(
                "it is a palette PNG, as label masks are kept, and holds "
                f"{describe_values(np.unique(np.asarray(image)))}; "
                "a map is a grey PNG of 8 or 16 bits. Save importance in grey; of labels make a map of the objects "
                "that you mean."
            )
        if image.mode not in ("1", "L", "I;16", "I;16B", "I", "LA", "RGB", "RGBA"):
            raise MapFileError(f"a map is a grey PNG of 8 or 16 bits; this one has the mode {image.mode}.")
        scale = 1 if image.mode == "1" else 65535 if image.mode.startswith("I") else 255
        values = np.asarray(image)
        if values.ndim == 3:
            values = _grey(values, image.mode)
        check_no_labels(values)
        return MapFile(values.astype(np.float32) / scale)


def _grey(values: np.ndarray, mode: str) -> np.ndarray:
    """Return the one channel of a PNG (y, x, channel) whose colours are equal everywhere and whose alpha is full."""
    colours = values[..., :-1] if mode.endswith("A") else values
    why = "its red, green and blue differ" if (colours != colours[..., :1]).any() else ""
    if mode.endswith("A") and (values[..., -1] != 255).any():
        why = "parts of it are transparent"
    if why:
        raise MapFileError(f"a map is a grey PNG of 8 or 16 bits; this one has the mode {mode}, and {why}.")
    return np.ascontiguousarray(colours[..., 0])


def _npy(file: BinaryIO, max_array_bytes: int) -> MapFile:
    """Read an array (y, x); its shape and type are checked before its values are read."""
    shape, dtype = _header(file)
    if len(shape) != 2:
        raise MapFileError(f"a map is an array (y, x); this one has the shape {shape}.")
    check_shape(shape)
    _check_dtype(dtype)
    n_bytes = shape[0] * shape[1] * dtype.itemsize
    _check_bytes(n_bytes, max_array_bytes)
    begin = file.tell()
    _check_length(n_bytes, file.seek(0, io.SEEK_END) - begin)
    file.seek(0)
    values = np.load(file, allow_pickle=False)
    check_no_labels(values)
    return MapFile(values)


def _npz(file: BinaryIO, max_array_bytes: int) -> MapFile:
    """Read an array (y, x), or (participant, y, x) with the participants' ids."""
    with zipfile.ZipFile(file) as archive:
        if any(info.compress_type not in _COMPRESSIONS for info in archive.infolist()):
            raise MapFileError("an NPZ map is stored or deflated, as np.savez writes it; this one is packed otherwise.")
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        ids_key = next((key for key in _PARTICIPANT_KEYS if key in members), None)
        keys = [key for key in members if key != ids_key]
        if len(keys) != 1:
            raise MapFileError(f"an NPZ map holds one array (and perhaps 'participants'); this one has {sorted(keys)}.")
        _check_bytes(members[keys[0]].file_size - _MAX_HEADER_BYTES, max_array_bytes)
        with archive.open(members[keys[0]]) as member:
            shape, dtype = _header(member)
        _check_dtype(dtype)
        if len(shape) != (2 if ids_key is None else 3):
            expected = "(y, x)" if ids_key is None else "(participant, y, x)"
            raise MapFileError(f"an array {expected} was expected; this one has the shape {shape}.")
        check_shape(shape[-2:], shape[0] if len(shape) == 3 else 1)
        _check_bytes(n_bytes := math.prod(shape) * dtype.itemsize, max_array_bytes)
        _check_length(n_bytes, members[keys[0]].file_size)
        values = _array(archive, members[keys[0]])
        check_no_labels(values)
        if ids_key is None:
            return MapFile(values)
        if members[ids_key].file_size > 1_000_000:
            raise MapFileError("the array 'participants' is larger than ids can be.")
        with archive.open(members[ids_key]) as member:
            ids_shape, ids_dtype = _header(member)
        if ids_dtype.kind not in "USiu" or not ids_dtype.itemsize:  # of no width there can be any number of them
            raise MapFileError(f"the array 'participants' holds texts or whole numbers; this one holds {ids_dtype}.")
        if ids_shape != (shape[0],):
            raise MapFileError(
                f"{shape[0]} maps need as many different participants; got ids of the shape {ids_shape}."
            )
        ids = tuple(str(value) for value in _array(archive, members[ids_key]))
    if len(ids) != shape[0] or len(set(ids)) != len(ids) or not ids:
        raise MapFileError(f"{shape[0]} maps need as many different participants; got {len(ids)} ids.")
    return MapFile(values, ids)


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """Return a member's array; no more is unpacked than its size as announced, which has been checked."""
    with archive.open(member) as file:
        content = file.read(member.file_size)
    return np.load(io.BytesIO(content), allow_pickle=False)


def _check_bytes(n_bytes: int, most: int) -> None:
    """Raise ``MapFileError`` for an array of more than ``most`` bytes, before any of it is unpacked."""
    if n_bytes > most:
        raise MapFileError(
            f"an array of at most {most / 1e6:.0f} MB is unpacked; this one has {n_bytes / 1e6:.1f} MB. Save the map "
            "with fewer cells, or as float32."
        )


def _check_length(n_bytes: int, n_there: int) -> None:
    """Raise ``MapFileError`` where a file ends before the values that its header announces."""
    if n_there < n_bytes:
        raise MapFileError(f"the file is cut short: {n_bytes:,} bytes of values were expected, {n_there:,} came.")


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """Return the shape and type that a NPY file announces, without reading its values."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype


def _check_dtype(dtype: np.dtype) -> None:
    if dtype.hasobject:
        raise MapFileError("the array holds Python objects, which are never unpickled; save plain numbers.")
    if not (np.issubdtype(dtype, np.integer) or np.issubdtype(dtype, np.floating) or dtype == np.bool_):
        raise MapFileError(f"a map holds real numbers; this one holds {dtype}.")
    if dtype.itemsize > MAX_ITEM_BYTES:
        raise MapFileError(f"a map holds plain numbers; this one holds {dtype}.")
