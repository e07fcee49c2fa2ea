"""Analysis of an experiment: exclusions, accuracy, thresholds, and randomisation tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gala_viz.alignment.significance import PairedTest, benjamini_hochberg, paired_randomisations
from gala_viz.deprecated_paths import deprecated_getattr
from gala_viz.experiment.exclusions import mark_exclusions
from gala_viz.experiment.experiment_spec import WINDOW_EVENTS, ExperimentSpec
from gala_viz.experiment.performance import (
    IMAGE_PAIRS,
    IMAGES,
    PARTICIPANTS,
    count_correct,
    performance,
    resampled_units,
    sort_levels,
)
from gala_viz.experiment.psychometric import GUESS_RATE, Threshold, estimate_threshold
from gala_viz.experiment.revelation import FULL

TEST_COLUMNS = (
    "observer",
    "question",
    "level",
    "difference",
    "p",
    "p_adjusted",
    "n",
    "exact",
    "over",
    "smallest_p",
    "p_by_image",
    "p_by_image_adjusted",
    "n_by_image",
)
"""Columns of the table of tests."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Analysis:
    """Tables of one experiment.

    Parameters
    ----------
    performance : DataFrame
        Accuracy, d' and reaction time, one row an observer, map type and level.
    thresholds : DataFrame
        Fits and thresholds (``fit_thresholds``), one row an observer and map type.
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

    Tests flip signs of paired values: the difference between two map types at a level, and accuracy above chance; p is
    two-sided, ``p_adjusted`` holds the false-discovery rate over the levels of one question, ``smallest_p`` is the
    smallest p that so many differing pairs can have, and ``exact`` says that all sign flips were taken. ``over`` says
    what the values are of: participants, for these images; images, for a network. ``p_by_image`` is the same question
    over images, for these participants. What other people and other images show as well has both p small, but both
    small do not suffice (Clark 1973).

    Parameters
    ----------
    responses : DataFrame
        Checked responses (``check_responses``), whoever answered.
    spec : ExperimentSpec
        The experiment.
    n_iterations : int
        Sign flips of a randomisation test.
    n_resamples : int
        Bootstrap resamples of participants, or of a network's images, for the intervals of thresholds.
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
    Wichmann and Hill 2001 (thresholds); Benjamini and Hochberg 1995 (false-discovery rate); Clark 1973 (images).
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
    """Estimate the threshold of every observer and map type, one row each.

    ``level`` with ``low`` and ``high`` is in per cent of the number of important pixels (``psychometric.Threshold``);
    ``middle`` and ``lapse`` are location and lapse rate of the fit. ``over`` says what was resampled: participants, or
    for a network images within superclass, an image with all its levels and map types. ``level_shown`` with
    ``low_shown`` and ``high_shown`` is the same of a fit over the true share of the important pixels that each picture
    shows, in steps of 2.3 %, NaN where that is not known; beyond ``largest_shown``, the largest share of a picture that
    is not the full image, it counts as not reached. Intervals of one observer are of the same resamples.
    """
    rows = []
    for observer, of_observer in trials.groupby("observer", sort=False):
        over = resampled_units(of_observer)
        for map_type, own in of_observer.groupby("map_type", sort=False):
            levels = own["level"].map(lambda level: np.inf if level == FULL else float(level))
            fit = _threshold(own, levels, over, n_resamples, seed)
            row = {"observer": observer, "map_type": map_type, "level": fit.level, "low": fit.low, "high": fit.high}
            row |= {"middle": fit.location, "slope": fit.slope, "lapse": fit.lapse_rate, "n": fit.n}
            row |= {"n_resamples": fit.n_resamples, "confidence": fit.confidence, "seed": fit.seed}
            row |= {"over": over, "at_bound": fit.at_bound}
            row |= _threshold_shown(own, levels, over, n_resamples, seed)
            rows.append(row)
    return pd.DataFrame(rows)


def _threshold(
    own: pd.DataFrame, levels: pd.Series, over: str, n_resamples: int, seed: int, largest: float = 100.0
) -> Threshold:
    """Estimate the threshold of the trials ``own`` of one observer and map type at ``levels``, one number a trial."""
    known = np.unique(levels)
    unit = "participant" if over == PARTICIPANTS else "stimulus"
    correct, total, units = count_correct(own.assign(level=levels), list(known), unit)
    strata = own.groupby("stimulus")["superclass"].first().loc[units].to_numpy(str) if over == IMAGES else None
    return estimate_threshold(correct, total, known, strata=strata, largest=largest, n_resamples=n_resamples, seed=seed)


def _threshold_shown(own: pd.DataFrame, levels: pd.Series, over: str, n_resamples: int, seed: int) -> dict[str, float]:
    """Return the threshold over the true share of the important pixels as columns of ``fit_thresholds``."""
    names = ("level_shown", "low_shown", "high_shown", "largest_shown")
    shown = "percent_important_shown"
    column = own[shown] if shown in own else pd.Series(np.nan, index=own.index)
    shares = column.where(np.isfinite(levels), np.inf).astype(float)
    if shares.isna().any() or not np.isfinite(shares).any():
        return dict.fromkeys(names, np.nan)
    largest = float(shares[np.isfinite(shares)].max())
    steps = 10.0 ** np.log10(shares).round(2)
    fit = _threshold(own, steps, over, n_resamples, seed, largest)
    return dict(zip(names, (fit.level, fit.low, fit.high, largest), strict=True))


def _tests(trials: pd.DataFrame, spec: ExperimentSpec, n_iterations: int, seed: int) -> pd.DataFrame:
    """Run the paired randomisation tests of every observer and question, one row a level."""
    rows: list[dict] = []
    for observer, own in trials.groupby("observer", sort=False):
        levels = sort_levels(own["level"])
        by_image = {
            question: (over, *_test_levels(differences, n_iterations, seed))
            for question, over, differences in _image_questions(own, spec, levels)
        }
        if resampled_units(own) == IMAGES:
            tested = by_image
        else:
            tested = {
                question: (PARTICIPANTS, *_test_levels(differences, n_iterations, seed))
                for question, differences in _participant_questions(own, list(spec.maps), levels)
            }
        for question, (over, tests, adjusted) in tested.items():
            _, tests_by_image, adjusted_by_image = by_image[question]
            for at, level in enumerate(levels):
                one, beside = tests[at], tests_by_image[at]
                if one is None:
                    continue
                row = {"observer": observer, "question": question, "level": level, "difference": one.difference}
                row |= {"p": one.p, "p_adjusted": float(adjusted[at]), "n": one.n, "exact": one.exact, "over": over}
                row |= {"smallest_p": one.smallest_p}
                row |= {"p_by_image": np.nan if beside is None else beside.p}
                row |= {"p_by_image_adjusted": float(adjusted_by_image[at])}
                row |= {"n_by_image": 0 if beside is None else beside.n}
                rows.append(row)
    return pd.DataFrame(rows, columns=list(TEST_COLUMNS))


def _test_levels(
    differences: NDArray, n_iterations: int, seed: int
) -> tuple[list[PairedTest | None], NDArray[np.float64]]:
    """Test the differences (unit, level) of each level; return the tests and p adjusted over the levels."""
    tests = paired_randomisations(differences, n_iterations=n_iterations, seed=seed)
    return tests, np.asarray(benjamini_hochberg(np.array([np.nan if one is None else one.p for one in tests])))


def _participant_questions(
    own: pd.DataFrame, maps: list[str], levels: list[str]
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Yield (question, differences (participant, level)); NaN where a participant has no trial of it."""
    accuracy = {name: _accuracy(own, name, "participant", levels) for name in maps}
    participants = sorted(own["participant"].unique())
    accuracy = {name: values.reindex(participants).to_numpy(float) for name, values in accuracy.items()}
    for map_type, values in accuracy.items():
        yield f"{map_type} above chance", values - GUESS_RATE
    for first, second in combinations(maps, 2):
        yield f"{first} above {second}", accuracy[first] - accuracy[second]


