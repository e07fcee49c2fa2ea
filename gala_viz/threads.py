"""Threads that work beside a page or a game, and their end before Python's own teardown.

A thread that is inside PyTorch, Numba or another compiled library when Python ends aborts the process. All such
threads are started here, as daemons. When the process ends, ``shutdown_event`` tells them so, and the process waits for
them for a while.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol, TypeVar
from weakref import WeakSet

SHUTDOWN_TIMEOUT_S = 2.5
"""How long the end of the process waits for threads; a batch of maps on a slow machine takes about a second."""

Item = TypeVar("Item")
Result = TypeVar("Result")

_log = logging.getLogger(__name__)


class Closable(Protocol):
    """An object that ends its own thread when it is closed, at its next opportunity."""

    def close(self) -> None:
        """End the thread; closing twice changes nothing."""
        ...


shutdown_event = threading.Event()
"""Set once the process ends; loops and loaders check it between their steps."""

_threads: WeakSet[threading.Thread] = WeakSet()
_closed_at_end: WeakSet[Closable] = WeakSet()
_lock = threading.Lock()
_status: int | None = None
_owned = False


class ShutdownError(Exception):
    """The process ends before a step of loading began."""


def start_thread(target: Callable[..., None], name: str, *args: object) -> threading.Thread:
    """Start ``target(*args)`` in a daemon thread that the end of the process waits for."""
    thread = threading.Thread(target=target, name=name, args=args, daemon=True)
    with _lock:
        _threads.add(thread)
    thread.start()
    return thread


def close_at_exit(closable: Closable) -> None:
    """Close ``closable`` when the process ends, if it still exists then."""
    with _lock:
        _closed_at_end.add(closable)


def read_ahead(function: Callable[[Item], Result], items: Iterable[Item], ahead: int = 2) -> Iterator[Result]:
    """Yield ``function(item)`` in the order of ``items``, computed up to ``ahead`` items early in a thread beside.

    For reading and decoding while a device computes. An error of ``function`` is raised where its result is due.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="gala-viz read ahead") as reader:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(reader.submit(function, item))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def raise_on_shutdown() -> None:
    """Raise ``ShutdownError`` once ``shutdown_event`` is set."""
    if shutdown_event.is_set():
        raise ShutdownError("the program is being ended.")


def stop_threads(timeout_s: float = SHUTDOWN_TIMEOUT_S) -> list[str]:
    """Ask all threads to stop, wait for them, and return the names of those that did not stop.

    It waits ``timeout_s`` in all, at most.
    """
    shutdown_event.set()
    end = time.monotonic() + timeout_s
    with _lock:
        closing, threads = list(_closed_at_end), list(_threads)
    for one in closing:
        with suppress(Exception):  # whatever it is, the others are closed as well
            one.close()
    for thread in threads:
        if thread is not threading.current_thread() and thread.is_alive():
            thread.join(max(0.0, end - time.monotonic()))
    return sorted(thread.name for thread in threads if thread.is_alive())


def exit_without_teardown(status: int) -> None:
    """Let the process end with ``status``, once all that is registered for its end has run, without Python's teardown.

    After a server of pages the teardown takes seconds, and aborts where a thread still computes.
    """
    global _status
    _status = status


def own_process() -> None:
    """Declare that this program is all that the process does, and may end it."""
    global _owned
    _owned = True


def exit_after(delay_s: float, status: int) -> None:
    """End the process with ``status`` after ``delay_s`` seconds if it still runs then, whatever it waits for.

    Nothing happens where it belongs to another program, such as a notebook, which goes on (see ``own_process``).
    """
    if not _owned:
        return

    def wait() -> None:
        time.sleep(delay_s)
        _end_now(status)

    threading.Thread(target=wait, name="gala-viz end", daemon=True).start()


def _at_end() -> None:
    names = stop_threads()
    if names:
        _log.info("threads that did not end in time are left behind: %s", ", ".join(names))
    if _status is not None:
        _end_now(_status)


def _end_now(status: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # nobody reads it any more
            stream.flush()
    os._exit(status)


atexit.register(_at_end)  # first, so that it runs after all that libraries register when they are imported
