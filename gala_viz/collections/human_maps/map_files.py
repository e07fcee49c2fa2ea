"""Human maps from files: PNG, JPEG, NPY and NPZ, checked before they are used."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

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
    damage_refused,
    describe_values,
    drop_constant_maps,
    to_float32,
)
from gala_viz.collections.human_maps.npz_arrays import (
    MAX_ITEM_BYTES,
    check_bytes,
    check_compression,
    check_dtype,
    check_length,
    check_member,
    member_header,
    read_header,
    read_member,
)

LOSSY_SUFFIXES = frozenset({".jpg", ".jpeg"})
SUFFIXES = frozenset({".npz", ".npy", ".png"}) | LOSSY_SUFFIXES
MAX_COLOUR = 8
"""Levels of 255 by which red, green and blue of a grey JPEG may differ: it keeps colours at half the resolution."""
MAX_ARRAY_BYTES = MAX_ITEM_BYTES * MAX_VALUES
"""Bytes of the largest array that is unpacked, unless a caller sets fewer."""
_PARTICIPANT_KEYS = ("participants", "participant")
_MAX_MEMBERS = 100


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
    - JPEG: grey, or in colours that differ by ``MAX_COLOUR`` levels at most. It has lost detail: small values are not
      those of the map that was saved.
    - NPY: one array (y, x) of numbers, or (1, y, x), the mean over an unknown number of participants.
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


def read_stored_map(path: Path) -> np.ndarray:
    """Return the map (y, x) of one file as ``read_map_file`` does, where it may be constant, of any finite values.

    Raises ``MapFileError``, also for the maps of several participants, and ``OSError``.
    """
    with open(path, "rb") as file:
        content = _stored(path.suffix, file, MAX_ARRAY_BYTES)
    if content.participants:
        raise MapFileError("one map (y, x) was expected; this file has those of several participants.")
    return content.values


def _read(suffix: str, file: BinaryIO, photo_px: tuple[int, int] | None, max_array_bytes: int) -> MapFile:
    content = _stored(suffix, file, max_array_bytes)
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


def _stored(suffix: str, file: BinaryIO, max_array_bytes: int) -> MapFile:
    """Read what a file holds, before its values are checked."""
    with damage_refused("the map"):
        read = _jpeg if suffix.lower() in LOSSY_SUFFIXES else {".png": _png, ".npy": _npy, ".npz": _npz}[suffix.lower()]
        return read(file, max_array_bytes)


def _png(file: BinaryIO, max_array_bytes: int) -> MapFile:
    """Read a grey PNG, scaled to 0..1 by its number of bits."""
    with Image.open(file, formats=("PNG",)) as image:
        check_shape((image.height, image.width))
        check_bytes(4 * image.height * image.width, max_array_bytes)
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


def _jpeg(file: BinaryIO, max_array_bytes: int) -> MapFile:
    """Read a grey JPEG, scaled to 0..1."""
    with Image.open(file, formats=("JPEG",)) as image:
        check_shape((image.height, image.width))
        check_bytes(4 * image.height * image.width, max_array_bytes)
        if image.mode not in ("L", "RGB"):
            raise MapFileError(f"a map is a grey picture; this JPEG has the mode {image.mode}.")
        values = np.asarray(image)
        if values.ndim == 3:
            if int(np.ptp(values.astype(np.int16), axis=-1).max()) > MAX_COLOUR:
                raise MapFileError("a map is a grey picture; the red, green and blue of this JPEG differ.")
            values = values.mean(axis=-1)
        return MapFile(values.astype(np.float32) / 255)


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
    """Read an array (y, x) or (1, y, x); its shape and type are checked before its values are read."""
    shape, dtype = read_header(file)
    if len(shape) == 3 and shape[0] > 1:
        raise MapFileError(
            f"a map is an array (y, x); this one has the shape {shape}, and of whom its {shape[0]} maps are is not "
            "told. Save them as NPZ with an array 'participants' of as many ids, or their mean."
        )
    if len(shape) not in (2, 3):
        raise MapFileError(f"a map is an array (y, x); this one has the shape {shape}.")
    check_shape(shape[-2:])
    check_dtype(dtype)
    n_bytes = shape[-2] * shape[-1] * dtype.itemsize
    check_bytes(n_bytes, max_array_bytes)
    begin = file.tell()
    check_length(n_bytes, file.seek(0, io.SEEK_END) - begin)
    file.seek(0)
    values = np.load(file, allow_pickle=False).reshape(shape[-2:])
    check_no_labels(values)
    return MapFile(values)


def _npz(file: BinaryIO, max_array_bytes: int) -> MapFile:
    """Read an array (y, x), or (participant, y, x) with the participants' ids."""
    with zipfile.ZipFile(file) as archive:
        check_compression(archive)
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        ids_key = next((key for key in _PARTICIPANT_KEYS if key in members), None)
        keys = [key for key in members if key != ids_key]
        if len(keys) != 1:
            raise MapFileError(f"an NPZ map holds one array (and perhaps 'participants'); this one has {sorted(keys)}.")
        shape, dtype = member_header(archive, members[keys[0]], max_array_bytes)
        if len(shape) != (2 if ids_key is None else 3):
            expected = "(y, x)" if ids_key is None else "(participant, y, x)"
            raise MapFileError(f"an array {expected} was expected; this one has the shape {shape}.")
        check_shape(shape[-2:], shape[0] if len(shape) == 3 else 1)
        check_member(members[keys[0]], shape, dtype, max_array_bytes)
        values = read_member(archive, members[keys[0]])
        check_no_labels(values)
        if ids_key is None:
            return MapFile(values)
        if members[ids_key].file_size > 1_000_000:
            raise MapFileError("the array 'participants' is larger than ids can be.")
        with archive.open(members[ids_key]) as member:
            ids_shape, ids_dtype = read_header(member)
        if ids_dtype.kind not in "USiu" or not ids_dtype.itemsize:  # of no width there can be any number of them
            raise MapFileError(f"the array 'participants' holds texts or whole numbers; this one holds {ids_dtype}.")
        if ids_shape != (shape[0],):
            raise MapFileError(
                f"{shape[0]} maps need as many different participants; got ids of the shape {ids_shape}."
            )
        ids = tuple(str(value) for value in read_member(archive, members[ids_key]))
    if len(ids) != shape[0] or len(set(ids)) != len(ids) or not ids:
        raise MapFileError(f"{shape[0]} maps need as many different participants; got {len(ids)} ids.")
    return MapFile(values, ids)
