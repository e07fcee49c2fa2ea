"""The base of all widgets: a document in the kernel's turns, a layout that is made when it is first shown, an end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from difflib import get_close_matches
from typing import Any

import panel as pn
from IPython.display import publish_display_data

from gala_viz.jupyter.bokeh_scripts import load_scripts
from gala_viz.jupyter.cell import Cell
from gala_viz.jupyter.cell_theme import FRAME_CSS, CellTheme
from gala_viz.jupyter.interrupt import cancel_on_interrupt, ignore_interrupts
from gala_viz.jupyter.kernel_document import KernelDocument, kernel_loop
from gala_viz.panels.bokeh_documents import ScriptDocument
from gala_viz.panels.html_templates import render_html
from gala_viz.panels.view_state import CurrentImage
from gala_viz.store.source import MapSource

MAX_COMPARED_IDS = 20_000
"""Ids among which the nearest to a wrong one are searched."""
HINT = """<p data-gala-viz-hint="{{ name }}">Controls appear here while the notebook runs. If they stay away, install
<code>pip install jupyterlab_widgets jupyter_bokeh</code> where Jupyter itself runs, see that
<code>jupyter labextension list</code> calls both enabled, and load this page again.</p>"""
"""A line that ``cell_theme.js`` takes away: a kernel is never told that its reader's Jupyter lacks an extension."""


class Widget(ABC):
    """One widget on a source. Outside a Jupyter kernel it works from code, and shows as text.

    ``document`` runs the turns: of a kernel, or outside a kernel of a script, which receives news when the widget is
    read. ``close`` ends its threads; until then it lives as long as the kernel.
    """

    def __init__(self, source: MapSource) -> None:
        loop = kernel_loop()
        self.source = source
        self.document = KernelDocument(loop) if loop is not None else ScriptDocument()
        self.cell_theme = CellTheme()
        self.cell_theme.param.watch(lambda _: self.cell.on_rendered(), "render_count")
        self._cell: Cell | None = None
        self._column: pn.Column | None = None
        self._closed = False
        if loop is not None:
            cancel_on_interrupt(self, loop)

    @property
    @abstractmethod
    def shown(self) -> CurrentImage:
        """The current image: which photograph is in view."""

    @property
    def image(self) -> str | None:
        """The id of the photograph in view; setting it moves this widget, and what is linked to it."""
        return self.shown.image

    @image.setter
    def image(self, image: str) -> None:
        check_image(self.source, image)
        self.document.invoke(lambda: setattr(self.shown, "image", image))

    @abstractmethod
    def parts(self) -> list[Any]:
        """Return the layout's parts, from top to bottom; called once, when the widget is first shown."""

    @abstractmethod
    def cancel_all(self) -> None:
        """Stop computing; what is there stays, and the progress lines say so."""

    @property
    def cell(self) -> Cell:
        """The ipywidget; shown again elsewhere, it moves there. Raises ``RuntimeError`` outside a kernel."""
        if isinstance(self.document, ScriptDocument):
            raise RuntimeError("a widget needs a Jupyter kernel; open this in JupyterLab, Notebook or VS Code.")
        if self._closed:
            raise RuntimeError(f"this {type(self).__name__} was closed; make another one to see it.")
        if self._cell is None:
            self._cell = Cell(self._layout(), self.document)
        return self._cell

    def _layout(self) -> pn.Column:
        if self._column is None:
            self._column = pn.Column(
                self.cell_theme, *self.parts(), sizing_mode="stretch_width", margin=0, stylesheets=[FRAME_CSS]
            )
        return self._column

    def close(self) -> None:
        """Stop computing, end all threads, and remove the widget from the notebook; closing twice does no harm."""
        if self._closed:
            return
        self._closed = True
        ignore_interrupts(self)
        self._end()
        if self._cell is not None:
            self._cell.close()
            self._cell = None

    @abstractmethod
    def _end(self) -> None:
        """End what this kind of widget has begun."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        if isinstance(self.document, ScriptDocument) or self._closed:
            return {"text/plain": repr(self)}
        load_scripts()
        if self._cell is not None and self._cell.is_displayed:
            self._cell.close()
            self._cell = None
        publish_display_data({"text/html": render_html(HINT, name=self.cell_theme.hint_id), "text/plain": ""})
        return {**self.cell._repr_mimebundle_(include=include, exclude=exclude), "text/plain": repr(self)}


def check_image(source: MapSource, image: str) -> str:
    """Return ``image`` if the source has it; raise ``ValueError`` with the nearest ids otherwise."""
    if image not in source.images:
        near = get_close_matches(str(image), source.images[:MAX_COMPARED_IDS], n=3)
        answer = f"Did you mean {' or '.join(map(repr, near))}?" if near else f"Its ids look like {source.images[0]!r}."
        raise ValueError(f"{source.title} has no image called {image!r}. {answer}")
    return image
