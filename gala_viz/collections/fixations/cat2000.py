"""CAT2000, MIT300 and FIGRIM: FIXATIONLOCS, one binary map an image of all observers' fixations together."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from gala_viz.collections.fixations.fixation_table import FixationTable, ScanpathList
from gala_viz.collections.human_maps.map_checks import MAX_SIDE, MapFileError
from gala_viz.collections.mat_file import read_mat
from gala_viz.collections.row_reasons import RowReasons, reasons_text

VARIABLES = ("fixLocs", "fixations")


def read_fixation_locations(root: Path, paths: Iterable[Path]) -> FixationTable:
    """Read the binary maps under ``root``: each cell that is 1 is a fixation, at the cell's centre.

    Observers, their order and number are not told apart, and several fixations on one pixel are one. Files that cannot
    be used are listed. Raises ``MapFileError`` where none can, ``OSError``.
    """
    scanpaths, reasons = ScanpathList(), RowReasons()
    for path in paths:
        name = path.relative_to(root).with_suffix("").as_posix()
        try:
            content = read_mat(path, list(VARIABLES))
            marked = next((np.asarray(content[one]) for one in VARIABLES if one in content), None)
            if marked is None or marked.ndim != 2 or marked.dtype.kind not in "buif" or max(marked.shape) > MAX_SIDE:
                raise MapFileError(f"{VARIABLES[0]}, a map (y, x) of at most {MAX_SIDE} px a side, was expected.")
            if not np.isin(marked, (0, 1)).all():
                raise MapFileError("its map is not binary: it holds other values than 0 and 1.")
            rows, columns = np.nonzero(marked)
            height, width = marked.shape
            scanpaths.add((name,), None, columns + 0.5, rows + 0.5, frame_px=(height, width))
        except MapFileError as error:
            reasons.add(name, str(error))
    skipped = tuple(reasons.listed())
    if not scanpaths.images:
        raise MapFileError(f"no MATLAB file holds fixation locations: {reasons_text(skipped)}")
    note = "Binary maps of all observers together: how many looked at an image is not known, and there is no ceiling."
    return scanpaths.table("fixation locations (CAT2000)", notes=(note,), skipped=skipped)
