"""Interrupting a kernel while no cell runs stops what its widgets compute.

A running cell is interrupted by Jupyter itself, with KeyboardInterrupt. Between cells a kernel ignores the signal, and
widgets compute in threads that no signal reaches. So from the first widget on the idle kernel has a handler of ours;
Jupyter puts its own in place around every cell and every message, and restores ours afterwards.
"""

from __future__ import annotations

import atexit
import contextlib
import signal
import threading
from typing import Any, Protocol
from weakref import WeakSet

from tornado.ioloop import IOLoop

RETRY_S = 0.2
"""Interval of attempts to install the handler while a cell runs."""


class Cancellable(Protocol):
    """An object that computes in threads; ``cancel_all`` stops that and shows it, ``close`` ends the threads."""

    def cancel_all(self) -> None:
        """Stop computing; what is there stays."""
        ...

    def close(self) -> None:
        """Stop computing, and end the threads."""
        ...


JOIN_TIMEOUT_S = 5
"""How long a kernel that is shut down waits for a thread to notice: PyTorch aborts where it is cut off in a batch."""

_live: WeakSet[Any] = WeakSet()
_asked = False


def cancel_on_interrupt(widget: Cancellable, loop: IOLoop) -> None:
    """Let an interrupt of the idle kernel call ``widget.cancel_all()`` in its ``loop``, until ``ignore_interrupts``."""
    global _asked
    _live.add(widget)
    if not _asked:
        _asked = True
        loop.add_callback(_install, loop)


def ignore_interrupts(widget: Cancellable) -> None:
    """Let interrupts concern ``widget`` no more."""
    _live.discard(widget)


def cancel_all_widgets() -> None:
    """Stop what all live widgets compute; one that fails does not stop the others from it."""
    for one in list(_live):
        with contextlib.suppress(Exception):
            one.cancel_all()


@atexit.register
def _end() -> None:
    for one in list(_live):
        with contextlib.suppress(Exception):
            one.close()
    for thread in threading.enumerate():
        if thread.daemon and thread.name.startswith("gala-viz maps"):
            thread.join(JOIN_TIMEOUT_S)


def _install(loop: IOLoop) -> None:
    """Install the handler where the idle kernel ignores the signal; try later while a cell has a handler of its own."""
    if threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda *_: loop.add_callback(cancel_all_widgets))
    else:
        loop.call_later(RETRY_S, _install, loop)
