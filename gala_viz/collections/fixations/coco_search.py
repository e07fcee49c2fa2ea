"""COCO-Search18 and COCO-FreeView: JSON lists of scanpaths on a display of 1680 x 1050 pixels.

An entry has ``name``, ``subject``, ``X``, ``Y``, ``T`` (ms), and in COCO-Search18 ``task`` and ``condition``. Images
were enlarged to the display with their proportions kept, and padded.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gala_viz.collections.fixations.fixation_table import FixationTable, ScanpathList
from gala_viz.collections.fixations.json_stream import json_entries
from gala_viz.collections.human_maps.map_checks import MapFileError
from gala_viz.collections.row_reasons import RowReasons

DISPLAY_PX = (1050, 1680)
"""(height, width) of the display."""
_ENTRY = "an entry has a name, a subject, and X and Y of one length"


def read_coco_search(paths: Sequence[Path]) -> FixationTable:
    """Read the scanpaths of one or several files. Raises ``MapFileError``, ``OSError``.

    An image is searched for as TASK/NAME, as the published folders are, then as NAME. One participant's scanpaths on an
    image in several files or tasks are added up.
    """
    scanpaths, reasons, tasks = ScanpathList(), RowReasons("entry", "entries"), set()
    for path in paths:
        for number, (key, entry) in enumerate(json_entries(path), start=1):
            try:
                if key:
                    raise MapFileError("a list of scanpaths was expected.")
                name, task = str(entry["name"]), str(entry.get("task") or "")
                names = (f"{task}/{name}", name) if task and task != "freeview" else (name,)
                durations = entry.get("T")
                scanpaths.add(names, str(entry["subject"]), entry["X"], entry["Y"], durations, DISPLAY_PX)
                tasks |= {task} - {"", "freeview"}
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
                reasons.add(f"{number} of {path.name}", f"{_ENTRY}.")
    skipped = tuple(reasons.listed())
    if not scanpaths.images:
        raise MapFileError(f"{paths[0].name} holds no scanpaths: {_ENTRY}.")
    notes = (
        f"Positions on a display of {DISPLAY_PX[1]} x {DISPLAY_PX[0]} px; images of other sizes are taken to lie in "
        "its middle, as large as it allows.",
        *((f"Search for {len(tasks)} targets, not free viewing.",) if tasks else ()),
    )
    return scanpaths.table("COCO-Search18" if tasks else "COCO-FreeView", is_padded=True, notes=notes, skipped=skipped)
