"""How many threads a process computes with: as many as there are free cores when it starts.

Threads of PyTorch that wait turn in circles for milliseconds by default. Beside other programs they then keep the cores
from those for whom they wait. 20 samples of EfficientNet-Lite0 on two cores took 2.1 s by default, 1.5 s with short
circles and 0.8 s with threads that sleep at once beside two other programs; alone 0.6, 0.5 and 0.7 s.
"""

from __future__ import annotations

import os
import time

SLEEP = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
"""Settings of OpenMP's two common libraries, by which threads that wait sleep at once."""
WAIT_BRIEFLY = {"GOMP_SPINCOUNT": "10000", "KMP_BLOCKTIME": "1"}
"""By which they sleep after a millisecond at most."""
MEASURED_S = 0.2
"""How long the load of the machine is measured."""


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux tells
        return os.cpu_count() or 1


def free_cores() -> int:
    """Return how many of the available cores other programs leave free now, at least 1.

    The load is measured for ``MEASURED_S``; where the system does not tell, all cores count as free.
    """
    cores = available_cores()
    before = _cpu_times()
    if before is None:
        return cores
    time.sleep(MEASURED_S)
    after = _cpu_times()
    assert after is not None
    total = after[1] - before[1]
    idle_share = (after[0] - before[0]) / total if total > 0 else 1.0
    return max(1, min(cores, round(idle_share * (os.cpu_count() or cores))))


def threads_to_share() -> int:
    """Return how many threads processes that start now share: what OMP_NUM_THREADS says, or the cores that are free."""
    said = os.environ.get("OMP_NUM_THREADS", "")
    return int(said) if said.isdecimal() and int(said) > 0 else free_cores()


def prepare_threads() -> None:
    """Let this process compute with as many threads as there are free cores now.

    Threads that wait sleep soon, and at once where other programs compute. It is to be called before PyTorch is
    imported, and changes nothing of what the environment says already (OMP_NUM_THREADS, OMP_WAIT_POLICY).
    """
    if "OMP_NUM_THREADS" in os.environ:
        return
    n_free = free_cores()
    os.environ["OMP_NUM_THREADS"] = str(n_free)
    if "OMP_WAIT_POLICY" not in os.environ:
        for name, value in (WAIT_BRIEFLY if n_free == available_cores() else SLEEP).items():
            os.environ.setdefault(name, value)


def _cpu_times() -> tuple[float, float] | None:
    """Return the seconds that all cores were idle, and all seconds, since the machine started; None if not known."""
    try:
        with open("/proc/stat", encoding="ascii") as lines:
            times = [float(value) for value in lines.readline().split()[1:9]]
    except (OSError, ValueError):
        return None
    return times[3] + times[4], sum(times)
