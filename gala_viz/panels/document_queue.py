"""Results of worker threads for one page, delivered in the document's own turn."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary, WeakSet, ref

from bokeh.document import Document
from panel.io import hold

from gala_viz.panels.bokeh_documents import ServerlessDocument

# A queue refers to its document: a strong reference to the queue would keep alive the key that should release it.
_held_queues: WeakKeyDictionary[Document, list[ref[DocumentQueue]]] = WeakKeyDictionary()
_held_queues_lock = threading.Lock()
_page_first: WeakSet[Document] = WeakSet()


def hold_updates(document: Document) -> None:
    """Hold back all results for ``document`` from the moment its browser connects until ``release_updates``.

    Panel drops changes of its components between a browser's first copy of the document and its message that the page
    is built. Results that arrived in between would be lost. Those that come before are in that first copy.
    """
    with _held_queues_lock:
        _held_queues[document] = []


def send_page_first(document: Document) -> None:
    """Hold back results for ``document`` from its beginning on, and not only while its browser builds the page.

    Over a slow line a page with maps in it would be there late; on one machine they are there at once.
    """
    _page_first.add(document)


def release_updates(document: Document) -> None:
    """Deliver what ``hold_updates`` held back, once the browser has built the page."""
    with _held_queues_lock:
        queues = _held_queues.pop(document, [])
    for one in queues:
        queue = one()
        if queue is not None:
            queue.schedule_delivery()


def _has_browser(document: Document) -> bool:
    """Return whether a browser has connected to a document."""
    session = getattr(document.session_context, "session", None)
    return session is not None and session.connection_count > 0


class DocumentQueue:
    """Results from worker threads for one page; of several under one key only the newest is delivered.

    ``deliver(key, value)`` runs in a next-tick callback of the document, so that it may change widgets and figures;
    ``on_delivered()`` runs after all that are delivered in one turn.
    While the page is busy (a slow browser has not yet received what was sent), results gather here, not in its socket.

    Create it for a served document in the thread of its event loop: callbacks are added there. While Panel holds a
    document, which it often does, callbacks that other threads add are held too, in a list that is not thread-safe,
    and may be lost; a page whose callback is lost gets no results any more.
    """

    def __init__(
        self,
        document: Document,
        deliver: Callable[[str, Any], None],
        on_delivered: Callable[[], None] = lambda: None,
    ) -> None:
        self._document, self._on_delivered = document, on_delivered
        self._loop = None if isinstance(document, ServerlessDocument) else _running_loop()
        self._deliver = deliver
        self._values: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._scheduled = self._waits = False
        self._closed = False

    def put(self, key: str, value: Any, *, within_s: float = 0.0) -> None:
        """Queue a value.

        Parameters
        ----------
        key : str
            It replaces an undelivered value of this key.
        value : object
            Given to ``deliver``.
        within_s : float
            Seconds that it may wait for others with which it is delivered; a served document alone lets them wait.
        """
        with self._lock:
            if self._closed:
                return
            self._values.pop(key, None)
            self._values[key] = value
            if self._scheduled or (self._waits and within_s > 0):
                return
            self._waits, self._scheduled = within_s > 0, within_s == 0
        if within_s > 0 and self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended, and the page with it
                self._loop.call_soon_threadsafe(self._loop.call_later, within_s, self._end_wait)
        else:
            self.schedule_delivery()

    def _end_wait(self) -> None:
        with self._lock:
            if not self._waits or self._scheduled:  # what waited was delivered with something else
                return
            self._scheduled = True
        self.schedule_delivery()

    def schedule_delivery(self) -> None:
        """Deliver in the document's next tick."""
        if self._loop in (None, _running_loop()):
            self._ask_for_turn()
        else:
            with suppress(RuntimeError):  # the loop has ended, and the page with it
                self._loop.call_soon_threadsafe(self._ask_for_turn)

    def close(self) -> None:
        """Deliver nothing any more and drop what is waiting."""
        with self._lock:
            self._closed = True
            self._values.clear()

    def _ask_for_turn(self) -> None:
        if not self._closed:
            self._document.add_next_tick_callback(self._flush)

    def _flush(self) -> None:
        with _held_queues_lock:
            waiting = _held_queues.get(self._document)
            if waiting is not None and (self._document in _page_first or _has_browser(self._document)):
                waiting.append(ref(self))
                return
        with self._lock:
            values, self._values, self._scheduled, self._waits = self._values, {}, False, False
        with hold(self._document):
            for key, value in values.items():
                if not self._closed:
                    self._deliver(key, value)
            if not self._closed:
                self._on_delivered()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
