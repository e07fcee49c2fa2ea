"""Scores of a whole collection as one histogram per network, with one image marked and what people reach behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import holoviews as hv
import numpy as np
from numpy.typing import NDArray


NETWORK_COLOURS = ("#2f6fb5", "#c8442f")
"""Blue for the first network, red for the second, as in the delta."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ceiling:
    """Split-half rho of people: the mean over images and its 95 % interval."""

    mean: float
    low: float
    high: float


def histogram(scores: NDArray[np.floating], bins: int = 30) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share of images (network, bin) per bin and the ``bins`` + 1 common edges; ``scores`` is (network, image), NaN left out.

    The edges reach over the data and at least from 0 to 1, so that pictures of different collections compare.
    """
    finite = scores[np.isfinite(scores)]
    low, high = (min(0.0, float(finite.min())), max(1.0, float(finite.max()))) if finite.size else (0.0, 1.0)
    edges = np.linspace(low, high, bins + 1)
    counts = np.stack([np.histogram(row[np.isfinite(row)], edges)[0] for row in scores]).astype(np.float64)
    total = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, total, out=np.zeros_like(counts), where=total > 0), edges


def score_distribution(
    scores: NDArray[np.floating],
    titles: Sequence[str],
    *,
    here: Sequence[float] = (),
    ceiling: Ceiling | None = None,
    label: str = "Spearman's rho",
) -> hv.Overlay:
    """Histograms of ``scores`` (network, image), a line at ``here`` for each network's score of the present image, and the
    noise ceiling as a band. NaN in ``here`` draws no line.
    """
    shares, edges = histogram(scores)
    top = max(float(shares.max(initial=0)), 1e-9) * 1.15
    band = [(ceiling.low, 0.0, ceiling.high, top)] if ceiling else []
    mean = [(ceiling.mean, 0.0, ceiling.mean, top)] if ceiling else []
    plot = hv.Rectangles(band).opts(color="#8a8a8a", alpha=0.22, line_alpha=0) * hv.Segments(mean).opts(
        color="#8a8a8a", line_dash="dashed", line_width=1.5
    )
    for share, title, colour in zip(shares, titles, NETWORK_COLOURS, strict=False):
        bars = hv.Histogram((edges, share), kdims=["score"], vdims=["share"], label=title)
        plot = plot * bars.opts(fill_color=colour, fill_alpha=0.45, line_color=colour, line_alpha=0.9)
    marks = [(x, 0.0, x, top) for x in here]
    for (x, *rest), colour in zip(marks, NETWORK_COLOURS, strict=False):
        plot = plot * hv.Segments([(x, *rest)] if np.isfinite(x) else []).opts(color=colour, line_width=3)
    return plot.opts(xlabel=label, ylabel="share of images", show_legend=False, ylim=(0, top), title="")
