"""One session's view of all images: two metrics as axes, a selection that the gallery shows, distributions beside."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import numpy as np
import panel_material_ui as pmui
import xarray as xr
from bokeh.document import Document

from gala_viz.panels.document_queue import DocumentQueue
from gala_viz.panels.explore.scatter_view import ScatterView
from gala_viz.panels.explore.score_distributions import ScoreDistributions
from gala_viz.panels.form import Field, Form, as_options
from gala_viz.panels.gallery.collection_index import CollectionIndex
from gala_viz.panels.gallery.gallery import Gallery
from gala_viz.panels.gallery.selection_filter import selected_mask
from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.keyboard_shortcuts import KeyboardShortcuts
from gala_viz.panels.latest_job_worker import LatestJobWorker
from gala_viz.panels.markup import alert, image_score_table, muted_text, people_label, selection_summary
from gala_viz.panels.network_pair import PairChooser
from gala_viz.panels.page_state import LINK_FORMAT
from gala_viz.panels.source_client import CollectionScores, read_scores
from gala_viz.panels.view_state import CurrentImage, ScatterAxes
from gala_viz.plots.scatter import ScatterPoints
from gala_viz.store.measures import measures_of
from gala_viz.store.source import MapSource

NO_SCORES = (
    "No image has been scored yet. Open the comparison and press “Score the collection”, or use gala-viz attribute."
)
READING = "Reading the scores of all images…"


class ExploreView:
    """All components of one session and what connects them.

    Search and filters of the gallery decide which images are drawn in colour; box and lasso decide which of these the
    gallery shows; the current image has a ring in the scatter plot. ``compare_url`` is the address of the comparison,
    "" for no links to it. Before ``set_scores`` there are no points.
    """

    def __init__(self, source: MapSource, index: CollectionIndex, document: Document, compare_url: str = "") -> None:
        self.source, self.index, self._compare = source, index, compare_url
        self.scores: xr.Dataset | None = None
        self.metrics = {one.name: one for one in measures_of(source)}
        self.axes = ScatterAxes.from_metrics(list(self.metrics))
        self.current = CurrentImage()
        self.gallery = Gallery(source, index, self.current, document)
        self.gallery.on_filter_change = self._draw
        self.chooser = PairChooser(source, lambda first, second: None)
        self.scatter = ScatterView(self._drag, lambda place: setattr(self.current, "image", index.images[place]))
        choices, axes = as_options({one.title: name for name, one in self.metrics.items()}), self.axes
        self.form = Form(
            [
                Field(name="x", label="Across", kind="choice", value=axes.x, options=choices),
                Field(name="y", label="Up", kind="choice", value=axes.y, options=choices),
                Field(
                    name="show_category_means",
                    label="Category means",
                    kind="switch",
                    value=False,
                    visible=bool(index.categories),
                ),
            ],
            lambda name, value: axes.param.update(**{name: value}),
            min_width_px=220,
        )
        self.form.sync_from(axes)
        axes.param.watch(lambda *_: self._draw(new_axes=True), ["x", "y"])
        axes.param.watch(lambda _: self._draw(), "show_category_means")
        axes.param.watch(lambda *_: self._select(), ["selection", "selection_x", "selection_y"])
        self.distributions = ScoreDistributions(
            source.networks, people_label(source.map_kinds), has_categories=bool(index.categories)
        )
        self.selection_pane = html_pane()
        self.image_pane = html_pane()
        self.alert = html_pane()
        self.shortcuts = KeyboardShortcuts(on_message=lambda message: self.move(message.get("move", 0)))
        self.clear_button = pmui.Button(label="Show all", variant="outlined", size="small", visible=False, margin=0)
        self.clear_button.on_click(lambda _: self.clear_selection())
        self.current.param.watch(lambda event: self._show(event.new), "image")
        self._queue = DocumentQueue(document, self._deliver)
        self._worker = LatestJobWorker("gala-viz scores", lambda error: self._queue.put("error", error))
        self._draw(new_axes=True)

    def load_scores(self) -> None:
        """Read the scores of all images in a thread, and show them."""
        source = self.source
        assert source is not None, "the view is open"
        self._worker.submit(lambda _: self._queue.put("scores", read_scores(source, source.request)))

    def set_scores(self, read: CollectionScores) -> None:
        """Show the scores of all images."""
        self.scores = read.scores
        self.gallery.set_scores(read.scores)
        self.chooser.show_scores(read.choices)
        if self.axes.selection:
            self._select()
        self._draw(new_axes=True)

    def select(self, selection_mask: np.ndarray | None) -> None:
        """Show only the images of ``selection_mask`` (image,) in the gallery; None, or an empty one: all."""
        selection_mask = selection_mask if selection_mask is not None and selection_mask.any() else None
        self.gallery.restrict(selection_mask)
        self.clear_button.visible = selection_mask is not None
        self._tell()

    def clear_selection(self) -> None:
        """Clear what box, lasso or code selected."""
        self.axes.selection = ""
        self.select(None)

    def _drag(self, selection: str) -> None:
        self.axes.param.update(selection=selection, selection_x=self.axes.x, selection_y=self.axes.y)

    def _select(self) -> None:
        self._outline()
        if self.scores is not None:
            self.select(selected_mask(self.axes, self.metrics, self.scores))

    def _outline(self) -> None:
        """Outline the selection where the plane in which it was made is shown."""
        axes = self.axes
        is_here = (axes.selection_x or axes.x, axes.selection_y or axes.y) == (axes.x, axes.y)
        self.scatter.show_selection(axes.selection if is_here else "")

    def selected_images(self) -> tuple[str, ...]:
        """Return the ids of the images that the gallery shows; none where these are all."""
        positions = self.gallery.positions
        return () if len(positions) == len(self.index) else tuple(self.index.images[at] for at in np.sort(positions))

    def show_error(self, error: Exception) -> None:
        """Show the ``error`` on the page."""
        self.alert.object = alert(f"{error or type(error).__name__}")

    def move(self, by: int) -> None:
        """Go ``by`` images forward in the gallery's order; beyond either end stay."""
        image = self.gallery.image_at_offset(by)
        if image is not None:
            self.current.image = image

    def set_dark(self, dark: bool) -> None:
        """Draw the points for a dark page, or for a light one."""
        self.scatter.dark = dark
        self._draw()

    def close(self) -> None:
        """End all threads and release the source."""
        for part in (self._worker, self._queue, self.gallery):
            part.close()
        self.source = None

    def metric_values(self, name: str) -> np.ndarray:
        """Return the values (image,) of the metric with the short name ``name``; NaN where they are not known."""
        if self.scores is None:
            return np.full(len(self.index), np.nan, np.float32)
        return self.metrics[name].values(self.scores)

    def _deliver(self, key: str, value: Any) -> None:
        if key == "error":
            self.show_error(value)
        else:
            self.set_scores(value)

    def _draw(self, new_axes: bool = False) -> None:
        axes = self.axes
        points = ScatterPoints(self.metric_values(axes.x), self.metric_values(axes.y), self.gallery.filter_mask)
        x, y = (self.metrics[name].title for name in (axes.x, axes.y))
        self.scatter.show(points, x, y, new_axes=new_axes)
        self._outline()
        means = axes.show_category_means
        self.scatter.show_category_means(self.index.category_codes if means else None, len(self.index.categories))
        self._show(self.current.image)
        self._tell()

    def _tell(self) -> None:
        """Show the distributions and means of the images that are selected, or highlighted."""
        if self.scores is None:
            self.selection_pane.object = muted_text(READING)
            return
        points, within = self.scatter.points, self.gallery.selection_mask
        chosen = points.highlighted if within is None else points.highlighted & within
        self.distributions.show(self.scores, self.source.request, chosen, self.index.has_human_map)
        if not points.finite.any():
            self.selection_pane.object = alert(NO_SCORES)
            return
        known = chosen & points.finite
        pair = ((self.axes.x, points.x), (self.axes.y, points.y))
        means = {self.metrics[name].title: values[known] for name, values in pair}
        self.selection_pane.object = selection_summary(int(known.sum()), len(self.index), within is not None, means)

    def _show(self, image: str | None) -> None:
        """Put the ring around ``image`` and show its metrics."""
        position = self.index.position.get(image or "")
        self.scatter.mark_image(position)
        if position is None:
            self.image_pane.object = image_score_table(None, "", "", {})
            return
        values = {one.title: float(self.metric_values(name)[position]) for name, one in self.metrics.items()}
        number = self.index.category_codes[position]
        category = self.index.categories[number] if number >= 0 else ""
        shown = {
            "v": LINK_FORMAT,
            "image": str(image),
            "first": self.chooser.pair.first,
            "second": self.chooser.pair.second,
        }
        link = f"{self._compare}?{urlencode(shown, quote_via=quote)}" if self._compare else ""
        self.image_pane.object = image_score_table(image, category, link, values)
