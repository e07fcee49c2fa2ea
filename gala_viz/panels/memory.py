"""Memory of ended sessions, returned to the system a while after the last page was closed.

The objects of a page refer to each other in cycles, so Python frees them late. And memory that many threads freed stays
with the C library, so a server would remain as large as it was with the most sessions at once.

A collection looks at each object and holds up all visitors meanwhile: half a second for the objects of the libraries
and networks alone. So those that are there once the source is loaded are looked at no more (``exempt_loaded_objects``),
and while people come and go there is a collection every ``EVERY_S`` at most, besides Python's own.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import threading
import time
from contextlib import suppress

from gala_viz.panels.panel_patches import find_servers, patch_collections

QUIET_S, EVERY_S = 3.0, 30.0
"""Delay after the last session ended, so that many pages closed at once are freed together; and the shortest time
between two collections."""

_lock = threading.Lock()
_timer: threading.Timer | None = None
_last_s = _first_s = float("-inf")
"""When memory was freed last, and when the first session ended since then."""


def free_soon() -> None:
    """Free the memory of ended sessions, in a thread of its own.

    ``QUIET_S`` after the last call, but ``EVERY_S`` after the last time at the soonest, and so long after the first
    call since then at the latest.
    """
    global _timer, _first_s
    now = time.monotonic()
    with _lock:
        if _timer is not None:
            _timer.cancel()
        if _first_s <= _last_s:
            _first_s = now
        soonest = max(QUIET_S, _last_s + EVERY_S - now)
        _timer = threading.Timer(max(0.0, min(soonest, _first_s + EVERY_S + QUIET_S - now)), free_now)
        _timer.daemon = True
        _timer.start()


def free_now() -> None:
    """Collect objects that nothing refers to, and let the C library return its free memory where it can (glibc)."""
    global _last_s
    gc.collect()
    _last_s = time.monotonic()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


@functools.cache
def exempt_loaded_objects() -> None:
    """Let later collections pass over all objects that are there now: libraries, networks, tables.

    A second call changes nothing: pages may be open then, which end some time.
    """
    find_servers()
    patch_collections()
    gc.collect()
    gc.freeze()
