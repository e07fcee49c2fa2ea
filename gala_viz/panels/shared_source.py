"""One source for all sessions of a process, loaded in a thread of its own while pages are already open."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Literal
from weakref import WeakValueDictionary

from gala_viz.threads import ShutdownError, raise_on_shutdown, shutdown_event, start_thread

if TYPE_CHECKING:
    from gala_viz.panels.compare.figure_pool import FigurePool
    from gala_viz.panels.gallery.collection_index import CollectionIndex
    from gala_viz.store.source import MapSource

StepCallback = Callable[[str], None]
SourceBuilder = Callable[[StepCallback], "MapSource"]
LoadState = Literal["loading", "ready", "failed"]

_log = logging.getLogger(__name__)


class SharedSource:
    """A source that is loading, is ready, or failed; pages that wait for it ask for its ``state`` by its ``token``.

    ``build(on_step)`` runs once, in a thread, and calls ``on_step`` with the name of each step for pages that wait.
    After a failure ``start`` tries again.
    """

    def __init__(self, build: SourceBuilder) -> None:
        self._build = build
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.state: LoadState = "loading"
        self.step = "Starting…"
        self.error = ""
        self.source: MapSource | None = None
        self.index: CollectionIndex | None = None
        self.figure_pool: FigurePool | None = None
        self.token = secrets.token_urlsafe(16)
        _by_token[self.token] = self

    def start(self) -> SharedSource:
        """Start loading, unless that has started or is done, and return itself."""
        with self._lock:
            if self._thread is None:
                self.state, self.error = "loading", ""
                self._thread = start_thread(self._load, "gala-viz source")
        return self

    def _say(self, step: str) -> None:
        raise_on_shutdown()
        self.step = step

    def _load(self) -> None:
        """Build the source, its index and its first figures; note the error where that fails."""
        try:
            source = self._build(self._say)
            from gala_viz.panels.compare.figure_pool import FigurePool
            from gala_viz.panels.gallery.collection_index import CollectionIndex
            from gala_viz.panels.memory import exempt_loaded_objects

            self._say("Reading the collection…")
            self.index = CollectionIndex(source)
            self._say("Drawing…")
            self.figure_pool = FigurePool(source.networks)
            self.figure_pool.fill()
            exempt_loaded_objects()
            self.source = source
            self.state = "ready"
        except Exception as error:  # a line on the page, in full in the log
            if not shutdown_event.is_set() and not isinstance(error, ShutdownError):  # else the shutdown caused it
                _log.exception("The networks or the collection could not be loaded.")
                self.error = str(error) or type(error).__name__
            with self._lock:  # whoever sees the failure can start again
                self._thread = None
                if self.error:
                    self.state = "failed"


_by_token: WeakValueDictionary[str, SharedSource] = WeakValueDictionary()


def source_of_token(token: str) -> SharedSource | None:
    """Return the source with this ``token``; None where there is none."""
    return _by_token.get(token)


_shared: dict[Hashable, SharedSource] = {}
_shared_lock = threading.Lock()


def shared_source(key: Hashable, build: SourceBuilder) -> SharedSource:
    """Return the one source of this process under ``key``; the first call starts to load it with ``build``."""
    with _shared_lock:
        if key not in _shared:
            _shared[key] = SharedSource(build)
        return _shared[key].start()
