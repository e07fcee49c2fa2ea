"""Folder layouts: what kind of collection a folder holds, by the names in it, before anything is read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gala_viz.collections.clickme.npz_record import holds_records
from gala_viz.collections.fixations.set_layouts import fixation_set_layout
from gala_viz.collections.photo_files import SUFFIXES

MANIFEST = "collection.toml"
RECORD_SUFFIXES = frozenset({".tfrecord", ".tfrecords"})
ARCHIVE_SUFFIX = ".zip"
SHARD = r"(.*\.tfrecords?(-\d+-of-\d+)?|[^.]*-\d{5}-of-\d{5})(\.gz)?"
"""Names of TFRecord files: a.tfrecords, train-00000-of-00010, val.tfrecord-00000-of-00010, each perhaps with ".gz"."""


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


def is_record_name(name: str) -> bool:
    """Return whether a file of this name is one of TFRecords."""
    return re.fullmatch(SHARD, name, re.IGNORECASE) is not None


def is_records(path: Path) -> bool:
    """Return whether a file's name is that of records: TFRecords, or a zip archive of NPZ records."""
    return is_record_name(path.name) or path.suffix.lower() == ARCHIVE_SUFFIX


def detect_layout(source: Path) -> Literal["manifest", "osie", "fixations", "records", "npz_records", "photographs"]:
    """Return what kind of collection the folder, TFRecord file or zip archive ``source`` holds.

    A folder of NPZ files, in it or in its folders, is one of records where there is no photograph and the first of them
    has an image, a heatmap and a label.
    """
    if source.is_file():
        return "npz_records" if source.suffix.lower() == ARCHIVE_SUFFIX else "records"
    if (source / MANIFEST).is_file():
        return "manifest"
    if osie_layout(source) is not None:
        return "osie"
    if fixation_set_layout(source) is not None:
        return "fixations"
    first_npz, has_photographs = None, False
    for path in _files_near(source):
        if is_record_name(path.rpartition(os.sep)[2]):
            return "records"
        suffix = os.path.splitext(path)[1].lower()
        has_photographs |= suffix in SUFFIXES
        if first_npz is None and suffix == ".npz":
            first_npz = Path(path)
    return "npz_records" if first_npz and not has_photographs and holds_records(first_npz) else "photographs"


def _files_near(folder: Path) -> Iterator[str]:
    """Yield the paths of the visible files in a folder and in the folders in it; none of a folder without access."""
    inner = []
    for where in (str(folder), None):
        for place in [where] if where else inner:
            try:
                with os.scandir(place) as entries:
                    for entry in entries:
                        if entry.name.startswith("."):
                            continue
                        if where and entry.is_dir():
                            inner.append(entry.path)
                        elif entry.is_file():
                            yield entry.path
            except OSError:
                continue


def _first(*paths: Path) -> Path | None:
    return next((path for path in paths if path.exists()), None)
