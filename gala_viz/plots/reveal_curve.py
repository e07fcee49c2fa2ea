"""By how much the explained logit falls as a photograph is revealed or erased, one line for each network."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

import holoviews as hv
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from gala_viz.plots.score_distribution import NETWORK_COLOURS

MARK_PX = 8


def reveal_curve_columns(
    curve: xr.Dataset | None, n_networks: int, here: tuple[float, Sequence[float]] | None = None
) -> tuple[list[dict[str, NDArray[np.float64]]], tuple[float, float]]:
    """Return the data sources' columns of ``reveal_curves``' glyphs, in drawing order, and the range of drops in view.

    They update a plot in place: the line of no drop, then of each network its line and its mark.

    Parameters
    ----------
    curve : Dataset or None
        Of ``MapSource.reveal_curve``; NaN where it is not computed yet. None: there is none.
    n_networks : int
        How many networks it is of.
    here : tuple of float and sequence of float, optional
        Per cent, and each network's drop there, which is marked; NaN marks nothing.

    Returns
    -------
    columns : list of dict of str to ndarray
        ``percent`` and ``logit_drop``.
    limits : tuple of two float
        Lowest and highest value of the axis of drops, which always holds 0.
    """
    columns = [_columns([0.0, 100.0], [0.0, 0.0])]
    for number in range(n_networks):
        percents, drops = ([], []) if curve is None else (curve.percent.values, curve.logit_drop.values[number])
        columns.append(_columns(percents, drops))
        at, values = (np.nan, ()) if here is None else here
        columns.append(_columns(*([at], [values[number]]) if len(values) else ([], [])))
    drops = np.concatenate([one["logit_drop"] for one in columns])
    low, high = (min(float(drops.min()), 0.0), max(float(drops.max()), 0.0))
    room = 0.08 * (high - low) or 1.0
    return columns, (low - room, high + room)


def reveal_curves(
    curve: xr.Dataset | None,
    titles: Sequence[str],
    *,
    here: tuple[float, Sequence[float]] | None = None,
    label: str = "pixels revealed, most important first, %",
) -> hv.Overlay:
    """Draw the drop of the explained logit over per cent of the pixels, one line for each network.

    Logits of two networks have no common scale: compare a drop with the logit of the same network.

    Parameters
    ----------
    curve : Dataset or None
        (network, percent), of ``MapSource.reveal_curve``; None draws empty axes.
    titles : sequence of str
        Names of the networks.
    here : tuple of float and sequence of float, optional
        Per cent, and each network's drop there, marked by a circle.
    label : str
        Below the axis.

    Returns
    -------
    holoviews.Overlay
        The line of no drop, then lines and marks.
    """
    columns, limits = reveal_curve_columns(curve, len(titles), here)
    (zero, *rest) = (tuple(one.values()) for one in columns)
    axes = {"kdims": ["percent"], "vdims": ["logit_drop"]}
    lines: list[hv.Element] = [hv.Curve(zero, **axes)]
    lines[0].opts(color="#8a8a8a", line_width=1, line_dash="dashed")
    for line, mark, title, colour in zip(rest[::2], rest[1::2], titles, cycle(NETWORK_COLOURS), strict=False):
        lines += [hv.Curve(line, **axes, label=title), hv.Scatter(mark, **axes)]
        lines[-2].opts(color=colour, line_width=2)
        lines[-1].opts(fill_color=colour, line_color="#ffffff", size=MARK_PX, line_width=1.5)
    plot = hv.Overlay(lines)
    plot.opts(xlabel=label, ylabel="drop of logit", show_legend=False, xlim=(-2, 102), ylim=limits, title="")
    return plot


def _columns(percents: Sequence[float] | NDArray, drops: Sequence[float] | NDArray) -> dict[str, NDArray[np.float64]]:
    x, y = np.asarray(percents, np.float64), np.asarray(drops, np.float64)
    known = np.isfinite(x) & np.isfinite(y)
    return {"percent": x[known], "logit_drop": y[known]}
