"""Pictures that sets made from their photographs and keep beside them: maps and plots, no photographs."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Sequence

MAP_FOLDERS = frozenset({"fixationmaps", "allfixationmaps"})
"""Names of folders of CAT2000 and MIT1003, in lower case."""
OUTPUT = "output"
"""CAT2000's folder of maps beside photographs, in lower case: files there begin with the names of these."""
_ENDING = re.compile(r"_fix(map|pts)", re.IGNORECASE)


def without_derived(paths: Sequence[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the ``paths`` (relative, with "/") of photographs, and (folder, reason) of what is left out."""
    stems: dict[str, set[str]] = {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        stems.setdefault(folder, set()).add(posixpath.splitext(name)[0])
    outputs = {folder for folder in stems if _is_output(folder, stems)}
    photographs: list[str] = []
    left_out: Counter[str] = Counter()
    for path in paths:
        folder, _, name = path.rpartition("/")
        is_map = any(part.lower() in MAP_FOLDERS for part in folder.split("/"))
        if folder in outputs or is_map or _ENDING.search(posixpath.splitext(name)[0][-7:]):
            left_out[folder] += 1
        else:
            photographs.append(path)
    reason = "are maps or plots made from photographs (_fixMap, _fixPts, Output/, FIXATIONMAPS/), and none themselves."
    return photographs, [
        (f"{folder}/" if folder else "*", f"{n} of its pictures {reason}") for folder, n in left_out.items()
    ]


def _is_output(folder: str, stems: dict[str, set[str]]) -> bool:
    """Return whether a folder called Output has files that are all named after photographs in the folder around it."""
    around, _, name = folder.rpartition("/")
    if name.lower() != OUTPUT or around not in stems:
        return False
    return all(stem in stems[around] or stem.rpartition("_")[0] in stems[around] for stem in stems[folder])
