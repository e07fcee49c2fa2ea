"""The HDF5 files of pysaliency: fixations*.hdf5 with stimuli*.hdf5 beside it, which names the images.

Fixations are of the type "Fixations" (x, y, n, subject), "FixationTrains" (train_xs, train_ys, train_ns,
train_subjects), "ScanpathFixations" or "Scanpaths" (xs, ys, n, lengths); n is an image's number among the stimuli.
Positions count pixels from 0 at their left and top edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from gala_viz.collections.fixations.fixation_table import MAX_FIXATIONS, FixationTable, ScanpathList
from gala_viz.collections.human_maps.map_checks import MapFileError, damage_refused

FIXATION_TYPES = ("Fixations", "FixationTrains", "ScanpathFixations", "Scanpaths")
STIMULUS_TYPES = ("FileStimuli", "Stimuli")


def hdf5_type(path: Path) -> str | None:
    """Return what pysaliency calls the content of an HDF5 file; None for other files."""
    try:
        with h5py.File(path, "r") as file:
            return _text(file.attrs.get("type"))
    except Exception:  # whatever is no HDF5 file is none of pysaliency
        return None


def stimuli_file(fixations: Path) -> Path:
    """Return the file of stimuli that belongs to ``fixations``: its name with "stimuli" for "fixations"."""
    return fixations.with_name(fixations.name.replace("fixations", "stimuli").replace("scanpaths", "stimuli"))


def read_pysaliency(paths: Sequence[Path]) -> FixationTable:
    """Read pysaliency's files of fixations. Raises ``MapFileError``, ``OSError``."""
    scanpaths = ScanpathList()
    for path in paths:
        stimuli = stimuli_file(path)
        if stimuli == path or not stimuli.is_file():
            raise MapFileError(
                f"{path.name} numbers its images; their names are in pysaliency's file of stimuli, expected beside it "
                f"as {stimuli.name if stimuli != path else 'stimuli.hdf5, with fixations.hdf5'}."
            )
        with damage_refused(f"{path.name} or {stimuli.name}"):
            with h5py.File(stimuli, "r") as file:
                images = _stimuli(file, stimuli.name)
            with h5py.File(path, "r") as file:
                _read(file, path.name, images, scanpaths)
    if not scanpaths.images:
        raise MapFileError(f"{paths[0].name} holds no fixation.")
    return scanpaths.table("pysaliency", notes=("Positions count pixels from 0.",))


def _stimuli(file: h5py.File, name: str) -> list[tuple[str, tuple[int, int]]]:
    """Return the name and (height, width) of every stimulus."""
    kind = _text(file.attrs.get("type"))
    if kind not in STIMULUS_TYPES:
        raise MapFileError(f"{name} is no file of stimuli (its type is {kind!r}).")
    if kind == "FileStimuli":
        names = [_text(one) or "" for one in _array(file, "filenames")]
        shapes = [tuple(int(side) for side in np.ravel(one)[:2]) for one in _array(file, "shapes")]
    else:
        size: Any = file.attrs["size"]
        count = int(size)
        if not 0 < count <= len(file):
            raise MapFileError(f"{name} tells {count} stimuli and holds {len(file)}.")
        names = [str(number) for number in range(count)]
        shapes = [tuple(int(side) for side in _dataset(file, one).shape[:2]) for one in names]
    if len(names) != len(shapes) or any(len(shape) != 2 for shape in shapes):
        raise MapFileError(f"{name}: as many names as shapes were expected.")
    return [(one.replace("\\", "/"), (shape[0], shape[1])) for one, shape in zip(names, shapes, strict=True)]


