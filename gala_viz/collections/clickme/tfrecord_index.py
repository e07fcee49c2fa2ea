"""The index of a TFRecord file, made in one pass and stored in the user's cache folder."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gala_viz.cache import cache_folder, read_npz, write_atomically
from gala_viz.collections.clickme.clickme_record import read_labels
from gala_viz.collections.clickme.tfrecord_file import (
    ProgressCallback,
    RecordSpan,
    TFRecordError,
    memory_mapped,
    scan_records,
)
from gala_viz.specs import fingerprint

VERSION = 4
_NUMBER, _START, _LENGTH, _LABEL, _CLICKS, _HEATMAP = range(6)


@dataclass(frozen=True, slots=True)
class TFRecordIndex:
    """The usable records of one file, one row each, and (record's name, reason) of what is left out.

    The columns of ``rows`` (record, 6), int64: number in the file from 0, first byte, length in bytes, label, clicks
    (-1 where the record does not say), whether there is a heatmap. ``file_paths`` and ``splits`` (see ``RecordLabels``)
    are empty where the record does not say.
    """

    rows: np.ndarray
    file_paths: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]
    splits: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def number(self, row: int) -> int:
        """Return the record's number in the file."""
        return int(self.rows[row, _NUMBER])

    def span(self, row: int) -> RecordSpan:
        """Return where the record's data lie."""
        return RecordSpan(int(self.rows[row, _START]), int(self.rows[row, _LENGTH]))

    def label(self, row: int) -> int:
        """Return the record's label, the index of its category."""
        return int(self.rows[row, _LABEL])

    def click_count(self, row: int) -> int | None:
        """Return how many clicks made the heatmap; None where the record does not say."""
        count = int(self.rows[row, _CLICKS])
        return count if count >= 0 else None

    def has_heatmap(self, row: int) -> bool:
        """Return whether there is a heatmap."""
        return bool(self.rows[row, _HEATMAP])


def load_record_index(path: Path, progress: ProgressCallback | None = None) -> TFRecordIndex:
    """Return the index of ``path``, from the cache folder where the file has not changed since.

    The first time the whole file is read, for its checksums, and ``progress`` is called with (bytes read, bytes of the
    file). Raises ``TFRecordError`` for a file that is none of TFRecords.
    """
    status = path.stat()
    name = fingerprint("records", VERSION, str(path), status.st_size, status.st_mtime_ns)
    index_file = cache_folder() / "records" / f"{name}.npz"
    index = _load(index_file)
    if index is None:
        index = _scan_index(path, progress)
        write_atomically(index_file, _saved(index))
    return index


def _scan_index(path: Path, progress: ProgressCallback | None) -> TFRecordIndex:
    """Scan the file and read the labels of each record; records that cannot be used are listed with the reason."""
    scan = scan_records(path, progress)
    rows: list[tuple[int, ...]] = []
    file_paths: list[str] = []
    splits: list[str] = []
    refused: list[tuple[str, str]] = []
    with memory_mapped(path) as mapped, memoryview(mapped) as content:
        for number, span in enumerate(scan.records):
            try:
                if isinstance(span, TFRecordError):
                    raise span
                labels = read_labels(content[span.start : span.start + span.length])  # whose checksum is compared
                rows.append((number, span.start, span.length, labels.label, labels.click_count, labels.has_heatmap))
                file_paths.append(labels.file_path)
                splits.append(labels.split)
            except TFRecordError as error:
                refused.append((f"record {number}", str(error)))
    if scan.truncation is not None:
        refused.append(("the rest", scan.truncation))
    return TFRecordIndex(np.array(rows, np.int64).reshape(-1, 6), tuple(file_paths), tuple(refused), tuple(splits))


def _saved(index: TFRecordIndex) -> bytes:
    texts = np.frombuffer(json.dumps([index.file_paths, index.refused, index.splits]).encode(), np.uint8)
    stream = io.BytesIO()
    np.savez_compressed(stream, rows=index.rows, texts=texts)
    return stream.getvalue()


def _load(path: Path) -> TFRecordIndex | None:
    """Read a stored index; None for one that is missing or damaged."""
    arrays = read_npz(path) or {}
    try:
        rows, (file_paths, refused, splits) = arrays["rows"], json.loads(arrays["texts"].tobytes())
    except (KeyError, ValueError):
        return None
    if rows.ndim != 2 or rows.shape[1] != 6 or not len(rows) == len(file_paths) == len(splits):
        return None
    return TFRecordIndex(rows, tuple(file_paths), tuple((name, reason) for name, reason in refused), tuple(splits))
