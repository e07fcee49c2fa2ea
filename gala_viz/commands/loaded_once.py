"""What is loaded in a thread behind a page that already stands, once a process, and then answers on its server."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

from gala_viz.registry import UnknownNameError
from gala_viz.threads import start_thread, stopping

if TYPE_CHECKING:
    from panel.viewable import Viewable

    from gala_viz.play.server import Addresses

_log = logging.getLogger(__name__)
_started: dict[Hashable, Loading] = {}
_lock = threading.Lock()
LOOK_MS = 500
"""How often a page looks whether what it talks to could be loaded."""


class Loading:
    """What is being loaded: ``done`` once it is, with ``error``, a sentence, where it could not be."""

    def __init__(self) -> None:
        self.done, self.error = False, ""


def load_once(key: Hashable, load: Callable[[], Addresses]) -> Loading:
    """Load in a thread, unless that was begun under ``key``, and add the addresses to the servers of this process.

    To be called in a server's loop, by the first page of it. After a failure, which log and page tell, the next page
    tries again.
    """
    from tornado.ioloop import IOLoop

    loop = IOLoop.current()
    with _lock:
        if key in _started:
            return _started[key]
        loading = _started[key] = Loading()
    start_thread(_load, "gala-viz loading", key, loading, load, loop.add_callback)
    return loading


def page_while(loading: Loading, board: Viewable, name: str) -> Viewable:
    """``board``, which the reason takes the place of where what it talks to could not be loaded."""
    if loading.done:
        return board
    import panel as pn

    from gala_viz.panels.facts import facts
    from gala_viz.panels.markup import failure

    shown = pn.Column(board, sizing_mode="stretch_width", margin=0)

    def look() -> None:
        if loading.done:
            looking.stop()
            if loading.error:
                shown[:] = [facts(failure(loading.error, name))]

    looking = pn.state.add_periodic_callback(look, period=LOOK_MS)
    return shown


def _load(key: Hashable, loading: Loading, load: Callable[[], Addresses], soon: Callable[..., None]) -> None:
    from gala_viz.panels.panel_patches import running_servers
    from gala_viz.play.server import add_addresses

    try:
        addresses = load()
    except Exception as error:  # whatever it is, whoever waits for it hears of it
        with _lock:
            _started.pop(key, None)
        if stopping.is_set():  # what it needs was taken away under it, and nobody waits any more
            return
        if isinstance(error, (ValueError, OSError, UnknownNameError)):
            _log.error("What the page talks to could not be started: %s", error)
        else:
            _log.exception("What the page talks to could not be started.")
        loading.error = str(error) or type(error).__name__
    else:
        for one in running_servers():
            soon(add_addresses, one, addresses)
    loading.done = True
