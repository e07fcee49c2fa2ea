"""A page of one session over a source that may still be loading: a message at once, the view when it is ready."""

from __future__ import annotations

from abc import ABC, abstractmethod
from html import escape

import panel as pn
import panel_material_ui as pmui
import param
from panel.util import edit_readonly

from gala_viz.panels.bokeh_documents import ScriptDocument
from gala_viz.panels.connection_monitor import ConnectionMonitor
from gala_viz.panels.dark_mode import DarkMode
from gala_viz.panels.document_queue import hold_updates, release_updates
from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.markup import load_error, loading_message
from gala_viz.panels.memory import free_soon
from gala_viz.panels.page_reload import PageReload
from gala_viz.panels.shared_source import SharedSource
from gala_viz.panels.styles import PAGE_SX, THEME

TITLE = "gala_viz"
DARK_COOKIE = "gala_viz_dark"
"""Cookie with the choice of light or dark, so that the next page begins with it (``panels/dark_mode.js``)."""
POLL_MS = 250
"""Interval at which a waiting page polls the state of its source."""
EDGE = (6, 14)


class _Idle(param.Parameterized):
    """What a page refers to in place of the server's busy state.

    With the server's state every callback of any session would cost each page two messages to its browser, and the
    reference would keep each page alive for as long as the server runs.
    """

    busy = param.Boolean(default=False)


class SourcePage(ABC):
    """The page of one session; ``view`` is None until the source is ready."""

    heading: str
    """What the page is, while it loads and in the browser's tab."""
    description: str

    def __init__(self, shared_source: SharedSource) -> None:
        self.shared_source = shared_source
        self.view = None
        self.document = pn.state.curdoc or ScriptDocument()
        self.status_pane = html_pane(loading_message(shared_source.step, self.heading))
        self.reload = PageReload(width=0, height=0, margin=0)
        self.connection = ConnectionMonitor(width=0, height=0, margin=0)
        self.subtitle = html_pane(margin=(0, 8), align="center", styles={"flex": "1 1 0", "min-width": "0"})
        title = f"gala_viz: {self.heading[0].lower()}{self.heading[1:]}"
        self.page = pmui.Page(
            title=TITLE,
            site_url="",
            main=[self.status_pane, self.reload],
            sidebar=[],
            header=[self.subtitle, self.connection],
            sidebar_width=276,
            sidebar_resizable=False,
            theme_config=THEME,
            dark_theme=pn.state.cookies.get(DARK_COOKIE) == "1",
            busy_indicator=None,
            sx=PAGE_SX,
            meta_title=title,
            meta_description=self.description,
        )
        with edit_readonly(self.page):
            self.page.busy = _Idle().param.busy
        self.dark_mode = DarkMode(dark=self.page.dark_theme, width=0, height=0, margin=0)
        self.page.jslink(self.dark_mode, dark_theme="dark", sidebar_open="sidebar_open", bidirectional=True)
        self._waiting = None
        self.document.on_session_destroyed(lambda _: self._end())
        pn.state.onload(lambda: setattr(self.document, "title", title))
        if shared_source.state == "ready":
            self._begin()
        else:
            self._follow()
            if pn.state.curdoc is not None:
                self._waiting = pn.state.add_periodic_callback(self._follow, period=POLL_MS)

    @abstractmethod
    def build(self) -> None:
        """Create ``view`` from the source, which is ready, and put its components on the page."""

    def close(self) -> None:
        """Cancel what this session requested and release its view."""
        if self._waiting is not None:
            self._waiting.stop()
        if self.view is not None:
            self.view.close()
            self.view = None

    def _end(self) -> None:
        self.close()
        free_soon()

    def _follow(self) -> None:
        """Show the progress of loading; once the source is ready, load the page anew."""
        if self.view is not None:
            return
        if self.shared_source.state == "ready":
            if self.reload.acknowledged and self._waiting is not None:
                self._waiting.stop()
            else:
                self.reload.n_requests += 1  # the next session finds the source ready
        elif self.shared_source.state == "failed":
            self.status_pane.object = load_error(self.shared_source.error, self.heading)
        else:
            self.status_pane.object = loading_message(self.shared_source.step, self.heading)

    def _begin(self) -> None:
        hold_updates(self.document)
        pn.state.onload(lambda: release_updates(self.document))
        self.build()
        networks = self.shared_source.source.networks
        names = " and ".join(dict.fromkeys(network.name for network in networks))
        devices = " / ".join(dict.fromkeys(network.device for network in networks))
        self.subtitle.object = _subtitle(self.shared_source.source.title, names, devices)


def section(title: str, hint: str, *parts, margin: tuple[int, ...] = (0, 0, 12, 0)) -> pn.Column:
    """Lay out components below a heading.

    Parameters
    ----------
    title : str
        The heading, as HTML.
    hint : str
        Plain text beside it.
    *parts
        Components, one below the other.
    margin : tuple of int
        Of the section, in pixels.

    Returns
    -------
    panel.Column
        The section.
    """
    hint_html = f'<span class="muted" style="font-weight:400;font-size:12px">{escape(hint)}</span>'
    return pn.Column(
        html_pane(f"<h2>{title} {hint_html}</h2>"),
        *parts,
        sizing_mode="stretch_width",
        margin=margin,
    )


def _subtitle(title: str, names: str, devices: str) -> str:
    return (
        f'<div class="subtitle"><b title="{escape(title)}">{escape(title)}</b>'
        f'<span class="muted">{escape(names)}</span><span class="muted device">{escape(devices)}</span></div>'
    )
