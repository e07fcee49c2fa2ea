"""The files of OSIE (Xu et al. 2014, MIT licence), in the public layout and in the compact one.

Public (github.com/NUS-VIP/predicting-human-gaze-beyond-pixels): data/stimuli/*.jpg, data/eye/fixations.mat,
data/mouse_amt/N.mat. Compact: stimuli/*.jpg, fixations.csv.gz or .csv, mouse_amt.npz.

All positions are in pixels of the 800 x 600 originals and count from 1 at a pixel's centre, as MATLAB does (the
authors' code uses them as array indices); half a pixel is taken off, so that the frame starts at 0 at its edge.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gala_viz.cache import NPZ_ERRORS
from gala_viz.collections.human_maps.map_checks import MapFileError, failed_to_read
from gala_viz.collections.human_maps.points import Points
from gala_viz.collections.mat_file import cells, read_mat
from gala_viz.error_text import error_message

ORIGINAL_PX = (600, 800)
"""(height, width) of the stimuli as shown."""
_CORNER_PX = 0.5
_COLUMNS = ("image", "participant", "x_px", "y_px", "duration_ms")


class OSIEFileError(ValueError):
    """A file of OSIE that cannot be used; the message says what was expected."""


def read_fixations(path: Path) -> dict[str, Points]:
    """Read image id -> fixations of all observers from fixations.mat or a table. Raises ``OSIEFileError``."""
    try:
        if path.suffix == ".mat":
            return _fixations_from_mat(path)
        content = path.read_bytes()
        text = gzip.decompress(content) if path.suffix == ".gz" else content
        return fixations_from_csv(text.decode("utf-8-sig"))
    except OSIEFileError:
        raise
    except Exception as error:  # a damaged file makes readers raise errors of many kinds
        raise OSIEFileError(f"{path.name} cannot be read ({error_message(error)}).") from error


def fixations_from_csv(text: str) -> dict[str, Points]:
    """Parse fixations from a table with the columns image, participant, x_px, y_px and duration_ms.

    Other columns are ignored. A row that is no fixation raises ``OSIEFileError`` with its line number.
    """
    reader = csv.DictReader(io.StringIO(text, newline=None))
    rows: dict[str, list[tuple[int, float, float, float]]] = {}
    try:
        missing = [column for column in _COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise OSIEFileError(
                f"the fixations' table has no column {', '.join(missing)}; expected {', '.join(_COLUMNS)}."
            )
        for row in reader:
            values = (int(row["participant"]), float(row["x_px"]), float(row["y_px"]), float(row["duration_ms"]))
            if not all(math.isfinite(value) for value in values) or values[3] < 0 or not row["image"]:
                raise ValueError("not a fixation")
            rows.setdefault(row["image"].strip(), []).append(values)
    except OSIEFileError:
        raise
    except (TypeError, ValueError, OverflowError, csv.Error) as error:
        line = reader.line_num + isinstance(error, csv.Error)  # a row that cannot be split is not counted yet
        raise OSIEFileError(
            f"line {line} of the fixations' table is no fixation: an image, a whole number for the "
            "participant, x and y in px and a duration in ms were expected."
        ) from None
    fixations = {}
    for image, values in rows.items():
        participant, x, y, duration = zip(*values, strict=True)
        fixations[image] = _points(np.array(participant), np.array(x), np.array(y), np.array(duration))
    return fixations


def _fixations_from_mat(path: Path) -> dict[str, Points]:
    """Read image id -> fixations of all observers from fixations.mat."""
    fixations: dict[str, Points] = {}
    for entry in cells(_mat_variable(path, "fixations")):
        if not isinstance(entry, Mapping) or "img" not in entry or "subjects" not in entry:
            raise OSIEFileError(
                "fixations.mat holds a cell array of structures with img and subjects; this one differs."
            )
        participants, columns = [], []
        for number, subject in enumerate(cells(entry["subjects"]), start=1):
            keys = ("fix_x", "fix_y", "fix_duration")
            x, y, duration = (np.atleast_1d(np.asarray(subject[name], dtype=float)).ravel() for name in keys)
            if not len(x) == len(y) == len(duration):
                raise OSIEFileError(
                    f"fixations.mat, {entry['img']}, observer {number}: x, y and durations differ in number."
                )
            participants.append(np.full(len(x), number))
            columns.append(np.stack([x, y, duration]))
        if participants:
            x, y, duration = np.concatenate(columns, axis=1)
            fixations[Path(str(entry["img"])).stem] = _points(np.concatenate(participants), x, y, duration)
    return fixations


def read_mouse_mat(path: Path) -> Points:
    """Read the mouse samples on one image from data/mouse_amt/N.mat, with subj and coord (row, column).

    Raises ``OSIEFileError``, ``OSError``.
    """
    try:
        samples = _mat_variable(path, "fixations")
        coord = np.asarray(samples["coord"], dtype=float).reshape(-1, 2)
        subject = np.atleast_1d(np.asarray(samples["subj"])).ravel()
    except OSIEFileError:
        raise
    except Exception as error:
        if failed_to_read(error):
            raise
        raise OSIEFileError(
            f"{path.name} has no mouse samples with subj and coord ({error_message(error)})."
        ) from error
    if len(subject) != len(coord):
        raise OSIEFileError(f"{path.name}: {len(subject)} participants for {len(coord)} samples.")
    if subject.dtype == object:
        subject = np.array([str(value) for value in subject])
    elif np.issubdtype(subject.dtype, np.floating):
        subject = subject.astype(np.int64)
    return _points(subject, coord[:, 1], coord[:, 0], None)


class MouseTable:
    """Mouse samples of all images from mouse_amt.npz: arrays image, participant, row_px and column_px of one length."""

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                columns = [np.asarray(arrays[name]) for name in ("image", "participant", "row_px", "column_px")]
        except NPZ_ERRORS as error:
            raise OSIEFileError(f"{path.name} cannot be read ({error_message(error)}).") from error
        if any(column.ndim != 1 or len(column) != len(columns[0]) for column in columns):
            raise OSIEFileError(f"{path.name}: four arrays of one length were expected.")
        order = np.argsort(columns[0], kind="stable")
        self._participant, self._row, self._column = (column[order] for column in columns[1:])
        names, starts = np.unique(columns[0][order], return_index=True)
        ends = [*starts[1:].tolist(), len(order)]
        self._slices = {
            str(name): slice(start, end) for name, start, end in zip(names.tolist(), starts.tolist(), ends, strict=True)
        }

    def __contains__(self, image: object) -> bool:
        return image in self._slices

    def points(self, image: str) -> Points:
        """Return all participants' samples on one image."""
        part = self._slices[image]
        return _points(self._participant[part], self._column[part].astype(float), self._row[part].astype(float), None)


def _points(participant: np.ndarray, x: np.ndarray, y: np.ndarray, duration: np.ndarray | None) -> Points:
    return Points(participant, x - _CORNER_PX, y - _CORNER_PX, duration)


def _mat_variable(path: Path, name: str) -> Any:
    try:
        variables = read_mat(path, [name])
    except MapFileError as error:
        raise OSIEFileError(str(error)) from error
    if name not in variables:
        raise OSIEFileError(f"{path.name} has no variable {name!r}.")
    return variables[name]