def _read(file: h5py.File, name: str, images: list[tuple[str, tuple[int, int]]], scanpaths: ScanpathList) -> None:
    kind = _text(file.attrs.get("type"))
    if kind == "Fixations":
        x, y, n = (_array(file, one) for one in ("x", "y", "n"))
        subject = next((_array(file, one) for one in ("subject", "subjects") if one in file), None)
        if not len(x) == len(y) == len(n) or (subject is not None and len(subject) != len(n)):
            raise MapFileError(f"{name}: x, y, n and subject of one length were expected.")
        # rows of one subject on one image, in their order
        people = np.full(len(n), -1) if subject is None else np.unique(subject, return_inverse=True)[1].reshape(-1)
        order = np.lexsort((np.arange(len(n)), people, n))
        edges = np.flatnonzero((np.diff(n[order]) != 0) | (np.diff(people[order]) != 0)) + 1
        for rows in np.split(order, edges) if len(n) else ():
            who = None if subject is None else _id(subject[rows[0]])
            _add(scanpaths, images, n[rows[0]], who, x[rows], y[rows], None, name)
        return
    if kind == "FixationTrains":
        xs, ys, n = (_array(file, f"train_{one}") for one in ("xs", "ys", "ns"))
        subject = _array(file, "train_subjects")
        lengths = _array(file, "train_lengths") if "train_lengths" in file else (~np.isnan(xs)).sum(axis=1)
        durations = _optional(file, "scanpath_fixation_attributes", ("durations", "train_durations", "duration"))
    elif kind in ("ScanpathFixations", "Scanpaths"):
        group: Any = file if kind == "Scanpaths" else file["scanpaths"]
        xs, ys, n, lengths = (_array(group, one) for one in ("xs", "ys", "n", "lengths"))
        subject = _optional(group, "scanpath_attributes", ("subject", "subjects"))
        durations = _optional(group, "fixation_attributes", ("durations", "duration"))
    else:
        raise MapFileError(
            f"{name} is no file of fixations (its type is {kind!r}); expected {', '.join(FIXATION_TYPES)}."
        )
    xs, ys = _ragged(xs, lengths, name), _ragged(ys, lengths, name)
    times = None if durations is None else _ragged(durations, lengths, name)
    if not len(xs) == len(n) or (subject is not None and len(subject) != len(n)):
        raise MapFileError(f"{name}: as many scanpaths as image numbers and subjects were expected.")
    for number in range(len(n)):
        who = None if subject is None else _id(subject[number])
        _add(scanpaths, images, n[number], who, xs[number], ys[number], times and times[number], name)


def _add(scanpaths: ScanpathList, images, number, who, x, y, seconds, name: str) -> None:
    number = int(number)
    if not 0 <= number < len(images):
        raise MapFileError(f"{name} has fixations on image {number}; there are {len(images)} stimuli.")
    image, frame_px = images[number]
    scanpaths.add((image,), who, x, y, None if seconds is None else np.asarray(seconds) * 1000, frame_px)


def _ragged(values: np.ndarray, lengths: np.ndarray, name: str) -> list[np.ndarray]:
    """Split values one after the other, or padded rows (scanpath, fixation), into scanpaths."""
    if (lengths < 0).any():
        raise MapFileError(f"{name}: a scanpath has a negative length.")
    if values.ndim == 2:
        if len(values) != len(lengths) or (lengths > values.shape[1]).any():
            raise MapFileError(f"{name}: rows and lengths of scanpaths do not fit together.")
        return [row[:length] for row, length in zip(values, lengths.tolist(), strict=True)]
    if values.ndim != 1 or int(lengths.sum()) != len(values):
        raise MapFileError(f"{name}: the lengths of scanpaths do not add up to its positions.")
    return np.split(values, np.cumsum(lengths)[:-1])


def _id(value: object) -> str:
    return _text(value) or str(value)


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else None


def _optional(parent: h5py.Group, group: str, names: Sequence[str]) -> np.ndarray | None:
    if not isinstance(parent.get(group, getlink=True), h5py.HardLink):
        return None
    inside: Any = parent[group]
    return next((_array(inside, name) for name in names if name in inside), None)


def _array(group: h5py.Group, name: str) -> np.ndarray:
    stored: Any = _dataset(group, name)
    if stored.size > MAX_FIXATIONS:
        raise MapFileError(f"{name} has {stored.size:,} values; at most {MAX_FIXATIONS:,} are read.")
    return np.asarray(stored[()])


def _dataset(group: h5py.Group, name: str) -> h5py.Dataset:
    """Return a dataset that lies in this very file."""
    stored = group[name] if isinstance(group.get(name, getlink=True), h5py.HardLink) else None
    if not isinstance(stored, h5py.Dataset) or stored.is_virtual or stored.external:
        raise MapFileError(f"it has no dataset {name!r} of its own.")
    return stored
