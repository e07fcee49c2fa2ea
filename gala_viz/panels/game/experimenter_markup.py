"""Texts of the experimenter's page, as HTML."""

from __future__ import annotations

import math
from collections.abc import Mapping

from gala_viz.collections.clickme.catch_score import CatchScore
from gala_viz.counts import counted
from gala_viz.panels.html_templates import render_html
from gala_viz.records.finished_rounds import COLLECTED_FILTERS
from gala_viz.records.overview import Overview, Reliability


def round_counts(title: str, records_overview: Overview) -> str:
    """Return the counts of participants and rounds as HTML, people and simulated participants apart."""
    number, noun = counted(records_overview.n_participants, "participant").split(" ")
    made = sum(records_overview.collections.values())
    return render_html(
        """<h1>{{ title }}</h1><p><b>{{ number }}</b> {{ noun }}, {{ rounds }} of theirs {{ verb }} maps;
{{ simulated }}. <span class="muted">All rounds by outcome: {{ outcomes }}.</span></p>""",
        title=title,
        number=number,
        noun=noun,
        rounds=counted(made, "round"),
        verb="makes" if made == 1 else "make",
        simulated=counted(records_overview.n_simulated, "simulated participant"),
        outcomes=", ".join(f"{outcome} {count}" for outcome, count in records_overview.outcomes.items()) or "none",
    )


def reliability_text(reliability: Reliability, simulated: bool) -> str:
    """Return split-half rho with its interval and n as HTML, or why there is none."""
    if reliability.interval is None:
        return render_html(
            "<p>No image has rounds of two participants yet. {{ filtered }}</p>", filtered=reliability.filtered
        )
    interval, count = reliability.interval, reliability.growth[-1][0]
    who = " of SIMULATED participants" if simulated else ""
    bounds = "" if math.isnan(interval.low) else f" [{interval.low:.3f}, {interval.high:.3f}]"
    return (
        f"<p>rho <b>{interval.mean:.3f}</b>{bounds}, "
        f"n = {counted(interval.n, 'image')}, "
        f"{counted(count, 'round')}{who}. 100 splits, 56 × 56 cells of the photograph, smoothed (discs), seed 0. "
        + render_html("Filtered as an export: {{ filtered }}</p>", filtered=reliability.filtered)
    )


def catch_score_table(scores: Mapping[str, CatchScore]) -> str:
    """Return each participant's share of passed catch trials, its interval and their number as an HTML table."""
    return render_html(
        """{% if scores %}<table>
<thead><tr><th scope="col">participant</th><th scope="col">catch score</th>
<th scope="col" title="{{ what }}">95 % interval</th><th scope="col">trials</th></tr></thead>
<tbody>{% for participant, one in scores %}
<tr><td class="id">{{ participant }}</td><td>{{ "%.2f" | format(one.score) }}</td>
<td>{{ "%.3f to %.3f" | format(*one.interval) }}</td><td>{{ one.n_trials }}</td></tr>
{% endfor %}</tbody></table><p class="muted">{{ rule }}</p>{% else %}
<p class="muted">Nobody has had a catch trial yet.</p>{% endif %}""",
        scores=sorted(scores.items()),
        what="over trials, by Clopper and Pearson: what share this participant would pass",
        rule=f"An export leaves out participants whose interval lies below {COLLECTED_FILTERS.min_catch_score:g}.",
    )
