"""One training at a time runs in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def locked_run(folder: Path) -> Iterator[None]:
    """Hold the lock of a run's ``folder`` within the block; the first process of a distributed training holds it.

    The lock ends with its process, however that ends. Raises ``ValueError`` where another training runs in the folder,
    or nothing can be written there.
    """
    ranks = [os.environ.get(name, "") for name in ("RANK", "SLURM_PROCID", "LOCAL_RANK")]
    if next((rank for rank in ranks if rank), "0") != "0":
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "run.lock")
        lock.acquire(timeout=0)
    except Timeout:
        raise ValueError(
            f"another training runs in {folder}; wait for it, or give this one another --name or --runs."
        ) from None
    except OSError as error:
        raise ValueError(f"nothing can be written into {folder}: {error.strerror}; choose another --runs.") from error
    try:
        yield
    finally:
        lock.release()
