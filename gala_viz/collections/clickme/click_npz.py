"""Tables of clicks as NPZ files of pickled arrays, read without letting a pickle do anything.

A pickle names functions that are called when it is loaded. Here it may name nothing but what rebuilds NumPy arrays and
numbers, of which the function that allocates arrays is our own; any other name is refused before it is looked up. Sizes
are checked on the archive's directory first.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy._core.multiarray import scalar

from gala_viz.collections.clickme.click_csv import image_name
from gala_viz.collections.clickme.round_table import Round
from gala_viz.collections.clickme.table_values import (
    parse_bool,
    parse_count,
    parse_number,
    parse_participant,
    parse_text,
)
from gala_viz.collections.human_maps.map_checks import MapFileError

REQUIRED = ("file_pointer", "clickmap_x", "clickmap_y", "user_id")
OPTIONAL = ("user_catch_trial", "n_catch_trials", "is_mobile")
MAX_BYTES = 4_000_000_000
MAX_COMPRESSION_RATIO = 200
"""An array above ``_SMALL`` bytes that unpacks to more than this many times its packed size counts as a zip bomb."""
MAX_REFUSED = 100
_SMALL = 10_000_000


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


def read_click_npz(path: Path) -> tuple[list[Round], list[tuple[str, str]]]:
    """Read the rounds of an NPZ file, and (round's number, reason) of the entries that are none.

    The file has the arrays ``REQUIRED`` and perhaps ``OPTIONAL``, one entry a round. The image is named by the last two
    parts of ``file_pointer``. Raises ``MapFileError`` for a file that cannot be used, also one whose pickles ask for
    code.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            missing = [name for name in REQUIRED if name not in members]
            if missing:
                raise MapFileError(
                    f"the file has no array {', '.join(missing)}; expected {', '.join(REQUIRED)} and perhaps "
                    f"{', '.join(OPTIONAL)}; it has {', '.join(sorted(members)[:20]) or 'nothing'}."
                )
            names = [name for name in (*REQUIRED, *OPTIONAL) if name in members]
            columns = {name: _column(archive, members[name]) for name in names}
    except MapFileError:
        raise
    except Exception as error:  # a damaged archive or pickle makes readers raise errors of many kinds
        message = " ".join(str(error).split())[:120].rstrip(".") or type(error).__name__
        raise MapFileError(f"the file cannot be read ({message}).") from error
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) != 1:
        raise MapFileError(f"all arrays have one entry a round; their lengths differ: {lengths}.")
    return _rounds(columns)


def _column(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> list[Any]:
    """Read one array of the archive as a list with one entry a round."""
    large = member.file_size > _SMALL and member.file_size > MAX_COMPRESSION_RATIO * max(1, member.compress_size)
    if member.file_size > MAX_BYTES or large:
        raise MapFileError(
            f"the array {member.filename} would unpack from {member.compress_size:,} to {member.file_size:,} bytes; "
            "that is no table of clicks."
        )
    with archive.open(member) as stream:
        content = io.BytesIO(stream.read(member.file_size + 1))
    if len(content.getbuffer()) > member.file_size:
        raise MapFileError(f"the array {member.filename} is larger than the archive says.")
    version = np.lib.format.read_magic(content)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(content)
    if len(shape) not in (1, 2):  # of two dims where each entry is a list of one length
        raise MapFileError(f"the array {member.filename} has the shape {shape}; one entry a round was expected.")
    if not dtype.hasobject:
        content.seek(0)
        return np.load(content, allow_pickle=False).tolist()
    values = _ArraysOnly(content).load()
    if not isinstance(values, (np.ndarray, list)) or (np.shape(values) if len(shape) == 2 else (len(values),)) != shape:
        raise MapFileError(f"the array {member.filename} does not hold what its head announces.")
    return list(values)


def _rounds(columns: dict[str, list[Any]]) -> tuple[list[Round], list[tuple[str, str]]]:
    """Turn columns into rounds, and (round's number, reason) of the entries that are none."""
    rounds: list[Round] = []
    refused: list[tuple[str, str]] = []
    n_refused = 0
    for number in range(len(columns["user_id"])):
        entry = {name: values[number] for name, values in columns.items()}
        try:
            rounds.append(_round(entry))
        except (ValueError, TypeError, OverflowError) as error:
            n_refused += 1
            if n_refused <= MAX_REFUSED:
                refused.append((f"round {number}", str(error)))
    if n_refused > MAX_REFUSED:
        refused.append(("…", f"{n_refused - MAX_REFUSED} more entries are no rounds."))
    return rounds, refused


def _round(entry: dict[str, Any]) -> Round:
    """Check one entry of all columns. Raises ``ValueError`` for an entry that is no round."""
    x_px, y_px = _numbers(entry["clickmap_x"]), _numbers(entry["clickmap_y"])
    if len(x_px) != len(y_px) or not len(x_px):
        raise ValueError(f"a round has as many x as y, at least one; this one has {len(x_px)} and {len(y_px)}.")
    participant = parse_participant(entry["user_id"])
    score = parse_number(entry.get("user_catch_trial"), "user_catch_trial")
    if score is not None and not 0 <= score <= 1:
        raise ValueError(f"user_catch_trial is a share of catch trials, 0 to 1; got {score}.")
    return Round(
        image=image_name(parse_text(entry["file_pointer"])),
        participant=participant,
        x_px=x_px,
        y_px=y_px,
        catch_score=score,
        is_mobile=parse_bool(entry.get("is_mobile"), "is_mobile"),
        n_catch_trials=parse_count(entry.get("n_catch_trials"), "n_catch_trials"),
    )


def _numbers(values: Any) -> np.ndarray:
    numbers = np.atleast_1d(np.asarray(values))
    if numbers.dtype == object or numbers.ndim != 1 or not np.issubdtype(numbers.dtype, np.number):
        numbers = np.array([float(value) for value in np.ravel(numbers)])
    if not np.isfinite(numbers).all():
        raise ValueError(f"{int((~np.isfinite(numbers)).sum())} of its clicks are NaN or infinite.")
    return numbers.astype(np.float32)