def _image_questions(
    own: pd.DataFrame, spec: ExperimentSpec, levels: list[str]
) -> Iterator[tuple[str, str, NDArray[np.float64]]]:
    """Yield (question, over, differences (image or pair of images, level)); NaN where an image has no trial of it.

    Above chance is tested over pairs of images, the k-th of both superclasses, which every set shows in the same
    condition: an observer that prefers one answer is right on the one as much more often as on the other less often.
    """
    accuracy = {name: _accuracy(own, name, "stimulus", levels) for name in spec.maps}
    for map_type, values in accuracy.items():
        first, second = (values.reindex(list(images)).to_numpy(float) for images in spec.images.values())
        n = min(len(first), len(second))
        yield f"{map_type} above chance", IMAGE_PAIRS, (first[:n] + second[:n]) / 2 - GUESS_RATE
    images = sorted(own["stimulus"].unique())
    for first, second in combinations(spec.maps, 2):
        differences = accuracy[first].reindex(images) - accuracy[second].reindex(images)
        yield f"{first} above {second}", IMAGES, differences.to_numpy(float)


def _accuracy(own: pd.DataFrame, map_type: str, unit: str, levels: list[str]) -> pd.DataFrame:
    """Return the share of right answers (unit, level) by one map type."""
    means = own[own["map_type"] == map_type].pivot_table(values="correct", index=unit, columns="level")
    return pd.DataFrame(means).reindex(columns=levels)


__getattr__ = deprecated_getattr(__name__)
