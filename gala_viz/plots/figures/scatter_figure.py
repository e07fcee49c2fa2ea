"""Two metrics of many images: a point for each, those that were chosen marked, means, and the noise ceiling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gala_viz.alignment import ConfidenceInterval
from gala_viz.plots.figures.print_style import print_figure

COLOUR, SELECTED_COLOUR, BACKGROUND_COLOUR = "#2f6fb5", "#c8442f", "#b4b4b4"
MAX_VECTOR_POINTS = 2_000
"""More points than these are drawn as one picture, so that the files stay small."""
LABEL_LETTERS = 44
MAX_HEIGHT_INCHES = 3.8


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ScatterGroup:
    """Images of one group: ``x`` and ``y`` (image,), all known, their means with intervals, and rho between them.

    ``rho`` is NaN for fewer than three images, or where a metric is constant.
    """

    title: str
    x: NDArray[np.floating]
    y: NDArray[np.floating]
    means: tuple[ConfidenceInterval | None, ConfidenceInterval | None]
    rho: float


def scatter_figure(
    groups: Sequence[ScatterGroup],
    labels: tuple[str, str],
    *,
    ceilings: tuple[ConfidenceInterval | None, ConfidenceInterval | None] = (None, None),
    equality_line: bool = False,
    people_label: str = "people",
    width_inches: float = 3.5,
) -> Figure:
    """Draw images as points of two metrics, with the means of each group.

    A cross is a group's mean with its 95 % interval along both axes; a mean without bounds (NaN) is a dot alone.
    Without any point the figure says "n/a".

    Parameters
    ----------
    groups : sequence of ScatterGroup
        All images, or those chosen and then the rest; the last one is drawn below the others.
    labels : tuple of two str
        Titles of the metrics, across and up.
    ceilings : tuple of two ConfidenceInterval or None
        Noise ceiling along each axis, drawn as a grey band with a dashed line at its mean.
    equality_line : bool
        Whether the line is drawn on which both metrics are the same.
    people_label : str
        Whose noise ceiling it is, for the legend; it must say when people are simulated.
    width_inches : float
        Of the figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    with print_figure(min(0.82 * width_inches, MAX_HEIGHT_INCHES) + 0.3, width_inches) as figure:
        axes = figure.subplots()
        axes.set(xlabel=fill(labels[0], LABEL_LETTERS), ylabel=fill(labels[1], LABEL_LETTERS))
        if not any(len(group.x) for group in groups):
            axes.text(0.5, 0.5, "n/a", ha="center", va="center", color="#8a8a8a", transform=axes.transAxes)
            axes.set(xticks=[], yticks=[])
            return figure
        _limits(axes, groups, ceilings)
        _ceilings(axes, ceilings, people_label)
        if equality_line:
            axes.axline((0, 0), slope=1, color="#888888", linewidth=0.6, linestyle=":", zorder=0.5)
        colours = [COLOUR] if len(groups) == 1 else [SELECTED_COLOUR, *[BACKGROUND_COLOUR] * (len(groups) - 1)]
        for order, (group, colour) in enumerate(zip(groups, colours, strict=True)):
            _points(axes, group, colour, zorder=3 - order)
        figure.legend(loc="outside lower center", ncols=1)
    return figure


def _points(axes: Axes, group: ScatterGroup, colour: str, zorder: float) -> None:
    """Draw one group: its points, its mean with intervals, and its entry in the legend."""
    n = len(group.x)
    many = n > MAX_VECTOR_POINTS
    size = float(np.clip(600 / np.sqrt(max(1, n)) / 8, 1.0, 14.0))
    style = {"s": size, "alpha": 0.35 if many else 0.75, "linewidths": 0, "rasterized": many}
    mean_x, mean_y = group.means
    label = f"{group.title}: n = {n:,}"
    if mean_x is not None and mean_y is not None:
        label += f", means {mean_x.mean:.3f} and {mean_y.mean:.3f}"
    if np.isfinite(group.rho):
        label += f", ρ between the two {group.rho:.2f}"
    axes.scatter(group.x, group.y, c=colour, label=label.replace("-", "−"), zorder=zorder, **style)
    if mean_x is not None and mean_y is not None:
        reach = [[[one.mean - one.low], [one.high - one.mean]] for one in (mean_x, mean_y)]
        if np.isfinite(reach).all():
            axes.errorbar(
                [mean_x.mean], [mean_y.mean], reach[1], reach[0], ecolor="black", elinewidth=0.9, fmt="none", zorder=4
            )
        axes.plot([mean_x.mean], [mean_y.mean], "o", color=colour, markeredgecolor="black", markersize=3.2, zorder=5)


def _ceilings(axes: Axes, ceilings: tuple[ConfidenceInterval | None, ConfidenceInterval | None], people: str) -> None:
    bounded = any(one is not None and np.isfinite(one.low) for one in ceilings)
    label: str | None = f"{people}: noise ceiling{', 95 % interval' if bounded else ''}"
    for ceiling, span, line in zip(ceilings, (axes.axvspan, axes.axhspan), (axes.axvline, axes.axhline), strict=True):
        if ceiling is not None:
            if np.isfinite(ceiling.low):
                span(ceiling.low, ceiling.high, color="#8a8a8a", alpha=0.25, linewidth=0, zorder=0.4)
            line(ceiling.mean, color="#6a6a6a", linewidth=0.8, linestyle="--", zorder=0.6, label=label)
            label = None


def _limits(
    axes: Axes, groups: Sequence[ScatterGroup], ceilings: tuple[ConfidenceInterval | None, ConfidenceInterval | None]
) -> None:
    """Set limits that hold all points and ceilings, with a margin."""
    for name, ceiling, set_limits in zip(("x", "y"), ceilings, (axes.set_xlim, axes.set_ylim), strict=True):
        values = np.concatenate([getattr(group, name) for group in groups])
        ends = [] if ceiling is None else [end for end in (ceiling.mean, ceiling.low, ceiling.high) if np.isfinite(end)]
        low, high = min([float(values.min()), *ends]), max([float(values.max()), *ends])
        pad = 0.05 * (high - low) or 0.5
        set_limits(low - pad, high + pad)
