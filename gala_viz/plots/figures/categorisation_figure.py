"""Figure 1B: how accurately images are categorised, by how many pixels are revealed by importance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gala_viz.experiment.revelation import FULL
from gala_viz.plots.figures.print_style import draw_image, print_figure

COLOURS = ("#c8442f", "#2f6fb5", "#7a7a7a", "#7b5aa6")
"""Colours of map types, in order: the first is people's."""
MARKERS = ("o", "s", "^", "D")
MAX_COLUMNS = 3
ALPHA = 0.05
_GAP = 1.9
"""Position of the full image on the axis, as a multiple of 100 %."""


def categorisation_figure(
    performance: pd.DataFrame,
    thresholds: pd.DataFrame,
    tests: pd.DataFrame,
    titles: Mapping[str, str],
    map_types: Mapping[str, str],
) -> Figure:
    """Draw accuracy over the level: a panel for each observer, a line for each map type.

    Each line has the accuracy with its standard error, the fitted psychometric function, and a tick where that reaches
    75 %. Stars along the top mark levels at which the first two map types differ (adjusted p < 0.05). The full image
    stands apart at the right; the dotted line is chance.

    Parameters
    ----------
    performance : DataFrame
        Columns ``observer``, ``map_type``, ``level``, ``accuracy`` (0 to 1) and ``accuracy_sem``.
    thresholds : DataFrame
        Columns ``observer``, ``map_type``, ``middle`` (log10 level), ``slope`` and ``lapse`` of the fit, and its
        ``level`` of 75 % correct with the interval from ``low`` to ``high``: pixels revealed, in per cent of the number
        of important ones.
    tests : DataFrame
        Columns ``observer``, ``question``, ``level`` and ``p_adjusted``.
    titles : mapping of str to str
        Observer -> title of its panel; the panels stand in this order, without observers that have no performance.
    map_types : mapping of str to str
        Name -> title; the first two are compared by the stars.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    References
    ----------
    Linsley et al. 2019, figure 1B.
    """
    observers = [one for one in titles if one in set(performance["observer"])]
    columns = 2 if len(observers) == 4 else min(MAX_COLUMNS, len(observers))
    rows = math.ceil(len(observers) / columns)
    with print_figure(2.15 * rows + 0.35, 2.4 * columns) as figure:
        grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
        for axes in grid.ravel()[len(observers) :]:
            axes.set_axis_off()
        for observer, axes in zip(observers, grid.ravel(), strict=False):
            _panel(axes, observer, performance, thresholds, map_types)
            _stars(axes, tests, observer, list(map_types))
            axes.set_title(titles[observer])
        for axes in grid[:, 0]:
            axes.set_ylabel("accuracy")
        for axes in grid.ravel()[max(0, len(observers) - columns) : len(observers)]:
            axes.set_xlabel("pixels revealed / important pixels, %")
        handles, labels = grid[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def _panel(
    axes: Axes, observer: str, performance: pd.DataFrame, thresholds: pd.DataFrame, maps: Mapping[str, str]
) -> None:
    """Draw one observer's accuracy and fitted curves, a line for each map type."""
    axes.axhline(0.5, color="#999999", linewidth=0.6, linestyle=":")
    for number, (name, title) in enumerate(maps.items()):
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        own = performance[(performance["observer"] == observer) & (performance["map_type"] == name)]
        x = np.array([_place(level) for level in own["level"]])
        style = {"color": colour, "linewidth": 0.8, "markersize": 2.6, "capsize": 1.2}
        axes.errorbar(x, own["accuracy"], own["accuracy_sem"], fmt=marker, label=title, **style)
        fit = thresholds[(thresholds["observer"] == observer) & (thresholds["map_type"] == name)]
        if len(fit):
            _curve(axes, fit.iloc[0], colour)
    axes.set(xscale="log", xlim=(0.8, 100 * _GAP * 1.25), ylim=(0.35, 1.04))
    axes.set_xticks([1, 10, 100, 100 * _GAP], ["1", "10", "100", "full\nimage"])
    axes.minorticks_off()


def _curve(axes: Axes, fit: pd.Series, colour: str) -> None:
    """Draw the fitted function between 1 and 100 %, and along the bottom its level of 75 % with the interval."""
    if not np.isfinite(fit["middle"]):
        return
    levels = np.geomspace(1, 100, 200)
    shape = 1 / (1 + np.exp(-fit["slope"] * (np.log10(levels) - fit["middle"])))
    axes.plot(levels, 0.5 + (0.5 - fit["lapse"]) * shape, color=colour, linewidth=0.9)
    if np.isfinite(fit["level"]):
        axes.plot([fit["level"]] * 2, [0.35, 0.385], color=colour, linewidth=1.1)
        if np.isfinite(fit["low"]):
            axes.plot([fit["low"], min(fit["high"], 100)], [0.3675] * 2, color=colour, linewidth=0.7)


def _stars(axes: Axes, tests: pd.DataFrame, observer: str, maps: Sequence[str]) -> None:
    if len(maps) < 2:
        return
    question = tests[(tests["observer"] == observer) & (tests["question"] == f"{maps[0]} above {maps[1]}")]
    for level in question.loc[question["p_adjusted"] < ALPHA, "level"]:
        axes.text(_place(level), 1.005, "*", ha="center", va="center", fontsize=7)


def _place(level: str) -> float:
    return 100 * _GAP if level == FULL else float(level)


def stimuli_figure(
    pictures: Mapping[tuple[str, str], Sequence[NDArray[np.uint8]]],
    levels: Sequence[str],
    revealed_fractions: Sequence[str],
) -> Figure:
    """Draw a grid of stimuli: a row for each (image, map type), a column for each of ``levels``.

    ``pictures`` is (image, map type) -> a picture (y, x, 3), uint8, for each level; ``revealed_fractions`` are texts
    below the levels, over the columns.
    """
    with print_figure(0.62 * len(pictures) + 0.35, 0.62 * len(levels) + 0.6) as figure:
        grid = figure.subplots(len(pictures), len(levels), squeeze=False)
        for cells, ((_, map_type), row) in zip(grid, pictures.items(), strict=True):
            for axes, one in zip(cells, row, strict=True):
                draw_image(axes, one)
            cells[0].set_ylabel(map_type, fontsize=6)
        for axes, level, share in zip(grid[0], levels, revealed_fractions, strict=True):
            axes.set_title(f"{level}\n{share}", fontsize=5.5)
    return figure
