"""Attention norms of every layer: a row for each image and network, a column and one colour scale for each layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gala_viz.plots.figures.print_style import (
    SEQUENTIAL_MAP,
    WIDTH_INCHES,
    colour_bar,
    draw_image,
    finite_upper_limit,
    print_figure,
)

SCALE_PERCENTILE = 99.5
NAME_PT, LETTER_WIDTH = 5.0, 0.58
"""Font size of the names beside rows, and a letter's width as a share of it. Names longer than a row continue below."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LayersRow:
    """One image: the photograph ``view`` (y, x, 3) uint8, and for each network its ``norms``, layer -> (y, x).

    The norms lie over the same frame, at each layer's own resolution. A layer that a network does not have is
    missing from its norms.
    """

    title: str
    view: NDArray[np.uint8]
    norms: Sequence[Mapping[str, NDArray[np.floating]]]


def layer_scale_maxima(rows: Sequence[LayersRow], layers: Sequence[str]) -> dict[str, float]:
    """Return layer -> the upper end of its colour scale, which begins at 0.

    It is the ``SCALE_PERCENTILE`` of all values of the layer in ``rows``.
    """
    maps = {layer: [norms.get(layer) for row in rows for norms in row.norms] for layer in layers}
    return {layer: finite_upper_limit(*ones, percentile=SCALE_PERCENTILE) for layer, ones in maps.items()}


def layers_figure(
    rows: Sequence[LayersRow],
    networks: Sequence[str],
    layers: Sequence[str],
    *,
    width_inches: float = WIDTH_INCHES,
) -> Figure:
    """Draw the attention norms of every layer: the photograph, then a column for each layer.

    All maps of a layer share one scale, whose bar stands below them. A layer that a network does not have is drawn as
    "n/a".

    Parameters
    ----------
    rows : sequence of LayersRow
        One for each image; each has a line for each network.
    networks : sequence of str
        Names of the networks, in the order of each row's norms.
    layers : sequence of str
        In the order of the columns.
    width_inches : float
        Of the figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    ends = layer_scale_maxima(rows, layers)
    lines, width = max(1, len(rows) * len(networks)), len(layers) + 1
    label_inches = 0.4
    cell = (width_inches - label_inches) / max(width, 3)
    letters = max(6, int(cell * 72 / (NAME_PT * LETTER_WIDTH)))
    with print_figure(0.55 + lines * cell, width_inches) as figure:
        grid = figure.add_gridspec(lines + 1, width, height_ratios=[*[1] * lines, 0.06], hspace=0, wspace=0)
        for number, row in enumerate(rows):
            start = number * len(networks)
            photograph = figure.add_subplot(grid[start : start + len(networks), 0])
            draw_image(photograph, row.view)
            photograph.set_ylabel(row.title, fontsize=6, labelpad=2)
            for place, (network, norms) in enumerate(zip(networks, row.norms, strict=True)):
                for at, layer in enumerate(layers):
                    axes = figure.add_subplot(grid[start + place, at + 1])
                    limits, frame = (0.0, ends[layer]), row.view.shape[:2]
                    draw_image(axes, norms.get(layer), colours=SEQUENTIAL_MAP, limits=limits, frame_px=frame)
                    if at == 0:
                        axes.set_ylabel(fill(network, letters), fontsize=NAME_PT, labelpad=2)
                    if start + place == 0:
                        axes.set_title(layer, fontsize=5.5, pad=3)
        for at, layer in enumerate(layers):
            bar = figure.add_subplot(grid[-1, at + 1])
            colour_bar(
                bar, SEQUENTIAL_MAP, (0.0, ends[layer]), "attention norm" if at == 0 else "", size=5, ends_only=True
            )
    return figure
