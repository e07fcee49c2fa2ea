"""Figure 2: image by image, what people marked, what two networks rely on, how they differ, and where they attend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gala_viz.plots.figures.page import (
    DIVERGING_MAP,
    SEQUENTIAL_MAP,
    WIDTH_INCHES,
    colour_bar,
    finite_max,
    page,
    picture,
)

Map = NDArray[np.floating] | None
SCALES = (
    "Colour scales: each human map is divided by its largest value, each SmoothGrad map by the 99th percentile of its "
    "own values, and each attention norm by its root mean square over the image (1 everywhere: no preference); after "
    "that one scale holds for all rows of a column, for both SmoothGrad columns, and for both attention columns. "
    "Values beyond the bar's end are drawn in its last colour. The delta's scale is symmetric about 0: red where the "
    "second network relies more, blue where the first does."
)
"""What the colours stand for, for the caption."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Compared:
    """One row: the photograph ``view`` (y, x, 3) uint8, people's map, two SmoothGrad maps, their delta, two norms.

    Maps are (y, x) over the same frame, at any resolution, in their own units; the delta is of normalised maps. None
    stands for what is not known.
    """

    title: str
    view: NDArray[np.uint8]
    human_map: Map
    first: Map
    second: Map
    delta: Map
    first_norm: Map
    second_norm: Map


def comparison_figure(rows: Sequence[Compared], names: tuple[str, str], layer: str, people: str = "people") -> Figure:
    """The figure of ``rows`` for two networks called ``names``; attention norms are of ``layer``.

    ``people`` heads the column of human maps: say there when they are simulated.
    """
    humans = [_over(row.human_map, "largest") for row in rows]
    maps = [[_over(one, "percentile") for one in (row.first, row.second)] for row in rows]
    norms = [[_over(one, "rms") for one in (row.first_norm, row.second_norm)] for row in rows]
    end = finite_max(*(None if row.delta is None else np.abs(row.delta) for row in rows))
    top = finite_max(*(one for pair in norms for one in pair))
    columns = ("image", people, f"SmoothGrad\n{names[0]}", f"SmoothGrad\n{names[1]}", "delta")
    columns += tuple(f"attention norm\n{name}" for name in names)
    count = max(1, len(rows))
    side = WIDTH_INCHES / len(columns)
    with page(0.55 + count * (side - 0.06)) as figure:
        grid = figure.add_gridspec(count + 1, len(columns), height_ratios=[*[1] * count, 0.05], hspace=0, wspace=0)
        cells = [[figure.add_subplot(grid[row, column]) for column in range(len(columns))] for row in range(count)]
        for axes, title in zip(cells[0], columns, strict=True):
            axes.set_title(title, fontsize=6, pad=3)
        for line, row, human, pair, norm in zip(cells, rows, humans, maps, norms, strict=False):
            frame = row.view.shape[:2]
            picture(line[0], row.view)
            line[0].set_ylabel(row.title, fontsize=6, labelpad=2)
            for axes, one in zip(line[1:4], (human, *pair), strict=True):
                picture(axes, one, colours=SEQUENTIAL_MAP, frame_px=frame)
            picture(line[4], row.delta, colours=DIVERGING_MAP, limits=(-end, end), frame_px=frame)
            for axes, one in zip(line[5:], norm, strict=True):
                picture(axes, one, colours=SEQUENTIAL_MAP, limits=(0, top), frame_px=frame)
        for place, colours, limits, label in (
            (grid[-1, 1], SEQUENTIAL_MAP, (0, 1), "marks / largest"),
            (grid[-1, 2:4], SEQUENTIAL_MAP, (0, 1), "SmoothGrad / its 99th percentile"),
            (grid[-1, 4], DIVERGING_MAP, (-end, end), "difference"),
            (grid[-1, 5:7], SEQUENTIAL_MAP, (0, top), f"norm of {layer} / its RMS"),
        ):
            colour_bar(figure.add_subplot(place), colours, limits, label)
    return figure


def _over(values: Map, what: str) -> Map:
    """``values`` divided by one number of theirs, with zeros where that is 0."""
    if values is None:
        return None
    finite = np.nan_to_num(np.asarray(values, dtype=np.float64))
    scale = {
        "largest": finite.max,
        "percentile": lambda: np.percentile(np.abs(finite), 99),
        "rms": lambda: np.sqrt(np.mean(finite**2)),
    }[what]()
    return np.asarray(values) / scale if scale > 0 else np.zeros(finite.shape)
