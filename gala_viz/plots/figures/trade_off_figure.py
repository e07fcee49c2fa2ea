"""The trade-off over lambda: accuracy against likeness to people, for several weights of the attention loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from matplotlib.figure import Figure

from gala_viz.alignment.bootstrap import wilson_interval
from gala_viz.plots.figures.print_style import print_figure

COLOUR, SELECTED_COLOUR = "#2f6fb5", "#c8442f"
LABEL_LINE_FRACTION = 0.08
"""Share of the accuracies' range within which two names would stand on one line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepPoint:
    """One training of a sweep: lambda, its seed, accuracy (0 to 1) and rho with human maps on the validation split.

    ``n`` counts the images of the accuracy, 0 where that is not known.
    """

    attention_weight: float
    seed: int
    accuracy: float
    rho: float
    n: int = 0


def trade_off_figure(
    points: Sequence[SweepPoint], selected_weight: float | None = None, maps_label: str = "human maps"
) -> Figure:
    """Draw a point for each lambda, the mean over seeds, joined in lambda's order; small points are single seeds.

    Where there is one seed, whiskers are 95 % intervals of its accuracy (Wilson). ``selected_weight`` is drawn in red;
    ``maps_label`` says with which maps rho is computed. Trainings whose accuracy or rho is not known are left out;
    without any the figure says "n/a".
    """
    known = [one for one in points if np.isfinite([one.attention_weight, one.accuracy, one.rho]).all()]
    with print_figure(2.6, 3.5) as figure:
        axes = figure.subplots()
        axes.set(xlabel=f"Spearman's rho of attention norms with {maps_label}", ylabel="accuracy, %")
        axes.set_title(_title(known))
        if not known:
            axes.text(0.5, 0.5, "n/a", ha="center", va="center", color="#8a8a8a", transform=axes.transAxes)
            axes.set(xticks=[], yticks=[])
            return figure
        weights = sorted({one.attention_weight for one in known})
        groups = [[one for one in known if one.attention_weight == weight] for weight in weights]
        rho = [float(np.mean([one.rho for one in group])) for group in groups]
        accuracy = [100 * float(np.mean([one.accuracy for one in group])) for group in groups]
        colours = [SELECTED_COLOUR if weight == selected_weight else COLOUR for weight in weights]
        axes.plot(rho, accuracy, color="#bbbbbb", linewidth=0.8, zorder=1)
        axes.scatter(rho, accuracy, c=colours, s=18, zorder=3)
        for group, colour in zip(groups, colours, strict=True):
            if len(group) > 1:
                single = [(one.rho, 100 * one.accuracy) for one in group]
                axes.scatter(*zip(*single, strict=True), c=colour, s=4, alpha=0.5, linewidths=0, zorder=2)
            elif group[0].n:
                low, high = (100 * bound for bound in wilson_interval(group[0].accuracy, group[0].n))
                axes.vlines(group[0].rho, low, high, color=colour, linewidth=0.7, zorder=2)
        for weight, x, y, right in zip(weights, rho, accuracy, _free_at_right(rho, accuracy), strict=True):
            axes.annotate(
                f"λ = {weight:g}", (x, y), textcoords="offset points", xytext=(4 if right else -4, 0), fontsize=6,
                ha="left" if right else "right", va="center",
            )  # fmt: skip
        axes.margins(0.2, 0.12)
    return figure


class TradeOffInterval(Protocol):
    """One lambda: means over images and seeds with 95 % intervals; accuracies from 0 to 1."""

    attention_weight: float
    n_seeds: int
    n_labelled: int
    n_with_maps: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    rho: float
    rho_low: float
    rho_high: float


def trade_off_interval_figure(points: Sequence[TradeOffInterval], selected_weight: float | None = None) -> Figure:
    """Draw a point for each lambda with its intervals over images and seeds; ``selected_weight`` is drawn in red.

    Lambdas of which accuracy or rho is not known are left out.
    """
    known = [one for one in points if np.isfinite([one.accuracy, one.rho]).all()]
    with print_figure(2.8, 3.6) as figure:
        axes = figure.subplots()
        axes.set(xlabel="Spearman's rho of attention norms with human maps", ylabel="accuracy, %")
        if not known:
            axes.text(0.5, 0.5, "n/a", ha="center", va="center", color="#8a8a8a", transform=axes.transAxes)
            axes.set(xticks=[], yticks=[])
            return figure
        seeds = sorted({one.n_seeds for one in known})
        n_seeds = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
        axes.set_title(
            f"{known[0].n_labelled:,} labelled validation images, {known[0].n_with_maps:,} with maps, "
            f"{n_seeds} seed{'' if seeds == [1] else 's'}; 95 % intervals",
            fontsize=6,
        )
        axes.plot([one.rho for one in known], [100 * one.accuracy for one in known], color="#bbbbbb", linewidth=0.8)
        rho, accuracy = [one.rho for one in known], [100 * one.accuracy for one in known]
        for one, right in zip(known, _free_at_right(rho, accuracy), strict=True):
            colour = SELECTED_COLOUR if one.attention_weight == selected_weight else COLOUR
            axes.errorbar(
                one.rho,
                100 * one.accuracy,
                xerr=[[max(0, one.rho - one.rho_low)], [max(0, one.rho_high - one.rho)]],
                yerr=[
                    [100 * max(0, one.accuracy - one.accuracy_low)],
                    [100 * max(0, one.accuracy_high - one.accuracy)],
                ],
                fmt="o",
                ms=3.5,
                color=colour,
                elinewidth=0.7,
            )
            axes.annotate(
                f"λ = {one.attention_weight:g}", (one.rho, 100 * one.accuracy), textcoords="offset points",
                xytext=(4 if right else -4, 4), fontsize=6, ha="left" if right else "right", va="bottom", color=colour,
            )  # fmt: skip
        axes.margins(0.15, 0.12)
    return figure


def write_trade_off(points: Sequence[TradeOffInterval], selected_weight: float | None, path: Path) -> Path:
    """Write the picture of ``trade_off_interval_figure`` to ``path``, and return it."""
    trade_off_interval_figure(points, selected_weight).savefig(path, dpi=200)
    return path


def _free_at_right(x: Sequence[float], y: Sequence[float]) -> list[bool]:
    """Return for each point whether its name fits at its right: the nearest point of about its height is not there."""
    x, y = np.asarray(x), np.asarray(y)
    free = []
    for own_x, own_y in zip(x, y, strict=True):
        level = np.abs(y - own_y) <= LABEL_LINE_FRACTION * np.ptp(y)
        away = x[level & (x != own_x)] - own_x
        free.append(away.size == 0 or bool(away[np.abs(away).argmin()] < 0))
    return free


def _title(known: Sequence[SweepPoint]) -> str:
    seeds, counts = sorted({one.seed for one in known}), sorted({one.n for one in known if one.n})
    parts = ["validation split"]
    parts += [f"n = {counts[0]}"] if len(counts) == 1 else []
    parts += [f"seed{'' if len(seeds) == 1 else 's'} {', '.join(map(str, seeds))}"] if seeds else []
    return ", ".join(parts)
