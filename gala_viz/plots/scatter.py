"""Half a million images as points: their density as a picture, drawn anew for every range in view."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import datashader as ds
import datashader.transfer_functions as tf
import holoviews as hv
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gala_viz.plots.point_selection import points_inside

Range = tuple[float, float]

HIGHLIGHT_COLOURS = ("#6f9dd4", "#0b2c55")
HIGHLIGHT_COLOURS_DARK = ("#4f86c6", "#e3efff")
BACKGROUND_COLOURS, BACKGROUND_COLOURS_DARK = ("#ececec", "#b4b4b4"), ("#23282e", "#4a525b")
"""Colours from few to many images: of those highlighted, and of the rest."""
MARGIN = 0.04
MAX_SPREAD_PX = 4


@dataclass(frozen=True, slots=True, eq=False)
class ScatterPoints:
    """Points (image,) of two metrics; those that are ``highlighted`` (image,) are drawn in colour, on top.

    Images with a NaN are not drawn.
    """

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    highlighted: NDArray[np.bool_]

    @property
    def finite(self) -> NDArray[np.bool_]:
        """Mask (image,) of the images that have both values."""
        return np.isfinite(self.x) & np.isfinite(self.y)

    def ranges(self) -> tuple[Range, Range]:
        """Return the ranges (x, y) that hold all points, with a margin."""
        return _range(self.x[self.finite]), _range(self.y[self.finite])

    def rasterize(
        self, x_range: Range, y_range: Range, size_px: tuple[int, int], dark: bool = False
    ) -> NDArray[np.uint32]:
        """Draw the density of the points as a picture, transparent where no image is.

        Colours follow the rank of the counts, so that single images and crowds are both visible; where points are few
        they grow to at most ``MAX_SPREAD_PX`` pixels.

        Parameters
        ----------
        x_range, y_range : tuple of two float
            Lowest and highest value in view, in the metrics' units.
        size_px : tuple of two int
            Width and height of the picture.
        dark : bool
            Whether colours suit a dark page.

        Returns
        -------
        ndarray, (row, column), uint32
            Packed RGBA, rows from the bottom up.
        """
        canvas = ds.Canvas(*size_px, x_range=x_range, y_range=y_range)
        colours = (BACKGROUND_COLOURS_DARK, HIGHLIGHT_COLOURS_DARK) if dark else (BACKGROUND_COLOURS, HIGHLIGHT_COLOURS)
        layers = []
        for mask, (few, many) in zip(
            (self.finite & ~self.highlighted, self.finite & self.highlighted), colours, strict=True
        ):
            points = pd.DataFrame({"x": self.x[mask], "y": self.y[mask]})
            counts = canvas.points(points, "x", "y", ds.count())
            if int(counts.max()) <= 1:
                many = few  # counts that are all alike have no rank
            shaded = tf.shade(counts, cmap=[few, many], how="eq_hist", min_alpha=255)
            layers.append(np.asarray(tf.dynspread(shaded, threshold=0.7, max_px=MAX_SPREAD_PX).data, dtype=np.uint32))
        rest, highlighted = layers
        return np.where(highlighted >> 24, highlighted, rest)

    def selection_mask(self, geometry: dict) -> NDArray[np.bool_]:
        """Return the mask (image,) of the images inside ``geometry``, as ``points_inside`` takes it."""
        return points_inside(geometry, self.x, self.y)

    def nearest(self, x: float, y: float, x_range: Range, y_range: Range) -> int | None:
        """Return the position of the highlighted image nearest to a point of the picture.

        Distances are shares of the ranges, as they appear in the picture.

        Parameters
        ----------
        x, y : float
            The point, in the metrics' units.
        x_range, y_range : tuple of two float
            Lowest and highest value in view.

        Returns
        -------
        int or None
            None where no highlighted image is within a fiftieth of the picture.
        """
        wide, tall = x_range[1] - x_range[0], y_range[1] - y_range[0]
        away = np.hypot((self.x - x) / wide, (self.y - y) / tall)
        away[~(self.finite & self.highlighted)] = np.inf
        nearest = int(np.argmin(away)) if len(away) else 0
        return nearest if len(away) and away[nearest] < 0.02 else None


@functools.cache
def compile_datashader() -> None:
    """Compile Datashader's loops before the first picture; it takes seconds and is done once a process.

    Pages call it in a thread of their own while their collection is being read.
    """
    values = np.array([0.25, 0.75], np.float32)
    ScatterPoints(values, values, np.array([True, False])).rasterize((0, 1), (0, 1), (8, 8))


def scatter_plot(
    points: ScatterPoints, x_label: str, y_label: str, size_px: tuple[int, int] = (600, 480)
) -> hv.Overlay:
    """Draw an empty picture for the points, the line on which both metrics are equal, and a ring that pages move.

    Parameters
    ----------
    points : ScatterPoints
        They give the ranges; ``ScatterPoints.rasterize`` makes the picture.
    x_label, y_label : str
        Titles of the metrics.
    size_px : tuple of two int
        Width and height of the picture.

    Returns
    -------
    holoviews.Overlay
        Transparent picture, line, ring without a position.
    """
    x_range, y_range = points.ranges()
    height, width = size_px[1], size_px[0]
    channels = [np.zeros((height, width), np.uint8)] * 4
    centres = [np.linspace(low, high, count) for (low, high), count in ((x_range, width), (y_range, height))]
    picture = hv.RGB((*centres, *channels), kdims=["x", "y"], vdims=[*hv.RGB.vdims, hv.RGB.alpha_dimension])
    line = hv.Curve([(-9, -9), (9, 9)]).opts(color="#888888", line_dash="dotted", line_width=1)
    ring = hv.Points([]).opts(marker="circle", size=15, fill_alpha=0, line_color="#e07b1a", line_width=2.5)
    return (picture * line * ring).opts(
        xlabel=x_label, ylabel=y_label, xlim=x_range, ylim=y_range, show_legend=False, title=""
    )


def category_means(points: ScatterPoints, category_codes: NDArray[np.integer], n_categories: int) -> dict[str, NDArray]:
    """Return the means of the highlighted images of each category that has any.

    ``category_codes`` (image,) number the ``n_categories``, -1 for none. The columns are ``category``, its number, the
    means ``x`` and ``y``, and ``n`` images.
    """
    mask = points.finite & points.highlighted & (category_codes >= 0)
    count = np.bincount(category_codes[mask], minlength=n_categories)
    with np.errstate(invalid="ignore"):
        x, y = (
            np.bincount(category_codes[mask], weights=values[mask], minlength=n_categories) / count
            for values in (points.x, points.y)
        )
    present = np.flatnonzero(count)
    return {"category": present, "x": x[present], "y": y[present], "n": count[present]}


def _range(values: NDArray[np.floating]) -> Range:
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    pad = (high - low) * MARGIN or 0.5
    return low - pad, high + pad
