"""What to do with published sets that no reader takes, by the names of their files."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

_LONG_TABLE = (
    "write a table of one fixation a line (image, participant, x, y), which --human-maps and gala-viz import take"
)
_PYSALIENCY = f"pysaliency writes its fixations as HDF5, which opens; or {_LONG_TABLE}"
_OBJECTS = "make a map of the objects that you mean, 1 on them and 0 elsewhere, named like its photograph"

_SETS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("FIGRIM's file of all images", re.compile(r"allImages_release\.mat"), _PYSALIENCY),
    ("PASCAL-S's file of fixations", re.compile(r"pascalFix\.mat"), _PYSALIENCY),
    ("CUB-GHA's file of fixations", re.compile(r"Fixation\.txt"), f"{_LONG_TABLE}; or take its heatmaps as a folder"),
    (
        "VQA-HAT's maps, named by question and rater",
        re.compile(r"\d{5,}_\d\.png"),
        "name them IMAGE_1.png, IMAGE_2.png, by the image ids of the questions' file, one question of an image alone",
    ),
    ("ADE20K's label masks", re.compile(r".*_(seg|parts_\d)\.png"), _OBJECTS),
    (
        "Brain-Score's assemblies, which hold answers of people or of neurons and no maps",
        re.compile(r"assy_.*\.nc"),
        "answers of people open by gala-viz experiment import, as a table of model-vs-human",
    ),
    (
        "the experiment's images and answers of the Harmonization toolbox",
        re.compile(r"data_for_zahra\.npz"),
        "answers of people open by gala-viz experiment import, as a table of model-vs-human",
    ),
    (
        "pickled maps, as those of Pseudo_ClickMe",
        re.compile(r".*\.(pth|pt|pkl|pickle)"),
        "pickles can run code and are not loaded; save the heatmaps as NPY, named like their photographs",
    ),
)
N_LOOKED_AT = 1000
"""Files of a folder whose names are looked at."""


def unread_set_advice(source: Path) -> str:
    """Return a sentence on the set that ``source``, a file or folder, is named like; "" for none that is known."""
    names = [source.name]
    if source.is_dir():
        names = [path.name for path in itertools.islice(source.iterdir(), N_LOOKED_AT) if path.name[0] != "."]
    for what, pattern, advice in _SETS:
        if names and all(pattern.fullmatch(name) for name in names):
            return f"Its name is that of {what}: {advice}."
    return ""
