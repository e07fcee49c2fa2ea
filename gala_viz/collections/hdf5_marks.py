"""Maps in an HDF5 file, as the ClickMe authors' lab keeps them: clickmaps/<name>/clickmap."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from gala_viz.collections.caching import MAPS
from gala_viz.collections.map_files import MapFileError, check_aspect, check_shape, check_values
from gala_viz.collections.map_names import ImageNames, matched
from gala_viz.collections.marks import Marked
from gala_viz.specs import fingerprint

GROUP, DATASET = "clickmaps", "clickmap"
SUFFIXES = (".h5", ".hdf5")
KIND = "ClickMe"


class HDF5Marks:
    """The maps of ``source`` on ``images``: (y, x), or (participant, y, x) with participants called by their numbers.

    A map is named like its image, with "_" for "/", with or without the suffix and the folders above the last.
    Links to other files, and data that lie in other files, are not followed. Raises ``MapFileError``.
    """

    def __init__(self, source: Path, images: Sequence[str]) -> None:
        self._path = source
        status = source.stat()
        self.fingerprint = fingerprint("hdf5", str(source), status.st_size, status.st_mtime_ns)
        names = self._names()
        self._names_of, unmatched = matched([(name, name) for name in names], ImageNames(images, "_"))
        self.skipped = [(f"{source.name}, {name}", reason) for name, reason in unmatched]
        if not self._names_of:
            example = f", for example {names[0]!r}" if names else ""
            raise MapFileError(f"{source.name}: none of its {len(names)} maps{example} is named like an image.")
        self.kinds = {KIND: f"ClickMe maps from {source.name}, as stored."}

    def name(self, image: str) -> str | None:
        """The file, and the map in it."""
        name = self._names_of.get(image)
        return None if name is None else f"{self._path.name}, {name}"

    def marked(self, image: str, kind: str, photo_px: tuple[int, int]) -> Marked | None:
        """The image's map, or maps."""
        del kind
        name = self._names_of.get(image)
        if name is None:
            return None
        key = ("hdf5 map", self.fingerprint, name)
        values = MAPS.get(key)
        if values is None:
            values = self._read(name)
            check_values(values)
            check_aspect(values.shape[-2:], photo_px)
            values = np.ascontiguousarray(values, dtype=np.float32)
            values.flags.writeable = False
            MAPS.put(key, values, values.nbytes)
        participants = tuple(str(number) for number in range(len(values))) if values.ndim == 3 else ()
        return Marked(values, participants, {"n_participants": len(participants) or "unknown"})

    def _names(self) -> list[str]:
        try:
            with h5py.File(self._path, "r") as file:
                if not _is_inside(file, GROUP) or not isinstance(file[GROUP], h5py.Group):
                    raise MapFileError(
                        f"{self._path.name} has no group {GROUP!r}; it has {', '.join(list(file)[:20])}."
                    )
                return list(file[GROUP])
        except OSError as error:
            raise MapFileError(f"{self._path.name} is no HDF5 file, or it is damaged ({error}).") from None

    def _read(self, name: str) -> np.ndarray:
        try:
            with h5py.File(self._path, "r") as file:
                group = file[GROUP]
                if not _is_inside(group, name) or not isinstance(group[name], h5py.Group):
                    raise MapFileError(f"it is no group with a {DATASET!r}.")
                if not _is_inside(group[name], DATASET) or not isinstance(group[name][DATASET], h5py.Dataset):
                    raise MapFileError(
                        f"it has no {DATASET!r}; it has {', '.join(list(group[name])[:20]) or 'nothing'}."
                    )
                stored = group[name][DATASET]
                if stored.is_virtual or stored.external:
                    raise MapFileError("its values lie in another file, which is not opened.")
                if stored.ndim not in (2, 3) or stored.dtype.kind not in "biuf":
                    raise MapFileError(f"a map is an array (y, x) of numbers; got {stored.dtype} {stored.shape}.")
                check_shape(stored.shape[-2:], stored.shape[0] if stored.ndim == 3 else 1)
                return np.asarray(stored[()])
        except (OSError, RuntimeError, KeyError) as error:
            raise MapFileError(f"the map cannot be read ({error}).") from None


def _is_inside(group: h5py.Group, name: str) -> bool:
    """Whether ``name`` is there and no link to elsewhere."""
    return name in group and isinstance(group.get(name, getlink=True), h5py.HardLink)
