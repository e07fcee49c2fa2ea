"""Says that the page's server is gone: connection_monitor.js."""

from __future__ import annotations

from gala_viz.panels.browser_component import BrowserComponent, read_scripts


class ConnectionMonitor(BrowserComponent):
    """Says over the whole page when its server is gone, and loads it anew once the server answers."""

    _esm = read_scripts("connection_banner", "connection_monitor")
