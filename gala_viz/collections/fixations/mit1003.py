"""MIT1003 (Judd et al. 2009): DATA/SUBJECT/IMAGE.mat with raw gaze samples at 240 Hz, in pixels of the image."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from gala_viz.collections.fixations.detect_fixations import (
    MAX_DISPERSION_DEGREES,
    MIN_DURATION_MS,
    dispersion_fixations,
)
from gala_viz.collections.fixations.fixation_table import FixationTable, ScanpathList
from gala_viz.collections.human_maps.map_checks import MapFileError
from gala_viz.collections.mat_file import cells, read_mat
from gala_viz.collections.row_reasons import RowReasons, reasons_text

RATE_HZ = 240.0
PX_PER_DEGREE = 35.0
"""Pixels of a degree of visual angle on the authors' display."""


def read_mit1003(root: Path, paths: Iterable[Path]) -> FixationTable:
    """Read the gaze files under ``root``, in one folder for each subject, and detect fixations in them by dispersion.

    The authors' own rule is in their MATLAB code alone; this one (``detect_fixations``) is another, so that single
    fixations differ. Files that cannot be used are listed. Raises ``MapFileError`` where none can, ``OSError``.
    """
    scanpaths, reasons = ScanpathList(), RowReasons()
    for path in paths:
        name = path.relative_to(root).with_suffix("").as_posix()
        try:
            if path.parent == root:
                raise MapFileError("it lies in no folder of a subject.")
            image, gaze = _gaze(path)
            x, y, duration = dispersion_fixations(
                gaze[:, 0], gaze[:, 1], rate_hz=RATE_HZ, max_dispersion_px=MAX_DISPERSION_DEGREES * PX_PER_DEGREE
            )
            scanpaths.add((image,), path.relative_to(root).parts[0], x, y, duration)
        except MapFileError as error:
            reasons.add(name, str(error))
        except (KeyError, TypeError, ValueError, IndexError, OverflowError):
            reasons.add(name, _EXPECTED)
    skipped = tuple(reasons.listed())
    if not scanpaths.images:
        raise MapFileError(f"no MATLAB file holds gaze of MIT1003: {reasons_text(skipped)}")
    note = (
        f"Fixations are detected here in the raw samples at {RATE_HZ:g} Hz: at least {MIN_DURATION_MS:g} ms within a "
        f"dispersion of {MAX_DISPERSION_DEGREES:g} degree ({PX_PER_DEGREE:g} px). The authors' MATLAB rule differs; "
        "their maps are in ALLFIXATIONMAPS. They dropped the first fixation (drop_first)."
    )
    return scanpaths.table("MIT1003", is_one_based=True, notes=(note,), skipped=skipped)


_EXPECTED = "one structure with DATA.eyeData (x and y of each sample) was expected."


def _gaze(path: Path) -> tuple[str, np.ndarray]:
    """Return the image's name and the samples (sample, 2 or more)."""
    found = [value for value in read_mat(path).values() if isinstance(value, dict) and "DATA" in value]
    if len(found) != 1:
        raise MapFileError(_EXPECTED)
    gaze = np.asarray(cells(found[0]["DATA"])[0]["eyeData"], dtype=np.float64)
    if gaze.ndim != 2 or gaze.shape[1] < 2:
        raise MapFileError(_EXPECTED)
    image = found[0].get("imgName")
    return (image if isinstance(image, str) and image else path.stem), gaze
