"""Human maps in an HDF5 file, in the layout of the ClickMe authors' lab.

The maps are clickmaps/<name>/clickmap, the numbers of participants click_counts/<name>.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from gala_viz.collections.human_maps.human_map import UNKNOWN_COUNT, HumanMap
from gala_viz.collections.human_maps.human_map_memory import HUMAN_MAPS
from gala_viz.collections.human_maps.image_names import ImageNames, match_names
from gala_viz.collections.human_maps.map_checks import (
    CHECKED_MAPS,
    MapFileError,
    check_are_no_masks,
    check_aspect,
    check_no_labels,
    check_not_cumulative,
    check_shape,
    check_values,
    damage_refused,
    drop_constant_maps,
    spread,
    to_float32,
)
from gala_viz.error_text import error_message
from gala_viz.specs import fingerprint

GROUP, DATASET, COUNTS, BINS = "clickmaps", "clickmap", "click_counts", "bin_clickmaps"
SUFFIXES = (".h5", ".hdf5")
KIND = "ClickMe"
VERSION = 2


class HDF5Maps:
    """The maps of the file ``source`` on ``images``.

    A map (y, x), or (1, y, x), is the mean over the number of participants that click_counts has under the same name,
    else over an unknown number. The participants are not known one by one, so that the map has no noise ceiling. In a
    map (participant, y, x) participants are called by their numbers. A map is named like its image, with "_" for "/",
    with or without the suffix and the folders above the last. Links to other files, and data that lie in other files,
    are not followed. Raises ``MapFileError``, also for a file whose first axes hold cumulative bins, or whose maps are
    label masks.
    """

    def __init__(self, source: Path, images: Sequence[str]) -> None:
        self._path = source
        status = source.stat()
        self.fingerprint = fingerprint("hdf5", VERSION, str(source), status.st_size, status.st_mtime_ns)
        names, counted, self._has_bins = self._contents()
        self._names_of, unmatched = match_names([(name, name) for name in names], ImageNames(images, "_"))
        self.skipped = [(f"{source.name}, {name}", reason) for name, reason in unmatched]
        if not self._names_of:
            example = f", for example {names[0]!r}" if names else ""
            raise MapFileError(f"{source.name}: none of its {len(names)} maps{example} is named like an image.")
        map_names = list(self._names_of.values())
        sample = spread(map_names, CHECKED_MAPS)
        check_are_no_masks(
            (f"{source.name}, {name}", lambda name=name: check_no_labels(self._read(name)[0])) for name in sample
        )
        of_means = self._check_some(sample)
        self.kinds = {KIND: f"ClickMe maps from {source.name}, as stored{_means_text(map_names, counted) * of_means}."}

    @property
    def images(self) -> tuple[str, ...]:
        """Images that have a map in the file."""
        return tuple(self._names_of)

    def source_name(self, image: str) -> str | None:
        """Return the names of the file and of the image's map in it."""
        name = self._names_of.get(image)
        return None if name is None else f"{self._path.name}, {name}"

    def read_map(self, image: str, kind: str, photo_px: tuple[int, int]) -> HumanMap | None:
        """Read the image's map, or maps of participants; ``kind`` is not used."""
        del kind
        name = self._names_of.get(image)
        if name is None:
            return None
        key = ("hdf5 map", self.fingerprint, name, photo_px)
        maps = HUMAN_MAPS.get(key)
        if maps is None:
            maps = self._checked(name, photo_px)
            maps.values.flags.writeable = False
            HUMAN_MAPS.put(key, maps, maps.values.nbytes)
        return maps

    def _checked(self, name: str, photo_px: tuple[int, int]) -> HumanMap:
        """Read the map ``name`` and check it against a photograph of ``photo_px`` (height, width)."""
        stored, count = self._read(name)
        check_no_labels(stored)
        check_aspect(stored.shape[-2:], photo_px)
        if stored.ndim == 2:
            check_values(stored)
            return HumanMap(to_float32(stored), (), {"n_participants": count or UNKNOWN_COUNT})
        values, participants = _marked_by(stored)
        self._check_participants(len(stored), values, count)
        attrs = {"n_participants": len(participants)}
        attrs |= {"n_left_out": len(stored) - len(values)} if len(values) < len(stored) else {}
        return HumanMap(to_float32(values), participants, attrs)

    def _check_participants(self, n_stored: int, values: np.ndarray, count: int | None) -> None:
        """Refuse a first axis that is none of participants.

        ``n_stored`` maps are in the file, ``values`` are those that are not constant, ``count`` is that of
        click_counts.
        """
        check_not_cumulative(values)
        if self._has_bins:
            raise MapFileError(
                f"its first axis has {n_stored} maps, and the file has {BINS!r}: bins of clicks, no participants."
            )
        if count not in (None, n_stored, len(values)):
            raise MapFileError(
                f"its first axis has {n_stored} maps and {COUNTS} tells {count} participants; one map for each "
                "participant, or one for all, was expected."
            )

    def _check_some(self, names: Sequence[str]) -> bool:
        """Return whether a mean map is among ``names``; raise where no first axis among them is of participants.

        A single cumulative map may be of people of whom each marked all that the one before did: it is refused when it
        is read.
        """
        of_means, n_checked, faults = False, 0, []
        for name in names:
            try:
                stored, count = self._read(name)
                of_means |= stored.ndim == 2
                if stored.ndim == 2:
                    continue
                values, _ = _marked_by(stored)
            except (MapFileError, OSError):
                continue  # reported when the map is read
            if len(values) < 3 and count is None and not self._has_bins:
                continue  # two maps may be of two people
            n_checked += 1
            try:
                self._check_participants(len(stored), values, count)
            except MapFileError as error:
                faults.append(f"{self._path.name}, {name}: {error}")
        if len(faults) == n_checked >= min(2, len(names)):
            raise MapFileError(faults[0])
        return of_means

    def _contents(self) -> tuple[list[str], set[str], bool]:
        """Return the maps' names, the names that have a count, and whether something is called bins."""
        try:
            with h5py.File(self._path, "r") as file:
                maps, counts = _group(file, GROUP), _group(file, COUNTS)
                if maps is None:
                    raise MapFileError(
                        f"{self._path.name} has no group {GROUP!r}; it has {', '.join(list(file)[:20])}."
                    )
                return list(maps), set() if counts is None else set(counts), BINS in file
        except (OSError, RuntimeError, KeyError, UnicodeDecodeError) as error:
            raise MapFileError(
                f"{self._path.name} is no HDF5 file, or it is damaged ({error_message(error)}); one with a group "
                f"{GROUP!r} was expected. Copy it again, or save the maps anew."
            ) from None

    def _read(self, name: str) -> tuple[np.ndarray, int | None]:
        """Return the stored map, (y, x) or (participant, y, x), and the number of participants where it is known."""
        with damage_refused("the map"), h5py.File(self._path, "r") as file:
            maps = _group(file, GROUP)
            group = None if maps is None else _group(maps, name)
            if group is None:
                raise MapFileError(f"it is no group with a {DATASET!r}.")
            stored = _dataset(group, DATASET)
            if stored is None:
                raise MapFileError(f"it has no {DATASET!r}; it has {', '.join(list(group)[:20]) or 'nothing'}.")
            if stored.is_virtual or stored.external:
                raise MapFileError("its values lie in another file, which is not opened.")
            if stored.ndim not in (2, 3) or stored.dtype.kind not in "biuf":
                raise MapFileError(f"a map is an array (y, x) of numbers; got {stored.dtype} {stored.shape}.")
            check_shape(stored.shape[-2:], stored.shape[0] if stored.ndim == 3 else 1)
            values = np.asarray(stored[()])
            return values[0] if values.shape[:-2] == (1,) else values, _count(file, name)


