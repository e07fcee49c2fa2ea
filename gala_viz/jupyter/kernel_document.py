"""Documents of a kernel, whose turns run in one thread, that of the kernel's event loop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import panel as pn
from bokeh.models import ImportedStyleSheet, InlineStyleSheet
from IPython import get_ipython
from tornado.ioloop import IOLoop

from gala_viz.panels.bokeh_documents import ServerlessDocument

PANEL_DIST = Path(pn.__file__).parent / "dist"
"""Panel's own scripts and style sheets, as installed."""


def kernel_loop() -> IOLoop | None:
    """Return the event loop of the Jupyter kernel that this process is, or None outside a kernel."""
    shell = get_ipython()
    return getattr(getattr(shell, "kernel", None), "io_loop", None)


def current_cell_id() -> str:
    """Return the name of the running cell, as the notebook gives it; "" where it gives none."""
    kernel = getattr(get_ipython(), "kernel", None)
    parent = kernel.get_parent() if kernel is not None else {}
    return str(parent.get("metadata", {}).get("cellId", ""))


class KernelDocument(ServerlessDocument):
    """A Bokeh document of a kernel, which is changed only in a *turn*, in the thread of the kernel's loop.

    Worker threads request a turn with ``add_next_tick_callback``; so do browser messages, which some notebooks deliver
    in threads of their own. A turn begins when no cell runs, and is sent as one change.
    """

    def __init__(self, loop: IOLoop) -> None:
        super().__init__()
        self._loop = loop
        self._sheets: dict[str, InlineStyleSheet | None] = {}

    def add_next_tick_callback(self, callback: Callable[[], Any]) -> None:  # type: ignore[override]
        """Run ``callback`` in a turn of its own, soon."""
        self._loop.add_callback(self._run, callback)

    def invoke(self, callback: Callable[[], Any]) -> None:
        """Run ``callback`` in a turn: at once in the main thread, where cells run, else soon."""
        if threading.current_thread() is threading.main_thread():
            self._run(callback)
        else:
            self.add_next_tick_callback(callback)

    def invoke_and_wait(self, function: Callable[[], Any], timeout_s: float) -> Any:
        """Return the result of ``function`` in a turn, from any thread; None where none comes in ``timeout_s``."""
        answer: Future[Any] = Future()
        self.invoke(lambda: answer.set_result(function()))
        try:
            return answer.result(timeout_s)
        except TimeoutError:
            return None

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
            self.inline_stylesheets()
            self.unhold()

    def inline_stylesheets(self) -> None:
        """Replace Panel's style sheets on a network by the installed ones, and drop those of a page's theme."""
        outside = [one for one in self.models if any(map(_is_outside, getattr(one, "stylesheets", [])))]
        with_fonts = [one for one in self.models if getattr(one, "css_bundle", None)]  # on another host
        if not outside and not with_fonts:
            return
        with self.models.freeze():  # else all models are gathered anew for each that changes
            for model in outside:
                own = [self._installed(one) if _is_outside(one) else one for one in model.stylesheets]
                model.stylesheets = [sheet for sheet in own if sheet is not None]
            for model in with_fonts:
                model.css_bundle = None  # pyright: ignore[reportAttributeAccessIssue]

    def _installed(self, sheet: ImportedStyleSheet) -> InlineStyleSheet | None:
        path = sheet.url.partition("/dist/")[2].partition("?")[0]
        if path not in self._sheets:
            file = PANEL_DIST / path
            is_installed = path.startswith("css/") and file.is_file()
            self._sheets[path] = InlineStyleSheet(css=file.read_text(encoding="utf-8")) if is_installed else None
        return self._sheets[path]


def _is_outside(sheet: object) -> bool:
    return isinstance(sheet, ImportedStyleSheet)
