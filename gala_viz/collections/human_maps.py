"""What people marked on photographs, apart from the photographs: map files, tables of clicks, maps in HDF5."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from gala_viz.collections import map_files
from gala_viz.collections.cache import MAPS
from gala_viz.collections.file_index import index_files
from gala_viz.collections.image_names import ImageNames, match_names
from gala_viz.collections.map_checks import CHECKED_MAPS, MapFileError, check_are_no_masks, spread
from gala_viz.counts import counted
from gala_viz.specs import fingerprint

HUMAN_MAP_KIND = "human"
LARGEST_CHECKED = 4_000_000
"""Bytes of the largest map file that is looked at when a folder is opened."""
UNKNOWN_COUNT = "unknown"
"""The number of participants of a mean map whose file does not tell it."""


@dataclass(frozen=True, slots=True)
class HumanMap:
    """The maps of one image over its whole photograph, float32: (y, x), or (participant, y, x) with their ids."""

    values: np.ndarray
    participants: tuple[str, ...] = ()
    attrs: Mapping[str, Any] = field(default_factory=dict)


class HumanMaps(Protocol):
    """Human maps of a collection's images. All methods may be called from any thread."""

    kinds: dict[str, str]
    """Kind of map -> a sentence that says what it is; the first is the default."""
    fingerprint: str

    @property
    def skipped(self) -> Sequence[tuple[str, str]]:
        """What was left out when this was opened: (name, reason)."""
        ...

    def source_name(self, image: str) -> str | None:
        """What holds the image's marks, as ``skipped`` would call it; None where there are none."""
        ...

    def read_map(self, image: str, kind: str, photo_px: tuple[int, int]) -> HumanMap | None:
        """The image's maps, for a photograph of (height, width). Raises ``MapFileError``, ``OSError``."""
        ...


class FolderMaps:
    """A folder with one map file an image: for "tench/a.jpg" one of "tench/a.npz", ".npy", ".png", "tench/a.jpg.npz", …

    Where a file name is unique in the collection, "a.npz" does too; ``map_files`` says what a file holds. Raises
    ``MapFileError`` where no map is an image's, or some are label masks.
    """

    def __init__(self, root: Path, images: Sequence[str], *, refresh: bool = False) -> None:
        self._root = root
        tree = index_files(root, suffixes=map_files.SUFFIXES, refresh=refresh, always_checked=True)
        names = [(path, posixpath.splitext(path)[0]) for path, _, _ in tree.files]
        self._files, unmatched = match_names(names, ImageNames(images))
        if not self._files:
            example = f", for example {names[0][0]!r}" if names else ""
            refused = (
                f" {counted(len(tree.refused), 'file was', 'files were')} refused: {': '.join(tree.refused[0])}"
                if tree.refused
                else ""
            )
            raise MapFileError(
                f"{root}: maps named like the images, for example {_map_name(images)!r}, were "
                f"expected; none of its {len(names)} PNG, NPY or NPZ files{example} is.{refused}"
            )
        self._check_some({path: size for path, size, _ in tree.files})
        self.kinds = {HUMAN_MAP_KIND: f"Human maps from the folder {root.name!r}, one file an image."}
        self.skipped = [(f"{root.name}/{path}", reason) for path, reason in (*tree.refused, *unmatched)]
        self.fingerprint = fingerprint("map folder", str(root), tree.files)

    def _check_some(self, sizes: Mapping[str, int]) -> None:
        """Raise ``MapFileError`` where these are label masks."""
        paths = [path for path in self._files.values() if sizes[path] <= LARGEST_CHECKED]
        some = [path for path in spread(paths, CHECKED_MAPS) if is_inside(self._root / path, self._root)]
        check_are_no_masks(
            (f"{self._root.name}/{path}", lambda path=path: map_files.read_map_file(self._root / path)) for path in some
        )

    def source_name(self, image: str) -> str | None:
        """The map file, after the folder's name."""
        path = self._files.get(image)
        return None if path is None else f"{self._root.name}/{path}"

    def read_map(self, image: str, kind: str, photo_px: tuple[int, int]) -> HumanMap | None:
        """The maps in the image's file."""
        del kind
        if image not in self._files:
            return None
        path = self._root / self._files[image]
        if not is_inside(path, self._root):
            raise MapFileError("the link leaves the maps' folder.")
        status = path.stat()
        key = ("map file", str(path), status.st_size, status.st_mtime_ns)
        found = MAPS.get(key)
        if found is None:
            found = map_files.read_map_file(path, photo_px)
            found.values.flags.writeable = False
            MAPS.put(key, found, found.values.nbytes)
        attrs = {"file": self._files[image], "n_participants": len(found.participants) or UNKNOWN_COUNT}
        attrs |= {"n_left_out": found.n_left_out} if found.n_left_out else {}
        return HumanMap(found.values, found.participants, attrs)


def _map_name(images: Sequence[str]) -> str:
    return f"{posixpath.splitext(images[0])[0] if images else 'image'}.png"


def is_inside(path: Path, root: Path) -> bool:
    """Whether ``path``, all links followed, still lies under ``root``; a loop of links lies nowhere."""
    try:
        return path.resolve().is_relative_to(root)
    except (OSError, RuntimeError):
        return False
