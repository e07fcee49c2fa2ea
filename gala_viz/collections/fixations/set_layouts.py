"""Folders of public sets of fixations, recognised by the names in them: where photographs and fixations lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FixationSetLayout:
    """A set's name, its folder of photographs and the file or folder of its fixations."""

    name: str
    photographs: Path
    fixations: Path


def fixation_set_layout(folder: Path) -> FixationSetLayout | None:
    """Recognise the folder of CAT2000, MIT1003, SALICON, COCO-Search18 or pysaliency; None for any other.

    - CAT2000: ``Stimuli`` and ``FIXATIONLOCS``, in the folder or in its ``trainSet``;
    - MIT1003: ``ALLSTIMULI`` and ``DATA``;
    - SALICON: ``images`` and ``fixations`` (MATLAB), or ``annotations`` or one ``fixations_*.json`` (JSON);
    - COCO-Search18, COCO-FreeView: ``images`` and one JSON file whose name begins with ``coco``, or a folder of them;
    - pysaliency: ``stimuli`` (or ``images``) and one ``fixations*.hdf5``.
    """
    for root in (folder, folder / "trainSet"):
        if (root / "Stimuli").is_dir() and (root / "FIXATIONLOCS").is_dir():
            return FixationSetLayout("CAT2000", root / "Stimuli", root / "FIXATIONLOCS")
    if (folder / "ALLSTIMULI").is_dir() and (folder / "DATA").is_dir():
        return FixationSetLayout("MIT1003", folder / "ALLSTIMULI", folder / "DATA")
    photographs = next((folder / name for name in ("images", "stimuli") if (folder / name).is_dir()), None)
    if photographs is None:
        return None
    for name in ("fixations", "annotations"):
        inside = folder / name
        if not inside.is_dir():
            continue
        if _any(inside, "*.mat", "*/*.mat", "fixations*.json"):
            return FixationSetLayout("SALICON", photographs, inside)
        if _any(inside, "[cC][oO][cC][oO]*.json"):
            return FixationSetLayout("COCO-Search18", photographs, inside)
    for pattern, name in (
        ("fixations*.json", "SALICON"),
        ("[cC][oO][cC][oO]*.json", "COCO-Search18"),
        ("fixations*.hdf5", "pysaliency"),
    ):
        found = sorted(folder.glob(pattern))
        if len(found) == 1:
            return FixationSetLayout(name, photographs, found[0])
    return None


def _any(folder: Path, *patterns: str) -> bool:
    return any(next(folder.glob(pattern), None) is not None for pattern in patterns)
