"""What is left out before anything is computed, by rules that the spec fixed, and how much each left out."""

from __future__ import annotations

import pandas as pd

from gala_viz.experiment.design import TEST
from gala_viz.experiment.revelation import FULL
from gala_viz.experiment.spec import ExperimentSpec

PEOPLE, SIMULATED = "people", "simulated"
RULED = (PEOPLE, SIMULATED)
"""Observers that rules apply to; networks neither tire nor anticipate."""


def included(responses: pd.DataFrame, spec: ExperimentSpec) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The trials that count, and a table: observer, rule, unit (participants or trials), excluded, of.

    First whole participants go, each by the first rule that it breaks, then single trials of the others.
    """
    table = responses[responses["trial_type"] == TEST] if "trial_type" in responses else responses
    kept, told = [], []
    for observer, own in table.groupby("observer", sort=False):
        if observer in RULED:
            own = _participants(str(observer), own, spec, told)
            own = _trials(str(observer), own, spec, told)
        kept.append(own[own["correct"].notna()])
    return pd.concat(kept, ignore_index=True), pd.DataFrame(
        told, columns=["observer", "rule", "unit", "excluded", "of"]
    )


def _participants(observer: str, own: pd.DataFrame, spec: ExperimentSpec, told: list) -> pd.DataFrame:
    rules = spec.exclusions
    by_participant = own.groupby("participant", sort=False)
    answered = by_participant["correct"].apply(lambda one: one.notna().mean())
    full = own[own["level"] == FULL].groupby("participant", sort=False)["correct"].mean()
    dropped = (
        (own.get("dropped_frames", pd.Series(0, index=own.index)).fillna(0) > 0).groupby(own["participant"]).mean()
    )
    broken = {
        "did not finish": by_participant["stimulus"].nunique() < spec.n_images,
        f"answered in time in less than {rules.min_answered_fraction:g} of the trials": answered
        < rules.min_answered_fraction,
        f"right on full images in less than {rules.min_full_accuracy:g}": full.reindex(answered.index)
        < rules.min_full_accuracy,
        f"frames dropped in more than {rules.max_dropped_fraction:g} of the trials": dropped.reindex(answered.index)
        > rules.max_dropped_fraction,
    }
    total, gone = len(answered), set()
    for rule, breaks in broken.items():
        found = set(breaks.index[breaks]) - gone
        gone |= found
        told.append((observer, rule, "participants", len(found), total))
    return own[~own["participant"].isin(gone)]


def _trials(observer: str, own: pd.DataFrame, spec: ExperimentSpec, told: list) -> pd.DataFrame:
    total = len(own)
    left = own.get("interrupted", pd.Series(0, index=own.index)).fillna(0) == 1
    early = own["rt"].notna() & (own["rt"] < spec.exclusions.min_rt_ms) & ~left
    late = own["correct"].isna() & ~early & ~left
    told.append((observer, "left in the middle", "trials", int(left.sum()), total))
    told.append((observer, f"answered sooner than {spec.exclusions.min_rt_ms:g} ms", "trials", int(early.sum()), total))
    told.append((observer, "no answer in time", "trials", int(late.sum()), total))
    return own[~left & ~early & ~late]
