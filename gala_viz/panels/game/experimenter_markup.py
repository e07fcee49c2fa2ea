"""Texts of the experimenter's page, as HTML."""

from __future__ import annotations

from html import escape

from gala_viz.counts import counted
from gala_viz.records.overview import Overview, Reliability


def round_counts(title: str, records_overview: Overview) -> str:
    """Return the counts of participants and rounds as HTML, people and simulated participants apart."""
    outcomes = ", ".join(f"{escape(outcome)} {count}" for outcome, count in records_overview.outcomes.items()) or "none"
    number, noun = counted(records_overview.n_participants, "participant").split(" ")
    people = f"<b>{number}</b> {noun}"
    made = sum(records_overview.collections.values())
    return (
        f"<h1>{escape(title)}</h1><p>{people}, {counted(made, 'round')} of theirs "
        f"{'makes' if made == 1 else 'make'} maps; "
        f'{counted(records_overview.n_simulated, "simulated participant")}. <span class="muted">'
        f"All rounds by outcome: {outcomes}.</span></p>"
    )


def reliability_text(reliability: Reliability, simulated: bool) -> str:
    """Return split-half rho with its interval and n as HTML, or why there is none."""
    if reliability.interval is None:
        return "<p>No image has rounds of two participants yet.</p>"
    interval, count = reliability.interval, reliability.growth[-1][0]
    who = " of SIMULATED participants" if simulated else ""
    return (
        f"<p>rho <b>{interval.mean:.3f}</b> [{interval.low:.3f}, {interval.high:.3f}], "
        f"n = {counted(interval.n, 'image')}, "
        f"{counted(count, 'round')}{who}. 100 splits, 56 × 56 cells of the photograph, smoothed (discs), seed 0; "
        "not filtered.</p>"
    )
