"""TFRecord files that are compressed as a whole, unpacked once into the user's cache folder for access by index."""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import struct
import uuid
import zlib
from collections.abc import Callable
from pathlib import Path

from gala_viz.cache import cache_folder
from gala_viz.collections.clickme.tfrecord_file import TFRecordError
from gala_viz.counts import counted
from gala_viz.protobuf import masked_crc32c
from gala_viz.specs import fingerprint

GZIP = b"\x1f\x8b"
FREE_BYTES = 2**30
"""Space that stays free on the disk of the cache folder."""
_BLOCK = 2**22
_HEAD = 12


def uncompressed(path: Path) -> Path:
    """Return ``path``, or the unpacked copy of a file that gzip compressed, which is made where it is missing.

    The copy lies in the folder "records" of the cache folder and may be deleted at any time. Raises ``TFRecordError``
    for a file that holds no records or is damaged, and where there is no space for the copy; ``OSError`` where the file
    cannot be read.
    """
    with path.open("rb") as file:
        if file.read(2) != GZIP:
            return path
    status = path.stat()
    name = fingerprint("unpacked records", str(path), status.st_size, status.st_mtime_ns)
    copy = cache_folder() / "records" / f"{name}.tfrecord"
    if not copy.is_file():
        _unpack(path, copy)
    return copy


def _unpack(path: Path, copy: Path) -> None:
    temporary = copy.parent / f".{copy.name}.{uuid.uuid4().hex}.part"
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as target:
            _copy_content(path, target.write, copy.parent)
        os.replace(temporary, copy)
    except OSError as error:
        if isinstance(error, gzip.BadGzipFile):
            raise TFRecordError(f"{path.name} is a damaged gzip file ({error}).") from None
        raise TFRecordError(
            f"{path.name} is compressed and cannot be unpacked into {copy.parent} ({error.strerror or error}); unpack "
            "it with gunzip."
        ) from None
    except (EOFError, zlib.error) as error:
        raise TFRecordError(f"{path.name} is a damaged gzip file ({error}).") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _copy_content(path: Path, write: Callable[[bytes], object], folder: Path) -> None:
    """Unpack ``path`` block by block, after its first record's head; the disk is not filled."""
    n_left = shutil.disk_usage(folder).free - FREE_BYTES
    with gzip.open(path, "rb") as packed:
        head = packed.read(_HEAD)
        if len(head) < _HEAD or masked_crc32c(head[:8]) != struct.unpack("<I", head[8:])[0]:
            raise TFRecordError(f"{path.name} is compressed, and what it holds is no TFRecord file.")
        block = head
        while block:
            n_left -= len(block)
            if n_left < 0:
                raise TFRecordError(
                    f"{path.name} is compressed, and {folder} has too little space for what it holds; "
                    f"{counted(FREE_BYTES // 2**30, 'GiB', 'GiB')} stay free there. Set GALA_VIZ_CACHE to a larger "
                    "disk, or unpack it with gunzip."
                )
            write(block)
            block = packed.read(_BLOCK)
