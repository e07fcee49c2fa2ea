"""Caches of collections: bounded memory shared by all sessions, and the user's cache folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import uuid
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Hashable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import platformdirs

CACHE_VARIABLE = "GALA_VIZ_CACHE"
NPZ_ERRORS = (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""Errors that reading an NPZ file raises where it is missing or damaged, whichever byte of it is wrong."""


def cache_folder() -> Path:
    """Return the user's cache folder of gala_viz, or the folder that the variable ``GALA_VIZ_CACHE`` names."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("gala_viz"))


def write_atomically(path: Path, content: bytes) -> bool:
    """Write ``content`` to ``path`` so that readers see the old file or the new one, never a part.

    Folders above ``path`` are made. The result says whether the file was written. Where the folder cannot be written it
    is False and no part of a file stays behind: a cache is a convenience.
    """
    temporary = path.parent / f".{path.name[:40]}.{uuid.uuid4().hex}.part"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        return False
    return True


def read_npz(file: Path | BinaryIO) -> dict[str, np.ndarray] | None:
    """Read all arrays of an NPZ ``file``, a path or an open binary file; None where it is missing or damaged.

    Nothing is unpickled. An open file is closed.
    """
    try:
        with (
            file.open("rb") if isinstance(file, Path) else file as opened,
            np.load(opened, allow_pickle=False) as arrays,
        ):
            return {name: arrays[name] for name in arrays.files}
    except NPZ_ERRORS:
        return None


class BoundedCache:
    """The most recently used values that fit into ``max_bytes``, safe to share between threads.

    A value larger than a quarter of ``max_bytes`` is not stored, so that one huge photograph does not push out the
    rest.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._entries: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def n_bytes(self) -> int:
        """Bytes of the stored values, as ``put`` was given them."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable) -> Any | None:
        """Return the value under ``key``, which becomes the most recently used, or None."""
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][0]

    def put(self, key: Hashable, value: Any, n_bytes: int) -> None:
        """Store ``value``, of ``n_bytes``, under ``key``, and drop the least recently used values until all fit."""
        if n_bytes > self.max_bytes // 4:
            return
        with self._lock:
            if key in self._entries:
                self._bytes -= self._entries.pop(key)[1]
            self._entries[key] = (value, n_bytes)
            self._bytes += n_bytes
            while self._bytes > self.max_bytes:
                _, (_, dropped) = self._entries.popitem(last=False)
                self._bytes -= dropped


class FileCache:
    """Small files under ``folder`` that end in ``suffix``, each named by the hash of its key.

    ``put`` calls ``prune`` after every ``PRUNE_EVERY`` files: of more than ``max_bytes`` the longest unused half goes.
    """

    PRUNE_EVERY = 1000

    def __init__(self, folder: Path, max_bytes: int, suffix: str) -> None:
        self.folder, self.max_bytes, self.suffix = folder, max_bytes, suffix
        self._writes = 0
        self._lock = threading.Lock()

    def _path(self, key: str) -> Path:
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        return self.folder / digest[:2] / (digest[2:40] + self.suffix)

    def get(self, key: str) -> bytes | None:
        """Return the content stored under ``key``, or None; the file counts as used now."""
        path = self._path(key)
        try:
            content = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return content or None

    def put(self, key: str, content: bytes) -> None:
        """Store ``content`` under ``key``; a folder that cannot be written is ignored."""
        write_atomically(self._path(key), content)
        with self._lock:
            self._writes += 1
            due = self._writes % self.PRUNE_EVERY == 0
        if due:
            self.prune()

    def prune(self) -> None:
        """Delete the longest unused files until half of ``max_bytes`` is left, if there are more than ``max_bytes``."""
        files = []
        for path in self.folder.glob(f"*/*{self.suffix}"):
            with contextlib.suppress(OSError):
                status = path.stat()
                files.append((status.st_mtime_ns, status.st_size, path))
        total_bytes = sum(size for _, size, _ in files)
        if total_bytes <= self.max_bytes:
            return
        for _, size, path in sorted(files, key=lambda file: file[0]):
            if total_bytes <= self.max_bytes // 2:
                break
            with contextlib.suppress(OSError):
                path.unlink()
            total_bytes -= size


MAPS = BoundedCache(96 * 2**20)
"""Human maps of all collections."""
