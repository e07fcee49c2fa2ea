"""What collections keep: bounded memory shared by all sessions, and the user's cache folder."""

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
"""What reading an NPZ file raises that is not there or damaged, wherever a byte of it was turned."""


def cache_folder() -> Path:
    """The user's cache folder of gala_viz, or the one that the environment variable ``GALA_VIZ_CACHE`` names."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("gala_viz"))


def write_atomically(path: Path, content: bytes) -> bool:
    """Write ``content`` to ``path`` so that readers see the old file or the new one, never a part.

    Returns False, and leaves nothing behind, where the folder cannot be written: a cache is a convenience.
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
    """All arrays of an NPZ file, or None where it is not there or damaged. Nothing is unpickled."""
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

    A value larger than a quarter of the whole is never kept, so that one huge photograph does not push out the rest.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._entries: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def n_bytes(self) -> int:
        """Bytes held now."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable) -> Any | None:
        """The value under ``key``, which becomes the most recently used, or None."""
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][0]

    def put(self, key: Hashable, value: Any, n_bytes: int) -> None:
        """Keep ``value``, said to weigh ``n_bytes``, and drop the least recently used until all fits."""
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
    """Small files under ``folder``, at most ``max_bytes`` of them: the longest unused half goes when there are more."""

    PRUNE_EVERY = 1000

    def __init__(self, folder: Path, max_bytes: int, suffix: str) -> None:
        self.folder, self.max_bytes, self.suffix = folder, max_bytes, suffix
        self._writes = 0
        self._lock = threading.Lock()

    def _path(self, key: str) -> Path:
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        return self.folder / digest[:2] / (digest[2:40] + self.suffix)

    def get(self, key: str) -> bytes | None:
        """The content kept under ``key``, or None."""
        path = self._path(key)
        try:
            content = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return content or None

    def put(self, key: str, content: bytes) -> None:
        """Keep ``content``; a folder that cannot be written is passed over."""
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
        held = sum(size for _, size, _ in files)
        if held <= self.max_bytes:
            return
        for _, size, path in sorted(files, key=lambda file: file[0]):
            if held <= self.max_bytes // 2:
                break
            with contextlib.suppress(OSError):
                path.unlink()
            held -= size


MAPS = BoundedCache(96 * 2**20)
"""Human maps of all collections."""
