"""One run at a time writes into a store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from gala_viz.store.zarr_store import StoreError


@contextmanager
def owned(path: str | Path) -> Iterator[None]:
    """Hold the lock of a store within the block, so that this process alone writes into it.

    Raises ``StoreError`` where another process writes, or nothing can be written. The lock ends with its process,
    however that ends.
    """
    path = Path(path).expanduser()
    lock = FileLock(path.with_name(f"{path.name}.lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise StoreError(f"another run is writing into {path}; wait for it, or choose another store.") from None
    except OSError as error:
        raise StoreError(f"nothing can be written beside {path}: {error.strerror}; choose another place.") from error
    try:
        yield
    finally:
        lock.release()
