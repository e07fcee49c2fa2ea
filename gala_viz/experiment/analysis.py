"""Analysis of an experiment: exclusions, accuracy, thresholds, and randomisation tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gala_viz.alignment.significance import benjamini_hochberg, paired_randomisations
from gala_viz.deprecated_paths import deprecated_getattr
from gala_viz.experiment.exclusions import mark_exclusions
from gala_viz.experiment.experiment_spec import WINDOW_EVENTS, ExperimentSpec
from gala_viz.experiment.performance import count_correct, performance, sort_levels
from gala_viz.experiment.psychometric import GUESS_RATE, estimate_threshold
from gala_viz.experiment.revelation import FULL


@dataclass(frozen=True, kw_only=True, slots=True)
class Analysis:
    """Tables of one experiment.

    Parameters
    ----------
    performance : DataFrame
        Accuracy, d' and reaction time, one row an observer, map type and level.
    thresholds : DataFrame
        Fits and thresholds, one row an observer and map type.
    tests : DataFrame
        Randomisation tests, one row an observer, question and level.
    exclusions : DataFrame
        What each rule left out (``EXCLUSION_COLUMNS``).
    trials : DataFrame
        One row a trial: the rule that left it out (``left_out_by``, empty where it counts), and which of its window
        events and durations are not known.
    """

    performance: pd.DataFrame
    thresholds: pd.DataFrame
    tests: pd.DataFrame
    exclusions: pd.DataFrame
    trials: pd.DataFrame


def analyse_responses(
    responses: pd.DataFrame, spec: ExperimentSpec, *, n_iterations: int = 10_000, n_resamples: int = 1000, seed: int = 0
) -> Analysis:
    """Analyse responses by the rules of ``spec``.

    Tests flip signs of participants' values: the difference between two map types at a level, and accuracy above
    chance; p is two-sided, ``p_adjusted`` holds the false-discovery rate over the levels of one question.

    Parameters
    ----------
    responses : DataFrame
        Checked responses (``check_responses``), whoever answered.
    spec : ExperimentSpec
        The experiment.
    n_iterations : int
        Sign flips of a randomisation test.
    n_resamples : int
        Bootstrap resamples of participants for the intervals of thresholds.
    seed : int
        Determines sign flips and resamples.

    Returns
    -------
    Analysis
        The tables.

    Raises
    ------
    ValueError
        The rules leave no trial.

    References
    ----------
    Wichmann and Hill 2001 (thresholds); Benjamini and Hochberg 1995 (false-discovery rate).
    """
    table, exclusions = mark_exclusions(responses, spec)
    trials = table[table["left_out_by"] == ""]
    if not len(trials):
        raise ValueError("the rules leave no trial; there is nothing to analyse.")
    return Analysis(
        performance=performance(trials),
        thresholds=fit_thresholds(trials, n_resamples, seed),
        tests=_tests(trials, spec, n_iterations, seed),
        exclusions=exclusions,
        trials=_verdicts(table),
    )


def _verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row a trial: whose, which, what left it out, and which measures of the rules are not known."""
    measures = [*WINDOW_EVENTS, "stimulus_duration_actual", "fixation_duration_actual"]
    missing = pd.Series("", index=table.index)
    for name in measures:
        known = table[name].notna() if name in table else pd.Series(data=False, index=table.index)
        missing = missing.where(known, missing + " " + name)
    identity = [name for name in ("observer", "participant", "trial_index", "stimulus") if name in table]
    return table[identity].assign(left_out_by=table["left_out_by"], not_known=missing.str.strip())


def fit_thresholds(trials: pd.DataFrame, n_resamples: int, seed: int) -> pd.DataFrame:
    """Estimate the threshold (``psychometric.Threshold``) of every observer and map type, one row each."""
    rows = []
    for (observer, map_type), own in trials.groupby(["observer", "map_type"], sort=False):
        levels = [level for level in sort_levels(own["level"]) if level != FULL]
        correct, total, _ = count_correct(own[own["level"] != FULL], levels)
        threshold = estimate_threshold(
            correct, total, np.array(levels, dtype=float), n_resamples=n_resamples, seed=seed
        )
        rows.append({"observer": observer, "map_type": map_type, **asdict(threshold)})
    return pd.DataFrame(rows)


def _tests(trials: pd.DataFrame, spec: ExperimentSpec, n_iterations: int, seed: int) -> pd.DataFrame:
    """Run the paired randomisation tests of every observer and question, one row a level."""
    rows: list[dict] = []
    for observer, own in trials.groupby("observer", sort=False):
        levels = sort_levels(own["level"])
        for question, differences in _questions(own, list(spec.maps), levels):
            tests = paired_randomisations(differences, n_iterations=n_iterations, seed=seed)
            adjusted = benjamini_hochberg(np.array([np.nan if one is None else one.p for one in tests]))
            for level, one, p in zip(levels, tests, adjusted, strict=True):
                if one is not None:
                    values = {"difference": one.difference, "p": one.p, "p_adjusted": float(p), "n": one.n}
                    rows.append(
                        {"observer": observer, "question": question, "level": level, **values, "exact": one.exact}
                    )
    return pd.DataFrame(rows, columns=["observer", "question", "level", "difference", "p", "p_adjusted", "n", "exact"])


def _questions(own: pd.DataFrame, maps: list[str], levels: list[str]) -> Iterator[tuple[str, NDArray]]:
    """Yield (question, differences (participant, level)); NaN where a participant has no trial of it."""
    accuracy = {}
    participants = sorted(own["participant"].unique())
    for map_type in maps:
        means = own[own["map_type"] == map_type].groupby(["participant", "level"])["correct"].mean().unstack("level")
        accuracy[map_type] = means.reindex(index=participants, columns=levels).to_numpy(float)
    for map_type, values in accuracy.items():
        yield f"{map_type} above chance", values - GUESS_RATE
    for first, second in combinations(maps, 2):
        yield f"{first} above {second}", accuracy[first] - accuracy[second]


__getattr__ = deprecated_getattr(__name__)
