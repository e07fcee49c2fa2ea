"""One thread for everything that talks to a notebook: the kernel's event loop, and documents whose turns run in it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bokeh.document import Document
from IPython import get_ipython
from tornado.ioloop import IOLoop


def kernel_loop() -> IOLoop | None:
    """The event loop of the Jupyter kernel that this process is, or None outside a kernel."""
    shell = get_ipython()
    return getattr(getattr(shell, "kernel", None), "io_loop", None)


def present_cell() -> str:
    """A name of the cell that runs, as the notebook gives it; "" where it gives none."""
    kernel = getattr(get_ipython(), "kernel", None)
    parent = kernel.get_parent() if kernel is not None else {}
    return str(parent.get("metadata", {}).get("cellId", ""))


class KernelDocument(Document):
    """A Bokeh document of a kernel: whatever changes it does so in a *turn*, in the thread of the kernel's loop.

    Worker threads ask for a turn with ``add_next_tick_callback``; so do browser messages, which some notebooks deliver
    in threads of their own. A turn begins when no cell runs, and is sent as one change.
    """

    def __init__(self, loop: IOLoop) -> None:
        super().__init__()
        self._loop = loop

    def add_next_tick_callback(self, callback: Callable[[], Any]) -> None:  # type: ignore[override]
        """Run ``callback`` in a turn of its own, soon; may be called from any thread."""
        self._loop.add_callback(self._run, callback)

    def act(self, callback: Callable[[], Any]) -> None:
        """Run ``callback`` in a turn: at once in the main thread, where cells run, else soon."""
        if threading.current_thread() is threading.main_thread():
            self._run(callback)
        else:
            self.add_next_tick_callback(callback)

    def _run(self, callback: Callable[[], Any]) -> None:
        with self._turn():
            callback()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if self.callbacks.hold_value:  # within a turn
            yield
            return
        self.hold("combine")
        try:
            yield
        finally:
            self.unhold()
