"""Accuracy, d' and reaction times by level and map type, and what they are over."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from gala_viz.alignment.jackknife import jackknife_error
from gala_viz.experiment.exclusions import SCREENED_OBSERVERS
from gala_viz.experiment.revelation import FULL

PARTICIPANTS, IMAGES, ROTATING_SETS, IMAGE_PAIRS = "participants", "images", "rotating sets", "image pairs"
"""What means, intervals and tests are over, as the tables' column ``over`` says it."""


def sort_levels(levels: Sequence[str]) -> list[str]:
    """Sort levels from few to many per cent, each once, the full image last."""
    return sorted(set(levels), key=lambda level: np.inf if level == FULL else float(level))


def performance(trials: pd.DataFrame) -> pd.DataFrame:
    """Summarise the trials that count: one row for every observer, map type and level.

    ``accuracy``, ``d_prime`` and ``rt`` (the median of a participant's right answers, ms) are means over participants,
    each with its standard error (``_sem``; NaN for one participant); ``n_participants`` and ``n_trials`` count them.
    For a network rotating sets stand for participants: at one level they share no picture. ``over`` says which.

    ``d_prime_largest`` is the largest value that the mean of d' could have with so few trials each. ``d_prime_pooled``
    is d' of the answers of all participants together, ``d_prime_pooled_sem`` its standard error by leaving out one
    participant at a time, ``d_prime_pooled_largest`` its largest possible value.

    ``percent_all`` is the mean share of all pixels shown, ``percent_important_shown`` of the important ones, NaN where
    the table does not have them.
    """
    rows = []
    keys = ["observer", "map_type", "level"]
    units = {observer: resampled_units(own) for observer, own in trials.groupby("observer", sort=False)}
    for (observer, map_type, level), own in trials.groupby(keys, sort=False):
        groups = [group for _, group in own.groupby("participant", sort=True)]
        accuracy = np.array([group["correct"].mean() for group in groups])
        counts = np.array([count_answers(group, own["superclass"].min()) for group in groups])
        rt = np.array([group.loc[group["correct"] == 1, "rt"].median() for group in groups], dtype=float)
        row = {"observer": observer, "map_type": map_type, "level": level}
        row |= {"n_participants": len(groups), "n_trials": len(own)}
        for name, values in (("accuracy", accuracy), ("d_prime", d_prime_of_counts(counts)), ("rt", rt)):
            row[name], row[f"{name}_sem"] = mean_and_sem(values)
        row["percent_all"] = float(own["percent_all"].mean()) if "percent_all" in own else np.nan
        row["d_prime_largest"], _ = mean_and_sem(largest_d_prime(counts))
        row["d_prime_pooled"], row["d_prime_pooled_sem"] = pooled_d_prime(counts)
        row["d_prime_pooled_largest"] = float(largest_d_prime(counts.sum(axis=0)))
        shown = "percent_important_shown"
        row[shown] = float(own[shown].mean(skipna=False)) if shown in own else np.nan
        row["over"] = PARTICIPANTS if units[observer] == PARTICIPANTS else ROTATING_SETS
        rows.append(row)
    table = pd.DataFrame(rows)
    rank = {level: position for position, level in enumerate(sort_levels(table["level"]))}
    order = table.assign(level=table["level"].map(rank)).sort_values(keys, kind="stable").index
    return table.loc[order].reset_index(drop=True)


def resampled_units(own: pd.DataFrame) -> str:
    """Return what the trials ``own`` of one observer are a sample of: "participants", or "images" for a network.

    A network's answers are a fixed table, image by condition. Its rotating sets share no picture at one level, but
    hold the same images at others, so that they are no independent participants over levels. A network is an observer
    that is neither people nor simulated participants, has no reaction times, and answers no picture twice.
    """
    name = own["observer"].iloc[0]
    if name in SCREENED_OBSERVERS or own["rt"].notna().any():
        return PARTICIPANTS
    return PARTICIPANTS if own.duplicated(["stimulus", "map_type", "level"]).any() else IMAGES


def count_answers(trials: pd.DataFrame, first: str) -> tuple[float, float, float, float]:
    """Count hits, images of the superclass ``first``, false alarms, other images; NaN without a column of responses."""
    if "response" not in trials:
        return np.nan, np.nan, np.nan, np.nan
    signal, said = (trials[name].isin([first]).to_numpy() for name in ("superclass", "response"))
    return float((signal & said).sum()), float(signal.sum()), float((~signal & said).sum()), float((~signal).sum())


def d_prime(trials: pd.DataFrame) -> float:
    """Return z(hits) - z(false alarms) of the first superclass by alphabet; NaN where ``trials`` show only one.

    Rates are log-linear, (count + 0.5) / (n + 1), so that none is 0 or 1. Source: Hautus 1995 (Behavior Research
    Methods).
    """
    return float(d_prime_of_counts(np.array(count_answers(trials, trials["superclass"].min()))))


def d_prime_of_counts(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return d' of counts (..., 4) as ``count_answers`` has them; NaN where one superclass is not shown."""
    hits, signals, alarms, others = np.moveaxis(counts, -1, 0)
    found = norm.ppf((hits + 0.5) / (signals + 1)) - norm.ppf((alarms + 0.5) / (others + 1))
    return np.where((signals > 0) & (others > 0), found, np.nan)


def largest_d_prime(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the d' that an observer without a wrong answer has with as many trials as ``counts`` (..., 4)."""
    signals, others = counts[..., 1], counts[..., 3]
    return d_prime_of_counts(np.stack([signals, signals, np.zeros_like(others), others], axis=-1))


def pooled_d_prime(counts: NDArray[np.float64]) -> tuple[float, float]:
    """Return d' of the answers of all participants together, and its standard error over participants.

    The correction of extreme rates draws d' of few trials towards 0; together they are many. The standard error is the
    delete-one jackknife's; NaN for one participant.

    Parameters
    ----------
    counts : ndarray, (participant, 4)
        Counts as ``count_answers`` has them.

    Returns
    -------
    d_prime : float
        d' of the sums.
    sem : float
        Its standard error.

    References
    ----------
    Hautus 1995; Efron and Stein 1981.
    """
    total = counts.sum(axis=0)
    return float(d_prime_of_counts(total)), jackknife_error(d_prime_of_counts(total - counts))


def mean_and_sem(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return mean and standard error of the finite ``values``; NaN without any, and the error NaN for one."""
    known = values[np.isfinite(values)]
    if not len(known):
        return np.nan, np.nan
    return float(known.mean()), float(known.std(ddof=1) / np.sqrt(len(known))) if len(known) > 1 else np.nan


def count_correct(
    trials: pd.DataFrame, levels: Sequence[object], unit: str = "participant"
) -> tuple[NDArray, NDArray, list[str]]:
    """Count the trials of one observer and map type; return (correct, total, units).

    Both counts are (unit, level), in the order of ``levels``; ``unit`` is the column participant or stimulus.
    """
    cells = trials.groupby([unit, "level"])["correct"].agg(["sum", "count"])
    table = cells.unstack("level").fillna(0)
    correct = table["sum"].reindex(columns=list(levels), fill_value=0)
    total = table["count"].reindex(columns=list(levels), fill_value=0)
    return correct.to_numpy(float), total.to_numpy(float), [str(one) for one in correct.index]
