"""Caches: bounded memory shared by all sessions, files in the user's cache folder, and arrays in both."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import threading
import uuid
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Hashable, Mapping
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
    """Files under ``folder`` that end in ``suffix``, each named by the hash of its key.

    ``put`` calls ``prune`` after every ``prune_every`` files: of more than ``max_bytes`` the longest unused half goes.
    With ``max_bytes`` None nothing is ever deleted.
    """

    def __init__(self, folder: Path, max_bytes: int | None, suffix: str, *, prune_every: int = 1000) -> None:
        self.folder, self.max_bytes, self.suffix = folder, max_bytes, suffix
        self._prune_every = prune_every
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
            due = self._writes % self._prune_every == 0
        if due:
            self.prune()

    def prune(self) -> None:
        """Delete the longest unused files until half of ``max_bytes`` is left, if there are more than ``max_bytes``."""
        if self.max_bytes is None:
            return
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


class ArrayCache:
    """Named arrays by key, in files, and any object by key, in memory.

    A file appears whole or not at all; one that cannot be read, or is of another key, counts as not there. Nothing is
    unpickled.

    Parameters
    ----------
    folder : Path, optional
        Where files are; default: nothing is written.
    max_bytes : int, optional
        What the files take at most, see ``FileCache``; default: nothing is ever deleted.
    memory : BoundedCache, optional
        Shared by all caches that are given it; default: nothing is kept in memory.
    compressed : bool
        Whether files are compressed, which takes longer.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        max_bytes: int | None = None,
        memory: BoundedCache | None = None,
        compressed: bool = False,
    ) -> None:
        self.folder, self._memory = folder, memory
        self._files = None if folder is None else FileCache(folder, max_bytes, ".npz", prune_every=50)
        self._save: Any = np.savez_compressed if compressed else np.savez

    def recall(self, key: Hashable) -> Any | None:
        """Return an object that ``remember`` has in memory, or None."""
        return None if self._memory is None else self._memory.get((str(self.folder), key))

    def remember(self, key: Hashable, value: Any, n_bytes: int) -> None:
        """Keep an object of ``n_bytes`` in memory as long as it is among the most recently used."""
        if self._memory is not None:
            self._memory.put((str(self.folder), key), value, n_bytes)

    def read(self, key: str) -> dict[str, np.ndarray] | None:
        """Return the arrays in the file of ``key``, or None."""
        content = None if self._files is None else self._files.get(key)
        if content is None:
            return None
        arrays = read_npz(io.BytesIO(content))
        return arrays if arrays is not None and str(arrays.pop("key", "")) == key else None

    def write(self, key: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Write arrays to the file of ``key``; a folder that cannot be written is ignored."""
        if self._files is None:
            return
        content = io.BytesIO()
        self._save(content, key=np.array(key), **arrays)
        self._files.put(key, content.getvalue())


def n_bytes(*arrays: np.ndarray | None) -> int:
    """Return the bytes of arrays, and a little for what holds them."""
    return 1000 + sum(array.nbytes for array in arrays if array is not None)
