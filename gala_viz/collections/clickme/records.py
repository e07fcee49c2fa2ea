"""ClickMe TFRecords, in place: photographs, labels and human maps of a file or of a folder of shards."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import numpy as np
import xarray as xr

from gala_viz.collections.caching import MAPS
from gala_viz.collections.clickme.record import heatmap_of, photo_content
from gala_viz.collections.clickme.record_file import Progress, RecordError, read_record
from gala_viz.collections.clickme.record_index import RecordIndex, record_index
from gala_viz.collections.clickme.smoothing import SMOOTHINGS
from gala_viz.collections.collection import Collection
from gala_viz.collections.index import indexed_tree
from gala_viz.collections.kept import Source
from gala_viz.collections.layout import SPLITS
from gala_viz.collections.layouts import RECORD_SUFFIXES
from gala_viz.collections.reading import FOLDER_LIMITS, UnreadableImageError
from gala_viz.imagenet import CATEGORIES
from gala_viz.schema import labelled_map
from gala_viz.specs import fingerprint

SMOOTHED, STORED = "ClickMe", "ClickMe, as stored"


class RecordCollection(Collection):
    """The records of ``source``, a TFRecord file or a folder of them.

    An image's id is its ``file_path`` where every record tells a different one, else "SHARD/NUMBER" with the record's
    number in its file. Labels from 0 to 999 are ImageNet's. The split is what a file's or folder's name tells ("train",
    "val", "test"). Maps come smoothed by ``smoothing``, a name in ``SMOOTHINGS`` (default: as the Harmonization toolbox
    loads them), and as stored; records hold no participants apart, so that no noise ceiling can be computed from them.

    The first opening reads all files, for their checksums; ``progress(bytes done, bytes in all)``. What cannot be used
    is listed in ``skipped``. Raises ``ValueError`` where no record can.
    """

    def __init__(
        self, source: str | Path, *, smoothing: str = "harmonization", progress: Progress | None = None
    ) -> None:
        root = Path(source).expanduser().resolve()
        self.smoothing, self._smooth = smoothing, SMOOTHINGS[smoothing]
        self._files, skipped = _record_files(root)
        indices = _indices(self._files, progress, skipped)
        self._shards = [(path, shard) for path, shard in zip(self._files, indices, strict=True) if shard is not None]
        self._rows = [(shard, row) for shard, (_, index) in enumerate(self._shards) for row in range(len(index))]
        if not self._rows:
            told = f" {skipped[0][0]}: {skipped[0][1]}" if skipped else ""
            expected = "expected files ending in .tfrecord or .tfrecords"
            raise ValueError(f"{root} holds no usable TFRecord; {expected}.{told}")
        self._about = [_split(path.relative_to(root.parent).as_posix()) for path, _ in self._shards]
        kinds = {}
        if any(index.rows[:, -1].any() for _, index in self._shards):
            sentence = "ClickMe maps of all participants together, from TFRecords"
            kinds = {SMOOTHED: f"{sentence}, smoothed ({smoothing}).", STORED: f"{sentence}, as stored."}
        super().__init__(
            name=root.stem if root.is_file() else root.name,
            title=root.stem if root.is_file() else root.name,
            images=self._ids(),
            map_kinds=kinds,
            skipped=skipped,
        )

    @cached_property
    def fingerprint(self) -> str:
        """Names the files, their sizes and times of change, and the smoothing."""
        files = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path, _ in self._shards]
        return fingerprint("records", files, self.smoothing, asdict(FOLDER_LIMITS))

    def path(self, image: str) -> Path:
        """The TFRecord file that holds the image."""
        return self._shards[self._rows[self.check(image)][0]][0]

    def target(self, image: str) -> int | None:
        """The record's label where it is one of ImageNet's."""
        label = self.label(image)
        return label if label < len(CATEGORIES) else None

    def category(self, image: str) -> str | None:
        """ImageNet's name of the label."""
        target = self.target(image)
        return None if target is None else CATEGORIES[target][1]

    def split(self, image: str) -> str | None:
        """The split that the file's or its folder's name tells."""
        return self._about[self._rows[self.check(image)][0]]

    def label(self, image: str) -> int:
        """The record's label as it stands."""
        index, row = self._row(image)
        return index.label(row)

    def click_count(self, image: str) -> int | None:
        """How many clicks made the map, where the record tells."""
        index, row = self._row(image)
        return index.click_count(row)

    def has_human_map(self, image: str) -> bool:
        """Whether the record has a heatmap that was not refused."""
        index, row = self._row(image)
        return index.has_heatmap(row) and _map_name(image) not in self._skipped

    def human_map(self, image: str, kind: str | None = None, participant: str | None = None) -> xr.DataArray | None:
        """The record's heatmap over the whole photograph."""
        kind = self.map_kind(kind)
        if participant is not None:
            self.check_participant(participant, (), image)
        if not self.has_human_map(image):
            return None
        key = ("record map", self.fingerprint, image, kind)
        values = MAPS.get(key)
        if values is None:
            try:
                values = heatmap_of(self._record(image))
            except RecordError as error:
                self.skip(_map_name(image), str(error))
                return None
            values = np.ascontiguousarray(values if kind == STORED else self._smooth(values), np.float32)
            values.flags.writeable = False
            MAPS.put(key, values, values.nbytes)
        attrs = {"kind": kind, "n_participants": "unknown", "smoothing": self.smoothing if kind == SMOOTHED else "none"}
        if (count := self.click_count(image)) is not None:
            attrs["n_clicks"] = count
        return labelled_map(values, name="human_map", extent_px=self.size_px(image), attrs=attrs)

    def _row(self, image: str) -> tuple[RecordIndex, int]:
        shard, row = self._rows[self.check(image)]
        return self._shards[shard][1], row

    def _record(self, image: str) -> bytes:
        """The record's data. Raises ``RecordError``, also where its file cannot be opened."""
        index, row = self._row(image)
        try:
            return read_record(self.path(image), index.place(row))
        except OSError as error:
            raise RecordError(f"its file cannot be opened ({error.strerror or error}).") from error

    def _source(self, image: str) -> tuple[Source, tuple]:
        self.check(image)

        def content() -> bytes:
            try:
                return photo_content(self._record(image))
            except RecordError as error:
                raise UnreadableImageError(str(error)) from error

        return content, ("record", self.fingerprint, image)

    def _ids(self) -> list[str]:
        paths = [path.strip("/") for _, index in self._shards for path in index.file_paths]
        if all(paths) and len(set(paths)) == len(paths):
            return paths
        stems = [path.stem for path, _ in self._shards]
        longer = [f"{path.parent.name}-{path.stem}" for path, _ in self._shards]
        counted = [f"{number}-{stem}" for number, stem in enumerate(stems)]
        names = next(names for names in (stems, longer, counted) if len(set(names)) == len(names))
        return [f"{names[shard]}/{self._shards[shard][1].number(row):06d}" for shard, row in self._rows]


