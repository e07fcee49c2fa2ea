"""SALICON: mouse-contingent viewing of COCO images by crowd workers, in its JSON files or one MATLAB file an image.

JSON, as in COCO: ``images`` (id, file_name, width, height) and ``annotations`` (image_id, worker_id, ``fixations``,
rows and columns from 1). MATLAB: ``image``, ``resolution`` and for each worker ``gaze`` with ``location``,
``timestamp`` and ``fixations`` (x and y from 1).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gala_viz.collections.fixations.fixation_table import FixationTable, ScanpathList
from gala_viz.collections.fixations.json_stream import json_entries
from gala_viz.collections.human_maps.map_checks import MapFileError
from gala_viz.collections.mat_file import cells, read_mat
from gala_viz.collections.row_reasons import RowReasons, reasons_text

RELEASES = ("2015", "2017")
"""Fixations of 2017 were detected anew from the same mouse samples; maps of the two differ."""


def read_salicon_json(paths: Sequence[Path]) -> FixationTable:
    """Read SALICON's JSON files; an annotation is one worker on one image. Raises ``MapFileError``, ``OSError``."""
    scanpaths, reasons, told = ScanpathList(), RowReasons("entry", "entries"), []
    for path in paths:
        images: dict[Any, tuple[str, tuple[int, int]]] = {}
        annotations: list[tuple[str, Any, str, np.ndarray]] = []
        for number, (key, entry) in enumerate(json_entries(path), start=1):
            place = f"{number} of {path.name}"
            try:
                if key == "images":
                    images[entry["id"]] = str(entry["file_name"]), (int(entry["height"]), int(entry["width"]))
                elif key == "annotations":
                    # kept as int32 arrays: as Python's lists, those of 10,000 images take gigabytes
                    points = np.asarray(entry["fixations"], dtype=np.float64).reshape(-1, 2)
                    annotations.append((place, entry["image_id"], str(entry["worker_id"]), points.astype(np.float32)))
                elif key == "info" and isinstance(entry, dict):
                    told += [str(entry.get(name, "")) for name in ("version", "description", "url")]
            except (KeyError, TypeError, ValueError, OverflowError):
                what = "an image has an id, a file_name, a width and a height."
                reasons.add(place, what if key == "images" else _ANNOTATION)
        for place, image_id, worker, points in annotations:
            if image_id not in images:
                reasons.add(place, "its image_id is that of no image.")
                continue
            name, frame_px = images[image_id]
            scanpaths.add((name,), worker, points[:, 1], points[:, 0], frame_px=frame_px)
    skipped = tuple(reasons.listed())
    if not scanpaths.images:
        raise MapFileError(f"{paths[0].name} holds no fixations of SALICON: {reasons_text(skipped) or _ANNOTATION}")
    return scanpaths.table(f"SALICON ({release(paths, told)})", is_one_based=True, notes=_NOTES, skipped=skipped)


_ANNOTATION = "an annotation has an image_id, a worker_id and fixations [[row, column], …]."
_NOTES = ("Rows and columns count from 1.",)


def read_salicon_mat(root: Path, paths: Iterable[Path]) -> FixationTable:
    """Read SALICON's MATLAB files under ``root``, one an image.

    They do not name the workers: each is called by image and number, so that nobody is taken for the same person on two
    images. Files that cannot be used are listed. Raises ``MapFileError`` where none can, ``OSError``.
    """
    scanpaths, reasons, all_paths = ScanpathList(), RowReasons(), list(paths)
    for path in all_paths:
        name = path.relative_to(root).with_suffix("").as_posix()
        try:
            content = read_mat(path, ["resolution", "gaze"])
            height, width = (int(side) for side in np.ravel(content["resolution"]))
            for number, worker in enumerate(cells(content["gaze"]), start=1):
                points = np.asarray(worker["fixations"], dtype=np.float64).reshape(-1, 2)
                who = f"{path.stem} #{number}"
                scanpaths.add((name,), who, points[:, 0], points[:, 1], frame_px=(height, width))
        except MapFileError as error:
            reasons.add(name, str(error))
        except (KeyError, TypeError, ValueError, IndexError, OverflowError):
            reasons.add(name, "resolution and gaze with fixations (x, y) were expected.")
    skipped = tuple(reasons.listed())
    if not scanpaths.images:
        raise MapFileError(f"no MATLAB file holds fixations of SALICON: {reasons_text(skipped)}")
    return scanpaths.table(
        f"SALICON ({release([root])})",
        is_one_based=True,
        notes=("Workers are not named: nobody is the same person on two images.",),
        skipped=skipped,
    )


def release(paths: Iterable[Path], told: Iterable[str] = ()) -> str:
    """Return which release a set is: "2015 release", "2017 release" or that it is not known.

    A year counts in a folder or file whose name has "salicon" too, in "2015r1", as the published address has it, and
    in what a JSON file tells of its version; and where only one of the two is told.
    """
    names = {name.lower() for path in paths for name in path.parts}
    texts = [*told, *(name for name in names if "salicon" in name or "2015r1" in name)]
    years = [year for year in RELEASES if any(year in text for text in texts)]
    return f"{years[0]} release" if len(years) == 1 else "release unknown: 2015 and 2017 differ"
