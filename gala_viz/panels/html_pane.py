"""The pane that shows markup made by ``panels.markup``."""

from __future__ import annotations

from typing import Any

import panel as pn
from bokeh.model import Model

from gala_viz.panels.browser_component import read_stylesheets

_STYLESHEET = read_stylesheets("html_pane")


class HtmlPane(pn.pane.HTML):
    """A pane of which new markup changes the text alone.

    Panel sends all properties of a pane with every new text, style sheets too. For the browser these are new style
    sheets, and it lays out the whole page anew, with all its figures.
    """

    def _update(self, ref: str, model: Model) -> None:
        model.text = self._get_properties(model.document)["text"]


def html_pane(html: str = "", *, css: str = "", **params: Any) -> HtmlPane:
    """Return a pane for markup made by ``panels.markup``; ``css`` are more rules for it alone."""
    return HtmlPane(html, stylesheets=[_STYLESHEET + css], **{"sizing_mode": "stretch_width", "margin": 0, **params})
