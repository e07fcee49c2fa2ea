"""Responses of the toolbox model-vs-human (Geirhos et al. 2021) in this project's columns, and their accuracy.

Its CSV files have subj, session, trial, rt (s), object_response ("na" for none), category, condition and imagename. An
image is shown whole, in a condition: ``map_type`` holds the condition and ``level`` is the full image.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from gala_viz.experiment.exclusions import PEOPLE
from gala_viz.experiment.performance import PARTICIPANTS, mean_and_sem
from gala_viz.experiment.responses import check_responses
from gala_viz.experiment.revelation import FULL

COLUMNS = ("subj", "session", "trial", "rt", "object_response", "category", "condition", "imagename")
NO_RESPONSE = ("", "na", "nan", "none")
MAX_BYTES = 500_000_000
_LONGEST_S = 60.0


def read_model_vs_human(path: str | Path, rt_unit: Literal["s", "ms"] = "s") -> pd.DataFrame:
    """Read a CSV file of model-vs-human as a table of responses.

    Who has no reaction time at all is a network, under its own name; the others are people.

    Parameters
    ----------
    path : str or Path
        The file.
    rt_unit : str
        Unit of the file's reaction times; the toolbox has seconds. The result is in ms.

    Returns
    -------
    DataFrame
        One row a trial, with the columns of ``gala_viz.experiment.responses``; ``correct`` is empty without an answer.

    Raises
    ------
    FileNotFoundError
        The file is not there.
    ValueError
        A column is missing, a cell is empty that must not be, a trial occurs twice, or reaction times are in another
        unit.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; a CSV file of model-vs-human was expected.")
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path.name} is larger than {MAX_BYTES / 1e6:g} MB.")
    try:
        table: Any = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, UnicodeDecodeError) as error:  # pandas' errors of parsing are ValueErrors
        raise ValueError(f"{path.name} is no CSV file ({' '.join(str(error).split())[:120]}).") from None
    if not isinstance(table.index, pd.RangeIndex):
        raise ValueError(f"{path.name}: its rows have more columns than its first line names.")
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise ValueError(
            f"{path.name}: the columns {', '.join(missing)} are missing; expected {', '.join(COLUMNS)}, it has "
            f"{', '.join(map(str, table.columns[:20]))}."
        )
    table = table[list(COLUMNS)].apply(lambda column: column.str.strip())
    for name in ("subj", "category", "condition", "imagename"):
        empty = np.flatnonzero(table[name] == "")
        if len(empty):
            raise ValueError(f"{path.name}, line {empty[0] + 2}: {name} is empty ({len(empty)} lines so).")
    twice = np.flatnonzero(table.duplicated(["subj", "session", "trial"]))
    if len(twice):
        raise ValueError(
            f"{path.name}, line {twice[0] + 2}: its subj, session and trial occur twice ({len(twice)} so)."
        )
    rt: Any = pd.to_numeric(table["rt"].replace(dict.fromkeys(("", "na", "NA"), "nan")), errors="coerce")
    wrong = np.flatnonzero(rt.isna() & ~table["rt"].str.lower().isin(NO_RESPONSE))
    if len(wrong):
        raise ValueError(
            f"{path.name}, line {wrong[0] + 2}: rt is a number or NaN; got {table['rt'].iloc[wrong[0]]!r}."
        )
    rt_s = rt if rt_unit == "s" else rt / 1000
    if rt_s.notna().any() and rt_s.median() > _LONGEST_S:
        raise ValueError(
            f"{path.name}: half of the reaction times are above {rt_s.median():.0f} s; they seem to be in ms: "
            "--rt-unit ms."
        )
    answered = ~table["object_response"].str.lower().isin(NO_RESPONSE)
    has_rt = rt_s.notna().groupby(table["subj"]).transform("any")
    responses = pd.DataFrame(
        {
            "observer": np.where(has_rt, PEOPLE, table["subj"]),
            "participant": table["subj"],
            "trial_index": table["trial"],
            "trial_type": "test",
            "block": table["session"],
            "stimulus": table["imagename"],
            "superclass": table["category"],
            "map_type": table["condition"],
            "level": FULL,
            "response": table["object_response"].where(answered, ""),
            "correct": (table["object_response"] == table["category"]).astype(float).where(answered),
            "rt": rt_s * 1000,
        }
    )
    return check_responses(responses, path.name)


def accuracy_table(responses: pd.DataFrame) -> pd.DataFrame:
    """Return accuracy by observer and condition, of all categories together and of each.

    A participant's accuracy is the share of right answers among all of their trials, those without an answer counted
    as wrong, as the toolbox does; ``accuracy_answered`` is that among answers. Both, and ``rt`` (the median of right
    answers, ms), are means over participants with their standard error (``_sem``; empty for one participant).

    Parameters
    ----------
    responses : DataFrame
        Responses as ``read_model_vs_human`` returns them.

    Returns
    -------
    DataFrame
        observer, condition, category ("all" first), n_participants, n_trials, n_answered, accuracy, accuracy_answered,
        rt, their errors, and what these are ``over``.
    """
    rows = []
    groups_of: Any = responses.groupby(["observer", "map_type"], sort=True)
    for (observer, condition), own in groups_of:
        by_category = ((str(name), part) for name, part in own.groupby("superclass", sort=True))
        for category, part in (("all", own), *by_category):
            groups = [group for _, group in part.groupby("participant", sort=True)]
            values = {
                "accuracy": [group["correct"].fillna(0).mean() for group in groups],
                "accuracy_answered": [group["correct"].mean() for group in groups],
                "rt": [group.loc[group["correct"] == 1, "rt"].median() for group in groups],
            }
            row = {"observer": observer, "condition": condition, "category": category}
            row |= {"n_participants": len(groups), "n_trials": len(part), "n_answered": int(part["correct"].count())}
            for name, of_each in values.items():
                row[name], row[f"{name}_sem"] = mean_and_sem(np.array(of_each, dtype=float))
            rows.append({**row, "over": PARTICIPANTS})
    return pd.DataFrame(rows)
