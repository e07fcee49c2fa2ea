"""Accuracy, d' and reaction times by level and map type, over participants."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from gala_viz.experiment.revelation import FULL


def sort_levels(levels: Sequence[str]) -> list[str]:
    """Sort levels from few to many per cent, each once, the full image last."""
    return sorted(set(levels), key=lambda level: np.inf if level == FULL else float(level))


def performance(trials: pd.DataFrame) -> pd.DataFrame:
    """Summarise the trials that count: one row for every observer, map type and level.

    ``accuracy``, ``d_prime`` and ``rt`` (the median of a participant's right answers, ms) are means over participants,
    each with its standard error (``_sem``; NaN for one participant); ``n_participants`` and ``n_trials`` count them;
    ``percent_all`` is the mean share of all pixels shown, NaN where the table does not have it.
    """
    rows = []
    keys = ["observer", "map_type", "level"]
    for (observer, map_type, level), own in trials.groupby(keys, sort=False):
        groups = [group for _, group in own.groupby("participant", sort=True)]
        accuracy = np.array([group["correct"].mean() for group in groups])
        sensitivity = np.array([d_prime(group) for group in groups])
        rt = np.array([group.loc[group["correct"] == 1, "rt"].median() for group in groups], dtype=float)
        row = {"observer": observer, "map_type": map_type, "level": level}
        row |= {"n_participants": len(groups), "n_trials": len(own)}
        for name, values in (("accuracy", accuracy), ("d_prime", sensitivity), ("rt", rt)):
            row[name], row[f"{name}_sem"] = mean_and_sem(values)
        row["percent_all"] = float(own["percent_all"].mean()) if "percent_all" in own else np.nan
        rows.append(row)
    table = pd.DataFrame(rows)
    rank = {level: position for position, level in enumerate(sort_levels(table["level"]))}
    order = table.assign(level=table["level"].map(rank)).sort_values(keys, kind="stable").index
    return table.loc[order].reset_index(drop=True)


def d_prime(trials: pd.DataFrame) -> float:
    """Return z(hits) - z(false alarms) of the first superclass by alphabet; NaN where ``trials`` show only one.

    Rates are log-linear, (count + 0.5) / (n + 1), so that none is 0 or 1. Source: Hautus 1995 (Behavior Research
    Methods).
    """
    first = trials["superclass"].min()
    signal = trials["superclass"] == first
    if signal.all() or "response" not in trials:
        return np.nan
    answered_first = (trials["response"] == first).astype(float)
    hits, alarms = ((answered_first[rows].sum() + 0.5) / (rows.sum() + 1) for rows in (signal, ~signal))
    return float(norm.ppf(hits) - norm.ppf(alarms))


def mean_and_sem(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return mean and standard error of the finite ``values``; NaN without any, and the error NaN for one."""
    known = values[np.isfinite(values)]
    if not len(known):
        return np.nan, np.nan
    return float(known.mean()), float(known.std(ddof=1) / np.sqrt(len(known))) if len(known) > 1 else np.nan


def count_correct(trials: pd.DataFrame, levels: Sequence[str]) -> tuple[NDArray, NDArray, list[str]]:
    """Count the trials of one observer and map type; return (correct, total, participants).

    Both counts are (participant, level), in the order of ``levels``.
    """
    cells = trials.groupby(["participant", "level"])["correct"].agg(["sum", "count"])
    table = cells.unstack("level").fillna(0)
    correct = table["sum"].reindex(columns=list(levels), fill_value=0)
    total = table["count"].reindex(columns=list(levels), fill_value=0)
    return correct.to_numpy(float), total.to_numpy(float), [str(one) for one in correct.index]
