"""Tables of clicks as NPZ files of pickled arrays, read without letting a pickle do anything.

A pickle names functions that are called when it is loaded. Here it may name nothing but what rebuilds NumPy arrays and
numbers, of which the function that allocates arrays is our own; any other name is refused before it is looked up. Sizes
are checked on the archive's directory first.
"""

from __future__ import annotations

import contextlib
import math
import pickle
import tempfile
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy._core.multiarray import scalar

from gala_viz.collections.clickme.click_notation import LARGEST, parse_coordinates
from gala_viz.collections.clickme.round_reading import RoundReading, image_name
from gala_viz.collections.clickme.round_table import Round, RoundTable
from gala_viz.collections.clickme.table_values import (
    parse_bool,
    parse_count,
    parse_number,
    parse_participant,
    parse_text,
)
from gala_viz.collections.human_maps.map_checks import MapFileError, damage_refused

REQUIRED = ("file_pointer", "clickmap_x", "clickmap_y", "user_id")
OPTIONAL = ("user_catch_trial", "n_catch_trials", "is_mobile")
NOT_USED = ("timestamp", "surface_moved")
"""Arrays that are known, as in a table in CSV."""
COORDINATES = ("clickmap_x", "clickmap_y")
MAX_BYTES = 4_000_000_000
MAX_COMPRESSION_RATIO = 200
"""An array above ``_SMALL`` bytes that unpacks to more than this many times its packed size counts as a zip bomb."""
_SMALL = 10_000_000
_ENTRIES_AT_ONCE = 16384


def _empty_array(kind: object, shape: object, code: object) -> np.ndarray:
    """Make the empty array that every pickled array starts as; its shape and values follow and must fit each other."""
    if kind != "array" or shape != (0,):
        raise MapFileError("its pickle builds an array in an unknown way.")
    return np.empty(0, np.int8)


_ALLOWED: dict[tuple[str, str], Any] = {("numpy", "ndarray"): "array", ("numpy", "dtype"): np.dtype}
for _core in ("numpy.core.multiarray", "numpy._core.multiarray"):
    _ALLOWED |= {(_core, "_reconstruct"): _empty_array, (_core, "scalar"): scalar}


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise MapFileError(
                f"its pickle asks for {module}.{name}; only NumPy arrays and plain values are read. Nothing was run."
            ) from None

    def persistent_load(self, pid: Any) -> Any:
        raise MapFileError("its pickle asks for an object from elsewhere; only arrays and plain values are read.")


def read_click_npz(path: Path) -> tuple[RoundTable, list[tuple[str, str]]]:
    """Read the rounds of an NPZ file, and (rounds' numbers, reason) of the entries that are none, each reason once.

    The file has the arrays ``REQUIRED`` and perhaps ``OPTIONAL``, one entry a round; others are listed among the
    reasons. The image is named by the last two parts of ``file_pointer``. Raises ``MapFileError`` for a file that
    cannot be used, also one whose pickles ask for code.
    """
    with contextlib.ExitStack() as files:
        columns, unknown = _columns(path, files)
        lengths = {name: len(values) for name, values in columns.items()}
        if len(set(lengths.values())) != 1:
            raise MapFileError(f"all arrays have one entry a round; their lengths differ: {lengths}.")
        reading = RoundReading("round")
        for number in range(lengths["user_id"]):
            try:
                _read_entry(reading, number, {name: values[number] for name, values in columns.items()})
            except (ValueError, TypeError, OverflowError) as error:
                reading.refuse(number, str(error))
        del columns
    table, refused = reading.finish()
    told = [("arrays", f"not known and passed over: {', '.join(map(repr, unknown))}.")] if unknown else []
    return table, told + refused


def _columns(path: Path, files: contextlib.ExitStack) -> tuple[dict[str, Any], list[str]]:
    """Read the known arrays of the file by name, coordinates into ``files``, and list the names of the unknown."""
    with damage_refused("the file"), zipfile.ZipFile(path) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        missing = [name for name in REQUIRED if name not in members]
        if missing:
            raise MapFileError(
                f"the file has no array {', '.join(missing)}; expected {', '.join(REQUIRED)} and perhaps "
                f"{', '.join(OPTIONAL)}; it has {', '.join(sorted(members)[:20]) or 'nothing'}."
            )
        names = [name for name in (*REQUIRED, *OPTIONAL) if name in members]
        for name in names:
            _check_size(members[name])
        columns: dict[str, Any] = {}
        for name in sorted(names, key=lambda name: name in COORDINATES):  # the large ones last, one at a time
            values = _column(archive, members[name])
            if name in COORDINATES:
                file = files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - closed with the others
                columns[name] = _Coordinates(values, file)
            else:
                columns[name] = _shared(values)
            del values
    return columns, sorted(set(members) - {*REQUIRED, *OPTIONAL, *NOT_USED})


