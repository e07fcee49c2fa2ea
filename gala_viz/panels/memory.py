"""Memory that ended sessions leave behind, given back to the system once pages have been closed and it is quiet.

What a page was made of refers to itself in many ways, so that Python frees it late; and what was freed in many threads
the C library keeps for itself, so that a server would stay as large as it was when most visitors were there at once.
"""

from __future__ import annotations

import ctypes
import gc
import threading
from contextlib import suppress

QUIET_S = 3.0
"""So long after the last session ended: whoever closes many pages at once is waited for."""

_lock = threading.Lock()
_timer: threading.Timer | None = None


def free_soon() -> None:
    """Free what ended sessions were made of, ``QUIET_S`` after the last call, in a thread of its own."""
    global _timer
    with _lock:
        if _timer is not None:
            _timer.cancel()
        _timer = threading.Timer(QUIET_S, free_now)
        _timer.daemon = True
        _timer.start()


def free_now() -> None:
    """Collect what nobody refers to, and let the C library give its free memory back where it can (glibc)."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
