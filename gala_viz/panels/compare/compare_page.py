"""The page that compares two networks on one photograph after the other."""

from __future__ import annotations

import panel as pn
import panel_material_ui as pmui

from gala_viz.panels.compare.compare_view import CompareView
from gala_viz.panels.compare.sections import alignment_section, controls_column, layers_section, maps_column
from gala_viz.panels.gallery.selection_filter import SelectionFilter
from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.link_parameters import compare_link_parameters
from gala_viz.panels.markup import empty_collection_message, presentation_ended_message, provenance
from gala_viz.panels.page_persistence import PagePersistence, query_argument
from gala_viz.panels.presenting.presentation import Follower, Presentation
from gala_viz.panels.presenting.room import find_room
from gala_viz.panels.shared_source import SharedSource
from gala_viz.panels.source_page import EDGE, SourcePage, section
from gala_viz.panels.styles import grid_css
from gala_viz.records.database import Database


def compare_page(
    shared_source: SharedSource,
    game_url: str | None = None,
    origin: dict | None = None,
    records: Database | None = None,
    *,
    read_only_notes: bool = False,
) -> pmui.Page:
    """A page for one session. It shows what is being loaded, then the comparison, or why it could not start.

    ``game_url`` is the address of a game on the same collection, to which every photograph links. ``origin`` are the
    fields of a ``FigureSpec`` that say how a command opens this source. ``records`` keep notes and saved views; with
    ``read_only_notes`` a visitor without a login changes none of them.
    """
    return ComparePage(shared_source, game_url, origin, records, read_only_notes=read_only_notes).page


class ComparePage(SourcePage):
    """The comparison as its address asks for it, or the stage of a presentation that the address follows."""

    heading = "Compare what two networks rely on"
    description = "What two networks rely on, image by image, beside what people mark."
    view: CompareView | None

    def __init__(
        self,
        shared_source: SharedSource,
        game_url: str | None = None,
        origin: dict | None = None,
        records: Database | None = None,
        *,
        read_only_notes: bool = False,
    ) -> None:
        self._read_only_notes = read_only_notes
        self._game, self._origin, self._records = game_url, origin, records
        self._parts: list[PagePersistence | Presentation | Follower] = []
        super().__init__(shared_source)

    def build(self) -> None:
        """Photograph, maps, layers, scores and notes, with the gallery at the left."""
        token = query_argument(pn.state.session_args, "follow")
        if token is not None:
            self._follow_room(token)
            return
        source, index = self.shared_source.source, self.shared_source.index
        figures = self.shared_source.figure_pool.take()
        view = CompareView(source, index, self.document, figures, game_url=self._game, origin=self._origin)
        self.view = view
        view.display.dark = self.page.dark_theme
        self.page.jslink(view.display, dark_theme="dark", bidirectional=True)
        presentation = Presentation(view, on_star=lambda: keeping.toggle_bookmark())
        selecting = SelectionFilter(source, view.gallery)
        keeping = PagePersistence(
            "compare",
            compare_link_parameters(view, presentation, selecting),
            view.gallery,
            self.document,
            self._records,
            view.show_messages,
            read_only_notes=self._read_only_notes,
        )
        self._parts = [keeping, presentation]
        main = (
            self._main(view, keeping)
            if index.images
            else [html_pane(empty_collection_message(source.title)), view.upload]
        )
        self.page.param.update(
            sidebar=[selecting.pane, view.gallery.pane],
            main=main,
            header=[
                self.subtitle,
                presentation.stage,
                keeping.address_sync.bar,
                view.shortcuts,
                self.dark_mode,
                self.connection,
            ],
        )
        keeping.open(pn.state.session_args)

    def close(self) -> None:
        """Also end what others follow, and let notes be written."""
        for part in self._parts:
            part.close()
        super().close()

    def _follow_room(self, token: str) -> None:
        room = find_room(token)
        if room is None:
            self.page.main = [html_pane(presentation_ended_message())]
            return
        follower = Follower(room, self.document)
        self._parts = [follower]
        self.page.main = [follower.stage]

    def _main(self, view: CompareView, keeping: PagePersistence) -> list:
        header = pn.Row(
            pn.Column(view.heading, view.upload, sizing_mode="stretch_width", margin=0),
            *view.top_five_panes,
            sizing_mode="stretch_width",
            margin=(10, 14, 6, 14),
            stylesheets=[grid_css("repeat(3, minmax(0, 1fr))", "18px"), ":host { align-items: start !important; }"],
        )
        lower = pn.Column(
            layers_section(view),
            alignment_section(view, view.figure_download.button),
            sizing_mode="stretch_width",
            margin=EDGE,
            stylesheets=[
                grid_css("minmax(0, 1.7fr) minmax(300px, 1fr)", "28px"),
                ":host { align-items: start !important; }",
            ],
        )
        return [
            header,
            maps_column(view, margin=EDGE),
            controls_column(view, margin=EDGE),
            lower,
            *(
                [section("Notes", keeping.notes_hint, keeping.notes_view.component, margin=EDGE)]
                if keeping.notes_view
                else []
            ),
            html_pane(
                provenance(view.source.networks, view.source.skipped, view.source.map_kinds), margin=(10, 14, 24, 14)
            ),
        ]
