"""Responses of people, networks and simulated participants as one table; column names follow jsPsych's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from gala_viz.experiment.design import Trial
from gala_viz.experiment.experiment_spec import WINDOW_EVENTS, ExperimentSpec
from gala_viz.experiment.recruitment import ID_COLUMN_PREFIX
from gala_viz.experiment.revelation import FULL

COLUMNS = {
    "observer": "who: people, simulated, or the name of a network",
    "participant": "random id of a participant; for a network the number of the set it was shown",
    "set": "number of the rotating set",
    "trial_index": "place of the trial in the participant's order, from 0, practice included",
    "trial_type": "practice or test",
    "block": "number of the block, from 1; 0 in practice",
    "stimulus": "id of the image",
    "superclass": "what the image shows",
    "map_type": "whose importance decided what was revealed",
    "level": "pixels revealed, in per cent of the number of important ones, or full",
    "percent_important": "pixels shown, in per cent of the number of important ones, whichever pixels they are",
    "percent_all": "per cent of all pixels shown",
    "response": "the answer, a superclass; empty where none came in time",
    "correct": "1 right, 0 wrong, empty without an answer in time",
    "rt": "ms from the stimulus' onset to the key; negative: before it; empty where no key was pressed",
    "time_elapsed": "ms since the participant's page began",
    "fixation_duration": "ms that the fixation was asked to last",
    "stimulus_duration": "ms that the stimulus was asked to last",
    "fixation_duration_actual": "ms that the fixation lasted, by the frames' times",
    "stimulus_duration_actual": "ms that the stimulus lasted, by the frames' times",
    "window_duration_actual": "ms from the stimulus' offset to the end of the trial, by the frames' times",
    "frame_duration": "ms of a frame of the screen, measured before the first trial, anew after a reload",
    "dropped_frames": "frames that the screen did not show of the stimulus; before 2026-12-01 of the fixation too",
    "hidden": "1: the page's tab was hidden during the trial; 0: it was not; empty: not known",
    "blurred": "1: the window was without focus during the trial; 0: it was not; empty: not known",
    "resized": "1: the window changed its size or zoom during the trial; 0: it did not; empty: not known",
    "left_full_screen": "1: full screen was left during the trial; 0: it was not; empty: not known",
    "interrupted": "1: the page was left in the middle of the trial",
    "percent_important_shown": "per cent of the important pixels themselves that are shown; empty: not known",
}
"""Name -> meaning; exports carry these in their side-car."""
REQUIRED_COLUMNS = (
    "observer",
    "participant",
    "stimulus",
    "superclass",
    "map_type",
    "level",
    "response",
    "correct",
    "rt",
)
"""Columns that an analysis needs."""


def read_responses(path: str | Path) -> pd.DataFrame:
    """Read and check a CSV file of responses.

    Raises ``FileNotFoundError``, and ``ValueError`` for columns or values that do not fit.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; a CSV file of responses was expected.")
    text = dict.fromkeys(("observer", "participant", "stimulus", "map_type", "level", "response"), "string")
    try:
        ids = [name for name in pd.read_csv(path, nrows=0).columns if name.startswith(ID_COLUMN_PREFIX)]
        text |= dict.fromkeys(ids, "string")  # an id such as 5e10 is no number
        table = pd.read_csv(path, dtype=text, keep_default_na=True)
    except (ValueError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} is no table of responses ({error}).") from None
    return check_responses(table, path.name)


def check_responses(table: pd.DataFrame, name: str = "the table") -> pd.DataFrame:
    """Return ``table`` with levels as text, and rt and correct as numbers.

    Raises ``ValueError``, which calls the table ``name``, where it is no table of responses.
    """
    missing = [column for column in REQUIRED_COLUMNS if column not in table]
    if missing:
        raise ValueError(f"{name}: the columns {', '.join(missing)} are missing; it has {', '.join(table.columns)}.")
    if not len(table):
        raise ValueError(f"{name} holds no response.")
    table = table.assign(level=[format_level(one) for one in table["level"]])
    for column in ("rt", "correct"):
        table[column] = pd.to_numeric(table[column], errors="coerce")
    for column in ("correct", *WINDOW_EVENTS):
        wrong = table[column].notna() & ~table[column].isin((0, 1)) if column in table else np.zeros(1, dtype=bool)
        if wrong.any():
            raise ValueError(f"{name}: {column} is 0, 1 or empty; row {int(np.flatnonzero(wrong)[0]) + 1} is not.")
    return table


def trial_columns(spec: ExperimentSpec, trial: Trial) -> dict[str, object]:
    """Return the columns of a response that describe its trial, whoever answered."""
    return {
        "trial_index": trial.number,
        "trial_type": trial.phase,
        "block": trial.block,
        "stimulus": trial.image,
        "superclass": spec.superclass_of[trial.image],
        "map_type": trial.map_type,
        "level": format_level(trial.level),
    }


def format_level(level: object) -> str:
    """Write a level in one way: "full", or the number without needless zeros. Raises ``ValueError`` for others."""
    if str(level) == FULL:
        return FULL
    try:
        return f"{float(str(level)):g}"
    except ValueError:
        raise ValueError(f"a level is a per cent or {FULL!r}; got {level!r}.") from None


def read_all_responses(paths: Sequence[str | Path]) -> pd.DataFrame:
    """Read several files of responses as one table.

    Raises ``ValueError`` where two files hold the same participant of one observer.
    """
    tables = [read_responses(path) for path in paths]
    participants: set[tuple[str, str]] = set()
    for path, table in zip(paths, tables, strict=True):
        own = set(zip(table["observer"], table["participant"], strict=True))
        if participants & own:
            observer, participant = min(participants & own)
            raise ValueError(f"{path}: {observer}, {participant} is already in another file; one of them is a copy.")
        participants |= own
    return pd.concat(tables, ignore_index=True)
