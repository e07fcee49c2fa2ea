"""Memory of ended sessions, returned to the system a while after the last page was closed.

The objects of a page refer to each other in cycles, so Python frees them late. And memory that many threads freed stays
with the C library, so a server would remain as large as it was with the most sessions at once.
"""

from __future__ import annotations

import ctypes
import gc
import threading
from contextlib import suppress

QUIET_S = 3.0
"""Delay after the last session ended, so that many pages closed at once are freed together."""

_lock = threading.Lock()
_timer: threading.Timer | None = None


def free_soon() -> None:
    """Free the memory of ended sessions, ``QUIET_S`` after the last call, in a thread of its own."""
    global _timer
    with _lock:
        if _timer is not None:
            _timer.cancel()
        _timer = threading.Timer(QUIET_S, free_now)
        _timer.daemon = True
        _timer.start()


def free_now() -> None:
    """Collect objects that nothing refers to, and let the C library return its free memory where it can (glibc)."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
