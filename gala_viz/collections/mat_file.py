"""MATLAB files, read within bounds: nothing in them is executed; what they unpack to is counted first."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat

from gala_viz.collections.human_maps.map_checks import MapFileError, damage_refused

MAX_MAT_BYTES = 500_000_000
"""Bytes of the largest file, and of what it unpacks to."""
_COMPRESSED, _HEADER_BYTES, _CHUNK = 15, 128, 1 << 20


def read_mat(path: Path, names: list[str] | None = None) -> dict[str, Any]:
    """Read the variables of a MATLAB file (version 7 or before), structures as dictionaries.

    Parameters
    ----------
    path : Path
        The file.
    names : list of str, optional
        Variables to read; None: all.

    Returns
    -------
    dict
        Name -> value; arrays lose axes of length 1, cell arrays are arrays or lists of objects.

    Raises
    ------
    MapFileError
        The file is too large, in MATLAB's 7.3 format, or damaged.
    OSError
        It cannot be read.
    """
    if path.stat().st_size > MAX_MAT_BYTES:
        raise MapFileError(f"{path.name} is larger than {MAX_MAT_BYTES / 1e6:g} MB.")
    with damage_refused(path.name):
        _check_unpacked(path)
        try:
            variables = loadmat(path, variable_names=names, simplify_cells=True)
        except NotImplementedError:
            raise MapFileError(f"{path.name} is a MATLAB 7.3 file; save it in MATLAB with -v7.") from None
    return {name: value for name, value in variables.items() if not name.startswith("__")}


def cells(value: Any) -> list:
    """Return the entries of a MATLAB cell or structure array, which reads as one bare entry when there is only one."""
    return list(value.ravel()) if isinstance(value, np.ndarray) else list(value) if isinstance(value, list) else [value]


def _check_unpacked(path: Path) -> None:
    """Raise ``MapFileError`` where the packed parts of a file unpack to more than ``MAX_MAT_BYTES``."""
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
        order = {b"IM": "<", b"MI": ">"}.get(header[126:128])
        if order is None:
            return  # version 4 packs nothing; whatever else it is, the reader says
        total = 0
        while len(tag := file.read(8)) == 8:
            kind, size = struct.unpack(f"{order}II", tag)
            if kind != _COMPRESSED:
                file.seek(size, 1)
                continue
            unpacked, left = zlib.decompressobj(), size
            while left and (packed := file.read(min(_CHUNK, left))):
                left -= len(packed)
                while packed:
                    total += len(unpacked.decompress(packed, _CHUNK))
                    packed = unpacked.unconsumed_tail
                    if total > MAX_MAT_BYTES:
                        raise MapFileError(f"{path.name} unpacks to more than {MAX_MAT_BYTES / 1e6:g} MB.")
