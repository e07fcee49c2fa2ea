"""A page of one session over a source that may still be loading: words at once, the visitor's parts when it is
there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from html import escape

import panel as pn
import panel_material_ui as pmui
import param
from panel.util import edit_readonly

from gala_viz.panels.background import browser_heard, wait_for_browser
from gala_viz.panels.components import Connection, DarkChoice, Reload
from gala_viz.panels.facts import facts
from gala_viz.panels.markup import failure, loading
from gala_viz.panels.memory import free_soon
from gala_viz.panels.shared import SharedSource
from gala_viz.panels.styles import PAGE_SX, THEME
from gala_viz.panels.turns import ScriptDocument

TITLE = "gala_viz"
DARK_COOKIE = "gala_viz_dark"
"""Where a browser keeps the choice of light or dark, so that the next page begins with it (``browser/dark.js``)."""
LOOK_MS = 250
"""How often a waiting page looks whether its source is there."""
EDGE = (6, 14)


class _Idle(param.Parameterized):
    """What a page refers to in place of the server's state, where every callback of any session would cost each page
    two rounds to its browser, and where the reference would keep each page alive for as long as the server runs.
    """

    busy = param.Boolean(default=False)


class SourcePage(ABC):
    """The page of one session; ``view`` is None until the source is ready."""

    heading: str
    """What the page is, while it loads and in the browser's tab."""
    description: str

    def __init__(self, shared: SharedSource) -> None:
        self.shared = shared
        self.view = None
        self.document = pn.state.curdoc or ScriptDocument()
        self.state = facts(loading(shared.step, self.heading))
        self.reload = Reload(width=0, height=0, margin=0)
        self.connection = Connection(width=0, height=0, margin=0)
        self.subtitle = facts(margin=(0, 8), align="center", styles={"flex": "1 1 0", "min-width": "0"})
        title = f"gala_viz: {self.heading[0].lower()}{self.heading[1:]}"
        self.page = pmui.Page(
            title=TITLE,
            site_url="",
            main=[self.state, self.reload],
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
        self.choice = DarkChoice(dark=self.page.dark_theme, width=0, height=0, margin=0)
        self.page.jslink(self.choice, dark_theme="dark", sidebar_open="drawer", bidirectional=True)
        self._waiting = None
        self.document.on_session_destroyed(lambda _: self._end())
        pn.state.onload(lambda: setattr(self.document, "title", title))
        if shared.state == "ready":
            self._begin()
        else:
            self._follow()
            if pn.state.curdoc is not None:
                self._waiting = pn.state.add_periodic_callback(self._follow, period=LOOK_MS)

    @abstractmethod
    def fill(self) -> None:
        """Make ``view`` and put its parts on the page."""

    def close(self) -> None:
        """Cancel what this session asked for and let go of its parts."""
        if self._waiting is not None:
            self._waiting.stop()
        if self.view is not None:
            self.view.close()
            self.view = None

    def _end(self) -> None:
        self.close()
        free_soon()

    def _follow(self) -> None:
        if self.view is not None:
            return
        if self.shared.state == "ready":
            if self.reload.heard and self._waiting is not None:
                self._waiting.stop()
            else:
                self.reload.asked += 1  # the next session finds the source there
        elif self.shared.state == "failed":
            self.state.object = failure(self.shared.error, self.heading)
        else:
            self.state.object = loading(self.shared.step, self.heading)

    def _begin(self) -> None:
        wait_for_browser(self.document)
        pn.state.onload(lambda: browser_heard(self.document))
        self.fill()
        networks = self.shared.source.networks
        names = " and ".join(dict.fromkeys(network.name for network in networks))
        devices = " / ".join(dict.fromkeys(network.device for network in networks))
        self.subtitle.object = _subtitle(self.shared.source.title, names, devices)


def section(title: str, hint: str, *parts, margin: tuple[int, ...] = (0, 0, 12, 0)) -> pn.Column:
    """Parts under a heading, a plain text as its ``hint``."""
    told = f'<span class="muted" style="font-weight:400;font-size:12px">{escape(hint)}</span>'
    return pn.Column(
        facts(f"<h2>{title} {told}</h2>"),
        *parts,
        sizing_mode="stretch_width",
        margin=margin,
    )


def _subtitle(title: str, names: str, devices: str) -> str:
    return (
        f'<div class="subtitle"><b title="{escape(title)}">{escape(title)}</b>'
        f'<span class="muted">{escape(names)}</span><span class="muted device">{escape(devices)}</span></div>'
    )
