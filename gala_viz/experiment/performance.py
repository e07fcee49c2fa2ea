"""Accuracy, d' and reaction times by level and map type, over participants."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from gala_viz.experiment.revelation import FULL


def sort_levels(levels: Sequence[str]) -> list[str]:
    """Levels from few to many, the full image last."""
    return sorted(set(levels), key=lambda level: np.inf if level == FULL else float(level))


def performance(trials: pd.DataFrame) -> pd.DataFrame:
    """A row for every observer, map type and level, from the trials that count.

    ``accuracy``, ``d_prime`` and ``rt`` (the median of a participant's right answers, ms) are means over participants,
    each with its standard error (``_sem``; NaN for one participant); ``n_participants``, ``n_trials``; ``percent_all``
    is the mean share of all pixels shown, where the table tells it.
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
    rank = {level: at for at, level in enumerate(sort_levels(table["level"]))}
    order = table.assign(level=table["level"].map(rank)).sort_values(keys, kind="stable").index
    return table.loc[order].reset_index(drop=True)


def d_prime(trials: pd.DataFrame) -> float:
    """z(hits) - z(false alarms) of the first of the two superclasses, by alphabet; NaN where one was never shown.

    Rates are log-linear, (count + 0.5) / (n + 1), so that none is 0 or 1. Source: Hautus 1995 (Behavior Research
    Methods).
    """
    first = trials["superclass"].min()
    signal = trials["superclass"] == first
    said = (trials["response"] == first).astype(float)
    if signal.all() or "response" not in trials:
        return np.nan
    hits, alarms = ((said[rows].sum() + 0.5) / (rows.sum() + 1) for rows in (signal, ~signal))
    return float(norm.ppf(hits) - norm.ppf(alarms))


def mean_and_sem(values: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and standard error of those that are known."""
    known = values[np.isfinite(values)]
    if not len(known):
        return np.nan, np.nan
    return float(known.mean()), float(known.std(ddof=1) / np.sqrt(len(known))) if len(known) > 1 else np.nan


def count_correct(trials: pd.DataFrame, levels: Sequence[str]) -> tuple[NDArray, NDArray, list[str]]:
    """(right, total), each (participant, level), and the participants, of the trials of one observer and map type."""
    cells = trials.groupby(["participant", "level"])["correct"].agg(["sum", "count"])
    table = cells.unstack("level").fillna(0)
    right = table["sum"].reindex(columns=list(levels), fill_value=0)
    total = table["count"].reindex(columns=list(levels), fill_value=0)
    return right.to_numpy(float), total.to_numpy(float), [str(one) for one in right.index]
