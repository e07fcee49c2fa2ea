"""Light or dark, kept in a cookie: dark_mode.js."""

from __future__ import annotations

import panel as pn
import param

from gala_viz.panels.browser_component import BrowserComponent, read_scripts

_COOKIE = "gala_viz_dark"


def is_dark() -> bool | None:
    """Return the choice of light or dark in the visitor's cookie, which the next page begins with; None: none yet."""
    return {"0": False, "1": True}.get(pn.state.cookies.get(_COOKIE, ""))


class DarkMode(BrowserComponent):
    """Begins with the browser's choice of light or dark, or the system's, and stores a new choice in a cookie.

    The drawer is closed at first where it would cover the page.
    """

    dark = param.Boolean(default=False)
    sidebar_open = param.Boolean(default=True, doc="Whether the drawer is open.")

    _esm = read_scripts("dark_mode")
