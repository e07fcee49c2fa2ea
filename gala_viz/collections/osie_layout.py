"""Recognising an OSIE folder by what lies in it; the formats are told in ``osie_files``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class OSIELayout:
    """Where an OSIE folder keeps its things; what is missing is None."""

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


def _first(*paths: Path) -> Path | None:
    return next((path for path in paths if path.exists()), None)
