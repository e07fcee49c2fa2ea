"""The page that compares two networks on one photograph after the other."""

from __future__ import annotations

import panel as pn
import panel_material_ui as pmui

from gala_viz.panels.markup import facts, nothing_to_show, provenance
from gala_viz.panels.page import EDGE, SourcePage, section
from gala_viz.panels.shared import SharedSource
from gala_viz.panels.styles import grid_css
from gala_viz.panels.view import CompareView


def compare_page(shared: SharedSource, game: str | None = None, origin: dict | None = None) -> pmui.Page:
    """A page for one session. It shows what is being loaded, then the comparison, or why it could not start.

    ``game`` is the address of a game on the same collection, to which every photograph links. ``origin`` are the fields
    of a ``FigureSpec`` that say how a command opens this source.
    """
    return ComparePage(shared, game, origin).page


class ComparePage(SourcePage):
    """The comparison; it opens with the image that the address names (``?image=ID``), else with the first."""

    heading = "Compare what two networks rely on"
    description = "What two networks rely on, image by image, beside what people mark."
    view: CompareView | None

    def __init__(self, shared: SharedSource, game: str | None = None, origin: dict | None = None) -> None:
        self._game, self._origin = game, origin
        super().__init__(shared)

    def fill(self) -> None:
        """Photograph, maps, layers and scores, with the gallery at the left."""
        source, index = self.shared.source, self.shared.index
        figures = self.shared.spares.take()
        view = CompareView(source, index, self.document, figures, game=self._game, origin=self._origin)
        self.view = view
        view.display.dark = self.page.dark_theme
        self.page.jslink(view.display, dark_theme="dark", bidirectional=True)
        main = self._main(view) if index.images else [facts(nothing_to_show(source.title)), view.upload]
        self.page.param.update(sidebar=[view.gallery.pane], main=main, header=[self.subtitle, view.keys, self.choice])
        asked = _asked_image()
        view.open(asked if asked in index.place else None)
        if asked in index.place:
            view.gallery.reveal(asked)

    def _layers(self, view: CompareView) -> pn.Column:
        title = "Attention of every layer"
        if not view.layers.cells:
            return section(title, "", facts('<p class="muted">Neither network has attention blocks.</p>'))
        return section(title, "Click a layer to see it in the main row, again to go back.", view.layers.pane)

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
            section(
                "Closeness to people",
                "",
                view.scores.pane,
                view.survey.line,
                view.figure.button,
            ),
            sizing_mode="stretch_width",
            margin=EDGE,
            stylesheets=[
                grid_css("minmax(0, 1.7fr) minmax(300px, 1fr)", "28px"),
                ":host { align-items: start !important; }",
            ],
        )
        return [
            header,
            pn.Column(view.alert, view.row.row, view.display, sizing_mode="stretch_width", margin=EDGE),
            pn.Column(
                view.progress.line,
                view.look_controls.pane,
                view.map_controls.pane,
                sizing_mode="stretch_width",
                margin=EDGE,
                styles={"gap": "10px"},
            ),
            lower,
            facts(
                provenance(view.source.networks, view.source.skipped, view.source.map_kinds), margin=(10, 14, 24, 14)
            ),
        ]


def _asked_image() -> str | None:
    """The image that the page's address names."""
    values = pn.state.session_args.get("image", []) if pn.state.session_args else []
    return values[0].decode("utf-8", "replace") if values else None
