"""Running all blocks that are missing: in this process, in processes of this machine, or on a Dask cluster."""

from __future__ import annotations

import errno
import itertools
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from gala_viz.batch.job import BlockDone, Given, Job, run_block
from gala_viz.cpu_threads import WAIT_BRIEFLY

if TYPE_CHECKING:
    from distributed import Client, Future

AHEAD = 2
"""Blocks that wait for each worker, so that none is idle and a stopped run has little to undo."""
JOIN_S = 120
"""How long a run waits for the first worker of a cluster: those of a queue may come late."""
LOOK_S, LOST_S = 2.0, 20.0
"""How often a run looks after its cluster, and how long scheduler or all workers may be away before it ends."""
MAX_LOSSES = 1
"""A block that ended so many workers, and one more, is not tried again."""
FATAL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)

OUT_OF_MEMORY = "memory ran out, it seems; fewer workers, more of --worker-memory, or a smaller --block help"

GO_ON = ", and run the same command again: finished blocks are kept"

Done = Callable[[BlockDone], None]


class RunStopped(OSError):
    """Nothing more can be written; the message says why and how to go on."""


@dataclass(slots=True)
class Outcome:
    """What a run came to: blocks that are written now, and block -> why it is not."""

    written: list[BlockDone] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)


def run_here(job: Job, blocks: Sequence[int], done: Done = lambda block: None) -> Outcome:
    """Compute all blocks one after the other in this process.

    Parameters
    ----------
    job, blocks, done
        As in ``run_on``.

    Returns
    -------
    Outcome
        Blocks that are written now, and why others are not.

    Raises
    ------
    RunStopped
        Nothing more can be written.
    """
    outcome = Outcome()
    for number in blocks:
        _note(outcome, number, lambda number=number: run_block(job, number), done)
    return outcome


def run_on(
    client: Client,
    job: Job,
    blocks: Sequence[int],
    done: Done = lambda block: None,
    given: Given | None = None,
) -> Outcome:
    """Compute all blocks on the workers of a cluster; a few are handed out ahead of each worker.

    A block whose worker is lost goes to another one. One that fails is noted and the others go on.

    Parameters
    ----------
    client : distributed.Client
        Of the cluster.
    job : Job
        What the workers need to open.
    blocks : sequence of int
        Numbers of the blocks.
    done : callable
        Called with each block that is written.
    given : Given, optional
        Collection and networks, which are sent to each worker once; default: workers open what the job names.

    Returns
    -------
    Outcome
        Blocks that are written now, and why others are not.

    Raises
    ------
    RunStopped
        Nothing more can be written, the scheduler no longer answers, or no worker is left.
    """
    from distributed import wait

    outcome, waiting = Outcome(), iter(blocks)
    sent = None if given is None else client.scatter(given, broadcast=True, hash=False)
    n_workers = max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
    running: dict[Future, int] = {}

    def hand_out(count: int) -> None:
        for number in itertools.islice(waiting, count):
            running[client.submit(run_block, job, number, sent, pure=False, retries=MAX_LOSSES)] = number

    watch = _Watch(client)
    hand_out(AHEAD * n_workers)
    try:
        while running:
            try:
                waited: Any = wait(list(running), timeout=LOOK_S, return_when="FIRST_COMPLETED")
                finished = waited.done
            except TimeoutError:
                finished = set()
            except CancelledError:  # of all blocks, as the connection to the scheduler is lost
                watch.stop_for_scheduler()
            watch.check()
            for future in finished:
                try:
                    _note(outcome, running[future], lambda future=future: _result(future), done)
                except _ComputedAnew:
                    continue
                del running[future]
                future.release()
                hand_out(1)
    finally:
        with suppress(Exception):  # a cluster that is gone has nothing to cancel
            client.cancel(list(running), force=True)
    return outcome


class _ComputedAnew(Exception):
    """A block was finished, and its worker lost before its result came: the scheduler computes it again."""


