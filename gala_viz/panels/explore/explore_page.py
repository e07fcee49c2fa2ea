"""The page of all images at once: two metrics as axes, a selection, a gallery."""

from __future__ import annotations

import panel as pn
import panel_material_ui as pmui

from gala_viz.panels.explore.explore_view import ExploreView
from gala_viz.panels.explore.sections import scores_column
from gala_viz.panels.figure_download import ScatterDownloadButton
from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.link_parameters import explore_link_parameters
from gala_viz.panels.markup import alert, compare_link, empty_collection_message, provenance
from gala_viz.panels.network_pair import origin_of_pair
from gala_viz.panels.other_page import OtherPageLink, other_page_query
from gala_viz.panels.page_persistence import PagePersistence
from gala_viz.panels.served_pages import HEADINGS
from gala_viz.panels.shared_source import SharedSource
from gala_viz.panels.source_page import EDGE, SourcePage, section
from gala_viz.panels.styles import grid_css
from gala_viz.plots.scatter import compile_datashader
from gala_viz.records.database import Database
from gala_viz.threads import start_thread


def explore_page(
    shared_source: SharedSource,
    compare_url: str = "",
    origin: dict | None = None,
    records: Database | None = None,
    *,
    read_only_notes: bool = False,
    grid_url: str = "",
) -> pmui.Page:
    """Build the exploration's page for one session.

    Parameters
    ----------
    shared_source : SharedSource
        The source, which may still be loading.
    compare_url : str
        Address of the comparison of the same source; "" where it is not served.
    origin : dict, optional
        Fields of a ``FigureSpec`` that say how a command opens this source.
    records : Database, optional
        Stores notes and saved views.
    read_only_notes : bool
        Whether a visitor without a login can change none of them.
    grid_url : str
        Address of the grid of the same source; "" where it is not served.

    Returns
    -------
    panel_material_ui.Page
        The page.
    """
    return ExplorePage(
        shared_source, compare_url, origin, records, read_only_notes=read_only_notes, grid_url=grid_url
    ).page


class ExplorePage(SourcePage):
    """All images as points."""

    heading = HEADINGS["explore"]
    description = "All images of a collection by how alike two networks are to people, and to each other."
    view: ExploreView | None

    def __init__(
        self,
        shared_source: SharedSource,
        compare_url: str = "",
        origin: dict | None = None,
        records: Database | None = None,
        *,
        read_only_notes: bool = False,
        grid_url: str = "",
    ) -> None:
        self._read_only_notes = read_only_notes
        self._compare, self._origin, self._records = OtherPageLink(compare_url, "Compare"), origin, records
        self._grid = OtherPageLink(grid_url, "Grid")
        self._dark_watcher = None
        start_thread(compile_datashader, "gala-viz drawing")
        super().__init__(shared_source)

    def build(self, query: str) -> None:
        """Put scatter plot, selection, distributions and notes on the page, and the gallery at the left."""
        source, index = self.source, self.index
        if not index.images:
            self.page.main = [html_pane(empty_collection_message(source.title))]
            return
        self.view = view = ExploreView(source, index, self.document, self._compare.address)
        if self.page.dark_theme:
            view.set_dark(True)
        self._dark_watcher = self.page.param.watch(lambda event: view.set_dark(event.new), "dark_theme")
        view.chooser.on_choose = self._choose
        persistence = PagePersistence(
            "explore",
            explore_link_parameters(view, self.default_pair),
            view.gallery,
            self.document,
            self._records,
            lambda sentences: view.alert.param.update(object=alert(" ".join(sentences))),
            read_only_notes=self._read_only_notes,
            open_pair=self.open_query,
        )
        self._persistence = persistence
        link_pane = html_pane(margin=(0, 0, 4, 0))
        state = persistence.address_sync.state

        def show_link() -> None:
            image = view.gallery.first_image
            query = other_page_query(state, image) if image else ""
            link_pane.object = compare_link(self._compare.address, query) if self._compare.address else ""

        state.watch(lambda _: show_link())
        figure = ScatterDownloadButton(
            source, origin_of_pair(self._origin or {}, source), view.axes, view.selected_images, view.show_error
        )
        selection_row = pn.Row(
            view.selection_pane, view.clear_button, sizing_mode="stretch_width", margin=(2, 0), styles={"gap": "14px"}
        )
        left = pn.Column(
            html_pane(f'<h1 class="unseen">{self.heading}</h1>'),
            view.alert,
            *view.chooser.forms.values(),
            view.form,
            selection_row,
            link_pane,
            view.scatter.pane,
            figure.button,
            sizing_mode="stretch_width",
            margin=0,
        )
        body = pn.Column(
            left,
            scores_column(view),
            sizing_mode="stretch_width",
            margin=EDGE,
            stylesheets=[
                grid_css("minmax(0, 2fr) minmax(280px, 1fr)", "28px"),
                ":host { align-items: start !important; }",
            ],
        )
        notes = (
            [section("Notes", persistence.notes_hint, persistence.notes_view.component, margin=EDGE)]
            if persistence.notes_view
            else []
        )
        about = html_pane(provenance(source.networks, source.skipped, source.map_kinds), margin=(10, 14, 24, 14))
        self.page.param.update(
            sidebar=[self._compare.drawer_pane, self._grid.drawer_pane, view.gallery.pane],
            main=[body, *notes, about],
            header=[
                self.subtitle,
                self._compare.pane,
                self._grid.pane,
                persistence.address_sync.bar,
                view.shortcuts,
                self.dark_mode,
                self.connection,
            ],
        )
        persistence.open(query)
        view.load_scores()
        self._compare.follow(state)
        self._grid.follow(state)
        show_link()

    def show_error(self, error: Exception) -> None:
        """Say above the plot why another pair cannot be shown; the pair before stays."""
        if self.view is not None:
            self.view.chooser.reset()
            self.view.show_error(error)

    def show_loading(self, text: str) -> None:
        """Say above the plot that networks are being loaded."""
        if self.view is not None:
            self.view.alert.object = alert(text)

    def close_view(self) -> None:
        """End the view and the notes; what was sent is still written."""
        if self._persistence is not None:
            self._persistence.close()
            self._persistence = None
        if self._dark_watcher is not None:
            self.page.param.unwatch(self._dark_watcher)
            self._dark_watcher = None
        super().close_view()
