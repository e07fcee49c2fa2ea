"""The page that compares two networks on one photograph after the other."""

from __future__ import annotations

import panel as pn
import panel_material_ui as pmui

from gala_viz.panels.compare.compare_view import CompareView
from gala_viz.panels.compare.sections import controls_section, lower_section, maps_section, strip_section
from gala_viz.panels.gallery.selection_filter import SelectionFilter
from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.link_parameters import MAP_LINK_NAMES, compare_link_parameters
from gala_viz.panels.markup import empty_collection_message, presentation_ended_message, provenance
from gala_viz.panels.network_pair import origin_of_pair
from gala_viz.panels.other_page import OtherPageLink
from gala_viz.panels.page_persistence import READ_ONLY_REASON, PagePersistence, query_argument
from gala_viz.panels.presenting.presentation import Follower, Presentation
from gala_viz.panels.presenting.room import Room, find_room
from gala_viz.panels.selection_export_view import SelectionExportView
from gala_viz.panels.served_pages import HEADINGS
from gala_viz.panels.shared_source import SharedSource
from gala_viz.panels.source_page import EDGE, SourcePage, section
from gala_viz.records.database import Database
from gala_viz.store.source import ImageInfo


def compare_page(
    shared_source: SharedSource,
    game_url: str | None = None,
    origin: dict | None = None,
    records: Database | None = None,
    *,
    read_only_notes: bool = False,
    explore_url: str = "",
    grid_url: str = "",
) -> pmui.Page:
    """Build the comparison's page for one session.

    It shows what is being loaded, then the comparison, or why it could not start.

    Parameters
    ----------
    shared_source : SharedSource
        The source, which may still be loading.
    game_url : str, optional
        Address of a game on the same collection, to which every photograph links.
    origin : dict, optional
        Fields of a ``FigureSpec`` that say how a command opens this source.
    records : Database, optional
        Stores notes and saved views.
    read_only_notes : bool
        Whether a visitor without a login can change none of them.
    explore_url : str
        Address of the exploration of the same source; "" where it is not served.
    grid_url : str
        Address of the grid of the same source; "" where it is not served.

    Returns
    -------
    panel_material_ui.Page
        The page.
    """
    return ComparePage(
        shared_source,
        game_url,
        origin,
        records,
        read_only_notes=read_only_notes,
        explore_url=explore_url,
        grid_url=grid_url,
    ).page


