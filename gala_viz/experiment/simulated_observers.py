"""Simulated observers whose thresholds are known: they test the analysis, and are called simulated everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import norm

from gala_viz.experiment.design import TEST, Trial, n_sets, set_conditions, trial_sequence
from gala_viz.experiment.exclusions import SIMULATED
from gala_viz.experiment.experiment_spec import ExperimentSpec
from gala_viz.experiment.psychometric import CRITERION, psychometric_function
from gala_viz.experiment.responses import format_level, trial_columns
from gala_viz.experiment.revelation import FULL
from gala_viz.specs import check_finite


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatedObserverSpec:
    """Psychometric functions and reaction times of simulated observers.

    Parameters
    ----------
    locations : mapping of str to float
        Map type -> location of the psychometric function, as a level in per cent.
    slope : float
        Per log10 unit.
    lapse_rate : float
        1 minus the highest accuracy: the share of errors that no level removes.
    location_sd : float
        Standard deviation of participants around ``locations``, in log10 units; the shift of one participant is the
        same for all map types.
    rt_ms : float
        Median of the log-normal reaction times, right or wrong; those after the deadline are too slow.
    rt_sd : float
        Standard deviation of the natural logarithm of the reaction times.
    """

    locations: Mapping[str, float] = field(default_factory=lambda: {"clickme": 20.0, "saliency": 80.0})
    slope: float = 5.0
    lapse_rate: float = 0.03
    location_sd: float = 0.15
    rt_ms: float = 400.0
    rt_sd: float = 0.18

    def __post_init__(self) -> None:
        check_finite(self)
        if not all(level > 0 for level in self.locations.values()):
            raise ValueError(f"levels in the middle are above 0 per cent; got {dict(self.locations)}.")
        if not 0 <= self.lapse_rate < 1 or min(self.location_sd, self.rt_sd) < 0 or self.rt_ms <= 0:
            raise ValueError("lapse_rate is a share from 0 to below 1, spreads are 0 or more, rt_ms is above 0.")


def simulate_responses(
    spec: ExperimentSpec, observer: SimulatedObserverSpec, n_participants: int, seed: int
) -> pd.DataFrame:
    """Simulate the responses of participants to all their trials; sets are assigned in turn.

    Parameters
    ----------
    spec : ExperimentSpec
        The experiment.
    observer : SimulatedObserverSpec
        Psychometric functions and reaction times.
    n_participants : int
        How many participants answer, each with an own location.
    seed : int
        Determines all answers; a participant's order of trials follows from the participant's number alone.

    Returns
    -------
    DataFrame
        One row a trial, practice included; a response after the deadline is empty.
    """
    rows = []
    for number in range(n_participants):
        rng = np.random.default_rng([seed, number])
        shift = rng.normal(0, observer.location_sd)
        planned = trial_sequence(spec, number % n_sets(spec), number)
        rows += [_response(spec, observer, trial, number, shift, rng) for trial in planned]
    return pd.DataFrame(rows)


def _response(
    spec: ExperimentSpec,
    observer: SimulatedObserverSpec,
    trial: Trial,
    number: int,
    shift: float,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Return the response of participant ``number`` to one trial, with locations shifted by ``shift`` log10 units."""
    answers = spec.superclasses
    truth = spec.superclass_of[trial.image]
    level = 1e6 if trial.level == FULL else float(trial.level)
    p = psychometric_function(
        level, np.log10(observer.locations[trial.map_type]) + shift, observer.slope, observer.lapse_rate
    )
    right = bool(rng.random() < p)
    rt = observer.rt_ms * float(np.exp(rng.normal(0, observer.rt_sd)))
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


def simulate_network_responses(
    spec: ExperimentSpec,
    thresholds: Mapping[str, float],
    *,
    threshold_sd: float,
    seed: int,
    name: str = "made-up network",
) -> pd.DataFrame:
    """Simulate a network with a threshold of its own for each image; its answers are a fixed table, as a network's.

    Below an image's threshold the network answers with one of both superclasses, whatever it sees, from it on with the
    image's own. Over images that are drawn anew it is thus right in 75 % where half of the thresholds are reached: at
    the median.

    Parameters
    ----------
    spec : ExperimentSpec
        The experiment.
    thresholds : mapping of str to float
        Map type -> median of the images' thresholds, as a level in per cent.
    threshold_sd : float
        Standard deviation of the thresholds in log10 units; an image's deviation is the same for all map types.
    seed : int
        Determines the thresholds.
    name : str
        Name of the observer.

    Returns
    -------
    DataFrame
        One row an image and condition, in the columns of ``evaluation.observers.network_responses``.
    """
    rng = np.random.default_rng(seed)
    shift = {image: rng.normal(0, threshold_sd) for images in spec.images.values() for image in images}
    below = spec.superclasses[0]
    rows = []
    for number in range(n_sets(spec)):
        for at, (image, (map_type, level)) in enumerate(set_conditions(spec, number).items()):
            truth = spec.superclass_of[image]
            reached = level == FULL or np.log10(float(level)) >= np.log10(thresholds[map_type]) + shift[image]
            response = truth if reached else below
            row = {"observer": name, "participant": f"set {number:02d}", "set": number, "trial_index": at}
            row |= {"trial_type": TEST, "block": 1, "stimulus": image, "superclass": truth, "map_type": map_type}
            row |= {"level": format_level(level), "response": response, "correct": float(response == truth)}
            rows.append(row | {"rt": np.nan})
    return pd.DataFrame(rows)


def true_threshold(observer: SimulatedObserverSpec, map_type: str) -> float:
    """Return the level (per cent) at which the mean over all such participants is right in 75 % of the trials."""
    nodes = norm.ppf((np.arange(2001) + 0.5) / 2001) * observer.location_sd
    location = np.log10(observer.locations[map_type]) + nodes

    def excess(log_level: float) -> float:
        p = psychometric_function(10.0**log_level, location, observer.slope, observer.lapse_rate)
        return float(p.mean()) - CRITERION

    return 10.0 ** brentq(excess, -3, 5)
