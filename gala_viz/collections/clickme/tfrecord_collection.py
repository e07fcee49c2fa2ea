"""ClickMe TFRecords, in place: photographs, labels and human maps of a file or of a folder of shards."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from gala_viz.collections.clickme.clickme_record import (
    NO_SPLIT,
    is_in_unit_range,
    photo_bytes,
    photo_pixels,
    read_heatmap,
)
from gala_viz.collections.clickme.record_collection import RecordCollection, map_kinds, map_name
from gala_viz.collections.clickme.smoothing import SMOOTHINGS
from gala_viz.collections.clickme.tfrecord_file import ProgressCallback, TFRecordError, read_record
from gala_viz.collections.clickme.tfrecord_index import TFRecordIndex
from gala_viz.collections.clickme.tfrecord_shards import Shard, image_ids, open_shards
from gala_viz.collections.folder_layouts import is_record_name
from gala_viz.collections.human_maps.map_checks import spread
from gala_viz.collections.path_labels import find_split_layout, labels_from_path
from gala_viz.collections.photo_files import FOLDER_LIMITS
from gala_viz.specs import fingerprint, settings

N_RANGE_CHECKED = 8
"""Number of records, spread over all, whose range of values is looked at when a collection is opened."""


class TFRecordCollection(RecordCollection):
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

    def __init__(
        self, source: str | Path, *, smoothing: str = "harmonization", progress: ProgressCallback | None = None
    ) -> None:
        root = Path(source).expanduser().resolve()
        SMOOTHINGS[smoothing]
        self.smoothing = smoothing
        self._shards, skipped = open_shards(root, progress)
        self._rows = [(shard, row) for shard in self._shards for row in range(len(shard.index))]
        self._splits, self.split_doubt, self.has_own_splits = _splits(self._rows)
        labels = [shard.index.label(row) for shard, row in self._rows]
        self._use_labels(root if root.is_dir() else root.parent, min(labels, default=None))
        has_maps = any(shard.index.has_heatmap(row) for shard, row in self._rows)
        name = root.name.removesuffix(".gz") if root.is_file() else root.name
        name = Path(name).stem if root.is_file() else name
        super().__init__(
            name=name,
            title=name,
            images=image_ids(self._shards),
            map_kinds=map_kinds(smoothing, "TFRecords", _range_note(self._rows)) if has_maps else {},
            skipped=skipped,
        )

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the files, their sizes and modification times, and the smoothing."""
        stats = [(str(shard.path), shard.path.stat()) for shard in self._shards]
        files = [(path, status.st_size, status.st_mtime_ns) for path, status in stats]
        names = (self.label_names,) if self.label_names else ()
        return fingerprint("records", files, self.smoothing, settings(FOLDER_LIMITS), *names)

    def skipped_noun(self, path: str) -> str:
        """Return whether ``path`` is that of a heatmap, of a file of records, or of one record."""
        if path.endswith(map_name("")):
            return "heatmap"
        return "file" if is_record_name(path.rpartition("/")[2]) else "record"

    def path(self, image: str) -> Path:
        """Return the path of the TFRecord file that holds the image."""
        return self._rows[self.check(image)][0].path

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
        return index.has_heatmap(row) and map_name(image) not in self._skipped

    def _stored_heatmap(self, image: str) -> np.ndarray:
        return read_heatmap(self._record(image))

    def _photo_pixels(self, image: str) -> np.ndarray:
        return photo_pixels(self._record(image))

    def _row(self, image: str) -> tuple[TFRecordIndex, int]:
        shard, row = self._rows[self.check(image)]
        return shard.index, row

    def _read_record(self, image: str) -> bytes:
        shard, row = self._rows[self.check(image)]
        return read_record(shard.unpacked, shard.index.span(row))

    def _content(self, image: str) -> bytes | None:
        try:
            return photo_bytes(self._record(image))
        except TFRecordError:
            return None


def _range_note(rows: Sequence[tuple[Shard, int]]) -> str:
    """Return a sentence where photographs are stored as fractions of white, " " before it; "" where they are not."""
    n_unit = n_read = 0
    for shard, row in spread(rows, N_RANGE_CHECKED):
        try:
            n_unit += is_in_unit_range(read_record(shard.unpacked, shard.index.span(row)))
            n_read += 1
        except (TFRecordError, OSError):
            continue  # listed when the photograph is read
    if not n_unit:
        return ""
    return f" Photographs are stored from 0 to 1 ({n_unit} of {n_read} looked at) and shown as 0 to 255."


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
