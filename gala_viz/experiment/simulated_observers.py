"""Simulated participants whose thresholds are known: they test the analysis, and are called simulated everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import norm

from gala_viz.experiment.design import Trial, n_sets, trial_sequence
from gala_viz.experiment.exclusions import SIMULATED
from gala_viz.experiment.experiment_spec import ExperimentSpec
from gala_viz.experiment.psychometric import CRITERION, psychometric_function
from gala_viz.experiment.responses import trial_columns
from gala_viz.experiment.revelation import FULL


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatedObserverSpec:
    """People as the analysis imagines them. ``locations`` of each map type are levels in per cent, one participant's
    lying ``location_sd`` (standard deviation, log10 units) around them; ``slope`` is per log10 unit, ``lapse_rate`` a
    share. Right or wrong, a response takes ``rt_ms`` on average, log-normally; those after the deadline are too slow.
    """

    locations: Mapping[str, float] = field(default_factory=lambda: {"clickme": 20.0, "saliency": 80.0})
    slope: float = 5.0
    lapse_rate: float = 0.03
    location_sd: float = 0.15
    rt_ms: float = 400.0
    rt_sd: float = 0.18


def simulate_responses(
    spec: ExperimentSpec, observer: SimulatedObserverSpec, n_participants: int, seed: int
) -> pd.DataFrame:
    """The responses of ``n_participants`` to all their trials; sets are assigned in turn."""
    rows = []
    for number in range(n_participants):
        chance = np.random.default_rng([seed, number])
        shift = chance.normal(0, observer.location_sd)
        planned = trial_sequence(spec, number % n_sets(spec), number)
        rows += [_response(spec, observer, trial, number, shift, chance) for trial in planned]
    return pd.DataFrame(rows)


def _response(
    spec: ExperimentSpec,
    people: SimulatedObserverSpec,
    trial: Trial,
    number: int,
    shift: float,
    chance: np.random.Generator,
) -> dict[str, Any]:
    answers = spec.superclasses
    truth = spec.superclass_of[trial.image]
    level = 1e6 if trial.level == FULL else float(trial.level)
    p = psychometric_function(
        level, np.log10(people.locations[trial.map_type]) + shift, people.slope, people.lapse_rate
    )
    right = bool(chance.random() < p)
    rt = people.rt_ms * float(np.exp(chance.normal(0, people.rt_sd)))
    in_time = rt <= spec.timing.deadline_ms
    other = answers[1 - answers.index(truth)]
    return {
        "observer": SIMULATED,
        "participant": f"simulated-{number:03d}",
        "set": number % n_sets(spec),
        **trial_columns(spec, trial),
        "response": (truth if right else other) if in_time else None,
        "correct": float(right) if in_time else np.nan,
        "rt": rt,
    }


def true_threshold(observer: SimulatedObserverSpec, map_type: str) -> float:
    """The level (per cent) at which the mean over all such participants is right in 75 % of the trials."""
    nodes = norm.ppf((np.arange(2001) + 0.5) / 2001) * observer.location_sd
    middle = np.log10(observer.locations[map_type]) + nodes

    def above(place: float) -> float:
        return float(psychometric_function(10.0**place, middle, observer.slope, observer.lapse_rate).mean()) - CRITERION

    return 10.0 ** brentq(above, -3, 5)
