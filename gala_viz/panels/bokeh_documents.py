"""Documents without a server, which give the turns themselves: one in which a script looks, others in a kernel."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any

from bokeh.document import Document


class ServerlessDocument(Document, ABC):
    """A Bokeh document that may be asked for a turn in any thread, unlike a served one."""

    @abstractmethod
    def add_next_tick_callback(self, callback: Callable[[], Any]) -> None:  # type: ignore[override]
        """Run ``callback`` in a turn of its own, soon."""

    @abstractmethod
    def invoke(self, callback: Callable[[], Any]) -> None:
        """Run ``callback`` in a turn, at once where that can be."""

    def run_pending(self) -> None:
        """Take the turns that wait, where they do not come by themselves."""


class ScriptDocument(ServerlessDocument):
    """A document whose turns wait until the script ``looks``.

    Nothing changes behind the script's back: what it sets and what a thread brings never happen at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[Callable[[], Any]] = deque()
        self._lock = threading.RLock()
        self._within = False

    def add_next_tick_callback(self, callback: Callable[[], Any]) -> None:  # type: ignore[override]
        """Keep ``callback`` for the next look."""
        self._waiting.append(callback)

    def run_pending(self) -> None:
        """Take all turns that wait, in the calling thread; within a turn there is nothing to take."""
        self.invoke(lambda: None)

    def invoke(self, callback: Callable[[], Any]) -> None:
        """Run ``callback`` now: in the present turn, or after those that wait in one of its own."""
        with self._lock:
            if self._within:
                callback()
                return
            self._within = True
            try:
                while self._waiting:
                    self._waiting.popleft()()
                callback()
            finally:
                self._within = False
