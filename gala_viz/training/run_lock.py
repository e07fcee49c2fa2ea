"""One training at a time runs in a folder."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)
_log = logging.getLogger(__name__)


@contextmanager
def locked_run(folder: Path) -> Iterator[bool]:
    """Hold the lock of a run's ``folder`` within the block; the first process of a distributed training holds it.

    It gives whether this process holds it, that is, may change what is there. The lock ends with its process, however
    that ends; where the file system knows no locks, nobody holds one and a line says so. Raises ``ValueError`` where
    another training runs in the folder, or nothing can be written there.
    """
    ranks = [os.environ.get(name, "") for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID")]
    if next((rank for rank in ranks if rank), "0") != "0":
        yield False
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "run.lock", is_singleton=True)  # a training holds it twice: it writes the card, too
        lock.acquire(timeout=0)
    except Timeout:
        raise ValueError(
            f"another training runs in {folder}; wait for it, or give this one another --name or --runs."
        ) from None
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in NO_LOCKS:
            raise ValueError(
                f"nothing can be written into {folder}: {error.strerror}; choose another --runs."
            ) from error
        _log.warning("%s is on a file system without locks; see to it that one training runs there.", folder)
        yield True
        return
    try:
        yield True
    finally:
        lock.release()
