"""ClickMe TFRecords, in place: photographs, labels and human maps of a file or of a folder of shards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import numpy as np
import xarray as xr

from gala_viz.collections.clickme.clickme_record import NO_SPLIT, photo_bitmap, photo_bytes, read_heatmap
from gala_viz.collections.clickme.smoothing import SMOOTHINGS
from gala_viz.collections.clickme.tfrecord_file import ProgressCallback, TFRecordError, read_record
from gala_viz.collections.clickme.tfrecord_index import TFRecordIndex
from gala_viz.collections.clickme.tfrecord_shards import Shard, image_ids, open_shards
from gala_viz.collections.collection import Collection
from gala_viz.collections.folder_layouts import RECORD_SUFFIXES
from gala_viz.collections.human_maps.human_map_memory import HUMAN_MAPS
from gala_viz.collections.human_maps.map_checks import failed_to_read, unusable_reason
from gala_viz.collections.path_labels import find_split_layout, labels_from_path
from gala_viz.collections.photo_cache import PhotoSource
from gala_viz.collections.photo_files import FOLDER_LIMITS, UnreadableImageError
from gala_viz.imagenet import CATEGORIES
from gala_viz.registry import position_of
from gala_viz.schema import labelled_map
from gala_viz.specs import fingerprint

SMOOTHED_KIND, STORED_KIND = "ClickMe", "ClickMe, as stored"
CATEGORIES_FILE = "categories.txt"
"""Beside the records: the names of their labels from 0 on, one a line, where these are not ImageNet's."""
MAX_CATEGORIES = 100_000


class TFRecordCollection(Collection):
    """The records of ``source``, a TFRecord file or a folder of them.

    An image's id is its ``file_path`` where every record has a different one, else "SHARD/NUMBER" with the record's
    number in its file. Labels from 0 to 999 are ImageNet's, unless the folder has a ``categories.txt``: its lines are
    then the names of the labels from 0 on. The split is the one in the record itself, which ``gala-viz records export``
    writes; else the one that the name of the record file or of its folder tells ("train", "val",
    "test"); else the one that ``file_path`` tells, as paths of photographs do. Maps come smoothed by ``smoothing``, a
    name in ``SMOOTHINGS`` (default: as the Harmonization toolbox loads them), and as stored. Records do not hold
    participants one by one, so that no noise ceiling can be computed from them.

    The first opening reads all files, for their checksums, and calls ``progress`` with (bytes read, bytes of all
    files). What cannot be used is listed in ``skipped``. Raises ``ValueError`` where no record can be used.
    """

    image_noun = "record"

    def __init__(
        self, source: str | Path, *, smoothing: str = "harmonization", progress: ProgressCallback | None = None
    ) -> None:
        root = Path(source).expanduser().resolve()
        self.smoothing, self._smooth = smoothing, SMOOTHINGS[smoothing]
        self._shards, skipped = open_shards(root, progress)
        self._rows = [(shard, row) for shard in self._shards for row in range(len(shard.index))]
        self._splits, self.split_doubt, self.has_own_splits = _splits(self._rows)
        self.label_names = _label_names(root if root.is_dir() else root.parent)
        if self.label_names:
            self.categories = self.label_names
        elif self._rows:
            first = min(shard.index.label(row) for shard, row in self._rows)
            name = CATEGORIES[first][1] if first < len(CATEGORIES) else "none of them"
            self.label_note = (
                f"its labels are read as ImageNet's ({first} is {name!r}); names of your own, one a line, belong into "
                f"{CATEGORIES_FILE} beside the records"
            )
        kinds = {}
        if any(shard.index.has_heatmap(row) for shard, row in self._rows):
            sentence = "ClickMe maps of all participants together, from TFRecords"
            kinds = {SMOOTHED_KIND: f"{sentence}, smoothed ({smoothing}).", STORED_KIND: f"{sentence}, as stored."}
        super().__init__(
            name=root.stem if root.is_file() else root.name,
            title=root.stem if root.is_file() else root.name,
            images=image_ids(self._shards),
            map_kinds=kinds,
            skipped=skipped,
        )

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the files, their sizes and modification times, and the smoothing."""
        stats = [(str(shard.path), shard.path.stat()) for shard in self._shards]
        files = [(path, status.st_size, status.st_mtime_ns) for path, status in stats]
        names = (self.label_names,) if self.label_names else ()
        return fingerprint("records", files, self.smoothing, asdict(FOLDER_LIMITS), *names)

    def with_smoothing(self, smoothing: str) -> TFRecordCollection:
        """Return this collection with the stored maps smoothed otherwise."""
        smooth = SMOOTHINGS[smoothing]
        other = self._copy_smoothed(smoothing)
        other.smoothing, other._smooth = smoothing, smooth
        if STORED_KIND in other.map_kinds:
            other.map_kinds[STORED_KIND] = self.map_kinds[STORED_KIND]
        return other

    def skipped_noun(self, path: str) -> str:
        """Return whether ``path`` is that of a heatmap, of a file of records, or of one record."""
        if path.endswith(_map_name("")):
            return "heatmap"
        return "file" if Path(path).suffix.lower() in RECORD_SUFFIXES else "record"

    def path(self, image: str) -> Path:
        """Return the path of the TFRecord file that holds the image."""
        return self._rows[self.check(image)][0].path

    def target(self, image: str) -> int | None:
        """Return the record's label where it is one of ImageNet's."""
        if self.label_names:
            return None
        label = self.label(image)
        return label if label < len(CATEGORIES) else None

    def category(self, image: str) -> str | None:
        """Return the name of the label: that of ``categories.txt``, else ImageNet's."""
        if self.label_names:
            label = self.label(image)
            return self.label_names[label] if label < len(self.label_names) else None
        target = self.target(image)
        return None if target is None else CATEGORIES[target][1]

    def split(self, image: str) -> str | None:
        """Return the split that the record, its file's or folder's name, or its ``file_path`` tells."""
        return self._splits[self.check(image)]

    def label(self, image: str) -> int:
        """Return the record's label as it is stored."""
        index, row = self._row(image)
        return index.label(row)

    def click_count(self, image: str) -> int | None:
        """Return how many clicks made the map; None where the record does not say."""
        index, row = self._row(image)
        return index.click_count(row)

    def has_human_map(self, image: str) -> bool:
        """Return whether the record has a heatmap that was not refused."""
        index, row = self._row(image)
        return index.has_heatmap(row) and _map_name(image) not in self._skipped

    def human_map(self, image: str, kind: str | None = None, participant: str | None = None) -> xr.DataArray | None:
        """Return the record's heatmap over the whole photograph."""
        kind = self.map_kind(kind)
        if participant is not None:
            position_of(f"participant of image {image!r}", participant, ())
        if not self.has_human_map(image) or kind is None:
            return None
        key = ("record map", self.fingerprint, image, kind)
        values = HUMAN_MAPS.get(key)
        if values is None:
            try:
                values = self._heatmap(image, kind)
            except TFRecordError as error:
                if failed_to_read(error.__cause__):
                    self.skip_for_now(_map_name(image), str(error))
                else:
                    self.skip(_map_name(image), str(error))
                return None
            self.skip_for_now(_map_name(image), None)
            values.flags.writeable = False
            HUMAN_MAPS.put(key, values, values.nbytes)
        attrs: dict[str, str | int] = {
            "kind": kind,
            "n_participants": "unknown",
            "smoothing": self.smoothing if kind == SMOOTHED_KIND else "none",
        }
        if (count := self.click_count(image)) is not None:
            attrs["n_clicks"] = count
        return labelled_map(values, name="human_map", extent_px=self.size_px(image), attrs=attrs)

    def _heatmap(self, image: str, kind: str) -> np.ndarray:
        """Read the map of a kind (y, x), float32. Raises ``TFRecordError``, also for one that is constant."""
        stored = read_heatmap(self._record(image))
        maps = {STORED_KIND: stored, SMOOTHED_KIND: self._smooth(stored)}
        for values in maps.values():  # a map that is constant in one kind is left out in both
            if why := unusable_reason(values):
                raise TFRecordError(why)
        return np.ascontiguousarray(maps[kind], np.float32)

    def _row(self, image: str) -> tuple[TFRecordIndex, int]:
        shard, row = self._rows[self.check(image)]
        return shard.index, row

    def _record(self, image: str) -> bytes:
        """Read the record's data. Raises ``TFRecordError``, also where its file cannot be opened."""
        index, row = self._row(image)
        try:
            return read_record(self.path(image), index.span(row))
        except OSError as error:
            raise TFRecordError(f"its file cannot be read ({error.strerror or error}).") from error

    def _map_name(self, image: str) -> str:
        return _map_name(image)

    def _content(self, image: str) -> bytes | None:
        try:
            return photo_bytes(self._record(image))
        except TFRecordError:
            return None

    def _source(self, image: str) -> tuple[PhotoSource, tuple]:
        self.check(image)

        def content() -> bytes:
            try:
                return photo_bitmap(self._record(image))
            except TFRecordError as error:
                raise UnreadableImageError(str(error)) from error

        return content, ("record", self.fingerprint, image)


