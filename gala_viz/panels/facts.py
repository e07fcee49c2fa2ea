"""The pane that shows markup made by ``panels.markup``."""

from __future__ import annotations

from typing import Any

import panel as pn
from bokeh.model import Model

from gala_viz.panels.styles import sheet

_FACTS = sheet("facts")


class Facts(pn.pane.HTML):
    """A pane of which new markup changes the text alone.

    Panel sends all that a pane is with every new text, style sheets among it; for the browser these are new ones, and
    it lays out the whole page anew, all its figures too.
    """

    def _update(self, ref: str, model: Model) -> None:
        model.text = self._get_properties(model.document)["text"]


def facts(html: str = "", **params: Any) -> Facts:
    """A pane for markup made by ``panels.markup``."""
    return Facts(html, stylesheets=[_FACTS], **{"sizing_mode": "stretch_width", "margin": 0, **params})
