"""The comparison of two networks in a notebook's cell."""

from __future__ import annotations

from collections import deque
from typing import Any

import panel as pn

from gala_viz.attribution.packing import never_cancelled
from gala_viz.jupyter.sources import open_source
from gala_viz.jupyter.widget import Widget, check_image
from gala_viz.panels.compare.compare_view import CompareView
from gala_viz.panels.compare.main_row_content import unknown_units
from gala_viz.panels.compare.sections import controls_section, lower_section, maps_section
from gala_viz.panels.gallery.collection_index import CollectionIndex
from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.markup import provenance
from gala_viz.panels.source_page import section
from gala_viz.panels.view_state import AttributionSettings, CurrentImage, DisplaySettings
from gala_viz.store.source import MapUpdate, request_of_image


class Compare(Widget):
    """Photograph, human map, what two networks rely on and their delta as a widget, with controls and scores.

    It computes in threads of its own; the cell that made it is done at once. Everything can be worked from code:
    ``compare.image = "cat"``, ``compare.settings.n_samples = 100``, ``compare.maps.delta``.

    Parameters
    ----------
    source
        What ``open_source`` takes as its collection.
    networks
        What ``open_source`` takes.
    image : str, optional
        Id of the first image.
    **source_options
        Other arguments of ``open_source``.

    Examples
    --------
    >>> import gala_viz as gv
    >>> view = gv.Compare("photos")  # doctest: +SKIP
    """

    def __init__(
        self, source: Any = None, networks: Any = None, *, image: str | None = None, **source_options: Any
    ) -> None:
        super().__init__(open_source(source, networks, **source_options))
        self._view = CompareView(self.source, CollectionIndex(self.source), self.document)
        self._view.row.set_units(unknown_units())  # from the start: a bar that grows later lies over its map
        self.cell_theme.jslink(self._view.display, dark="dark")
        self._view.open(None if image is None else check_image(self.source, image))

    @property
    def view(self) -> CompareView:
        """The parts that the cell shows, with all news delivered."""
        self.document.run_pending()
        return self._view

    @property
    def shown(self) -> CurrentImage:
        """What the view shows."""
        return self.view.current

    @property
    def settings(self) -> AttributionSettings:
        """Settings of the maps; setting one of them requests maps again, as its input does."""
        return self.view.settings

    @property
    def looks(self) -> DisplaySettings:
        """How maps are drawn."""
        return self.view.display_settings

    @property
    def maps(self) -> MapUpdate:
        """The finished maps of the photograph in view, with their error, delta and scores, as labelled arrays.

        What is not there yet is computed now, in the calling thread, from the samples on that the widget has.
        """
        image = self.image
        if image is None:
            raise ValueError(f"{self.source.title} holds no photographs.")
        request = request_of_image(self.source, image, self.settings.to_request())
        finished = self.source.cached(image, request)
        return finished or deque(self.source.maps(image, request, never_cancelled), maxlen=1)[0]

    def cancel_all(self) -> None:
        """Stop computing maps and scores; what is there stays, and the progress lines say so."""
        if self.view.progress.bar.busy:
            self.document.invoke(self.view.cancel)
        if self.view.scoring.bar.busy:
            self.view.source_client.cancel_scoring()
            self.document.invoke(self.view.scoring.show_scoring_cancelled)

    def parts(self) -> list[Any]:
        """Return the page's parts, laid out for a cell of 900 to 1100 px."""
        view, source = self.view, self.source
        about = provenance(source.networks, source.skipped, source.map_kinds)
        return [
            controls_section(view, margin=(4, 0)),
            maps_section(view, margin=(4, 0)),
            lower_section(view, (4, 0)),
            section(
                "Photographs",
                f"of {source.title}",
                pn.Column(view.upload, view.gallery.pane, sizing_mode="stretch_width", margin=0),
            ),
            html_pane(about, margin=(4, 0)),
        ]

    def _end(self) -> None:
        self.view.close()

    def __repr__(self) -> str:
        names = " and ".join(network.name for network in self.source.networks)
        return f"Compare({self.source.title}: {names}; image {self.image!r})"
