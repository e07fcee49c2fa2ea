"""Human maps from a folder with one map file for each image, or for each participant on it."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from gala_viz.collections.file_index import index_files
from gala_viz.collections.folder_spec import MaskFormat
from gala_viz.collections.human_maps import map_files
from gala_viz.collections.human_maps.human_map import UNKNOWN_COUNT, HumanMap
from gala_viz.collections.human_maps.human_map_memory import HUMAN_MAPS
from gala_viz.collections.human_maps.image_names import ImageNames, match_names
from gala_viz.collections.human_maps.map_checks import (
    CHECKED_MAPS,
    LabelMaskError,
    MapFileError,
    check_are_no_masks,
    check_aspect,
    check_not_cumulative,
    check_shape,
    drop_constant_maps,
    spread,
    to_float32,
)
from gala_viz.collections.human_maps.map_groups import participant_files
from gala_viz.collections.human_maps.object_masks import MASK_KIND, N_CHECKED, SUFFIXES, MaskReader, mask_reader
from gala_viz.collections.human_maps.participant_counts import read_counts
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
    Where no file is named like an image, there may be one for each participant (see ``map_groups``); a file of counts
    tells of how many participants means are. With ``mask``, the name of a format, the files are label masks, which
    become maps of objects. ``map_files`` says what a file holds; files of other kinds are counted in
    ``skipped``. ``refresh`` lists the folder without the stored index. Raises ``MapFileError`` where no map belongs to
    an image, or some are label masks.
    """

    def __init__(
        self, root: Path, images: Sequence[str], *, mask: MaskFormat | None = None, refresh: bool = False
    ) -> None:
        self._root = root
        tree = index_files(root, suffixes=map_files.SUFFIXES, names=ALL_NAMES, refresh=refresh, always_checked=True)
        paths, others = map_paths((path for path, _, _ in tree.files), SUFFIXES if mask else map_files.SUFFIXES)
        names = [(path, posixpath.splitext(path)[0].removesuffix(MAP_ENDING)) for path in paths]
        known = EitherName(images)
        self._people, how, unclear = ({}, "", []) if mask else participant_files(names, known)
        of_people = {path for files in self._people.values() for path in files.values()}
        self._files, unmatched = match_names([one for one in names if one[0] not in of_people], known)
        for image in self._files.keys() & self._people.keys():
            reason = f"{image} has maps of single participants, which are used in its place."
            unmatched.append((self._files.pop(image), reason))
        unmatched += unclear
        if not self._files and not self._people:
            example = f", for example {names[0][0]!r}" if names else ""
            refused = (
                f" {counted(len(tree.refused), 'file was', 'files were')} refused: {': '.join(tree.refused[0])}"
                if tree.refused
                else ""
            )
            raise MapFileError(
                f"{root}: maps named like the images, for example {_map_name(images)!r}, were "
                f"expected; none of its {len(names)} PNG, JPEG, NPY or NPZ files{example} is.{refused}"
                f"{''.join(f' {name}: {reason}' for name, reason in (*unclear, *others))}"
            )
        self._masks: MaskReader | None = None
        if mask:
            sample = [root / path for path in spread(list(self._files.values()), N_CHECKED)]
            self._masks = mask_reader(mask, [path for path in sample if is_inside(path, root)])
        else:
            self._check_some({path: size for path, size, _ in tree.files})
        used = [*self._files.values(), *of_people]
        n_lossy = sum(_suffix(path) in map_files.LOSSY_SUFFIXES for path in used)
        lossy = f" {n_lossy:,} of {len(used):,} are JPEG files, which have lost detail." if n_lossy else ""
        has_means = bool(self._files) and not mask
        self._counts, counts_file, not_counts = read_counts(root, known) if has_means else ({}, "", [])
        if counts_file:
            others = [(name, reason) for name, reason in others if name != "*.json"]
        form = f"{how}, on {counted(len(self._people), 'image')}" if how else "one file an image"
        if how and self._files:
            form += f", and one file of all on {len(self._files):,}"
        means = f" Of how many participants a map is the mean: {counts_file}." if counts_file else ""
        self.kinds = {HUMAN_MAP_KIND: f"Human maps from the folder {root.name!r}, {form}.{means}{lossy}"}
        if self._masks is not None:
            self.kinds = {MASK_KIND: f"{self._masks.description} From the folder {root.name!r}."}
        left_out = (*tree.refused, *unmatched, *others, *not_counts)
        self.skipped = [(f"{root.name}/{path}", reason) for path, reason in left_out]
        counted_by = sorted(self._counts.items()) if self._counts else ()
        self.fingerprint = fingerprint(
            "map folder", str(root), tree.files, *([counted_by] if counted_by else []), *([mask] if mask else [])
        )

    def _check_some(self, sizes: Mapping[str, int]) -> None:
        """Raise ``MapFileError`` where some of the files, of these ``sizes`` in bytes, are label masks."""
        of_people = [path for files in self._people.values() for path in files.values()]
        paths = [path for path in (*self._files.values(), *of_people) if sizes[path] <= LARGEST_CHECKED]
        sample = [path for path in spread(paths, CHECKED_MAPS) if is_inside(self._root / path, self._root)]
        check_are_no_masks(
            (f"{self._root.name}/{path}", lambda path=path: map_files.read_map_file(self._root / path))
            for path in sample
        )

    def source_name(self, image: str) -> str | None:
        """Return the names of the folder and of the image's map file."""
        if image in self._people:
            return f"{self._root.name}, maps of {image}"
        path = self._files.get(image)
        return None if path is None else f"{self._root.name}/{path}"

    def read_map(self, image: str, kind: str, photo_px: tuple[int, int]) -> HumanMap | None:
        """Read the maps in the image's file, or files; ``kind`` is not used."""
        del kind
        if image in self._people:
            return self._read_people(self._people[image], photo_px)
        if image not in self._files:
            return None
        path = self._root / self._files[image]
        if not is_inside(path, self._root):
            raise MapFileError("the link leaves the maps' folder.")
        status = path.stat()
        if self._masks is not None:
            values, n_ignored = self._masks.read(path, photo_px)
            return HumanMap(values, (), {"file": self._files[image], "n_ignored_cells": n_ignored})
        key = ("map file", str(path), status.st_size, status.st_mtime_ns, photo_px)
        map_file = HUMAN_MAPS.get(key)
        if map_file is None:
            map_file = map_files.read_map_file(path, photo_px)
            map_file.values.flags.writeable = False
            HUMAN_MAPS.put(key, map_file, map_file.values.nbytes)
        attrs = {"file": self._files[image], "n_participants": len(map_file.participants) or self._count(image)}
        attrs |= {"n_left_out": map_file.n_left_out} if map_file.n_left_out else {}
        return HumanMap(map_file.values, map_file.participants, attrs)

    def _count(self, image: str) -> int | str:
        return self._counts.get(image, UNKNOWN_COUNT)

    def _read_people(self, files: Mapping[str, str], photo_px: tuple[int, int]) -> HumanMap:
        """Read one map of each participant, of files that have one map each and the same number of cells."""
        paths = {name: self._root / file for name, file in files.items()}
        states = [(str(path), status.st_size, status.st_mtime_ns) for path in paths.values() if (status := path.stat())]
        key = ("map files", tuple(states), photo_px)
        maps: HumanMap | None = HUMAN_MAPS.get(key)
        if maps is not None:
            return maps
        stored = []
        for name, path in paths.items():
            if not is_inside(path, self._root):
                raise MapFileError(f"{files[name]}: the link leaves the maps' folder.")
            try:
                stored.append(map_files.read_stored_map(path))
            except LabelMaskError as error:
                raise LabelMaskError(f"{files[name]}: {error}") from None
            except MapFileError as error:
                raise MapFileError(f"{files[name]}: {error}") from None
            if stored[-1].shape != stored[0].shape:
                shapes = " and ".join(f"{one.shape[0]} x {one.shape[1]}" for one in (stored[0], stored[-1]))
                raise MapFileError(f"{files[name]}: the maps of an image have the same cells; these have {shapes}.")
            check_shape(stored[0].shape, len(files))
        values, participants = drop_constant_maps(np.stack(stored), tuple(paths))
        check_not_cumulative(values)
        check_aspect(values.shape[-2:], photo_px)
        values = to_float32(values)
        values.flags.writeable = False
        attrs: dict[str, object] = {"n_participants": len(participants)}
        attrs |= {"n_left_out": len(files) - len(participants)} if len(participants) < len(files) else {}
        maps = HumanMap(values, participants, attrs)
        HUMAN_MAPS.put(key, maps, values.nbytes)
        return maps


