"""Outlines of a map's strongest regions."""

from __future__ import annotations

import holoviews as hv
import numpy as np
import xarray as xr
from contourpy import contour_generator

from gala_viz.plots.colour_scale import finite_percentile
from gala_viz.schema import check_map, extent_px

TOP_PERCENTS = (10.0, 25.0, 50.0)


def contour_lines(
    values: xr.DataArray, top_percents: tuple[float, ...] = TOP_PERCENTS
) -> dict[str, list[np.ndarray] | list[float]]:
    """Return the lines around the strongest shares of a map (y, x), in per cent of its pixels.

    The columns are ``xs`` and ``ys``, in pixels of the frame, and ``share``. A line of share 10 encloses the pixels
    above the 90th percentile. A constant map has no lines.
    """
    check_map(values)
    height, width = extent_px(values)
    rows, columns = values.shape
    x, y = (np.arange(columns) + 0.5) * width / columns, (np.arange(rows) + 0.5) * height / rows
    array = np.ma.masked_invalid(np.asarray(values, dtype=np.float64))
    out: dict[str, list] = {"xs": [], "ys": [], "share": []}
    if array.count() == 0 or float(array.max()) == float(array.min()):
        return out
    generator = contour_generator(x=x, y=y, z=array)
    for share in top_percents:
        for line in generator.lines(finite_percentile(array.filled(np.nan), 100 - share)):
            out["xs"].append(line[:, 0].astype(np.float32))
            out["ys"].append(line[:, 1].astype(np.float32))
            out["share"].append(share)
    return out


def mask_outlines(mask: xr.DataArray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the lines (xs, ys) around where a ``mask`` (y, x) of 0 to 1 is above a half, in pixels of the frame.

    The lines close at the frame's border. An empty mask has none.
    """
    check_map(mask)
    height, width = extent_px(mask)
    rows, columns = mask.shape
    x, y = (np.arange(-1, columns + 1) + 0.5) * width / columns, (np.arange(-1, rows + 1) + 0.5) * height / rows
    framed = np.pad(np.nan_to_num(np.asarray(mask, dtype=np.float64)), 1)
    lines = contour_generator(x=x, y=y, z=framed).lines(0.5)
    return [line[:, 0].astype(np.float32) for line in lines], [line[:, 1].astype(np.float32) for line in lines]


def contours(values: xr.DataArray, top_percents: tuple[float, ...] = TOP_PERCENTS) -> hv.Path:
    """Draw the lines of ``contour_lines``, all white and of one width."""
    lines = contour_lines(values, top_percents)
    paths = [
        {"x": xs, "y": ys, "share": share}
        for xs, ys, share in zip(lines["xs"], lines["ys"], lines["share"], strict=True)
    ]
    return hv.Path(paths, kdims=["x", "y"], vdims=["share"]).opts(color="white", line_width=1.5, invert_yaxis=True)
