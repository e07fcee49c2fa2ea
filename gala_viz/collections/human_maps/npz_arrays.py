"""Arrays of NPY and NPZ files without pickle: type and size are checked on the header, before memory is taken."""

from __future__ import annotations

import io
import math
import zipfile
from typing import IO

import numpy as np

from gala_viz.collections.human_maps.map_checks import MapFileError

MAX_ITEM_BYTES = 16
MAX_HEADER_BYTES = 2**16
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Others name the memory that unpacking takes, of any size."""


def read_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """Return the shape and type that a NPY file announces, without reading its values."""
    shape, _, dtype = _read_header(file)
    return shape, dtype


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(file)
    return (np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0)(file)


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """Return a member's array; no more is unpacked than its size as announced, which the caller has checked."""
    with archive.open(member) as file:
        content = file.read(member.file_size)
    return np.load(io.BytesIO(content), allow_pickle=False)


def read_checked_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, max_bytes: int) -> np.ndarray:
    """Return a member's array of numbers, in one pass, read-only. Raises ``MapFileError`` before memory is taken."""
    check_bytes(member.file_size - MAX_HEADER_BYTES, max_bytes)
    with archive.open(member) as file:
        shape, by_columns, dtype = _read_header(file)
        check_dtype(dtype)
        check_member(member, shape, dtype, max_bytes)
        content = file.read(member.file_size)
    check_length(math.prod(shape) * dtype.itemsize, len(content))
    return np.ndarray(shape, dtype, content, order="F" if by_columns else "C")


def member_header(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, max_bytes: int
) -> tuple[tuple[int, ...], np.dtype]:
    """Return the shape and type that a member of numbers announces. Raises ``MapFileError``, also for a larger one.

    ``check_member`` compares these with the member's size.
    """
    check_bytes(member.file_size - MAX_HEADER_BYTES, max_bytes)
    with archive.open(member) as file:
        shape, dtype = read_header(file)
    check_dtype(dtype)
    return shape, dtype


def check_member(member: zipfile.ZipInfo, shape: tuple[int, ...], dtype: np.dtype, max_bytes: int) -> None:
    """Check the size of a member's array before it is read.

    Parameters
    ----------
    member : ZipInfo
        The member.
    shape : tuple of int
        Of its array, as its header says.
    dtype : dtype
        Likewise.
    max_bytes : int
        Bytes that the array may have.

    Raises
    ------
    MapFileError
        The array has more bytes than ``max_bytes``, or than the member.
    """
    check_bytes(n_bytes := math.prod(shape) * dtype.itemsize, max_bytes)
    check_length(n_bytes, member.file_size)


def check_compression(archive: zipfile.ZipFile) -> None:
    """Raise ``MapFileError`` for an NPZ file that is not packed as NumPy packs it."""
    if any(info.compress_type not in COMPRESSIONS for info in archive.infolist()):
        raise MapFileError("an NPZ map is stored or deflated, as np.savez writes it; this one is packed otherwise.")


def check_bytes(n_bytes: int, most: int) -> None:
    """Raise ``MapFileError`` for an array of more than ``most`` bytes, before any of it is unpacked."""
    if n_bytes > most:
        raise MapFileError(
            f"an array of at most {most / 1e6:.0f} MB is unpacked; this one has {n_bytes / 1e6:.1f} MB. Save the map "
            "with fewer cells, or as float32."
        )


def check_length(n_bytes: int, n_there: int) -> None:
    """Raise ``MapFileError`` where a file ends before the values that its header announces."""
    if n_there < n_bytes:
        raise MapFileError(f"the file is cut short: {n_bytes:,} bytes of values were expected, {n_there:,} came.")


def check_dtype(dtype: np.dtype) -> None:
    """Raise ``MapFileError`` for what are no plain real numbers."""
    if dtype.hasobject:
        raise MapFileError("the array holds Python objects, which are never unpickled; save plain numbers.")
    if not (np.issubdtype(dtype, np.integer) or np.issubdtype(dtype, np.floating) or dtype == np.bool_):
        raise MapFileError(f"a map holds real numbers; this one holds {dtype}.")
    if dtype.itemsize > MAX_ITEM_BYTES:
        raise MapFileError(f"a map holds plain numbers; this one holds {dtype}.")
