"""Folder layouts: what kind of collection a folder holds, by the names in it, before anything is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gala_viz.collections.fixations.set_layouts import fixation_set_layout

MANIFEST = "collection.toml"
RECORD_SUFFIXES = frozenset({".tfrecord", ".tfrecords"})


@dataclass(frozen=True)
class OSIELayout:
    """The parts of an OSIE folder; None for those that are missing. ``osie_files`` describes the formats."""

    stimuli: Path
    fixations: Path | None
    mouse: Path | None


def osie_layout(folder: Path) -> OSIELayout | None:
    """Recognise an OSIE folder (or its "data" folder), in either layout; None for any other folder."""
    for root in (folder, folder / "data"):
        if not (root / "stimuli").is_dir():
            continue
        fixations = _first(root / "eye" / "fixations.mat", root / "fixations.csv.gz", root / "fixations.csv")
        mouse = _first(root / "mouse_amt", root / "mouse_amt.npz")
        if fixations or mouse:
            return OSIELayout(root / "stimuli", fixations, mouse)
    return None


def detect_layout(source: Path) -> Literal["manifest", "osie", "fixations", "records", "photographs"]:
    """Return what kind of collection the folder or TFRecord file ``source`` holds."""
    if source.is_file():
        return "records"
    if (source / MANIFEST).is_file():
        return "manifest"
    if osie_layout(source) is not None:
        return "osie"
    if fixation_set_layout(source) is not None:
        return "fixations"
    near = (path for pattern in ("*.tfrecord*", "*/*.tfrecord*") for path in source.glob(pattern))
    return "records" if any(path.suffix.lower() in RECORD_SUFFIXES for path in near) else "photographs"


def _first(*paths: Path) -> Path | None:
    return next((path for path in paths if path.exists()), None)
