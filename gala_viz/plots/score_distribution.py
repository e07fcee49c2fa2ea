"""Scores of a whole collection as one histogram per network, with one image marked and the noise ceiling behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

import holoviews as hv
import numpy as np
from numpy.typing import NDArray

NETWORK_COLOURS = ("#2f6fb5", "#c8442f", "#3f9a4e", "#8a5bb8", "#d18f1d", "#2f9e9e")
"""Blue for the first network, red for the second, as in the delta; after the last colour they begin anew."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CeilingInterval:
    """Split-half rho of people: the mean over images and its 95 % interval."""

    mean: float
    low: float
    high: float


def histogram(scores: NDArray[np.floating], bins: int = 30) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the shares of images (network, bin) and the ``bins`` + 1 common edges.

    ``scores`` is (network, image), NaN left out. The edges reach over the data and at least from 0 to 1, so that
    pictures of different collections compare.
    """
    finite = scores[np.isfinite(scores)]
    low, high = (min(0.0, float(finite.min())), max(1.0, float(finite.max()))) if finite.size else (0.0, 1.0)
    edges = np.linspace(low, high, bins + 1)
    counts = np.stack([np.histogram(row[np.isfinite(row)], edges)[0] for row in scores]).astype(np.float64)
    total = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, total, out=np.zeros_like(counts), where=total > 0), edges


def distribution_columns(
    scores: NDArray[np.floating], current: Sequence[float], ceiling: CeilingInterval | None = None
) -> tuple[list[dict[str, NDArray[np.float64]]], float]:
    """Return the data sources' columns of ``score_distribution``'s glyphs, in drawing order, and the plot's height.

    They update a plot in place: the ceiling's band and mean, one histogram and then one mark per network. Where there
    is no ceiling, or a NaN in ``current``, the columns have no rows.
    """
    shares, edges = histogram(scores)
    top = max(float(shares.max(initial=0)), 1e-9) * 1.15
    band = _segments([(ceiling.low, ceiling.high)] if ceiling else [], top)
    out = [dict(zip(("left", "right", "bottom", "top"), band.values(), strict=True))]
    out.append(_segments([(ceiling.mean, ceiling.mean)] if ceiling else [], top))
    out += [{"top": share, "left": edges[:-1], "right": edges[1:]} for share in shares]
    out += [_segments([(x, x)] if np.isfinite(x) else [], top) for x in current]
    return out, top


def _segments(spans: Sequence[tuple[float, float]], top: float) -> dict[str, NDArray[np.float64]]:
    left, right = np.asarray(spans, dtype=np.float64).reshape(-1, 2).T
    return {"x0": left, "x1": right, "y0": np.zeros(len(left)), "y1": np.full(len(left), top)}


def score_distribution(
    scores: NDArray[np.floating],
    titles: Sequence[str],
    *,
    current: Sequence[float] = (),
    ceiling: CeilingInterval | None = None,
    label: str = "Spearman's rho",
) -> hv.Overlay:
    """Draw a histogram of scores for each network, the score of one image, and the noise ceiling as a band.

    Parameters
    ----------
    scores : ndarray, (network, image)
        NaN is left out.
    titles : sequence of str
        Names of the networks.
    current : sequence of float
        For each network the score of the image in view, drawn as a line; NaN draws none.
    ceiling : CeilingInterval, optional
        Its interval is a band, its mean a dashed line.
    label : str
        Title of the metric, below the axis.

    Returns
    -------
    holoviews.Overlay
        Band, mean, histograms, lines.
    """
    (band, mean, *rest), top = distribution_columns(scores, current, ceiling)
    bars, marks = rest[: len(titles)], rest[len(titles) :]
    plot = hv.Rectangles(_rows(band)).opts(color="#8a8a8a", alpha=0.22, line_alpha=0)
    plot = plot * hv.Segments(_rows(mean)).opts(color="#8a8a8a", line_dash="dashed", line_width=1.5)
    for columns, title, colour in zip(bars, titles, cycle(NETWORK_COLOURS), strict=False):
        edges = np.append(columns["left"], columns["right"][-1])
        one = hv.Histogram((edges, columns["top"]), kdims=["score"], vdims=["share"], label=title)
        plot = plot * one.opts(fill_color=colour, fill_alpha=0.5, line_alpha=0)
    for columns, colour in zip(marks, cycle(NETWORK_COLOURS), strict=False):
        plot = plot * hv.Segments(_rows(columns)).opts(color=colour, line_width=3)
    return plot.opts(xlabel=label, ylabel="share of images", show_legend=False, ylim=(0, top), title="")


def _rows(columns: dict[str, NDArray[np.float64]]) -> list[tuple[float, ...]]:
    left, right, bottom, top = (column.tolist() for column in columns.values())
    return list(zip(left, bottom, right, top, strict=True))
