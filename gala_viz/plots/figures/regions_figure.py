"""Where the maps lie: shares of their mass on the regions of the image, as bars beside the regions' own sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gala_viz.plots.figures.print_style import print_figure

PEOPLE_COLOUR = "#e3c2b3"
COLOURS = ("#9a9a9a", "#c9a227", "#2f6fb5", "#c8442f", "#4d8f5b", "#7a5195")
"""One for each network, in order: grey and ochre for baselines, then blue and red as in the delta."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RegionShare:
    """A mean share in %, its 95 % interval and, of a mean over seeds, the seeds' own means."""

    mean: float
    low: float
    high: float
    seeds: tuple[float, ...] = ()


def regions_figure(
    panels: Mapping[str, Mapping[str, Mapping[str, RegionShare]]],
    pixel_shares: Mapping[str, float],
    people: Mapping[str, Mapping[str, RegionShare]] | None = None,
) -> Figure:
    """Draw the shares of the maps' mass on the regions, in a panel for each kind of map.

    ``panels`` is title -> network -> region -> share; ``people``, name -> region -> share of the human maps, stand
    first in every panel. ``pixel_shares``, region -> per cent of all pixels, are black lines behind each group of bars:
    what a map without preference has. Dots are single seeds.
    """
    regions = list(pixel_shares)
    names = list(dict.fromkeys(name for shares in panels.values() for name in shares))
    colours = {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(names)}
    people = people or {}
    colours |= dict.fromkeys(people, PEOPLE_COLOUR)
    with print_figure(2.5) as figure:
        grid = figure.subplots(1, max(1, len(panels)), sharey=True, squeeze=False)[0]
        for axes, (title, shares) in zip(grid, panels.items(), strict=False):
            axes.set(title=title, xticks=range(len(regions)), xticklabels=regions)
            _bars(axes, {**people, **shares}, regions, colours)
            for place, region in enumerate(regions):
                label = "share of the pixels" if place == 0 else None
                axes.hlines(
                    pixel_shares[region],
                    place - 0.48,
                    place + 0.48,
                    color="black",
                    linewidth=0.8,
                    label=label,
                    zorder=0,
                )
        grid[0].set_ylabel("share of the map's mass, %")
        handles: dict[str, object] = {}
        for axes in grid:
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
                handles.setdefault(label, handle)
        if handles:
            rows = -(-len(handles) // 5)
            figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=-(-len(handles) // rows))
    return figure


def _bars(
    axes: Axes, shares: Mapping[str, Mapping[str, RegionShare]], regions: Sequence[str], colours: Mapping[str, str]
) -> None:
    """Draw a bar with its interval and seeds for each name and region."""
    width = 0.8 / max(1, len(shares))
    for number, (name, by_region) in enumerate(shares.items()):
        known = [(place, by_region[region]) for place, region in enumerate(regions) if region in by_region]
        if not known:
            continue
        x = np.array([place for place, _ in known]) + (number - (len(shares) - 1) / 2) * width
        means = np.array([share.mean for _, share in known])
        ends = np.array([(share.low, share.high) for _, share in known]).T
        axes.bar(x, means, width, color=colours[name], label=name)
        reach = np.clip(np.stack([means - ends[0], ends[1] - means]), 0, None)
        axes.errorbar(x, means, reach, fmt="none", ecolor="black", elinewidth=0.6)
        dots = [(at, value) for at, (_, share) in zip(x, known, strict=True) for value in share.seeds]
        if dots:
            axes.scatter(*zip(*dots, strict=True), s=3, color="black", linewidths=0, zorder=3)
