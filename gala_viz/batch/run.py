"""Running all blocks that are missing: in this process, in processes of this machine, or on a Dask cluster."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gala_viz.batch.job import BlockDone, Job, run_block

if TYPE_CHECKING:
    from distributed import Client

AHEAD = 2
"""Blocks that wait for each worker, so that none is idle and a stopped run has little to undo."""
JOIN_S = 120
"""How long a run waits for the first worker of a cluster: those of a queue may come late."""
FATAL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)

Done = Callable[[BlockDone], None]


class RunStopped(OSError):
    """Nothing more can be written; the message says why and how to go on."""


@dataclass(slots=True)
class Outcome:
    """What a run came to: blocks that are written now, and block -> why it is not."""

    written: list[BlockDone] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)


def run_here(job: Job, blocks: Sequence[int], done: Done = lambda block: None) -> Outcome:
    """All blocks one after the other in this process."""
    outcome = Outcome()
    for number in blocks:
        _note(outcome, number, lambda number=number: run_block(job, number), done)
    return outcome


def run_on(client: Client, job: Job, blocks: Sequence[int], done: Done = lambda block: None) -> Outcome:
    """All blocks on the workers of ``client``; a few are handed out ahead of each worker.

    A block whose worker is lost goes to another one. One that fails is noted and the others go on, unless nothing more
    can be written: then ``RunStopped``.
    """
    from distributed import as_completed

    outcome, waiting = Outcome(), iter(blocks)
    n_workers = max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
    numbers = {}

    def hand_out(count: int) -> list:
        futures = []
        for _ in range(count):
            number = next(waiting, None)
            if number is None:
                break
            future = client.submit(run_block, job, number, pure=False, retries=1)
            numbers[future.key] = number
            futures.append(future)
        return futures

    pending = as_completed(hand_out(AHEAD * n_workers))
    try:
        for future in pending:
            _note(outcome, numbers[future.key], future.result, done)
            future.release()
            pending.update(hand_out(1))
    finally:
        client.cancel(list(pending.futures))
    return outcome


@contextmanager
def client_for(
    scheduler: str | None, workers: int, job: Job, memory: str | None = None
) -> Iterator[tuple[Client, Job]]:
    """A client of the cluster at ``scheduler``, or of ``workers`` processes started here, and the job for them.

    Workers here share this machine's cores. Each may hold ``memory`` (for example "4 GB"; default: an equal share of
    the machine's): Dask ends one that needs more, and its block goes to a fresh one. The address is that of any Dask
    scheduler: started by hand, over SSH, by dask-jobqueue on SLURM, or on Kubernetes.
    """
    import dask
    from distributed import Client, LocalCluster
    from distributed.system import MEMORY_LIMIT

    if scheduler is not None:
        with Client(scheduler, timeout="20s") as client:
            try:
                client.wait_for_workers(1, timeout=JOIN_S)
            except TimeoutError:
                raise TimeoutError(f"no worker has joined the scheduler at {scheduler} within {JOIN_S} s.") from None
            yield client, job
        return
    threads = max(1, (os.cpu_count() or 1) // workers)
    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ": _environment(threads)}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            memory_limit=memory or int(MEMORY_LIMIT / workers),
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.ERROR,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client, replace(job, threads=threads)


def _environment(threads: int) -> dict[str, str]:
    """Of worker processes. It replaces Dask's own, which has freed memory handed back to the system at once: a network
    asks for it again at every layer, and was found 1.7 times slower. With these of glibc's, a worker keeps what it had
    from its first image on; 32 MB is the most that glibc takes as a threshold.
    """
    one = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
    kept = {
        "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
        "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1),
        "MALLOC_TOP_PAD_": str(64 * 2**20),
    }
    return one | kept


def _note(outcome: Outcome, number: int, result: Callable[[], BlockDone], done: Done) -> None:
    try:
        block = result()
    except OSError as error:
        if error.errno in FATAL:
            raise RunStopped(
                error.errno, f"{error.strerror}: finished blocks are kept; make room, and run the same command again"
            ) from error
        outcome.failed[number] = _told(error)
    except MemoryError:
        outcome.failed[number] = "memory ran out; fewer workers or smaller blocks need less"
    except Exception as error:  # whatever a worker met: the others go on, and the run tells in the end
        outcome.failed[number] = _told(error)
    else:
        outcome.written.append(block)
        done(block)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
