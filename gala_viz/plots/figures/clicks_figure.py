"""Preview of imported clicks: some photographs with clicks and maps, and where in the frame all clicks lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gala_viz.plots.figures.print_style import SEQUENTIAL_MAP, draw_image, finite_upper_limit, print_figure

N_BINS = 40
CLICK_COLOUR = "#d7301f"
MAP_OPACITY = 0.6
BEYOND = 0.25
"""How far around the frame the histogram reaches, as a share of its sides."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ClickedPhotograph:
    """A photograph (y, x, 3) uint8, its clicks (click, 2), x and y in its pixels, and its human map (y, x)."""

    title: str
    photo: NDArray[np.uint8]
    clicks_px: NDArray[np.floating]
    human_map: NDArray[np.floating]


def clicks_figure(photographs: Sequence[ClickedPhotograph], shares: NDArray[np.floating], n_images: int) -> Figure:
    """Draw clicks and maps over photographs, and histograms of all clicks' positions.

    Parameters
    ----------
    photographs : sequence of ClickedPhotograph
        Side by side: clicks above, map below.
    shares : ndarray, (click, 2)
        x and y of the clicks in shares of their photographs' width and height, those outside too.
    n_images : int
        Number of the images that ``shares`` are from.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    with print_figure(4.6) as figure:
        parts: Any = figure.subfigures(2, 1, height_ratios=[2.5, 2.1])
        above, below = parts
        grid = above.subplots(2, max(1, len(photographs)), squeeze=False)
        for number, one in enumerate(photographs):
            height, width = one.photo.shape[:2]
            for axes in grid[:, number]:
                draw_image(axes, one.photo)
                axes.set(xlim=(0, width), ylim=(height, 0))
            top, bottom = grid[:, number]
            top.set_title(one.title[-24:], fontsize=5.5, pad=2, parse_math=False)
            top.plot(*one.clicks_px.T, ".", color=CLICK_COLOUR, markersize=2, markeredgewidth=0)
            bottom.imshow(
                one.human_map,
                cmap=SEQUENTIAL_MAP,
                vmin=0,
                vmax=finite_upper_limit(one.human_map),
                alpha=MAP_OPACITY,
                extent=(0, width, height, 0),
                interpolation="none",
            )
        _draw_positions(below, shares, n_images)
    return figure


def _draw_positions(part, shares: NDArray[np.floating], n_images: int) -> None:
    """Draw where clicks lie in the frame: both coordinates together, then each."""
    together, *single = part.subplots(1, 3, width_ratios=[1, 1.2, 1.2])
    edges = np.linspace(-BEYOND, 1 + BEYOND, round(N_BINS * (1 + 2 * BEYOND)) + 1)
    shown = np.clip(shares, edges[0], edges[-1])
    counts, _, _ = np.histogram2d(shown[:, 1], shown[:, 0], bins=(edges, edges))
    ends = (edges[0], edges[-1], edges[-1], edges[0])
    together.imshow(counts, cmap=SEQUENTIAL_MAP, extent=ends, interpolation="none", aspect="equal")
    together.plot([0, 1, 1, 0, 0], [0, 0, 1, 1, 0], color=CLICK_COLOUR, linewidth=0.8)
    together.set(xlabel="x / width", ylabel="y / height", title=f"{len(shares):,} clicks, {n_images:,} images")
    is_outside = ~((shares >= 0) & (shares < 1)).all(axis=1)
    for axes, values, name in zip(single, shown.T, ("x / width", "y / height"), strict=True):
        axes.hist(values, bins=edges, color="#4d4d4d")
        for side in (0, 1):
            axes.axvline(side, color=CLICK_COLOUR, linewidth=0.6)
        axes.set(xlabel=name, ylabel="clicks", xlim=(edges[0], edges[-1]))
    single[0].set_title(f"outside: {int(is_outside.sum()):,}")
