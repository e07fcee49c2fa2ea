"""Any folder of photographs, with the categories that its sub-folders name and, optionally, human maps."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import xarray as xr
from PIL import Image

from gala_viz.collections.clickme.click_maps import ClickMaps, ClickMapSpec, check_clicks
from gala_viz.collections.clickme.smoothing import SMOOTHINGS
from gala_viz.collections.collection import Collection
from gala_viz.collections.derived_pictures import without_derived
from gala_viz.collections.file_index import index_files
from gala_viz.collections.fixations.fixation_maps import FixationMaps, FixationMapSpec
from gala_viz.collections.folder_spec import DEFAULT, FolderSpec, crop_box
from gala_viz.collections.human_maps.folder_maps import is_inside
from gala_viz.collections.human_maps.human_map import HumanMap, HumanMaps
from gala_viz.collections.human_maps.map_checks import MapFileError
from gala_viz.collections.human_maps.open_human_maps import open_human_maps
from gala_viz.collections.label_files import LabelFileError, read_label_file
from gala_viz.collections.path_labels import PathLabels, SplitLayout, find_split_layout, labels_from_path
from gala_viz.collections.photo_cache import PhotoSource, load_size_px
from gala_viz.collections.photo_files import (
    FOLDER_LIMITS,
    SUFFIXES,
    UNREAD_SUFFIXES,
    ReadingLimits,
    UnreadableImageError,
    exif_orientation,
    photo_size_px,
    read_photo,
)
from gala_viz.counts import counted
from gala_viz.imagenet import CATEGORIES
from gala_viz.registry import position_of
from gala_viz.schema import labelled_map
from gala_viz.specs import fingerprint, settings

CROP_NOTE = " Maps cover the central part of each photograph, and only that part is shown to networks and people."


class FolderCollection(Collection):
    """The photographs under a folder; an image's id is its path inside it, with "/" and its suffix.

    Categories come from the sub-folders (see ``gala_viz.collections.path_labels.labels_from_path``).

    Parameters
    ----------
    folder : str or Path
        Folder of photographs.
    human_maps : str or Path, optional
        What ``gala_viz.collections.human_maps.open_human_maps`` takes: a folder of map files (which may lie inside
        ``folder`` and is then not searched for photographs), a table of clicks, fixations, maps in Zarr or in HDF5.
    clicks : ClickMapSpec, optional
        How a table of clicks becomes maps.
    fixations : FixationMapSpec, optional
        How fixations become maps.
    spec : FolderSpec
        Labels, EXIF orientation, and what maps in files cover.
    limits : ReadingLimits
        Limits in bytes and pixels of the photographs that are read.
    refresh : bool
        Whether to list all folders anew, without the stored index.

    Raises
    ------
    OSError
        The folder cannot be read, or ``human_maps`` is not there.
    ValueError
        The folder holds no photographs, or ``human_maps`` is the same folder, cannot be used or is no table for
        ``clicks``.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        human_maps: str | Path | None = None,
        clicks: ClickMapSpec | None = None,
        fixations: FixationMapSpec | None = None,
        spec: FolderSpec = DEFAULT,
        limits: ReadingLimits = FOLDER_LIMITS,
        refresh: bool = False,
    ) -> None:
        check_clicks(clicks, human_maps)
        if fixations is not None and human_maps is None:
            raise ValueError("fixations tell how a set of fixations becomes maps; name it as human_maps.")
        self.spec = spec
        _check_spec(spec, human_maps)
        limits = replace(limits, exif=spec.exif)
        self.root = Path(folder).expanduser().resolve()
        source = Path(human_maps).expanduser().resolve() if human_maps is not None else None
        if source == self.root:
            raise ValueError(f"human_maps must be another folder than the photographs'; got {self.root} for both.")
        self._tree = index_files(
            self.root,
            suffixes=SUFFIXES,
            reported_suffixes=UNREAD_SUFFIXES,
            excluded=frozenset() if source is None else frozenset({source}),
            refresh=refresh,
        )
        images, derived = without_derived([path for path, _, _ in self._tree.files])
        if not images:
            refused = (
                f" {counted(len(self._tree.refused), 'file was', 'files were')} refused." if self._tree.refused else ""
            )
            if (self.root / "zarr.json").is_file():
                raise ValueError(
                    f"{self.root} is a store of maps and holds no photographs; commands take it as --store, "
                    "gv.open_source and gv.open_store open it."
                )
            if index_files(self.root, suffixes=frozenset({".npy", ".npz"})).files:
                refused += (
                    " Its NPY or NPZ files may be human maps, which belong to photographs: --human-maps takes them, "
                    "beside the photographs of --collection or --labels."
                )
            raise ValueError(
                f"{self.root} holds no photographs; expected PNG, JPEG, WebP, BMP or TIFF files in it or in one folder "
                f"per category.{refused}"
                f"{''.join(f' {name}: {reason}' for name, reason in derived[:1])}"
            )
        self.empty_folders = tuple(f"{folder}/" for folder in self._tree.empty)
        self._split_layout = find_split_layout(images)
        self.split_doubt = self._split_layout.doubt
        labels = None if spec.labels is None else Path(spec.labels).expanduser().resolve()
        self._targets = {} if labels is None else read_label_file(labels, images)
        without = [] if labels is None else _check_labels(labels, images, self._targets, self._split_layout)
        self._marks: HumanMaps | None = None
        if source is not None:
            self._marks = open_human_maps(
                source,
                images,
                lambda image: photo_size_px(self.root / image, limits),
                clicks,
                fixations=fixations,
                mask=spec.mask,
                refresh=refresh,
            )
            if spec.covers == "crop" and isinstance(self._marks, (ClickMaps, FixationMaps)):
                raise ValueError(
                    f"covers tells what maps in files cover; {source.name} holds positions in the whole photograph."
                )
        super().__init__(
            name=self.root.name or str(self.root),
            title=self.root.name or str(self.root),
            images=images,
            map_kinds={
                kind: sentence + CROP_NOTE * (spec.covers == "crop")
                for kind, sentence in (self._marks.kinds if self._marks else {}).items()
            },
            skipped=[*self._tree.refused, *derived, *without, *(self._marks.skipped if self._marks else ())],
            limits=limits,
        )

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the files (paths, sizes, modification times), the human maps and the reading limits."""
        marks = self._marks.fingerprint if self._marks else ""
        changed = [self.spec.covers, sorted(self._targets.items())] if self.spec != DEFAULT else []
        return fingerprint("folder", str(self.root), self._tree.files, marks, settings(self.limits), *changed)

    def with_smoothing(self, smoothing: str) -> FolderCollection | None:
        """Return this collection with maps from clicks or fixations smoothed otherwise; None for maps of other sources.

        Also None without human maps.
        """
        SMOOTHINGS[smoothing]
        if not isinstance(self._marks, (ClickMaps, FixationMaps)):
            return None
        other = self._copy_smoothed(smoothing)
        other._marks = self._marks.with_smoothing(smoothing)
        return other

    def path(self, image: str) -> Path:
        """Return the path of the image's file; a link that leaves the folder raises ``UnreadableImageError``."""
        self.check(image)
        path = self.root / image
        if not is_inside(path, self.root):
            raise UnreadableImageError(f"{self.name}, {image}: a link in its path leaves the collection's folder.")
        return path

    def path_labels(self, image: str) -> PathLabels:
        """Return all labels that the image's path tells, and a file of labels."""
        self.check(image)
        labels = labels_from_path(image, layout=self._split_layout)
        target = self._targets.get(image)
        return labels if target is None else replace(labels, category=CATEGORIES[target][1], target=target)

    def exif_orientation(self, image: str) -> int:
        """Return the EXIF orientation of the image's file, 1 (as it is stored) to 8."""
        path = self.path(image)
        return self._listing_faults(image, lambda: exif_orientation(path, self.limits))

    def size_px(self, image: str) -> tuple[int, int]:
        """Return (height, width) of the photograph, or of the part of it that the collection shows, in pixels."""
        if self.spec.covers == "photograph":
            return super().size_px(image)
        source, key = super()._source(image)
        whole = self._listing_faults(image, lambda: load_size_px(source, key, self.limits))
        side = crop_box(whole)[2]
        return side, side

    def _source(self, image: str) -> tuple[PhotoSource, tuple]:
        source, key = super()._source(image)
        if self.spec.covers == "photograph" or callable(source):
            return source, key
        return lambda: _central_part(source, self.limits), (*key, "crop")

    def _content(self, image: str) -> bytes | None:
        """Return the bytes of the whole photograph's file, by which it is recognised."""
        try:
            path = self.path(image)
            return path.read_bytes() if path.stat().st_size <= self.limits.max_bytes else None
        except (OSError, UnreadableImageError):
            return None

    def category(self, image: str) -> str | None:
        """Return the innermost folder's name, or ImageNet's name for a WordNet id."""
        return self.path_labels(image).category

    def target(self, image: str) -> int | None:
        """Return the ImageNet index of a folder that is named by a WordNet id."""
        return self.path_labels(image).target

    def superclass(self, image: str) -> str | None:
        """Return the name of the folder around the category's."""
        return self.path_labels(image).superclass

    def split(self, image: str) -> str | None:
        """Return the split that a folder names (see ``gala_viz.collections.path_labels.find_split_layout``)."""
        return self.path_labels(image).split

    def has_human_map(self, image: str) -> bool:
        """Return whether the image has a human map that was not refused."""
        self.check(image)
        name = self._map_name(image)
        return bool(name) and name not in self._skipped

    def human_map(self, image: str, kind: str | None = None, participant: str | None = None) -> xr.DataArray | None:
        """Return the image's map (the mean over its participants, where they are known), or one participant's."""
        maps = self._marked(image, kind)
        who = f"participant of image {image!r}"
        if maps is None:
            if participant is not None:
                position_of(who, participant, ())
            return None
        if participant is not None:
            values = maps.values[position_of(who, participant, maps.participants)]
            return self._labelled(image, kind, maps, values, participant=participant)
        return self._labelled(image, kind, maps, maps.values.mean(axis=0) if maps.participants else maps.values)

    def participants(self, image: str, kind: str | None = None) -> tuple[str, ...]:
        """Return the ids of the participants whose maps are known one by one."""
        maps = self._marked(image, kind)
        return maps.participants if maps else ()

    def participant_maps(self, image: str, kind: str | None = None) -> xr.DataArray | None:
        """Return one map of each participant, (participant, y, x), where they are known one by one."""
        maps = self._marked(image, kind)
        if maps is None or not maps.participants:
            return None
        return self._labelled(image, kind, maps, maps.values, leading={"participant": maps.participants})

    def clicks_px(self, image: str) -> np.ndarray | None:
        """Return x and y (click, 2), in the photograph's pixels, of the clicks that make its map, those outside too.

        None for an image without rounds, and for maps of other sources than a table of clicks.
        """
        self.check(image)
        return self._marks.clicks_px(image, self.size_px(image)) if isinstance(self._marks, ClickMaps) else None

    def _labelled(
        self,
        image: str,
        kind: str | None,
        maps: HumanMap,
        values: np.ndarray,
        leading: dict | None = None,
        **attrs: str,
    ) -> xr.DataArray:
        """Label maps of one image with their frame, kind and settings."""
        all_attrs = {"kind": self.map_kind(kind), **maps.attrs, **attrs}
        return labelled_map(values, name="human_map", extent_px=self.size_px(image), leading=leading, attrs=all_attrs)

    def _marked(self, image: str, kind: str | None) -> HumanMap | None:
        """Read the image's maps of a kind; None for a file that cannot be used, which is listed in ``skipped``."""
        kind = self.map_kind(kind)
        if not self.has_human_map(image) or self._marks is None or kind is None:
            return None
        maps, photo_px, name = None, self.size_px(image), self._map_name(image)
        try:
            maps = self._marks.read_map(image, kind, photo_px)
        except OSError as error:
            self.skip_for_now(name, f"the map cannot be read ({error.strerror or error}).")
            return None
        except MapFileError as error:
            self.skip(name, str(error))
        self.skip_for_now(name, None)
        return maps

    def _map_name(self, image: str) -> str:
        return (self._marks.source_name(image) if self._marks else None) or ""


