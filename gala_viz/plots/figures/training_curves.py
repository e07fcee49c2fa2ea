"""The curves of one training: losses, metrics of the validation images, and the learning rate, over epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gala_viz.plots.figures.print_style import print_figure

LOSSES = {"loss": "loss", "category_loss": "categories", "attention_loss": "attention", "harmonizer_loss": "harmonizer"}
METRICS = {"accuracy": "accuracy", "rho": "rho of attention", "alignment": "alignment", "ceiling": "ceiling"}
COLOURS = ("#222222", "#2f6fb5", "#c8442f", "#4c9a5b")


def training_curves_figure(rows: Sequence[Mapping[str, str]]) -> Figure:
    """Draw the rows of a training's ``epochs.csv``; a column without values is left out."""
    epochs = [int(row["epoch"]) for row in rows]
    with print_figure(2.3, 6.3) as figure:
        panels = figure.subplots(1, 3)
        for axes, names in zip(panels, (LOSSES, METRICS, {"rate": "rate"}), strict=True):
            for (column, label), colour in zip(names.items(), COLOURS, strict=False):
                values = [float(row[column]) if row.get(column) else None for row in rows]
                known = [(epoch, value) for epoch, value in zip(epochs, values, strict=True) if value is not None]
                if known:
                    style = "--" if column in ("category_loss", "alignment", "ceiling") else "-"
                    axes.plot(
                        *zip(*known, strict=True), style, color=colour, linewidth=0.9, marker=".", ms=2.5, label=label
                    )
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
            if axes.lines:
                axes.legend(fontsize=5.5, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.28), ncol=2)
        panels[0].set_title("training losses, mean of the epoch")
        panels[1].set_title("validation images")
        panels[2].set_title("learning rate")
    return figure


def draw_training_curves(rows: Sequence[Mapping[str, str]], path: Path) -> Path:
    """Write the curves of ``rows`` as a picture to ``path``, and return it."""
    figure = training_curves_figure(rows)
    figure.savefig(path, dpi=200)
    return path