class ComparePage(SourcePage):
    """The comparison in the state of its address, or the stage of a presentation that the address follows."""

    heading = HEADINGS["compare"]
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
        explore_url: str = "",
        grid_url: str = "",
    ) -> None:
        self._read_only_notes = read_only_notes
        self._others = (OtherPageLink(explore_url, "All images"), OtherPageLink(grid_url, "Grid", MAP_LINK_NAMES))
        self._game, self._origin, self._records = game_url, origin, records
        self._export: SelectionExportView | None = None
        self._selection: SelectionFilter | None = None
        self._presentation: Presentation | None = None
        self._follower: Follower | None = None
        self._room: Room | None = None
        self._uploads: list[ImageInfo] = []
        self._strip_is_wanted = False
        super().__init__(shared_source)

    def build(self, query: str) -> None:
        """Put photograph, maps, layers, scores and notes on the page, and the gallery at the left."""
        token = query_argument(pn.state.session_args, "follow")
        if token is not None:
            self._follow_room(token)
            return
        source, index = self.source, self.index
        own_pair = source is self.shared_source.source
        pool = self.shared_source.figure_pool
        figures = pool.take() if own_pair and pool is not None else None
        view = CompareView(
            source,
            index,
            self.document,
            figures,
            game_url=self._game,
            origin=self._origin_of_pair(),
            on_choose_pair=self._choose,
            on_cancel=self.cancel_pair,
        )
        self.view = view
        for info in reversed(self._uploads):
            view.gallery.add_upload(info)
        if view.strip is not None:
            view.strip.is_wanted = self._strip_is_wanted
        view.display.dark = self.page.dark_theme
        self.page.jslink(view.display, dark_theme="dark", bidirectional=True)
        presentation = Presentation(view, on_star=lambda: persistence.toggle_bookmark(), room=self._room)
        self._room = None
        self._selection = selection_filter = SelectionFilter(source, view.gallery, self.document)
        persistence = PagePersistence(
            "compare",
            compare_link_parameters(view, presentation, selection_filter, self.default_pair),
            view.gallery,
            self.document,
            self._records,
            view.show_messages,
            read_only_notes=self._read_only_notes,
            open_pair=self.open_query,
        )
        if persistence.painted_maps is not None:
            reason = READ_ONLY_REASON if persistence.painted_maps.read_only else ""
            view.own_map.attach_records(persistence.painted_maps, reason)
        self._persistence, self._presentation, self._follower = persistence, presentation, None
        self._export = SelectionExportView(source, view.gallery, self.document, view.request)
        main = (
            self._main(view, persistence)
            if index.images
            else [html_pane(empty_collection_message(source.title)), view.upload]
        )
        self.page.param.update(
            sidebar=[*(one.drawer_pane for one in self._others), selection_filter.pane, view.upload, view.gallery.pane],
            main=main,
            header=[
                self.subtitle,
                *(one.pane for one in self._others),
                presentation.stage,
                persistence.address_sync.bar,
                view.shortcuts,
                self.dark_mode,
                self.connection,
            ],
        )
        persistence.open(query)
        for one in self._others:
            one.follow(persistence.address_sync.state)

    def show_error(self, error: Exception) -> None:
        """Say above the photograph why another pair cannot be shown; the pair before stays."""
        if self.view is not None:
            self.view.chooser.reset()
            self.view.show_error(error)

    def show_loading(self, text: str) -> None:
        """Say that networks are being loaded, in the line of the maps' progress."""
        if self.view is not None:
            self.view.show_loading(text)

    def close_view(self) -> None:
        """End the view and the notes; what was sent is still written, and uploads and followers go to the next view."""
        if self.view is not None:
            self._uploads = list(self.view.gallery.uploads.values())
            self._strip_is_wanted = self.view.strip is not None and self.view.strip.is_wanted
        if self._presentation is not None:
            self._room = self._presentation.release_room()
        for part in (self._persistence, self._follower, self._export, self._selection):
            if part is not None:
                part.close()
        self._persistence = self._presentation = self._follower = self._export = self._selection = None
        super().close_view()

    def close(self) -> None:
        """End the session, its presentation for all who follow, and the notes; what was sent is still written."""
        super().close()
        if self._room is not None:
            self._room.close()

    def _origin_of_pair(self) -> dict:
        """Return the fields of a ``FigureSpec`` that open the source of this pair again."""
        return origin_of_pair(self._origin or {}, self.source)

    def _follow_room(self, token: str) -> None:
        room = find_room(token)
        if room is None:
            self.page.main = [html_pane(presentation_ended_message())]
            return
        self._follower = Follower(room, self.document)
        self.page.main = [self._follower.stage]

    def _downloads(self, view: CompareView) -> list[pn.viewable.Viewable]:
        """Return what gives this comparison as a figure, and scores and maps of all photographs shown as a file."""
        assert self._export is not None, "it is made with the view"
        figure = view.figure_download
        return [figure.options, figure.button, section("Export", "scores and maps", self._export.pane)]

    def _main(self, view: CompareView, persistence: PagePersistence) -> list:
        """Return the components of the page's main part, from the settings to the provenance."""
        return [
            controls_section(view, margin=(4, 14, 0, 14)),
            maps_section(view, margin=(2, 14)),
            lower_section(view, (4, 14), *self._downloads(view)),
            *([strip_section(view, margin=EDGE)] if view.strip is not None else []),
            *(
                [section("Notes", persistence.notes_hint, persistence.notes_view.component, margin=EDGE)]
                if persistence.notes_view
                else []
            ),
            html_pane(
                provenance(view.source.networks, view.source.skipped, view.source.map_kinds), margin=(10, 14, 24, 14)
            ),
        ]
