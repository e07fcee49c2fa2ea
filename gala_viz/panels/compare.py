"""The comparison page: a loading state at once, the parts of one visitor's view as soon as the source is there."""

from __future__ import annotations

from html import escape

import panel as pn
import panel_material_ui as pmui

from gala_viz.panels.background import browser_heard, wait_for_browser
from gala_viz.panels.components import Reload
from gala_viz.panels.markup import facts, failure, loading, nothing_to_show, provenance
from gala_viz.panels.shared import SharedSource
from gala_viz.panels.styles import PAGE_SX, THEME, grid_css
from gala_viz.panels.view import CompareView

TITLE = "gala_viz"
DARK_COOKIE = "gala_viz_dark"
"""Where a browser keeps the choice of light or dark, so that the next page begins with it (``browser/display.js``)."""
LOOK_MS = 250
"""How often a waiting page looks whether its source is there."""
_EDGE = (6, 14)


def compare_page(shared: SharedSource) -> pmui.Page:
    """A page for one session. It shows what is being loaded, then the comparison, or why it could not start."""
    return ComparePage(shared).page


class ComparePage:
    """The page of one session; ``view`` is None until the source is ready."""

    def __init__(self, shared: SharedSource) -> None:
        self.shared = shared
        self.view: CompareView | None = None
        self.document = pn.state.curdoc
        self.state = facts(loading(shared.step))
        self.reload = Reload(width=0, height=0, margin=0)
        self.subtitle = facts(margin=(0, 8), align="center")
        self.page = pmui.Page(
            title=TITLE,
            site_url="",
            main=[self.state, self.reload],
            sidebar=[],
            header=[self.subtitle],
            sidebar_width=276,
            sidebar_resizable=False,
            theme_config=THEME,
            dark_theme=pn.state.cookies.get(DARK_COOKIE) == "1",
            busy_indicator=None,
            sx=PAGE_SX,
            meta_title="gala_viz: compare two networks",
            meta_description="What two networks rely on, image by image, beside what people mark.",
        )
        self._waiting = None
        if self.document is not None:
            self.document.on_session_destroyed(lambda _: self.close())
            pn.state.onload(lambda: setattr(self.document, "title", "gala_viz: compare two networks"))
        if shared.state == "ready":
            self._fill()
        else:
            self._follow()
            if self.document is not None:
                self._waiting = pn.state.add_periodic_callback(self._follow, period=LOOK_MS)

    def close(self) -> None:
        """Cancel what this session asked for and let go of its parts."""
        if self._waiting is not None:
            self._waiting.stop()
        if self.view is not None:
            self.view.close()
            self.view = None

    def _follow(self) -> None:
        if self.view is not None:
            return
        if self.shared.state == "ready":
            if self.reload.heard and self._waiting is not None:
                self._waiting.stop()
            else:
                self.reload.asked += 1  # the next session finds the source there
        elif self.shared.state == "failed":
            self.state.object = failure(self.shared.error)
        else:
            self.state.object = loading(self.shared.step)

    def _fill(self) -> None:
        source, index = self.shared.source, self.shared.index
        if self.document is not None:
            wait_for_browser(self.document)
            pn.state.onload(lambda: browser_heard(self.document))
        self.view = view = CompareView(source, index, self.document, self.shared.spares.take())
        view.display.dark = self.page.dark_theme
        self.page.jslink(view.display, dark_theme="dark", bidirectional=True)
        networks = source.networks
        names = " and ".join(dict.fromkeys(network.name for network in networks))
        devices = " / ".join(dict.fromkeys(network.device for network in networks))
        self.subtitle.object = _subtitle(source.title, names, devices)
        main = self._main(view) if index.images else [facts(nothing_to_show(source.title)), view.upload]
        self.page.param.update(sidebar=[view.gallery.pane], main=main, header=[self.subtitle, view.keys])
        view.open()

    def _layers(self, view: CompareView) -> pn.Column:
        title = "Attention of every layer"
        if not view.layers.cells:
            return _section(title, "", facts('<p class="muted">Neither network has attention blocks.</p>'))
        return _section(title, "Click a layer to see it in the main row, again to go back.", view.layers.pane)

    def _main(self, view: CompareView) -> list:
        header = pn.Row(
            pn.Column(view.heading, view.upload, sizing_mode="stretch_width", margin=0),
            *view.fives,
            sizing_mode="stretch_width",
            margin=(10, 14, 6, 14),
            styles={"gap": "18px"},
        )
        lower = pn.Column(
            self._layers(view),
            _section(
                "Closeness to people",
                "",
                view.scores.pane,
                view.survey.line,
            ),
            sizing_mode="stretch_width",
            margin=_EDGE,
            stylesheets=[
                grid_css("minmax(0, 1.7fr) minmax(300px, 1fr)", "28px"),
                ":host { align-items: start !important; }",
            ],
        )
        return [
            header,
            pn.Column(view.alert, view.row.row, view.display, sizing_mode="stretch_width", margin=_EDGE),
            pn.Column(
                view.progress.line,
                view.look_controls.pane,
                view.map_controls.pane,
                sizing_mode="stretch_width",
                margin=_EDGE,
                styles={"gap": "10px"},
            ),
            lower,
            facts(
                provenance(view.source.networks, view.source.skipped, view.source.map_kinds), margin=(10, 14, 24, 14)
            ),
        ]


def _section(title: str, hint: str, *parts) -> pn.Column:
    return pn.Column(
        facts(f'<h2>{title} <span class="muted" style="font-weight:400;font-size:12px">{hint}</span></h2>'),
        *parts,
        sizing_mode="stretch_width",
        margin=0,
    )


def _subtitle(title: str, names: str, devices: str) -> str:
    return (
        f'<div style="display:flex;gap:14px;align-items:baseline;line-height:24px;white-space:nowrap;overflow:hidden">'
        f'<span style="font-weight:600">{escape(title)}</span><span class="muted">{escape(names)}</span>'
        f'<span class="muted" style="margin-left:auto">{escape(devices)}</span></div>'
    )
