"""The experimenter's page in words."""

from __future__ import annotations

from html import escape

from gala_viz.records.overview import Overview, Reliability


def round_counts(title: str, records_overview: Overview) -> str:
    """How much there is, people and simulated participants apart."""
    outcomes = ", ".join(f"{escape(outcome)} {count}" for outcome, count in records_overview.outcomes.items()) or "none"
    made = sum(records_overview.collections.values())
    return (
        f"<h1>{escape(title)}</h1><p><b>{records_overview.n_participants}</b> participants, {made} "
        "rounds of theirs make maps; "
        f'{records_overview.n_simulated} simulated participants. <span class="muted">All rounds by '
        f"outcome: {outcomes}.</span></p>"
    )


def reliability_text(reliability: Reliability, simulated: bool) -> str:
    """Split-half rho with its interval and n, or why there is none."""
    if reliability.interval is None:
        return "<p>No image has rounds of two participants yet.</p>"
    interval, count = reliability.interval, reliability.growth[-1][0]
    who = " of SIMULATED participants" if simulated else ""
    return (
        f"<p>rho <b>{interval.mean:.3f}</b> [{interval.low:.3f}, {interval.high:.3f}], n = {interval.n} images, "
        f"{count} rounds{who}. 100 splits, 56 × 56 cells of the photograph, smoothed (discs), seed 0; not filtered.</p>"
    )
