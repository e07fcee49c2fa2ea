"""Human maps from a folder with one map file for each image."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from gala_viz.collections.file_index import index_files
from gala_viz.collections.human_maps import map_files
from gala_viz.collections.human_maps.human_map import UNKNOWN_COUNT, HumanMap
from gala_viz.collections.human_maps.human_map_memory import HUMAN_MAPS
from gala_viz.collections.human_maps.image_names import ImageNames, match_names
from gala_viz.collections.human_maps.map_checks import CHECKED_MAPS, MapFileError, check_are_no_masks, spread
from gala_viz.counts import counted
from gala_viz.specs import fingerprint

HUMAN_MAP_KIND = "human"
LARGEST_CHECKED = 4_000_000
"""Bytes of the largest map file that is checked when a folder is opened."""
MAP_ENDING, POINTS_ENDING = "_fixMap", "_fixPts"
"""Ends of MIT1003's names of maps, and of pictures of the fixations themselves, which are no maps."""
ALL_NAMES = r".*"


class FolderMaps:
    """A folder with one map file for each image, named like it.

    For "tench/a.jpg" the file is one of "tench/a.npz", ".npy", ".png", "tench/a.jpg.npz", … Where a file name is unique
    in the collection, "a.npz" will do, and "tench_a.npz" with "_" for "/" where no name fits otherwise; "_fixMap" at a
    name's end is left out. Where there are several files for an image, a JPEG, which has lost detail, comes last.
    ``map_files`` says what a file holds; files of other kinds are counted in ``skipped``. ``refresh`` lists the folder
    without the stored index. Raises ``MapFileError`` where no map belongs to an image, or some are label masks.
    """

    def __init__(self, root: Path, images: Sequence[str], *, refresh: bool = False) -> None:
        self._root = root
        tree = index_files(root, suffixes=map_files.SUFFIXES, names=ALL_NAMES, refresh=refresh, always_checked=True)
        paths, others = _map_paths(path for path, _, _ in tree.files)
        names = [(path, posixpath.splitext(path)[0].removesuffix(MAP_ENDING)) for path in paths]
        self._files, unmatched = match_names(names, _EitherName(images))
        if not self._files:
            example = f", for example {names[0][0]!r}" if names else ""
            refused = (
                f" {counted(len(tree.refused), 'file was', 'files were')} refused: {': '.join(tree.refused[0])}"
                if tree.refused
                else ""
            )
            raise MapFileError(
                f"{root}: maps named like the images, for example {_map_name(images)!r}, were "
                f"expected; none of its {len(names)} PNG, JPEG, NPY or NPZ files{example} is.{refused}"
                f"{''.join(f' {name}: {reason}' for name, reason in others)}"
            )
        self._check_some({path: size for path, size, _ in tree.files})
        n_lossy = sum(_suffix(path) in map_files.LOSSY_SUFFIXES for path in self._files.values())
        lossy = f" {n_lossy:,} of {len(self._files):,} are JPEG files, which have lost detail." if n_lossy else ""
        self.kinds = {HUMAN_MAP_KIND: f"Human maps from the folder {root.name!r}, one file an image.{lossy}"}
        self.skipped = [(f"{root.name}/{path}", reason) for path, reason in (*tree.refused, *unmatched, *others)]
        self.fingerprint = fingerprint("map folder", str(root), tree.files)

    def _check_some(self, sizes: Mapping[str, int]) -> None:
        """Raise ``MapFileError`` where some of the files, of these ``sizes`` in bytes, are label masks."""
        paths = [path for path in self._files.values() if sizes[path] <= LARGEST_CHECKED]
        sample = [path for path in spread(paths, CHECKED_MAPS) if is_inside(self._root / path, self._root)]
        check_are_no_masks(
            (f"{self._root.name}/{path}", lambda path=path: map_files.read_map_file(self._root / path))
            for path in sample
        )

    def source_name(self, image: str) -> str | None:
        """Return the names of the folder and of the image's map file."""
        path = self._files.get(image)
        return None if path is None else f"{self._root.name}/{path}"

    def read_map(self, image: str, kind: str, photo_px: tuple[int, int]) -> HumanMap | None:
        """Read the maps in the image's file; ``kind`` is not used."""
        del kind
        if image not in self._files:
            return None
        path = self._root / self._files[image]
        if not is_inside(path, self._root):
            raise MapFileError("the link leaves the maps' folder.")
        status = path.stat()
        key = ("map file", str(path), status.st_size, status.st_mtime_ns, photo_px)
        map_file = HUMAN_MAPS.get(key)
        if map_file is None:
            map_file = map_files.read_map_file(path, photo_px)
            map_file.values.flags.writeable = False
            HUMAN_MAPS.put(key, map_file, map_file.values.nbytes)
        attrs = {"file": self._files[image], "n_participants": len(map_file.participants) or UNKNOWN_COUNT}
        attrs |= {"n_left_out": map_file.n_left_out} if map_file.n_left_out else {}
        return HumanMap(map_file.values, map_file.participants, attrs)


class _EitherName:
    """Finds images by names with "/", and by those with "_" in its place where no image is found otherwise."""

    def __init__(self, images: Sequence[str]) -> None:
        self._names = (ImageNames(images), ImageNames(images, "_"))

    def find(self, name: str) -> list[str]:
        return self._names[0].find(name) or self._names[1].find(name)


def _map_paths(paths: Iterable[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the paths of map files, JPEG last, and (files, reason) of the files of other kinds."""
    maps: list[str] = []
    others: Counter[str] = Counter()
    for path in paths:
        stem, suffix = posixpath.splitext(path)
        if suffix.lower() not in map_files.SUFFIXES:
            others[suffix.lower()] += 1
        elif stem.endswith(POINTS_ENDING):
            others[POINTS_ENDING] += 1
        else:
            maps.append(path)
    maps.sort(key=lambda path: (_suffix(path) in map_files.LOSSY_SUFFIXES, path))
    told = []
    for kind, count in sorted(others.items()):
        named = f"*{kind}" if kind else "names without a suffix"
        reason = "show fixations and no map" if kind == POINTS_ENDING else "are no PNG, JPEG, NPY or NPZ"
        told.append((named, f"{counted(count, 'file')} of this kind {reason} and passed over."))
    return maps, told


def _suffix(path: str) -> str:
    return posixpath.splitext(path)[1].lower()


def _map_name(images: Sequence[str]) -> str:
    return f"{posixpath.splitext(images[0])[0] if images else 'image'}.png"


def is_inside(path: Path, root: Path) -> bool:
    """Return whether ``path``, all links followed, lies under ``root``; a loop of links lies nowhere."""
    try:
        return path.resolve().is_relative_to(root)
    except (OSError, RuntimeError):
        return False
