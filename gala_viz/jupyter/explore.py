"""All images of a collection as points, in a notebook's cell."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import panel as pn
import xarray as xr

from gala_viz.jupyter.compare import Compare
from gala_viz.jupyter.sources import open_source
from gala_viz.jupyter.widget import Widget, check_image
from gala_viz.panels.explore.explore_view import ExploreView
from gala_viz.panels.explore.sections import scores_column
from gala_viz.panels.gallery.collection_index import CollectionIndex
from gala_viz.panels.progress_view import ProgressView
from gala_viz.panels.scoring_view import ScoringView
from gala_viz.panels.source_client import SourceClient, read_scores
from gala_viz.panels.source_page import section
from gala_viz.panels.styles import grid_css
from gala_viz.panels.view_state import CurrentImage


class Explore(Widget):
    """Two measures as axes, box and lasso to a gallery, one image and its numbers; scored images are drawn.

    ``selected`` are the ids of the images that box or lasso chose; ``image`` is the one with the ring.
    """

    def __init__(self, source: Any) -> None:
        super().__init__(source)
        self._view = ExploreView(source, CollectionIndex(source), self.document)
        self._view.set_scores(read_scores(source, source.request))
        self.source_client = SourceClient(source, self.document, self._answered)
        self.scoring = ScoringView(self.source_client, self._view.gallery, lambda: self.source.request)
        self.cell_theme.param.watch(lambda event: self._view.set_dark(event.new), "dark")
        self.clear_button = ProgressView(lambda: None, "Show all", self._view.clear_selection).bar
        self.clear_button.param.update(visible=False, width=90, sizing_mode="fixed")
        self._view.clear_button.param.watch(lambda event: self.clear_button.param.update(visible=event.new), "visible")

    @property
    def view(self) -> ExploreView:
        """The parts that the cell shows, with all news delivered."""
        self.document.run_pending()
        return self._view

    @property
    def selected(self) -> tuple[str, ...]:
        """Ids of the images chosen by box or lasso that pass search and filters; empty where none are chosen."""
        mask = self.view.gallery.selection_mask
        if mask is None:
            return ()
        return tuple(self.view.index.images[place] for place in np.flatnonzero(mask & self.view.gallery.filter_mask))

    @property
    def shown(self) -> CurrentImage:
        """What the view shows."""
        return self.view.current

    @property
    def scores(self) -> xr.Dataset:
        """Scores of all images that are known so far, as of ``MapSource.scores``."""
        scores = self.view.scores
        assert scores is not None, "they are read with the view"
        return scores

    def select(self, images: Iterable[str] | None) -> None:
        """Choose ``images`` (ids) as a lasso would; None or none: all are shown again."""
        places = [
            self.view.index.position[check_image(self.source, image)] for image in ([] if images is None else images)
        ]
        within = np.zeros(len(self.view.index), dtype=bool)
        within[places] = True
        self.document.invoke(lambda: self.view.select(within))

    def score(self) -> None:
        """Score the images that pass the filters, in a thread of its own; points appear as they are done."""
        self.scoring.start()

    def cancel_all(self) -> None:
        """Stop scoring; what was scored stays."""
        if self.scoring.bar.busy:
            self.source_client.cancel_scoring()
            self.document.invoke(self.scoring.show_scoring_cancelled)

    def parts(self) -> list[Any]:
        """Return axes, scatter and numbers side by side, and the gallery below."""
        view = self.view
        selection = pn.Row(
            view.selection_pane, self.clear_button, sizing_mode="stretch_width", margin=(2, 0), styles={"gap": "14px"}
        )
        left = pn.Column(
            view.form, selection, view.scatter.pane, self.scoring.bar, sizing_mode="stretch_width", margin=0
        )
        return [
            pn.Column(
                left,
                scores_column(view),
                sizing_mode="stretch_width",
                margin=(4, 0),
                stylesheets=[
                    grid_css("minmax(0, 2fr) minmax(270px, 1fr)", "24px"),
                    ":host { align-items: start !important; }",
                ],
            ),
            section("Photographs", f"of {self.source.title}", view.gallery.pane),
        ]

    def _answered(self, key: str, value: Any) -> None:
        """Show an answer of the source: progress of the scoring, scores, its end, or an error."""
        if key == "survey":
            self.scoring.show_progress(value)
        elif key == "scores":
            self.view.set_scores(value)
        elif key == "survey_cancelled":
            self.scoring.show_scoring_cancelled()
        elif key == "survey_error":
            self.scoring.show_scoring_error(value)

    def _end(self) -> None:
        self.source_client.close()
        self.view.close()

    def __repr__(self) -> str:
        return f"Explore({self.source.title}: {len(self.source.images)} images, {len(self.selected)} selected)"


def explore(source: Any = None, networks: Any = None, **source_options: Any) -> Explore:
    """Return all images as points, as a widget.

    Parameters
    ----------
    source
        A ``Compare``, or what ``open_source`` takes as its collection.
    networks
        What ``open_source`` takes.
    **source_options
        Other arguments of ``open_source``.

    Returns
    -------
    Explore
        The widget; its selection is ``.selected``.

    Examples
    --------
    >>> import gala_viz as gv
    >>> points = gv.explore(store="maps.zarr")  # doctest: +SKIP
    """
    return Explore(source.source if isinstance(source, Compare) else open_source(source, networks, **source_options))
