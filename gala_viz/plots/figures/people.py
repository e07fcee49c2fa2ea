"""Figure 1A: photographs seen through what people marked on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gala_viz.plots.figures.page import WIDTH_INCHES, page, picture

SUPERCLASS_COLOURS = ("#2f6fb5", "#c8442f")
"""Blue for the first group (animals), red for the second (vehicles)."""
OPAQUE_PERCENTILE = 99.0
OPACITY = (
    "Opacity is the human map divided by the 99th percentile of its own values; where nobody marked, the page shows."
)
"""How the pictures are made, for the caption."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """One photograph ``view`` (y, x, 3) uint8 with its human map (y, x) of the same size, and what to call it."""

    title: str
    view: NDArray[np.uint8]
    human_map: NDArray[np.floating]


def through_the_map(view: NDArray[np.uint8], human_map: NDArray[np.floating]) -> NDArray[np.uint8]:
    """The photograph (y, x, 4) uint8, as opaque as people's marks are dense: 255 from the map's 99th percentile on.

    A map without any mark gives an empty picture.
    """
    if human_map.shape != view.shape[:2]:
        raise ValueError(f"a map of the photograph's size {view.shape[:2]} was expected; got {human_map.shape}.")
    marks = np.clip(np.nan_to_num(human_map), 0, None)
    full = float(np.percentile(marks, OPAQUE_PERCENTILE)) or float(marks.max())
    opacity = np.rint(255 * np.minimum(marks / full, 1)) if full > 0 else np.zeros(marks.shape)
    return np.dstack([view, opacity.astype(np.uint8)])


def people_figure(groups: Sequence[tuple[str, Sequence[Seen]]], *, columns: int = 4) -> Figure:
    """Blocks side by side, one for each (title, pictures) of ``groups``; outlined in its block's colour."""
    rows = max(1, *(-(-len(seen) // columns) for _, seen in groups)) if groups else 1
    side = WIDTH_INCHES / (columns * max(1, len(groups)))
    with page(0.2 + rows * (side + 0.1)) as figure:
        blocks = figure.subfigures(1, max(1, len(groups)), wspace=0.02, squeeze=False)[0]
        for (title, seen), block, colour in zip(groups, blocks, _colours(len(groups)), strict=True):
            block.suptitle(title, color=colour, fontsize=8)
            grid = block.subplots(rows, columns, squeeze=False).ravel()
            for axes in grid[len(seen) :]:
                axes.set_axis_off()
            for axes, one in zip(grid, seen, strict=False):
                picture(axes, through_the_map(one.view, one.human_map))
                axes.set_title(one.title, fontsize=5.5, pad=2)
                for spine in axes.spines.values():
                    spine.set(visible=True, color=colour, linewidth=1.2)
    return figure


def _colours(count: int) -> list[str]:
    return [SUPERCLASS_COLOURS[index % len(SUPERCLASS_COLOURS)] for index in range(count)]
