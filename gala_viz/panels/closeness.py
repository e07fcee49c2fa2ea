"""Closeness to people under each map: mean over images, this photograph, noise ceiling, on one scale from 0 to 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gala_viz.alignment import MIN_IMAGES_FOR_INTERVAL
from gala_viz.counts import counted
from gala_viz.engine.results.score_selection import ABOVE_CEILING, ScoreSelection
from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.html_templates import render_html
from gala_viz.panels.markup import SIDES, number_text
from gala_viz.plots.map_labels import distinct_titles, is_one_network
from gala_viz.store.source import NetworkInfo

CEILING_TEXT = "noise ceiling (rho of one half of the participants with the other, not raised by Spearman-Brown)"
"""Which ceiling it is."""


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
    of : tuple of str
        For each network what is compared with people where that is not its map, for example "attention at
        group3.block1", or what its map has of its own, for example "Grad-CAM"; empty: the maps.
    """

    metric: str
    people: str
    selection: ScoreSelection | None
    here: Sequence[float]
    of: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """Short name of the metric: "rho", "Dice" or "IoU"."""
        return self.metric.rsplit(" ", 1)[-1]

    @property
    def subject(self) -> str:
        """What of both networks is compared, in parentheses behind a space; "" for their maps."""
        return f" ({' and '.join(dict.fromkeys(self.of))})" if self.of else ""

    @property
    def mean(self) -> tuple[float, ...]:
        """Mean of each network; NaN below two images."""
        if self.selection is None or self.selection.n < 2:
            return (float("nan"),) * len(self.here)
        return self.selection.means

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


def verdict(networks: Sequence[NetworkInfo], closeness: Closeness) -> str:
    """Return which network is nearer to people on average, by how much, over how many images, as HTML; "" if unknown.

    Where the interval of the difference holds zero, or there are too few images for one, no network is called nearer.
    """
    selection = closeness.selection
    if selection is None or selection.difference is None:
        return ""
    mean, interval = selection.difference
    row, is_one = int(mean > 0), is_one_network(networks)
    titles = [network.title for network in networks]
    if len(set(titles)) < len(titles) and not (is_one and closeness.of):  # seeds of one recipe, or one network twice
        titles = distinct_titles(networks)
    low, high = interval or (float("nan"), float("nan"))
    size = sorted(map(abs, (low, high)))
    return render_html(
        """<p class="answer">{% if few %}Closeness to {{ people }}{{ subject }}: second minus first \
{{ "%+.3f" | format(mean) }} {{ unit }} on average, n = {{ n }}; no interval below {{ few }} images.
{%- elif neither %}Neither {{ what }}{{ subject }} is nearer to {{ people }} on average: second minus first \
{{ "%+.3f" | format(mean) }} {{ unit }} (95 % interval {{ "%+.3f" | format(low) }} to {{ "%+.3f" | format(high) }}), \
n = {{ n }}.
{%- else %}<b class="{{ side }}">{{ title }}</b>{% if of %} ({{ of }}){% endif %} is nearer to {{ people }} on \
average: by <b>{{ "%.3f" | format(mean | abs) }}</b> {{ unit }} (95 % interval {{ "%.3f" | format(size[0]) }} to \
{{ "%.3f" | format(size[1]) }}), n = {{ n }}.{% endif %}</p>""",
        few=MIN_IMAGES_FOR_INTERVAL if interval is None else 0,
        neither=low <= 0 <= high,
        what="map" if is_one else "network",
        people=closeness.people,
        mean=mean,
        low=low,
        high=high,
        size=size,
        unit=closeness.unit,
        n=f"{counted(selection.n, 'image')} shown",
        side=SIDES[row],
        title=titles[row],
        subject=closeness.subject,
        of=closeness.of[row] if closeness.of else "",
    )


