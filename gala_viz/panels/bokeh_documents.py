"""Documents without a server, which run their callbacks themselves: one of a script, others of a kernel."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any

from bokeh.document import Document


class ServerlessDocument(Document, ABC):
    """A Bokeh document that takes callbacks from any thread, unlike a served one."""

    @abstractmethod
    def add_next_tick_callback(self, callback: Callable[[], Any]) -> None:  # type: ignore[override]
        """Run ``callback`` by itself, soon."""

    @abstractmethod
    def invoke(self, callback: Callable[[], Any]) -> None:
        """Run ``callback`` as the document's callback, at once where that is possible."""

    def run_pending(self) -> None:
        """Run the callbacks that wait, where nothing else runs them."""


class ScriptDocument(ServerlessDocument):
    """A document whose callbacks wait until the script calls ``run_pending`` or ``invoke``.

    Nothing changes behind the script's back: its own changes and those of threads never happen at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[Callable[[], Any]] = deque()
        self._lock = threading.RLock()
        self._within = False

    def add_next_tick_callback(self, callback: Callable[[], Any]) -> None:  # type: ignore[override]
        """Queue ``callback`` for the next ``run_pending`` or ``invoke``."""
        self._waiting.append(callback)

    def run_pending(self) -> None:
        """Run all callbacks that wait, in the calling thread; within a callback do nothing."""
        self.invoke(lambda: None)

    def invoke(self, callback: Callable[[], Any]) -> None:
        """Run ``callback`` now, after all that wait; within a callback run it alone, at once."""
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