def _result(future: Future) -> BlockDone:
    """Return the result of a future that is done, or raise its error; it is never waited for longer than ``LOOK_S``."""
    if future.status in ("error", "cancelled"):
        return future.result()
    try:
        return future.result(timeout=LOOK_S)
    except TimeoutError:
        raise _ComputedAnew from None


class _Watch:
    """Looks after a cluster: raises ``RunStopped`` once its scheduler, or all of its workers, are away for a while."""

    def __init__(self, client: Client) -> None:
        self._client, self._address = client, client.scheduler.address if client.scheduler is not None else "?"
        self._last_seen = time.monotonic()

    def stop_for_scheduler(self) -> NoReturn:
        """Raise ``RunStopped``: the scheduler is gone, and with it what it knew of the blocks."""
        raise RunStopped(errno.EPIPE, f"the scheduler at {self._address} no longer answers; start it again{GO_ON}")

    def check(self) -> None:
        """Look whether there is a scheduler with workers."""
        client, reason = self._client, ""
        if client.status != "running":
            reason = f"the scheduler at {self._address} no longer answers; start it again"
        elif not client.scheduler_info(n_workers=-1)["workers"]:
            reason = "no worker is left; start workers again, with more memory where theirs ran out"
        if not reason:
            self._last_seen = time.monotonic()
        elif time.monotonic() - self._last_seen > LOST_S:
            raise RunStopped(errno.EPIPE, f"{reason}{GO_ON}")


@contextmanager
def client_for(scheduler: str | None, workers: int, threads: int = 1, memory: str | None = None) -> Iterator[Client]:
    """Give a client of a cluster, or of worker processes started here, which end with the context.

    Parameters
    ----------
    scheduler : str or None
        Address of any Dask scheduler: started by hand, over SSH, by dask-jobqueue on SLURM, or on Kubernetes.
    workers : int
        Processes to start on this machine where there is no scheduler.
    threads : int
        Of each of these processes, as their store names them.
    memory : str, optional
        What each of them may hold, for example "4 GB": Dask ends one that needs more, and its block goes to a fresh
        one; default: an equal share of the machine's.

    Yields
    ------
    distributed.Client
        The client.

    Raises
    ------
    TimeoutError
        No worker has joined the scheduler for a while.
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
            yield client
        return
    settings = {
        "distributed.nanny.pre-spawn-environ": _environment(threads),
        "distributed.scheduler.allowed-failures": MAX_LOSSES,
    }
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            memory_limit=memory or int(MEMORY_LIMIT / workers),
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.ERROR,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def _environment(threads: int) -> dict[str, str]:
    """Return the environment of worker processes.

    It replaces Dask's own, which has freed memory handed back to the system at once: a network asks for it again at
    every layer, and was found 1.7 times slower. With these of glibc's, a worker keeps what it had from its first image
    on; 32 MB is the most that glibc takes as a threshold.
    """
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    one = {**dict.fromkeys(names, str(threads)), **WAIT_BRIEFLY}
    kept = {
        "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
        "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1),
        "MALLOC_TOP_PAD_": str(64 * 2**20),
    }
    return one | kept


def _note(outcome: Outcome, number: int, result: Callable[[], BlockDone], done: Done) -> None:
    try:
        block = result()
    except _ComputedAnew:
        raise
    except OSError as error:
        if error.errno in FATAL:
            raise RunStopped(
                error.errno, f"{error.strerror}: finished blocks are kept; make room, and run the same command again"
            ) from error
        outcome.failed[number] = _told(error)
    except MemoryError:
        outcome.failed[number] = OUT_OF_MEMORY
    except Exception as error:  # whatever a worker met: the others go on, and the run tells in the end
        lost = type(error).__name__ == "KilledWorker"  # of distributed, which is not imported for runs without it
        outcome.failed[number] = f"its workers were lost; {OUT_OF_MEMORY}" if lost else _told(error)
    else:
        outcome.written.append(block)
        done(block)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
