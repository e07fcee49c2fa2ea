"""Loading once a process in a thread behind a page, after which the server answers at the loaded addresses."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

from gala_viz.registry import UnknownNameError
from gala_viz.threads import shutdown_event, start_thread

if TYPE_CHECKING:
    from bokeh.server.tornado import BokehTornado
    from panel.viewable import Viewable

    from gala_viz.wire import Routes

_log = logging.getLogger(__name__)
_started: dict[Hashable, LoadingTask] = {}
_lock = threading.Lock()
POLL_MS = 500
"""How often a page checks whether what it communicates with is loaded."""


class LoadingTask:
    """A loading in progress: ``done`` once it has ended, with ``error``, a sentence, where it failed."""

    def __init__(self) -> None:
        self.done, self.error = False, ""


def load_once(key: Hashable, load: Callable[[], Routes]) -> LoadingTask:
    """Load in a thread, unless that was begun under ``key``, and add the addresses to the servers of this process.

    To be called in a server's loop, by the first page of it. After a failure, which log and page say, the next page
    tries again.
    """
    from tornado.ioloop import IOLoop

    loop = IOLoop.current()
    with _lock:
        if key in _started:
            return _started[key]
        loading = _started[key] = LoadingTask()
    start_thread(_load, "gala-viz loading", key, loading, load, loop.add_callback)
    return loading


def page_while_loading(task: LoadingTask, component: Viewable, name: str) -> Viewable:
    """Return ``component``, which the reason replaces where loading fails.

    ``name`` is what the page shows, for the error.
    """
    if task.done:
        return component
    import panel as pn

    from gala_viz.panels.html_pane import html_pane
    from gala_viz.panels.markup import load_error

    column = pn.Column(component, sizing_mode="stretch_width", margin=0)

    def look() -> None:
        if task.done:
            polling.stop()
            if task.error:
                column[:] = [html_pane(load_error(task.error, name))]

    polling = pn.state.add_periodic_callback(look, period=POLL_MS)
    return column


def add_routes(application: BokehTornado, routes: Routes) -> None:
    """Give a running ``application`` addresses beside its pages, under its own prefix."""
    application.add_handlers(".*", routes(re.escape(application.prefix)))


def _load(key: Hashable, loading: LoadingTask, load: Callable[[], Routes], soon: Callable[..., None]) -> None:
    """Load, and add the addresses to the running servers through ``soon``; set the task's error where loading fails."""
    from gala_viz.panels.panel_patches import running_servers

    try:
        addresses = load()
    except Exception as error:  # whatever it is, the page shows it
        with _lock:
            _started.pop(key, None)
        if shutdown_event.is_set():  # the process ends, and nobody waits any more
            return
        if isinstance(error, (ValueError, OSError, UnknownNameError)):
            _log.error("What the page talks to could not be started: %s", error)
        else:
            _log.exception("What the page talks to could not be started.")
        loading.error = str(error) or type(error).__name__
    else:
        for one in running_servers():
            soon(add_routes, one, addresses)
    loading.done = True
