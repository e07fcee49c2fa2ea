"""Human maps in several HDF5 files of one folder, for example NAME_batch001.h5 and NAME_batch002.h5."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gala_viz.collections.human_maps.hdf5_maps import KIND, SUFFIXES, HDF5Maps
from gala_viz.collections.human_maps.human_map import HumanMap
from gala_viz.collections.human_maps.map_checks import MapFileError
from gala_viz.collections.human_maps.map_files import SUFFIXES as MAP_SUFFIXES
from gala_viz.counts import counted
from gala_viz.specs import fingerprint


def hdf5_batches(folder: Path) -> list[Path]:
    """Return the HDF5 files of a folder, sorted; none where map files of other kinds lie beside them."""
    files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    if any(path.suffix.lower() in MAP_SUFFIXES for path in files):
        return []
    return sorted(path for path in files if path.suffix.lower() in SUFFIXES)


class HDF5Batches:
    """The maps of the HDF5 ``files`` of ``folder``, each as ``HDF5Maps`` reads it; of an image's maps the first counts.

    A file without a usable map is listed in ``skipped``. Raises ``MapFileError`` where none has any.
    """

    def __init__(self, folder: Path, files: Sequence[Path], images: Sequence[str]) -> None:
        self._maps_of: dict[str, HDF5Maps] = {}
        self.skipped: list[tuple[str, str]] = []
        opened: list[HDF5Maps] = []
        for path in files:
            if not path.resolve().is_relative_to(folder.resolve()):
                self.skipped.append((path.name, "a link that leaves the maps' folder is not followed."))
                continue
            try:
                maps = HDF5Maps(path, images)
            except (MapFileError, OSError) as error:
                self.skipped.append((path.name, str(error)))
                continue
            opened.append(maps)
            self.skipped += maps.skipped
            for image in maps.images:
                if (first := self._maps_of.setdefault(image, maps)) is not maps:
                    reason = f"comes second for {image}, after {first.source_name(image)}."
                    self.skipped.append((str(maps.source_name(image)), reason))
        if not opened:
            raise MapFileError(
                f"{folder}: none of its {counted(len(files), 'HDF5 file')} can be used. {self.skipped[0][1]}"
            )
        sentences = list(dict.fromkeys(maps.kinds[KIND] for maps in opened))
        more = f" And {counted(len(opened) - 1, 'more file')} of the folder {folder.name!r}." if len(opened) > 1 else ""
        self.kinds = {KIND: f"{sentences[0]}{more}"}
        self.fingerprint = fingerprint("hdf5 batches", [maps.fingerprint for maps in opened])

    def source_name(self, image: str) -> str | None:
        """Return the names of the file and of the image's map in it."""
        maps = self._maps_of.get(image)
        return None if maps is None else maps.source_name(image)

    def read_map(self, image: str, kind: str, photo_px: tuple[int, int]) -> HumanMap | None:
        """Read the image's map, or maps of participants, from its file."""
        maps = self._maps_of.get(image)
        return None if maps is None else maps.read_map(image, kind, photo_px)
