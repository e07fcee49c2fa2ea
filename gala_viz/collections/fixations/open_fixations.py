"""Fixations in any of the forms that are read, and recognised by their content; read once and stored in the cache."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from scipy.io import whosmat

from gala_viz.cache import cache_folder, write_atomically
from gala_viz.collections.clickme.click_csv import REQUIRED as CLICK_COLUMNS
from gala_viz.collections.file_index import index_files
from gala_viz.collections.fixations.cat2000 import VARIABLES, read_fixation_locations
from gala_viz.collections.fixations.coco_search import read_coco_search
from gala_viz.collections.fixations.fixation_table import FixationTable, load_fixation_table
from gala_viz.collections.fixations.json_stream import json_entries
from gala_viz.collections.fixations.long_table import PARQUET, is_table, read_long_table, table_header
from gala_viz.collections.fixations.mit1003 import read_mit1003
from gala_viz.collections.fixations.pysaliency_hdf5 import FIXATION_TYPES, hdf5_type, read_pysaliency, stimuli_file
from gala_viz.collections.fixations.salicon import read_salicon_json, read_salicon_mat
from gala_viz.collections.human_maps import map_files
from gala_viz.collections.human_maps.hdf5_maps import SUFFIXES as HDF5_SUFFIXES
from gala_viz.collections.human_maps.map_checks import MapFileError
from gala_viz.specs import fingerprint

READER_VERSION = 2
"""Rises when sets are read in another way, so that stored fixations of the former way are not used."""
FORMATS = (
    "a long table (CSV, TSV, spaces, gz, Parquet), SALICON (JSON, MATLAB), CAT2000's FIXATIONLOCS, MIT1003's DATA, "
    "COCO-Search18 or COCO-FreeView (JSON), pysaliency's HDF5"
)
_LISTED = 2000


def is_fixation_source(source: Path) -> bool:
    """Return whether a file or folder looks like fixations, and not like maps or a table of clicks.

    A .csv is one unless it has the columns of a table of clicks; an HDF5 file where pysaliency wrote it; a folder where
    it has MATLAB, JSON or pysaliency's files and no maps.
    """
    suffix = source.suffix.lower()
    if source.is_dir():
        return _is_fixation_folder(source)
    if suffix in (".json", ".mat"):
        return True
    if suffix in HDF5_SUFFIXES:
        return hdf5_type(source) in FIXATION_TYPES
    if not is_table(source):
        return False
    if suffix == PARQUET:
        return True
    try:
        header = table_header(source)
    except (MapFileError, OSError, ValueError):
        return suffix != ".csv" and bool(source.stat().st_size)  # its fault is told when it is read
    return len(header) > 1 and "clicks" not in header and len(set(header) & set(CLICK_COLUMNS)) < 2


def read_fixations(
    source: Path, columns: Mapping[str, str] | None = None, encoding: str | None = None
) -> tuple[FixationTable, str]:
    """Read fixations, or take them from the cache folder where the files have not changed since.

    Parameters
    ----------
    source : Path
        File or folder, one of ``FORMATS``.
    columns : mapping of str to str, optional
        Role -> column of a long table.
    encoding : str, optional
        Encoding of a long table.

    Returns
    -------
    table : FixationTable
        The fixations, positions as stored.
    fingerprint : str
        Hash of the files and options.

    Raises
    ------
    MapFileError
        The source is none of these, or cannot be used.
    OSError
        It cannot be read.
    """
    is_text = source.is_file() and is_table(source)
    if columns and not is_text:
        raise MapFileError(f"{source.name}: columns belong to a long table; this source has names of its own.")
    if encoding is not None and (not is_text or source.suffix.lower() == PARQUET):
        raise MapFileError(f"{source.name}: an encoding belongs to a table of text; this source has its own.")
    files = _files(source)
    states = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    if sum(size for _, size, _ in states) == 0:
        raise MapFileError(f"{source.name} is empty; fixations are {FORMATS}. Copy or export it again.")
    key = fingerprint("fixations", READER_VERSION, states, dict(columns or {}), encoding)
    stored = cache_folder() / "fixations" / f"{key}.npz"
    table = load_fixation_table(stored)
    if table is None:
        try:
            table = _read(source, files, columns, encoding)
        except MapFileError as error:
            raise MapFileError(f"{source.name}: {error}") from None
        write_atomically(stored, table.to_npz())
    return table, key


def _read(source: Path, files: list[Path], columns: Mapping[str, str] | None, encoding: str | None) -> FixationTable:
    suffix = files[0].suffix.lower()
    if source.is_file() and is_table(source):
        return read_long_table(source, columns, encoding)
    if suffix in HDF5_SUFFIXES:
        return read_pysaliency([path for path in files if hdf5_type(path) in FIXATION_TYPES])
    if suffix == ".json":
        return _read_json(files)
    root = source if source.is_dir() else source.parent
    variables = _variables(files)
    if "gaze" in variables:
        return read_salicon_mat(root, files)
    if variables & set(VARIABLES):
        return read_fixation_locations(root, files)
    return read_mit1003(root, files)


def _read_json(files: list[Path]) -> FixationTable:
    """Read JSON files of SALICON (objects) or COCO-Search18 (lists); others beside them are told."""
    salicon, scanpaths = [], []
    for path in files:
        first = next(json_entries(path), None)
        if first is None:
            continue
        (salicon if first[0] else scanpaths).append(path)
    if salicon and scanpaths:
        raise MapFileError(
            f"{salicon[0].name} is an object as SALICON's and {scanpaths[0].name} a list as COCO-Search18's; "
            "name one file."
        )
    if not salicon and not scanpaths:
        raise MapFileError(f"its JSON is empty; fixations are {FORMATS}. Copy or export it again.")
    return read_salicon_json(salicon) if salicon else read_coco_search(scanpaths)


def _variables(files: list[Path]) -> set[str]:
    """Return the names of the variables in the first MATLAB file that can be read."""
    for path in files:
        try:
            return {str(name) for name, _, _ in whosmat(path)}
        except Exception:  # a damaged file makes the reader raise errors of many kinds; it is reported when it is read
            continue
    return set()


def _files(source: Path) -> list[Path]:
    """Return the files that ``source`` is read from. Raises ``MapFileError`` where there is none."""
    if source.is_file():
        if source.suffix.lower() in HDF5_SUFFIXES:
            return [source, *(path for path in [stimuli_file(source)] if path != source and path.is_file())]
        return [source]
    root = source.resolve()
    tree = index_files(root, suffixes=frozenset({".mat", ".json", *HDF5_SUFFIXES}), always_checked=True)
    paths = [root / path for path, _, _ in tree.files]
    matlab = [path for path in paths if path.suffix.lower() == ".mat"]
    hdf5 = [path for path in paths if path.suffix.lower() in HDF5_SUFFIXES]
    found = matlab or hdf5 or [path for path in paths if path.suffix.lower() == ".json"]
    if not found:
        raise MapFileError(f"{source} holds no fixations; they are {FORMATS}.")
    return found


def _is_fixation_folder(folder: Path) -> bool:
    """Return whether the first files of a folder and of those in it are of fixations, and none is a map."""
    found, n_listed = False, 0
    for top, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            suffix = os.path.splitext(name)[1].lower()
            if suffix in map_files.SUFFIXES:
                return False
            found |= suffix in (".mat", ".json") and name != "zarr.json"
            found |= suffix in HDF5_SUFFIXES and hdf5_type(Path(top) / name) in FIXATION_TYPES
        n_listed += len(names)
        if n_listed > _LISTED or Path(top) != folder:
            folders.clear()
    return found
