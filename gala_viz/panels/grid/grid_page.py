"""The page of many photographs by many columns."""

from __future__ import annotations

import panel as pn
import panel_material_ui as pmui

from gala_viz.panels.figure_download import GridDownloadButton
from gala_viz.panels.grid.grid_view import GridView
from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.link_parameters import MAP_LINK_NAMES, grid_link_parameters
from gala_viz.panels.markup import empty_collection_message, provenance
from gala_viz.panels.network_pair import origin_of_pair
from gala_viz.panels.other_page import OtherPageLink, other_page_query
from gala_viz.panels.page_persistence import PagePersistence
from gala_viz.panels.served_pages import HEADINGS
from gala_viz.panels.shared_source import SharedSource
from gala_viz.panels.source_page import EDGE, SourcePage
from gala_viz.records.database import Database


def grid_page(
    shared_source: SharedSource,
    compare_url: str = "",
    explore_url: str = "",
    origin: dict | None = None,
    records: Database | None = None,
    *,
    read_only_notes: bool = False,
) -> pmui.Page:
    """Build the grid's page for one session.

    Parameters
    ----------
    shared_source : SharedSource
        The source, which may still be loading.
    compare_url, explore_url : str
        Addresses of the other pages of the same source; "" where they are not served.
    origin : dict, optional
        Fields of a ``FigureSpec`` that say how a command opens this source.
    records : Database, optional
        Stores notes and saved views.
    read_only_notes : bool
        Whether a visitor without a login can change none of them.

    Returns
    -------
    panel_material_ui.Page
        The page.
    """
    return GridPage(shared_source, compare_url, explore_url, origin, records, read_only_notes=read_only_notes).page


class GridPage(SourcePage):
    """Rows of photographs, columns of maps."""

    heading = HEADINGS["grid"]
    description = "What two networks rely on, and people mark, in many photographs side by side."
    view: GridView | None

    def __init__(
        self,
        shared_source: SharedSource,
        compare_url: str = "",
        explore_url: str = "",
        origin: dict | None = None,
        records: Database | None = None,
        *,
        read_only_notes: bool = False,
    ) -> None:
        self._read_only_notes, self._origin, self._records = read_only_notes, origin, records
        self._others = (OtherPageLink(compare_url, "Compare", MAP_LINK_NAMES), OtherPageLink(explore_url, "All images"))
        super().__init__(shared_source)

    def build(self, query: str) -> None:
        """Put columns, settings and rows on the page, and the gallery at the left."""
        source, index = self.source, self.index
        if not index.images:
            self.page.main = [html_pane(empty_collection_message(source.title))]
            return
        self.view = view = GridView(source, index, self.document)
        view.chooser.on_choose = self._choose
        persistence = PagePersistence(
            "grid",
            grid_link_parameters(view, self.default_pair),
            view.gallery,
            self.document,
            self._records,
            view.show_messages,
            read_only_notes=self._read_only_notes,
            open_pair=self.open_query,
        )
        self._persistence = persistence
        state, compare = persistence.address_sync.state, self._others[0]
        if compare.address:

            def show_link() -> None:
                query = other_page_query(state, "", compare.names)
                view.grid.image_link = f"{compare.address}?{query}&image="

            state.watch(lambda _: show_link())
        figure = GridDownloadButton(
            source,
            origin_of_pair(self._origin or {}, source),
            view.shown_images,
            lambda: [column.name for column in view.columns],
            view.request,
            view.show_error,
        )
        body = pn.Column(
            html_pane(f'<h1 class="unseen">{self.heading}</h1>'),
            view.alert,
            *view.chooser.forms.values(),
            view.form,
            view.grid,
            view.progress.bar,
            view.about,
            figure.button,
            sizing_mode="stretch_width",
            margin=EDGE,
            stylesheets=[":host { max-height: none !important; }"],
        )
        about = html_pane(provenance(source.networks, source.skipped, source.map_kinds), margin=(10, 14, 24, 14))
        self.page.param.update(
            sidebar=[*(one.drawer_pane for one in self._others), view.selection_filter.pane, view.gallery.pane],
            main=[body, about],
            header=[
                self.subtitle,
                *(one.pane for one in self._others),
                persistence.address_sync.bar,
                self.dark_mode,
                self.connection,
            ],
        )
        persistence.open(query)
        for one in self._others:
            one.follow(state)
        if compare.address:
            show_link()

    def show_error(self, error: Exception) -> None:
        """Say above the grid why another pair cannot be shown; the pair before stays."""
        if self.view is not None:
            self.view.chooser.reset()
            self.view.show_error(error)

    def show_loading(self, text: str) -> None:
        """Say above the grid that networks are being loaded."""
        if self.view is not None:
            self.view.show_messages([text])

    def close_view(self) -> None:
        """End the view and the notes; what was sent is still written."""
        if self._persistence is not None:
            self._persistence.close()
            self._persistence = None
        super().close_view()
