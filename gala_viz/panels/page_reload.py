"""Loads the page anew: page_reload.js."""

from __future__ import annotations

import param

from gala_viz.panels.browser_component import BrowserComponent, read_scripts


class PageReload(BrowserComponent):
    """Loads the page anew once ``asked`` rises; asking again does no harm, so it may be repeated until it is heard."""

    asked = param.Integer(default=0)
    heard = param.Boolean(default=False, doc="Set by the browser before it loads the page anew.")

    _esm = read_scripts("page_reload")
