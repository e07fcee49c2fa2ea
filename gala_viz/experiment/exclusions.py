"""Exclusion rules, which the spec fixes before anything is computed, and how much each leaves out.

A trial breaks a rule, or does not, or neither is known, because what the rule needs was not recorded. The last is
counted as not known, and leaves nothing out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gala_viz.deprecated_paths import deprecated_getattr
from gala_viz.experiment.design import TEST
from gala_viz.experiment.experiment_spec import WINDOW_EVENTS, ExclusionSpec, ExperimentSpec
from gala_viz.experiment.revelation import FULL

PEOPLE, SIMULATED = "people", "simulated"
SCREENED_OBSERVERS = (PEOPLE, SIMULATED)
"""Observers that rules apply to; networks neither tire nor anticipate."""
EXCLUSION_COLUMNS = ("observer", "rule", "unit", "excluded", "of", "setting", "applied", "breaking", "not_known")
WINDOW_EVENT_RULES = {
    "hidden": "the tab was hidden",
    "blurred": "the window had no focus",
    "resized": "the window changed its size",
    "left_full_screen": "full screen was left",
}
"""Window event -> description of the rule that leaves out trials with it."""
NOT_IN_FILE = "not in the file"
"""Stands for the setting of a rule that the experiment's file does not have."""
NO_ANSWER = "no answer"
"""Why a network's trial does not count."""


@dataclass(frozen=True, kw_only=True)
class ExclusionRule:
    """A rule and its result: ``is_violated`` and ``is_known`` by participant or by trial.

    ``setting`` is the parameter in the experiment's file. A rule without ``applies`` leaves out nothing.
    """

    description: str
    is_violated: pd.Series
    is_known: pd.Series
    setting: str = ""
    applies: bool = True


def apply_exclusions(responses: pd.DataFrame, spec: ExperimentSpec) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the trials that count, and the table of ``mark_exclusions``."""
    table, exclusions = mark_exclusions(responses, spec)
    counts = table["left_out_by"] == ""
    return table[counts].drop(columns="left_out_by").reset_index(drop=True), exclusions


def mark_exclusions(responses: pd.DataFrame, spec: ExperimentSpec) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return all trials but practice with the rule that leaves each out, and a table of the rules.

    ``left_out_by`` is the rule of a trial, empty where it counts. The table has the columns ``EXCLUSION_COLUMNS``:
    observer, rule, unit (participants or trials), how many were excluded of how many, the setting, whether the rule
    applied (False: the experiment's file does not apply it), how many break it whatever other rule they break, and of
    how many that is not known. First whole participants are excluded, each by the first rule that it breaks, then
    single trials of the others. A rule that is not in the file is evaluated with the present default, and leaves out
    nothing.
    """
    table = responses[responses["trial_type"] == TEST] if "trial_type" in responses else responses
    table = table.reset_index(drop=True)
    parts, rows = [], []
    for observer, own in table.groupby("observer", sort=False):
        left_out_by = pd.Series("", index=own.index, dtype=object)
        if observer in SCREENED_OBSERVERS:
            excluded: set[object] = set()
            total = own["participant"].nunique()
            for rule in _rules_of_participants(own, spec):
                violating = (set(rule.is_violated.index[rule.is_violated]) - excluded) if rule.applies else set()
                excluded |= violating
                left_out_by[own["participant"].isin(violating)] = rule.description
                rows.append(_row(observer, rule, "participants", len(violating), total))
            rest = own[~own["participant"].isin(excluded)]
            for rule in _rules_of_trials(rest, spec):
                violating = rule.is_violated & (left_out_by[rest.index] == "") & rule.applies
                left_out_by[violating.index[violating]] = rule.description
                rows.append(_row(observer, rule, "trials", int(violating.sum()), len(rest)))
        else:
            left_out_by[own["correct"].isna()] = NO_ANSWER
        parts.append(own.assign(left_out_by=left_out_by))
    return pd.concat(parts, ignore_index=True), pd.DataFrame(rows, columns=list(EXCLUSION_COLUMNS))


def _row(observer: object, rule: ExclusionRule, unit: str, excluded: int, total: int) -> tuple:
    breaking, unknown = int(rule.is_violated.sum()), int((~rule.is_known).sum())
    return observer, rule.description, unit, excluded, total, rule.setting, rule.applies, breaking, unknown