class _Coordinates:
    """The x, or the y, of all rounds, in a temporary ``file``: as objects they take some ten times as much memory.

    Entries of ``values`` are let go as they are read. An entry that is none is the ``ValueError`` that says why.
    Entries are read in blocks, the faster the nearer one lies to the one before.
    """

    def __init__(self, values: list[Any], file: BinaryIO | Any) -> None:
        self._file = file
        self._block, self._values = -1, np.empty(0, np.float32)
        self._start = np.zeros(len(values) + 1, np.int64)
        self._faults: dict[int, str] = {}
        pieces: list[np.ndarray] = []
        for number, entry in enumerate(values):
            values[number] = None
            try:
                piece = _numbers(entry)
            except (ValueError, TypeError, OverflowError) as error:
                self._faults[number], piece = str(error), np.empty(0, np.float32)
            pieces.append(piece)
            self._start[number + 1] = self._start[number] + len(piece)
            if len(pieces) == _ENTRIES_AT_ONCE or number == len(values) - 1:
                self._file.write(np.concatenate(pieces).tobytes())
                pieces.clear()

    def __len__(self) -> int:
        return len(self._start) - 1

    def __getitem__(self, number: int) -> np.ndarray | ValueError:
        if number in self._faults:
            return ValueError(self._faults[number])
        block = number // _ENTRIES_AT_ONCE
        first, end = self._start[[block * _ENTRIES_AT_ONCE, min((block + 1) * _ENTRIES_AT_ONCE, len(self))]].tolist()
        if block != self._block:
            self._file.seek(4 * first)
            self._block, self._values = block, np.frombuffer(self._file.read(4 * (end - first)), np.float32)
        return self._values[self._start[number] - first : self._start[number + 1] - first]


def _shared(values: list[Any]) -> list[Any]:
    """Return the values with equal texts, and lists and arrays of one equal value, as one object each."""
    known: dict[Any, Any] = {}
    shared = []
    for value in values:
        key = value
        if isinstance(value, (list, np.ndarray)) and np.size(value) < 2:
            key = repr(value)
        is_shared = key is not value or isinstance(value, str)
        shared.append(known.setdefault((type(value), key), value) if is_shared else value)
    return shared


def _check_size(member: zipfile.ZipInfo) -> None:
    """Raise ``MapFileError`` for an array that would take more memory than a table of clicks may."""
    large = member.file_size > _SMALL and member.file_size > MAX_COMPRESSION_RATIO * max(1, member.compress_size)
    if member.file_size > MAX_BYTES or large:
        raise MapFileError(
            f"the array {member.filename} would unpack from {member.compress_size:,} to {member.file_size:,} bytes; "
            "that is no table of clicks."
        )


def _column(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> list[Any]:
    """Read one array of the archive as a list with one entry a round. No more is read than the archive says."""
    with archive.open(member) as stream:
        shape, dtype = _array_head(stream)
        if len(shape) not in (1, 2):  # of two dims where each entry is a list of one length
            raise MapFileError(f"the array {member.filename} has the shape {shape}; one entry a round was expected.")
        values = _ArraysOnly(stream).load() if dtype.hasobject else None
    if values is None:
        if math.prod(shape) * dtype.itemsize > member.file_size:
            raise MapFileError(f"the array {member.filename} is larger than the archive says.")
        with archive.open(member) as stream:
            plain = np.lib.format.read_array(stream, allow_pickle=False)
        return plain.tolist() if plain.ndim == 1 else list(plain)
    if not isinstance(values, (np.ndarray, list)) or (np.shape(values) if len(shape) == 2 else (len(values),)) != shape:
        raise MapFileError(f"the array {member.filename} does not hold what its head announces.")
    return list(values)


def _array_head(stream: BinaryIO | Any) -> tuple[tuple[int, ...], np.dtype]:
    """Read the head of an array in NumPy's format."""
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(stream)
    return shape, dtype


def _read_entry(reading: RoundReading, number: int, entry: dict[str, Any]) -> None:
    """Add one entry of all columns to ``reading``. Raises ``ValueError`` for an entry that is no round."""
    x_px, y_px = entry["clickmap_x"], entry["clickmap_y"]
    for fault in (x_px, y_px):
        if isinstance(fault, ValueError):
            raise fault
    if len(x_px) != len(y_px) or not len(x_px):
        raise ValueError(f"a round has as many x as y, at least one; this one has {len(x_px)} and {len(y_px)}.")
    path = parse_text(entry["file_pointer"])
    one = Round(
        image=image_name(path),
        participant=parse_participant(entry["user_id"]),
        x_px=x_px,
        y_px=y_px,
        catch_score=parse_number(entry.get("user_catch_trial"), "user_catch_trial"),
        is_mobile=parse_bool(entry.get("is_mobile"), "is_mobile"),
        n_catch_trials=parse_count(entry.get("n_catch_trials"), "n_catch_trials"),
    )
    reading.add(number, path, one)


def _numbers(values: Any) -> np.ndarray:
    """Return the coordinates of one round, float32 (click,)."""
    if isinstance(values, (str, bytes)):
        numbers = parse_coordinates(parse_text(values))
    else:
        numbers = np.atleast_1d(np.asarray(values))
        if numbers.dtype == object or numbers.ndim != 1 or not np.issubdtype(numbers.dtype, np.number):
            numbers = np.array([float(value) for value in np.ravel(numbers)])
    if not np.isfinite(numbers).all():
        raise ValueError(f"{int((~np.isfinite(numbers)).sum())} of its clicks are NaN or infinite.")
    if (np.abs(numbers) > LARGEST).any():
        raise ValueError("a click lies further than any image reaches.")
    return numbers.astype(np.float32)