def _record_files(root: Path) -> tuple[list[Path], list[tuple[str, str]]]:
    if root.is_file():
        return [root], []
    tree = indexed_tree(root, suffixes=RECORD_SUFFIXES)
    return [root / name for name, _, _ in tree.files], list(tree.refused)


def _indices(
    files: Sequence[Path], progress: Progress | None, skipped: list[tuple[str, str]]
) -> list[RecordIndex | None]:
    """An index for each file, None for one that is no TFRecord file; what is refused is added to ``skipped``."""
    sizes = [path.stat().st_size for path in files]
    found: list[RecordIndex | None] = []
    for number, path in enumerate(files):
        before = sum(sizes[:number])

        def told(done: int, _total: int, before: int = before) -> None:
            if progress is not None:
                progress(before + done, sum(sizes))

        try:
            index = record_index(path, told)
        except (RecordError, OSError) as error:
            skipped.append((path.name, str(error)))
            index = None
        else:
            skipped += [(f"{path.name}, {name}", reason) for name, reason in index.refused]
        found.append(index)
    return found


def _split(path: str) -> str | None:
    """The split among the words of a path, the innermost first."""
    words = [word for part in reversed(path.split("/")) for word in re.split(r"[^a-z]+", part.lower())]
    return next((SPLITS[word] for word in words if word in SPLITS), None)


def _map_name(image: str) -> str:
    return f"{image}, heatmap"