def _check_spec(spec: FolderSpec, human_maps: str | Path | None) -> None:
    """Raise ``ValueError`` for settings of maps where there are none."""
    if human_maps is None and (spec.covers != "photograph" or spec.mask is not None):
        raise ValueError("covers and mask tell what maps are; name these as human_maps.")


def _check_labels(
    path: Path, images: Sequence[str], targets: Mapping[str, int], layout: SplitLayout
) -> list[tuple[str, str]]:
    """Return (file, reason) where images have no label; raise ``LabelFileError`` where folders tell others."""
    for image, target in targets.items():
        told = labels_from_path(image, layout=layout).target
        if told is not None and told != target:
            raise LabelFileError(
                f"{path.name} says that {image} is {CATEGORIES[target][1]!r} ({CATEGORIES[target][0]}), and its folder "
                "says otherwise. A file of labels belongs to a flat folder."
            )
    n_without = len(images) - len(targets)
    return [(path.name, f"{n_without:,} of {len(images):,} images have no label in it.")] if n_without else []


def _central_part(path: Path, limits: ReadingLimits) -> bytes:
    """Return the part of a photograph that a crop shows, as the bytes of a bitmap file."""
    photo = read_photo(path, limits)
    top, left, side = crop_box(photo.shape[:2])
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(photo[top : top + side, left : left + side])).save(stream, "BMP")
    return stream.getvalue()
