"""A selection among all images, as a mask; it is made in the exploration, and a link brings it to the comparison."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui
import xarray as xr
from bokeh.document import Document
from markupsafe import escape
from numpy.typing import NDArray

from gala_viz.panels.document_queue import DocumentQueue
from gala_viz.panels.gallery.gallery import Gallery
from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.latest_job_worker import IsCancelled, LatestJobWorker
from gala_viz.panels.view_state import ScatterAxes
from gala_viz.plots.point_selection import points_inside, selection_geometry
from gala_viz.store.measures import NamedMeasure, measures_of
from gala_viz.store.source import MapSource


def selected_mask(
    axes: ScatterAxes, metrics: Mapping[str, NamedMeasure], scores: xr.Dataset
) -> NDArray[np.bool_] | None:
    """Return the mask (image,) of the images in the selection of ``axes``; None where nothing is selected.

    Box or lasso count in the plane of the two metrics in which they were drawn.
    """
    if not axes.selection:
        return None
    x, y = (metrics[name].values(scores) for name in (axes.selection_x or axes.x, axes.selection_y or axes.y))
    return points_inside(selection_geometry(axes.selection), x, y)


class SelectionFilter:
    """The selection that a link brings to a page without the scatter plot: the ``gallery`` shows these images alone.

    The scores in whose plane it lies are read in a thread. ``pane`` says how many images it holds, and has a button
    that shows all again.
    """

    def __init__(self, source: MapSource, gallery: Gallery, document: Document) -> None:
        self._source, self._gallery = source, gallery
        self._queue = DocumentQueue(document, self._deliver)
        self._worker = LatestJobWorker("gala-viz selection", lambda error: self._queue.put("error", error))
        self._measures = {one.name: one for one in measures_of(source)}
        self.axes = ScatterAxes.from_metrics(list(self._measures))
        self._told = html_pane()
        clear = pmui.Button(label="Show all", variant="outlined", size="small", margin=0)
        clear.on_click(lambda _: setattr(self.axes, "selection", ""))
        self.pane = pn.Row(self._told, clear, visible=False, sizing_mode="stretch_width", margin=(8, 12, 0, 12))
        self.axes.param.watch(lambda *_: self._select(), ["selection", "selection_x", "selection_y"])

    def close(self) -> None:
        """End the thread; no selection is delivered any more."""
        self._worker.close()
        self._queue.close()

    def _select(self) -> None:
        if not self.axes.selection:
            self._worker.cancel()
            self._deliver("selection", ("", None))
            return
        source, asked = self._source, self.axes.selection

        def job(_: IsCancelled) -> None:
            mask = selected_mask(self.axes, self._measures, source.scores(source.request))
            self._queue.put("selection", (asked, mask))

        self._told.object, self.pane.visible = "<p>Reading the selection…</p>", True
        self._worker.submit(job)

    def _deliver(self, key: str, value: Any) -> None:
        if key == "error":
            self._told.object = f"<p>The selection could not be read: {escape(str(value) or type(value).__name__)}</p>"
            return
        asked, chosen = value
        if asked != self.axes.selection:
            return
        self._gallery.restrict(chosen)
        self.pane.visible = chosen is not None
        self._told.object = "" if chosen is None else f"<p><b>{int(chosen.sum()):,}</b> images, as selected.</p>"
