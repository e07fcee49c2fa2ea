"""What stands in a notebook's cell: a Panel layout as an ipywidget, the same in JupyterLab, Notebook 7 and VS Code."""

from __future__ import annotations

from typing import Any

import panel as pn
from bokeh.document.events import DocumentPatchedEvent
from bokeh.model import Model
from bokeh.models import ImportedStyleSheet, InlineStyleSheet
from jupyter_bokeh.widgets import BokehModel

from gala_viz.jupyter.kernel import KernelDocument
from gala_viz.jupyter.scripts import DIST
from gala_viz.panels.background import browser_heard, wait_for_browser


def put_sheets_inline(root: Model) -> None:
    """Replace Panel's style sheets on a network by the installed ones; those of a page's theme are dropped."""
    texts: dict[str, InlineStyleSheet | None] = {}
    for model in root.references():
        sheets = getattr(model, "stylesheets", [])
        if not any(isinstance(sheet, ImportedStyleSheet) for sheet in sheets):
            continue
        own = [_installed(sheet, texts) if isinstance(sheet, ImportedStyleSheet) else sheet for sheet in sheets]
        model.stylesheets = [sheet for sheet in own if sheet is not None]


def _installed(sheet: ImportedStyleSheet, texts: dict[str, InlineStyleSheet | None]) -> InlineStyleSheet | None:
    path = sheet.url.partition("/dist/")[2].partition("?")[0]
    if path not in texts:
        file = DIST / path
        known = path.startswith("css/") and file.is_file()
        texts[path] = InlineStyleSheet(css=file.read_text(encoding="utf-8")) if known else None
    return texts[path]


class Cell(BokehModel):
    """``layout`` as an ipywidget; what browsers tell and what changes is dealt with in turns of ``document``.

    What a browser gets first is a copy of the whole; changes follow as patches. A copy that is older than the last
    change is replaced as soon as a view of it stands: after a reload, in a second view, or where a browser was slow.
    """

    def __init__(self, layout: pn.viewable.Viewable, document: KernelDocument) -> None:
        self._turns = document
        self._stale, self._views = False, 0
        root = layout.get_root(document)
        put_sheets_inline(root)
        document.add_root(root)
        super().__init__(root, combine_events=True, _view_count=0)
        self.on_msg(self._sync_model, remove=True)
        self.on_msg(self._told)
        self.observe(self._viewed, "_view_count")
        wait_for_browser(document)

    def _document_patched(self, event: DocumentPatchedEvent) -> None:
        self._stale = True
        if self._views:
            super()._document_patched(event)

    def _told(self, _: Any, content: dict[str, Any], buffers: list[Any]) -> None:
        self._turns.act(lambda: self._sync_model(self, content, buffers))

    def _viewed(self, change: Any) -> None:
        self._turns.act(lambda: self._count(change["new"] or 0))

    def _count(self, views: int) -> None:
        more, self._views = views > self._views, views
        if more and self._stale:
            self._stale = False
            self.update_from_model(self._model)
        if more:
            browser_heard(self._turns)
