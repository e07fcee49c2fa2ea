"""TFRecord files by index: where each record lies, found in one pass in which every checksum is compared.

A TFRecord file is a row of records: the data's length (8 bytes, little-endian), a checksum of it, the data, a checksum
of these. Checksums are CRC-32C, "masked" as TensorFlow masks them. Source: the format as TensorFlow documents it.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gala_viz.protobuf import masked_crc32c

_HEADER, _FOOTER = 12, 4
_GZIP = b"\x1f\x8b"

ProgressCallback = Callable[[int, int], None]
"""Called with (bytes read, bytes of the file)."""


class TFRecordError(ValueError):
    """A TFRecord file, or one record of it, that cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class RecordSpan:
    """Where one record's data lie in its file: first byte, and length in bytes."""

    start: int
    length: int


@dataclass(frozen=True, slots=True)
class RecordScan:
    """A whole file: its records in order, each with its span or why it is refused, and why the scan ended early."""

    records: tuple[RecordSpan | TFRecordError, ...]
    truncation: str | None


def scan_records(path: Path, progress: ProgressCallback | None = None) -> RecordScan:
    """Find all records of ``path`` and compare all checksums.

    A record whose data do not fit their checksum is refused and the scan goes on. Where a length does not fit its own,
    or the file ends inside a record, nothing after it can be found: ``truncation`` says where and why. ``progress`` is
    called with (bytes read, bytes of the file). Raises ``TFRecordError`` for a file that is no TFRecord file at all,
    ``OSError`` for one that cannot be opened.
    """
    records: list[RecordSpan | TFRecordError] = []
    with memory_mapped(path) as content:
        total, position = len(content), 0
        while position < total:
            number = len(records)
            try:
                span = _place(content, position)
            except TFRecordError as error:
                if not records:
                    raise TFRecordError(f"{path.name} is no TFRecord file: {error}") from None
                return RecordScan(tuple(records), f"after record {number - 1} nothing can be read: {error}")
            records.append(span if _intact(content, span) else TFRecordError("its data do not fit their checksum."))
            position = span.start + span.length + _FOOTER
            if progress is not None:
                progress(position, total)
    return RecordScan(tuple(records), None)


def read_record(path: Path, span: RecordSpan) -> bytes:
    """Read the data of one record and compare their checksum once more. Raises ``TFRecordError``, ``OSError``."""
    with path.open("rb") as file:
        file.seek(span.start)
        content, footer = file.read(span.length), file.read(_FOOTER)
    if len(content) < span.length or len(footer) < _FOOTER or struct.unpack("<I", footer)[0] != masked_crc32c(content):
        raise TFRecordError("its data do not fit their checksum: the file has changed since it was indexed.")
    return content


@contextmanager
def memory_mapped(path: Path) -> Iterator[mmap.mmap]:
    """Map the file's bytes into memory; they are read when they are accessed.

    Raises ``TFRecordError`` for an empty or compressed file.
    """
    with path.open("rb") as file:
        if not path.stat().st_size:
            raise TFRecordError(f"{path.name} is empty; a file of TFRecords was expected. Copy or export it again.")
        if file.read(2) == _GZIP:
            raise TFRecordError(f"{path.name} is compressed, which allows no access by index; unpack it.")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            yield content


def _place(content: mmap.mmap, position: int) -> RecordSpan:
    """Read the head of the record at byte ``position`` and return the span of its data."""
    head = content[position : position + _HEADER]
    if len(head) < _HEADER:
        raise TFRecordError(f"the file ends inside a record's head, {len(head)} of {_HEADER} bytes are there.")
    length, checksum = struct.unpack("<QI", head)
    if masked_crc32c(head[:8]) != checksum:
        raise TFRecordError(f"at byte {position} the length does not fit its checksum.")
    start = position + _HEADER
    if start + length + _FOOTER > len(content):
        missing = start + length + _FOOTER - len(content)
        raise TFRecordError(f"the file ends inside a record of {length} bytes, {missing} bytes are missing.")
    return RecordSpan(start, length)


def _intact(content: mmap.mmap, span: RecordSpan) -> bool:
    end = span.start + span.length
    (checksum,) = struct.unpack("<I", content[end : end + _FOOTER])
    with memoryview(content) as view, view[span.start : end] as data:
        return masked_crc32c(data) == checksum
