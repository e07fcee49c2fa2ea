"""What is loaded in a thread behind a page that already stands, once a process, and then answers on its server."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

from gala_viz.threads import start_thread

if TYPE_CHECKING:
    from gala_viz.play.server import Addresses

_log = logging.getLogger(__name__)
_started: set[Hashable] = set()
_lock = threading.Lock()


def load_once(key: Hashable, load: Callable[[], Addresses]) -> None:
    """Load in a thread, unless that was begun under ``key``, and add the addresses to the servers of this process.

    To be called in a server's loop, by the first page of it. After a failure, which the log tells in full while the
    page says that nobody answers, the next page tries again.
    """
    from tornado.ioloop import IOLoop

    loop = IOLoop.current()
    with _lock:
        if key in _started:
            return
        _started.add(key)
    start_thread(_load, "gala-viz loading", key, load, loop.add_callback)


def _load(key: Hashable, load: Callable[[], Addresses], soon: Callable[..., None]) -> None:
    from gala_viz.panels.panel_patches import running_servers
    from gala_viz.play.server import add_addresses

    try:
        addresses = load()
    except Exception:
        _log.exception("What the page talks to could not be started.")
        with _lock:
            _started.discard(key)
        return
    for one in running_servers():
        soon(add_addresses, one, addresses)
