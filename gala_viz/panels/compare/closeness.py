"""Closeness to people under each map: mean over images, this photograph, noise ceiling, on one scale from 0 to 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from gala_viz.alignment import MIN_IMAGES_FOR_INTERVAL
from gala_viz.counts import counted
from gala_viz.engine.results.score_selection import ScoreSelection
from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.markup import SIDES
from gala_viz.store.source import NetworkInfo


@dataclass(frozen=True, kw_only=True, slots=True)
class Closeness:
    """What the bars show of one metric.

    Parameters
    ----------
    metric : str
        Its title, for example "Spearman's rho".
    people : str
        "people" or "simulated people".
    selection : ScoreSelection or None
        Scores of the images that the gallery shows; None before they are known.
    here : sequence of float
        Score of each network on the photograph in view; NaN where it has none.
    of : str
        What is compared with people, where that is not the maps, for example "attention at group3.block1".
    """

    metric: str
    people: str
    selection: ScoreSelection | None
    here: Sequence[float]
    of: str = ""

    @property
    def mean(self) -> tuple[float, ...]:
        """Mean of each network; NaN below two images."""
        known = self.selection is not None and self.selection.n > 1
        return self.selection.means if known and self.selection is not None else (float("nan"),) * len(self.here)

    @property
    def ceiling(self) -> float:
        """Mean noise ceiling; NaN where it is not known."""
        return float("nan") if self.selection is None else self.selection.ceiling


class ClosenessBars:
    """A pane for each column of the main row, and one sentence over them all.

    ``panes`` are those of the panels photo (the legend), human (the noise ceiling), a, b, and delta (the difference);
    ``verdict`` is the sentence. Without human maps they stay empty.
    """

    def __init__(self, networks: Sequence[NetworkInfo]) -> None:
        self._networks = networks
        self.panes = {panel: html_pane() for panel in ("photo", "human", *SIDES, "delta")}
        self.verdict = html_pane()

    def show(self, closeness: Closeness) -> None:
        """Show ``closeness`` in all panes."""
        texts = {"photo": _legend(closeness), "human": _ceiling_bar(closeness), "delta": _difference(closeness)}
        for row, side in enumerate(SIDES):
            texts[side] = _network_bar(side, closeness.mean[row], closeness.here[row], closeness)
        for panel, html in texts.items():
            self.panes[panel].object = html
        self.verdict.object = verdict(self._networks, closeness)

    def hide(self) -> None:
        """Show nothing, where nothing can be said."""
        for pane in (*self.panes.values(), self.verdict):
            pane.object = ""


def verdict(networks: Sequence[NetworkInfo], closeness: Closeness) -> str:
    """Return which network is nearer to people on average, by how much, over how many images, as HTML; "" if unknown.

    Where the interval of the difference holds zero, or there are too few images for one, no network is called nearer.
    """
    selection = closeness.selection
    if selection is None or selection.difference is None:
        return ""
    mean, interval = selection.difference
    n, people = counted(selection.n, "image"), escape(closeness.people)
    if interval is None:
        few = f"no interval below {MIN_IMAGES_FOR_INTERVAL} images"
        return f'<p class="answer">Closeness to {people}: mean difference {mean:+.3f}, n = {n}; {few}.</p>'
    bounds = f"{mean:+.3f} {_short(closeness.metric)} (95 % interval {interval[0]:+.3f} to {interval[1]:+.3f})"
    if interval[0] <= 0 <= interval[1]:
        return (
            f'<p class="answer">Neither network is nearer to {people} on average: second minus first '
            f"{bounds}, n = {n}.</p>"
        )
    row, of = int(mean > 0), f" ({escape(closeness.of)})" if closeness.of else ""
    low, high = sorted(map(abs, interval))
    title = f'<b class="{SIDES[row]}">{escape(networks[row].title)}</b>{of}'
    return (
        f'<p class="answer">{title} is nearer to {people} on average: by <b>{abs(mean):.3f}</b> '
        f"{_short(closeness.metric)} (95 % interval {low:.3f} to {high:.3f}), n = {n}.</p>"
    )


def _short(metric: str) -> str:
    return metric.rsplit(" ", 1)[-1]


def _legend(closeness: Closeness) -> str:
    selection = closeness.selection
    if selection is None or selection.n < 2:
        keys = '<span class="key this"></span> this photograph'
    else:
        keys = '<span class="key bar"></span> mean <span class="key this"></span> this one'
        if np.isfinite(closeness.ceiling):
            keys += ' <span class="key ceiling"></span> ceiling'
    what = ", ".join(filter(None, [closeness.metric, closeness.of]))
    return (
        f'<div class="closeness legend" title="{escape(what)}"><b>Closeness to {escape(closeness.people)}</b>'
        f"<span>{keys}</span></div>"
    )


def _rail(side: str, mean: float, here: float, ceiling: float, label: str) -> str:
    parts = [f'<span class="bar" style="width:{_percent(mean)}"></span>'] if np.isfinite(mean) else []
    if np.isfinite(ceiling):
        parts.append(f'<span class="ceiling" style="left:{_percent(ceiling)}"></span>')
    if np.isfinite(here):
        parts.append(f'<span class="this" style="left:{_percent(here)}"></span>')
    return f'<div class="rail {side}" role="img" aria-label="{escape(label)}">{"".join(parts)}</div>'


def _percent(value: float) -> str:
    return f"{100 * min(max(value, 0.0), 1.0):.1f}%"


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "–"


def _network_bar(side: str, mean: float, here: float, closeness: Closeness) -> str:
    words = [f"mean <b>{_number(mean)}</b>"] if np.isfinite(mean) else []
    words.append(f"this <b>{_number(here)}</b>")
    label = f"{closeness.metric} with {closeness.people}: mean {_number(mean)}, this photograph {_number(here)}"
    if np.isfinite(closeness.ceiling):
        label += f", noise ceiling {closeness.ceiling:.3f}"
    return (
        f'<div class="closeness">{_rail(side, mean, here, closeness.ceiling, label)}'
        f'<span class="words">{" · ".join(words)}</span></div>'
    )


def _ceiling_bar(closeness: Closeness) -> str:
    selection = closeness.selection
    if selection is None or not np.isfinite(selection.ceiling):
        return ""
    value, interval = selection.ceiling, selection.ceiling_interval
    bounds = f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else ""
    title = "Noise ceiling: rho of one half of the participants with the other half, not raised by Spearman-Brown"
    rail = _rail("people", value, float("nan"), float("nan"), f"{title}: {value:.3f}{bounds}")
    return (
        f'<div class="closeness" title="{escape(title)}{bounds}, n = {selection.n_ceiling:,}">{rail}'
        f'<span class="words">ceiling, half with half <b>{value:.3f}</b></span></div>'
    )


def _difference(closeness: Closeness) -> str:
    selection = closeness.selection
    here = float(closeness.here[1] - closeness.here[0])
    of_this = f"this <b>{here:+.3f}</b>" if np.isfinite(here) else ""
    if selection is None or selection.difference is None:
        return f'<div class="closeness"><span class="words">{of_this}</span></div>' if of_this else ""
    mean, interval = selection.difference
    bounds = f" [{interval[0]:+.3f}, {interval[1]:+.3f}]" if interval else ""
    return (
        f'<div class="closeness"><span class="words"><b>{mean:+.3f}</b>{bounds}</span>'
        f'<span class="words">{" · ".join(filter(None, [f"mean, n = {selection.n:,}", of_this]))}</span></div>'
    )