def _rules_of_participants(own: pd.DataFrame, spec: ExperimentSpec) -> Iterator[ExclusionRule]:
    """Yield the rules that leave out whole participants, evaluated on the trials ``own`` of one observer."""
    rules = spec.exclusions
    by_participant = own.groupby("participant", sort=False)
    # A key sooner than min_rt_ms anticipates; it does not answer the picture.
    in_time = own["correct"].notna() & ~(own["rt"] < rules.min_rt_ms)
    answered = by_participant["correct"].apply(lambda one: in_time[one.index].mean())
    always_known = pd.Series(data=True, index=answered.index)
    full = own[own["level"] == FULL].groupby("participant", sort=False)["correct"].mean().reindex(answered.index)
    frames = _numbers(own, "dropped_frames")
    dropped = (frames.fillna(0) > 0).groupby(own["participant"]).mean().reindex(answered.index)
    yield ExclusionRule(
        description="did not finish",
        is_violated=by_participant["stimulus"].nunique() < spec.n_images,
        is_known=always_known,
    )
    yield ExclusionRule(
        description=f"answered in time in less than {rules.min_answered_fraction:g} of the trials",
        is_violated=answered < rules.min_answered_fraction,
        is_known=always_known,
        setting=_setting("min_answered_fraction", rules.min_answered_fraction),
    )
    yield ExclusionRule(
        description=f"right on full images in less than {rules.min_full_accuracy:g}",
        is_violated=full < rules.min_full_accuracy,
        is_known=full.notna(),
        setting=_setting("min_full_accuracy", rules.min_full_accuracy),
    )
    yield ExclusionRule(
        description=f"frames dropped in more than {rules.max_dropped_fraction:g} of the trials",
        is_violated=dropped > rules.max_dropped_fraction,
        is_known=frames.notna().groupby(own["participant"]).any().reindex(answered.index),
        setting=_setting("max_dropped_fraction", rules.max_dropped_fraction),
    )


def _rules_of_trials(own: pd.DataFrame, spec: ExperimentSpec) -> Iterator[ExclusionRule]:
    """Yield the rules that leave out single trials, evaluated on the trials ``own`` of one observer."""
    rules, today = spec.exclusions, ExclusionSpec()
    always_known = pd.Series(data=True, index=own.index)
    left = _numbers(own, "interrupted").fillna(0) == 1
    yield ExclusionRule(description="left in the middle", is_violated=left, is_known=always_known)
    chosen = rules.exclude_marked
    for event in WINDOW_EVENTS:
        values = _numbers(own, event)
        yield ExclusionRule(
            description=WINDOW_EVENT_RULES[event],
            is_violated=values == 1,
            is_known=values.notna() | left,
            setting=_setting("exclude_marked", None if chosen is None else ", ".join(chosen) or "none"),
            applies=chosen is not None and event in chosen,
        )
    frames = rules.max_stimulus_error_frames
    most = today.max_stimulus_error_frames if frames is None else frames
    error = _error_ms(own, "stimulus") / _numbers(own, "frame_duration")
    yield ExclusionRule(
        description=f"the stimulus stood more than {most:g} frames longer or shorter than asked",
        is_violated=error > most,
        is_known=error.notna() | left,
        setting=_setting("max_stimulus_error_frames", frames),
        applies=frames is not None,
    )
    ms = rules.max_fixation_error_ms
    most = today.max_fixation_error_ms if ms is None else ms
    error = _error_ms(own, "fixation")
    yield ExclusionRule(
        description=f"the fixation stood more than {most:g} ms longer or shorter than asked",
        is_violated=error > most,
        is_known=error.notna() | left,
        setting=_setting("max_fixation_error_ms", ms),
        applies=ms is not None,
    )
    early = own["rt"].notna() & (own["rt"] < rules.min_rt_ms) & ~left
    yield ExclusionRule(
        description=f"answered sooner than {rules.min_rt_ms:g} ms",
        is_violated=early,
        is_known=always_known,
        setting=_setting("min_rt_ms", rules.min_rt_ms),
    )
    yield ExclusionRule(
        description="no answer in time", is_violated=own["correct"].isna() & ~early & ~left, is_known=always_known
    )


def _setting(name: str, value: float | str | None) -> str:
    if value is None:
        return NOT_IN_FILE
    return f"{name} = {value if isinstance(value, str) else format(value, 'g')}"


def _numbers(own: pd.DataFrame, column: str) -> pd.Series:
    """Return a column as numbers; NaN where a value is not known, or the column is not there."""
    if column not in own:
        return pd.Series(np.nan, index=own.index)
    return pd.to_numeric(own[column], errors="coerce").astype(float)


def _error_ms(own: pd.DataFrame, part: str) -> pd.Series:
    """Return how far, in ms, the actual duration of fixation or stimulus is from the planned one."""
    return (_numbers(own, f"{part}_duration_actual") - _numbers(own, f"{part}_duration")).abs()


__getattr__ = deprecated_getattr(__name__)
