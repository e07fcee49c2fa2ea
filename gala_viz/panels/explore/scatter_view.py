"""The scatter plot of all images: a figure that is drawn anew for every range, selection and filter."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import panel as pn
from bokeh.events import RangesUpdate, Reset, SelectionGeometry, Tap
from bokeh.models import BoxSelectTool, ColumnDataSource, LassoSelectTool, PanTool, ResetTool, WheelZoomTool

from gala_viz.plots.bokeh_rendering import bokeh_figure
from gala_viz.plots.point_selection import selection_geometry, selection_outline, selection_text
from gala_viz.plots.scatter import ScatterPoints, category_means, scatter_plot

SIZE_PX = (760, 560)
HEIGHT_CSS = ":host { height: clamp(400px, 100vh - 236px, 1400px) !important; }"
"""Of the plot: with its axis it is seen at once below the settings, in a window of any height."""
MAX_PX = 4096


class ScatterView:
    """Draws ``ScatterPoints`` and reports what the visitor selects.

    ``on_select(text)`` is called with a box or a lasso as text (``plots.point_selection``), ``on_tap(position)`` with
    the position of an image that was clicked.
    """

    def __init__(self, on_select: Callable[[str], None], on_tap: Callable[[int], None]) -> None:
        empty = np.empty(0, np.float32)
        self.points = ScatterPoints(empty, empty, np.empty(0, bool))
        self.dark = False
        self._frame_px = dict(zip(("inner_width", "inner_height"), SIZE_PX, strict=True))
        self.category: np.ndarray | None = None
        self._on_select, self._on_tap = on_select, on_tap
        self.figure = fig = bokeh_figure(scatter_plot(self.points, "", "", SIZE_PX))
        fig.update(height=None, width=None, sizing_mode="stretch_width", min_border=4, outline_line_color=None)
        fig.output_backend = "canvas"
        pan, zoom, box, lasso = PanTool(), WheelZoomTool(), BoxSelectTool(), LassoSelectTool()
        fig.toolbar.tools = [pan, zoom, box, lasso, ResetTool()]
        fig.toolbar.active_drag, fig.toolbar.active_scroll = box, zoom
        fig.toolbar.logo = None
        self._picture, _, self._ring = (renderer.data_source for renderer in fig.renderers)
        self._means = fig.scatter("x", "y", size="size", source={"x": [], "y": [], "size": []}, fill_alpha=0.55)
        self._selection = ColumnDataSource({"xs": [], "ys": []})
        fig.patches("xs", "ys", source=self._selection, fill_alpha=0.06, line_width=1.5, line_dash="dashed")
        fig.on_event(RangesUpdate, lambda event: self.draw((event.x0, event.x1), (event.y0, event.y1)))
        fig.on_event(SelectionGeometry, self._selected)
        fig.on_event(Tap, self._tapped)
        fig.on_event(Reset, lambda _: self.reset())
        for side in self._frame_px:
            fig.on_change(side, self._resized)
        fig.stylesheets = [HEIGHT_CSS]
        self.pane = pn.pane.Bokeh(fig, sizing_mode="stretch_width", margin=0)

    def show(self, points: ScatterPoints, x_label: str, y_label: str, *, new_axes: bool) -> None:
        """Draw other points.

        Parameters
        ----------
        points : ScatterPoints
            The points.
        x_label, y_label : str
            Titles of the metrics.
        new_axes : bool
            Whether all points are shown; else the present ranges stay.
        """
        self.points = points
        self.figure.xaxis.axis_label, self.figure.yaxis.axis_label = x_label, y_label
        if new_axes:
            self.reset()
        else:
            self.draw(*self._ranges())

    def reset(self) -> None:
        """Show all points."""
        x_range, y_range = self.points.ranges()
        self.figure.x_range.update(start=x_range[0], end=x_range[1], reset_start=x_range[0], reset_end=x_range[1])
        self.figure.y_range.update(start=y_range[0], end=y_range[1], reset_start=y_range[0], reset_end=y_range[1])
        self.draw(x_range, y_range)

    def mark_image(self, index: int | None) -> None:
        """Put the ring around the image at position ``index``, or remove it for None."""
        there = index is not None and bool(self.points.finite[index])
        self._ring.data = {
            "x": [float(self.points.x[index])] if there else [],
            "y": [float(self.points.y[index])] if there else [],
        }

    def show_selection(self, text: str) -> None:
        """Outline a box or a lasso (``plots.point_selection``) in the plane of the present metrics; "" for none."""
        xs, ys = selection_outline(selection_geometry(text)) if text else ([], [])
        self._selection.data = {"xs": [xs] if text else [], "ys": [ys] if text else []}

    def show_category_means(self, category: np.ndarray | None, n_categories: int = 0) -> None:
        """Draw the mean of each category over the points, larger for more images; None: no means.

        ``category`` (image,) are numbers of the ``n_categories`` categories, -1 for none.
        """
        if category is None:
            self._means.data_source.data = {"x": [], "y": [], "size": []}
            return
        means = category_means(self.points, category, n_categories)
        size = 5 + 14 * np.sqrt(means["n"] / max(1, means["n"].max(initial=1)))
        self._means.data_source.data = {"x": means["x"], "y": means["y"], "size": size}

    def _ranges(self) -> tuple[tuple[float, float], tuple[float, float]]:
        x, y = self.figure.x_range, self.figure.y_range
        return (float(x.start), float(x.end)), (float(y.start), float(y.end))

    def _resized(self, side: str, _: int, pixels: int) -> None:
        """Draw at the size of the frame that the browser reports: a picture of just that size has round points."""
        if isinstance(pixels, int) and 0 < pixels <= MAX_PX:
            self._frame_px[side] = pixels
            self.draw(*self._ranges())

    def draw(self, x_range: tuple[float, float], y_range: tuple[float, float]) -> None:
        """Draw the points within ``x_range`` and ``y_range`` (low, high), in units of the metrics."""
        if not (np.isfinite([*x_range, *y_range]).all() and x_range[0] < x_range[1] and y_range[0] < y_range[1]):
            return
        picture = self.points.rasterize(x_range, y_range, tuple(self._frame_px.values()), self.dark)
        self._picture.data = {
            "image": [picture], "x": [x_range[0]], "y": [y_range[0]], "dw": [x_range[1] - x_range[0]],
            "dh": [y_range[1] - y_range[0]],
        }  # fmt: skip

    def _selected(self, event: SelectionGeometry) -> None:
        if event.final:
            self._on_select(selection_text(event.geometry))

    def _tapped(self, event: Tap) -> None:
        position = self.points.nearest(float(event.x), float(event.y), *self._ranges())
        if position is not None:
            self._on_tap(position)
