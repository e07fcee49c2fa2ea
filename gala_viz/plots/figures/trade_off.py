"""The trade-off over lambda: accuracy against likeness to people, for several weights of the attention loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from gala_viz.plots.figures.page import page

COLOUR, CHOSEN = "#2f6fb5", "#c8442f"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """One training of a sweep: lambda, its seed, accuracy (0 to 1) and rho with human maps on the validation split."""

    weight: float
    seed: int
    accuracy: float
    rho: float


def trade_off_figure(tried: Sequence[Tried], chosen: float | None = None, maps: str = "human maps") -> Figure:
    """A point for each lambda, the mean over seeds, joined in lambda's order; small points are single seeds.

    ``chosen`` is drawn in red; ``maps`` says what rho is with. Trainings whose accuracy or rho is not known are left
    out; without any the figure says "n/a".
    """
    known = [one for one in tried if np.isfinite([one.weight, one.accuracy, one.rho]).all()]
    with page(2.6, 3.5) as figure:
        axes = figure.subplots()
        axes.set(xlabel=f"Spearman's rho of attention norms with {maps}", ylabel="accuracy, %")
        if not known:
            axes.text(0.5, 0.5, "n/a", ha="center", va="center", color="#8a8a8a", transform=axes.transAxes)
            axes.set(xticks=[], yticks=[])
            return figure
        weights = sorted({one.weight for one in known})
        groups = [[one for one in known if one.weight == weight] for weight in weights]
        rho = [float(np.mean([one.rho for one in group])) for group in groups]
        accuracy = [100 * float(np.mean([one.accuracy for one in group])) for group in groups]
        colours = [CHOSEN if weight == chosen else COLOUR for weight in weights]
        axes.plot(rho, accuracy, color="#bbbbbb", linewidth=0.8, zorder=1)
        axes.scatter(rho, accuracy, c=colours, s=18, zorder=3)
        for group, colour in zip(groups, colours, strict=True):
            if len(group) > 1:
                single = [(one.rho, 100 * one.accuracy) for one in group]
                axes.scatter(*zip(*single, strict=True), c=colour, s=4, alpha=0.5, linewidths=0, zorder=2)
        for weight, x, y in zip(weights, rho, accuracy, strict=True):
            label = f"λ = {weight:g}"
            axes.annotate(label, (x, y), textcoords="offset points", xytext=(4, 4), fontsize=6)
        axes.margins(0.12)
    return figure
