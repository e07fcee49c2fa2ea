"""The document of a plain script, where no server and no kernel gives turns."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from bokeh.document import Document


class ScriptDocument(Document):
    """A Bokeh document whose turns wait until the script ``looks``.

    Worker threads ask for a turn with ``add_next_tick_callback``, as of a served document. Nothing changes behind the
    script's back: what it sets and what a thread brings never happen at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[Callable[[], Any]] = deque()
        self._lock = threading.RLock()
        self._within = False

    def add_next_tick_callback(self, callback: Callable[[], Any]) -> None:  # type: ignore[override]
        """Keep ``callback`` for the next look; may be called from any thread."""
        self._waiting.append(callback)

    def look(self) -> None:
        """Take all turns that wait, in the calling thread; within a turn there is nothing to take."""
        self.act(lambda: None)

    def act(self, callback: Callable[[], Any]) -> None:
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