def _marked_by(stored: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Drop constant maps as ``drop_constant_maps`` does; participants are called by their numbers."""
    return drop_constant_maps(stored, tuple(str(number) for number in range(len(stored))))


def _count(file: h5py.File, name: str) -> int | None:
    """Return the number of participants in click_counts; None where there is none."""
    counts = _group(file, COUNTS)
    stored = None if counts is None else _dataset(counts, name)
    if stored is None or stored.is_virtual or stored.external or stored.size != 1:
        return None
    if stored.dtype.kind not in "iuf":
        return None
    value = float(np.ravel(stored[()])[0])
    return int(value) if np.isfinite(value) and value >= 1 and value == int(value) else None


def _means_text(names: Sequence[str], counted: set[str]) -> str:
    known = sum(name in counted for name in names)
    if not known:
        return ": means over participants, number unknown"
    every = "" if known == len(names) else f" for {known} of {len(names)} images, else unknown"
    return f": means over participants, their number told by {COUNTS}{every}"


def _group(parent: h5py.Group, name: str) -> h5py.Group | None:
    member = parent[name] if _is_inside(parent, name) else None
    return member if isinstance(member, h5py.Group) else None


def _dataset(parent: h5py.Group, name: str) -> h5py.Dataset | None:
    member = parent[name] if _is_inside(parent, name) else None
    return member if isinstance(member, h5py.Dataset) else None


def _is_inside(group: h5py.Group, name: str) -> bool:
    """Return whether ``name`` is there and no link to elsewhere."""
    return name in group and isinstance(group.get(name, getlink=True), h5py.HardLink)
