"""Colours of a notebook's cell, light or dark, for components made for a page: cell_theme.js."""

from __future__ import annotations

import secrets
from pathlib import Path

import param

from gala_viz.panels.browser_component import BrowserComponent

FRAME_CSS = """
:host { width: 100%; max-width: 1180px; padding: 4px 2px 8px; box-sizing: border-box; container-type: inline-size;
  font-family: var(--jp-ui-font-family, Roboto, sans-serif); }
"""


class CellTheme(BrowserComponent):
    """Gives all parts of a cell the colours that a page gives them, for a light notebook or a dark one."""

    dark = param.Boolean(default=False, doc="Told by the browser; ``MapDisplay.dark`` and pictures follow it.")

    render_count = param.Integer(default=0, doc="Raised by every browser once it has built the cell.")

    hint_id = param.String(doc="Id of the line that stands for the cell until a browser has built it.")

    _esm = Path(__file__).with_name("cell_theme.js").read_text(encoding="utf-8")

    def __init__(self, **params: object) -> None:
        super().__init__(**{"width": 0, "height": 0, "margin": 0, "hint_id": secrets.token_urlsafe(9), **params})
