"""A selection among all images, as a mask; it is made in the exploration, and a link brings it to the comparison."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import panel as pn
import panel_material_ui as pmui
import xarray as xr
from numpy.typing import NDArray

from gala_viz.panels.gallery.gallery import Gallery
from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.view_state import ScatterAxes
from gala_viz.plots.point_selection import points_inside, selection_geometry
from gala_viz.store.measures import NamedMeasure, named_measures
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

    ``pane`` says so, and has a button that shows all again.
    """

    def __init__(self, source: MapSource, gallery: Gallery) -> None:
        self._source, self._gallery = source, gallery
        layers = list(dict.fromkeys(layer for network in source.networks for layer in network.layers))
        self._measures = {one.name: one for one in named_measures(source.networks, layers, bool(source.map_kinds))}
        self.axes = ScatterAxes.from_metrics(list(self._measures))
        self._told = html_pane()
        clear = pmui.Button(label="Show all", variant="outlined", size="small", margin=0)
        clear.on_click(lambda _: setattr(self.axes, "selection", ""))
        self.pane = pn.Row(self._told, clear, visible=False, sizing_mode="stretch_width", margin=(8, 12, 0, 12))
        self.axes.param.watch(lambda *_: self._select(), ["selection", "selection_x", "selection_y"])

    def _select(self) -> None:
        scores = self._source.scores(self._source.request)
        chosen = selected_mask(self.axes, self._measures, scores)
        self._gallery.restrict(chosen)
        self.pane.visible = chosen is not None
        self._told.object = "" if chosen is None else f"<p><b>{int(chosen.sum()):,}</b> images, as selected.</p>"
