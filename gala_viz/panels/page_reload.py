"""Loads the page anew: page_reload.js."""

from __future__ import annotations

import param

from gala_viz.panels.browser_component import BrowserComponent, read_scripts


class PageReload(BrowserComponent):
    """Loads the page anew once ``n_requests`` rises.

    A further request does no harm: it may be repeated until the browser has set ``acknowledged``.
    """

    n_requests = param.Integer(default=0)
    acknowledged = param.Boolean(default=False, doc="Set by the browser before it loads the page anew.")

    _esm = read_scripts("page_reload")