def _label_names(folder: Path) -> tuple[str, ...]:
    """Return the lines of ``categories.txt``, of which none may be empty or occur twice; none without the file."""
    path = folder / CATEGORIES_FILE
    if not path.is_file():
        return ()
    try:
        names = [line.strip() for line in path.read_text(encoding="utf-8-sig").rstrip().splitlines()]
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text in UTF-8.") from None
    if not names or len(names) > MAX_CATEGORIES or not all(names) or len(set(names)) < len(names):
        raise ValueError(f"{path} has one name a line, none of them empty and none twice, for the labels from 0 on.")
    return tuple(names)


def _splits(rows: Sequence[tuple[Shard, int]]) -> tuple[list[str | None], str, bool]:
    """Return the split of each record, a sentence on doubtful paths, and whether a record or file name tells a split.

    The sentence is on ``file_path`` that may name splits and are not read so; "" where there are none.
    """
    record_splits = [shard.index.splits[row] or shard.split for shard, row in rows]
    paths = [shard.index.file_paths[row].strip("/") for shard, row in rows]
    layout = find_split_layout(path for path, split in zip(paths, record_splits, strict=True) if path and not split)
    splits = [split or labels_from_path(path, layout).split for path, split in zip(paths, record_splits, strict=True)]
    doubt = ""
    if layout.doubtful and not any(record_splits):  # images in no split train nothing
        doubt = (
            f"the file_path of records names what may be splits and is not read as such, for example "
            f"{layout.doubtful[0]!r}; export the records anew, or give each split a file that is called like it "
            "(clicks_train.tfrecords, clicks_test.tfrecords)"
        )
    return [None if split == NO_SPLIT else split for split in splits], doubt, any(record_splits)


def _map_name(image: str) -> str:
    return f"{image}, heatmap"