class EitherName:
    """Finds images by names with "/", and by those with "_" in its place where no image is found otherwise."""

    def __init__(self, images: Sequence[str]) -> None:
        self._names = (ImageNames(images), ImageNames(images, "_"))

    def find(self, name: str) -> list[str]:
        """Return the images that ``name`` may mean."""
        return self._names[0].find(name) or self._names[1].find(name)


def map_paths(paths: Iterable[str], suffixes: frozenset[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the paths of map files, JPEG last, and (files, reason) of the files of other kinds."""
    maps: list[str] = []
    others: Counter[str] = Counter()
    for path in paths:
        stem, suffix = posixpath.splitext(path)
        if suffix.lower() not in suffixes:
            others[suffix.lower()] += 1
        elif stem.endswith(POINTS_ENDING):
            others[POINTS_ENDING] += 1
        else:
            maps.append(path)
    maps.sort(key=lambda path: (_suffix(path) in map_files.LOSSY_SUFFIXES, path))
    listed = "PNG, JPEG, NPY or NPZ" if suffixes == map_files.SUFFIXES else "PNG"
    told = []
    for kind, count in sorted(others.items()):
        named = f"*{kind}" if kind else "names without a suffix"
        reason = "show fixations and no map" if kind == POINTS_ENDING else f"are no {listed}"
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