def _legend(closeness: Closeness) -> str:
    return render_html(
        """<div class="closeness legend" title="{{ what }}"><b>Closeness to {{ people }}</b><span>
{%- if means %}<span class="key bar"></span> mean <span class="key this"></span> this one
{%- else %}<span class="key this"></span> this photograph{% endif %}
{%- if ceiling %} <span class="key ceiling"></span> ceiling{% endif %}</span></div>""",
        what=f"{closeness.metric}{closeness.subject}",
        people=closeness.people,
        means=closeness.selection is not None and closeness.selection.n > 1,
        ceiling=bool(np.isfinite(closeness.ceiling)),
    )


def _percent(value: float) -> str:
    """Return where a value stands on a rail from 0 to 1; "" where it is not known."""
    return f"{100 * min(max(value, 0.0), 1.0):.1f}%" if np.isfinite(value) else ""


def _bar(side: str, mean: float, here: float, ceiling: float, label: str, words: Sequence[tuple[str, str]]) -> str:
    """Return a rail with a bar to ``mean``, a mark at ``here`` and one at ``ceiling``, and numbers in words below."""
    return render_html(
        """<div class="closeness" title="{{ label }}"><div class="rail {{ side }}" role="img" aria-label="{{ label }}">
{%- if mean %}<span class="bar" style="width:{{ mean }}"></span>{% endif %}
{%- if ceiling %}<span class="ceiling" style="left:{{ ceiling }}"></span>{% endif %}
{%- if here %}<span class="this" style="left:{{ here }}"></span>{% endif %}</div><span class="words">
{%- for word, number in words %}{% if not loop.first %} · {% endif %}{{ word }} <b>{{ number }}</b>{% endfor -%}
</span></div>""",
        side=side,
        mean=_percent(mean),
        here=_percent(here),
        ceiling=_percent(ceiling),
        label=label,
        words=words,
    )


def _network_bar(side: str, mean: float, here: float, closeness: Closeness) -> str:
    words = [("mean", number_text(mean))] if np.isfinite(mean) else []
    label = f"{closeness.metric} with {closeness.people}: mean {number_text(mean)}, this photograph {number_text(here)}"
    if np.isfinite(closeness.ceiling):
        label += f", noise ceiling {closeness.ceiling:.3f}"
    if mean > closeness.ceiling:
        label += f"; the mean is {ABOVE_CEILING}"
    return _bar(side, mean, here, closeness.ceiling, label, [*words, ("this", number_text(here))])


def _ceiling_bar(closeness: Closeness) -> str:
    selection, unknown = closeness.selection, float("nan")
    if selection is None or not np.isfinite(selection.ceiling):
        return ""
    value, interval = selection.ceiling, selection.ceiling_interval
    bounds = f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else ""
    label = f"{CEILING_TEXT[0].upper()}{CEILING_TEXT[1:]}: {value:.3f}{bounds}, n = {selection.n_ceiling:,}"
    return _bar("people", value, unknown, unknown, label, [("ceiling, half with half", f"{value:.3f}")])


def _difference(closeness: Closeness) -> str:
    selection, here = closeness.selection, float(closeness.here[1] - closeness.here[0])
    mean, bounds, n = "", "", ""
    if selection is not None and selection.difference is not None:
        value, interval = selection.difference
        mean, n = f"{value:+.3f}", f"{selection.n:,}"
        bounds = f" [{interval[0]:+.3f}, {interval[1]:+.3f}]" if interval else ""
    elif not np.isfinite(here):
        return ""
    return render_html(
        """<div class="closeness">
{%- if mean %}<span class="words"><b>{{ mean }}</b>{{ bounds }}</span>{% endif %}<span class="words">
{%- if mean %}mean, n = {{ n }}{% if here %} · {% endif %}{% endif %}
{%- if here %}this <b>{{ here }}</b>{% endif %}</span></div>""",
        mean=mean,
        bounds=bounds,
        n=n,
        here=f"{here:+.3f}" if np.isfinite(here) else "",
    )
