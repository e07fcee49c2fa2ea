"""Any folder of photographs, with the categories that its sub-folders tell and, if given, a folder of human maps."""

from __future__ import annotations

from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import numpy as np
import xarray as xr

from gala_viz.collections import map_files
from gala_viz.collections.caching import MAPS
from gala_viz.collections.collection import Collection
from gala_viz.collections.index import Tree, indexed_tree
from gala_viz.collections.layout import Place, place
from gala_viz.collections.map_names import matched_maps
from gala_viz.collections.reading import FOLDER_LIMITS, OTHER_PICTURES, SUFFIXES, ReadingLimits, UnreadableImageError
from gala_viz.schema import labelled_map
from gala_viz.specs import fingerprint

MAP_KIND = "human"


class FolderCollection(Collection):
    """The photographs under ``folder``; an image's id is its path inside it, with "/" and its suffix.

    Categories come from the folders (see ``gala_viz.collections.layout.place``). ``human_maps`` is a folder with maps
    by image id: for "tench/a.jpg" one of "tench/a.npz", ".npy", ".png" or "tench/a.jpg.npz", …; where a file name is
    unique in the collection, "a.npz" does too (``gala_viz.collections.map_files`` says what a map file holds). It may
    lie inside ``folder``, and is then not searched for photographs. ``fresh`` passes over the remembered index.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        human_maps: str | Path | None = None,
        limits: ReadingLimits = FOLDER_LIMITS,
        fresh: bool = False,
    ) -> None:
        self.root = Path(folder).expanduser().resolve()
        self._maps_root = Path(human_maps).expanduser().resolve() if human_maps is not None else None
        if self._maps_root is not None and not self._maps_root.is_dir():
            raise NotADirectoryError(f"human_maps is a folder of PNG, NPY or NPZ files; {human_maps} is none.")
        excluded = frozenset({self._maps_root} - {None, self.root})
        self._tree = indexed_tree(
            self.root, suffixes=SUFFIXES, told_suffixes=OTHER_PICTURES, excluded=excluded, fresh=fresh
        )
        kinds: dict[str, str] = {}
        if self._maps_root is not None:
            kinds[MAP_KIND] = f"Human maps from the folder {self._maps_root.name!r}, one file an image."
        images = [path for path, _, _ in self._tree.files]
        if not images:
            refused = f" {len(self._tree.refused)} files were refused." if self._tree.refused else ""
            raise ValueError(
                f"{self.root} holds no photographs; expected PNG, JPEG, WebP, BMP or TIFF files in it or in one folder "
                f"per category.{refused}"
            )
        if self._maps_root == self.root:
            raise ValueError(f"human_maps must be another folder than the photographs'; got {self.root} for both.")
        super().__init__(
            name=self.root.name or str(self.root),
            title=self.root.name or str(self.root),
            images=images,
            map_kinds=kinds,
            skipped=self._tree.refused,
            limits=limits,
        )
        self._maps: dict[str, str] = {}
        self._maps_tree: Tree | None = None
        if self._maps_root is not None:
            self._maps_tree = indexed_tree(self._maps_root, suffixes=map_files.SUFFIXES, fresh=fresh)
            self._maps, unmatched = matched_maps(self.images, [path for path, _, _ in self._maps_tree.files])
            for path, reason in (*self._maps_tree.refused, *unmatched):
                self.skip(self._map_name(path), reason)

    @cached_property
    def fingerprint(self) -> str:
        """Names the files (paths, sizes, times of change), the map files and the reading limits."""
        maps = self._maps_tree.files if self._maps_tree else ()
        return fingerprint("folder", str(self.root), self._tree.files, maps, asdict(self.limits))

    def path(self, image: str) -> Path:
        """The image's file inside the folder."""
        self.check(image)
        path = self.root / image
        if not _inside(path, self.root):
            raise UnreadableImageError(f"{self.name}, {image}: a link in its path leaves the collection's folder.")
        return path

    def place(self, image: str) -> Place:
        """All that the image's path tells."""
        self.check(image)
        return place(image)

    def category(self, image: str) -> str | None:
        """The innermost folder's name, or ImageNet's name for a WordNet id."""
        return self.place(image).category

    def target(self, image: str) -> int | None:
        """The ImageNet index of a folder that is named by a WordNet id."""
        return self.place(image).target

    def superclass(self, image: str) -> str | None:
        """The name of the folder around the category's."""
        return self.place(image).superclass

    def split(self, image: str) -> str | None:
        """The split that the outermost folder names."""
        return self.place(image).split

    def has_human_map(self, image: str) -> bool:
        """Whether a map file is there for the image that was not refused."""
        self.check(image)
        return image in self._maps and self._map_name(self._maps[image]) not in self._skipped

    def human_map(self, image: str, kind: str | None = None, participant: str | None = None) -> xr.DataArray | None:
        """The map in the image's file (the mean over its participants), or one participant's."""
        self.map_kind(kind)
        found = self._read_map(image)
        if participant is not None:
            known = found.participants if found else ()
            position = self.check_participant(participant, known, image)
            return self._labelled(image, found.values[position], participant=participant)
        if found is None:
            return None
        mean = found.values.mean(axis=0) if found.participants else found.values
        return self._labelled(image, mean, n_participants=len(found.participants) or "unknown")

    def participants(self, image: str, kind: str | None = None) -> tuple[str, ...]:
        """The ids in an NPZ file with one map per participant."""
        self.map_kind(kind)
        found = self._read_map(image)
        return found.participants if found else ()

    def participant_maps(self, image: str, kind: str | None = None) -> xr.DataArray | None:
        """The maps (participant, y, x) of such an NPZ file, else None."""
        self.map_kind(kind)
        found = self._read_map(image)
        if found is None or not found.participants:
            return None
        return self._labelled(image, found.values, leading={"participant": found.participants})

    def _labelled(self, image: str, values: np.ndarray, leading=None, **attrs) -> xr.DataArray:
        told = {"kind": MAP_KIND, "file": self._maps[image], **attrs}
        return labelled_map(values, name="human_map", extent_px=self.size_px(image), leading=leading, attrs=told)

    def _read_map(self, image: str) -> map_files.MapFile | None:
        if not self.has_human_map(image):
            return None
        name = self._maps[image]
        path = self._maps_root / name
        try:
            if not _inside(path, self._maps_root):
                raise map_files.MapFileError("the link leaves the maps' folder.")
            status = path.stat()
            key = ("map file", str(path), status.st_size, status.st_mtime_ns)
            found = MAPS.get(key)
            if found is None:
                found = map_files.read_map_file(path, self.size_px(image))
                found.values.flags.writeable = False
                MAPS.put(key, found, found.values.nbytes)
            return found
        except OSError as error:
            self.skip(self._map_name(name), f"the map cannot be opened ({error.strerror or error}).")
        except map_files.MapFileError as error:
            self.skip(self._map_name(name), str(error))
        return None

    def _map_name(self, path: str) -> str:
        return f"{self._maps_root.name}/{path}"


def _inside(path: Path, root: Path) -> bool:
    """Whether ``path``, all links followed, still lies under ``root``; a loop of links lies nowhere."""
    try:
        return path.resolve().is_relative_to(root)
    except (OSError, RuntimeError):
        return False
