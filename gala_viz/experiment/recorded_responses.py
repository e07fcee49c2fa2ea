"""Recorded responses: the trials in the database as the table that the analysis reads and exports write."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import select

from gala_viz.experiment.exclusions import PEOPLE, SIMULATED
from gala_viz.experiment.experiment_spec import WINDOW_EVENTS
from gala_viz.experiment.recruitment import ID_COLUMN_PREFIX
from gala_viz.experiment.responses import COLUMNS, trial_columns
from gala_viz.experiment.sessions import Session
from gala_viz.experiment.stimuli import Stimuli
from gala_viz.records.database import Database
from gala_viz.records.tables import ExperimentSession, Participant, TrialRecord


def load_recorded_responses(database: Database, stimuli: Stimuli) -> pd.DataFrame:
    """Read all begun trials of all sessions of the experiment, one row each, in the columns ``responses.COLUMNS``.

    Every name of an id that a participant's page had in its address is a further column, after ``ID_COLUMN_PREFIX``.
    """
    spec = stimuli.spec
    all_sessions = (
        select(ExperimentSession.__table__, Participant.simulated)
        .join(Participant, Participant.id == ExperimentSession.participant_id)
        .where(ExperimentSession.experiment == spec.hash)
        .order_by(ExperimentSession.began_ms, ExperimentSession.id)
    )
    rows = []
    with database.read_connection() as connection:
        for session_row in connection.execute(all_sessions).all():
            session = Session(session_row.id, spec, session_row.set_number, session_row.swapped, session_row.seed, 0)
            own = select(TrialRecord.__table__).where(TrialRecord.sitting_id == session_row.id)
            for record in connection.execute(own.order_by(TrialRecord.number)).all():
                rows.append(_row(session, session_row, record, stimuli))
    id_columns = sorted({name for row in rows for name in row if name.startswith(ID_COLUMN_PREFIX)})
    return pd.DataFrame(rows, columns=[*COLUMNS, *id_columns])


def _row(session: Session, session_row: Any, record: Any, stimuli: Stimuli) -> dict[str, Any]:
    """Return the columns of one trial."""
    trial = session.trials[record.number]
    share = stimuli.revealed_percent(trial.image, trial.map_type, trial.level)
    response = response_before_deadline(session, record)
    truth = session.spec.superclass_of[trial.image]
    return {
        "observer": SIMULATED if session_row.simulated else PEOPLE,
        "participant": session_row.participant_id,
        "set": session_row.set_number,
        **trial_columns(session.spec, trial),
        "percent_important": share.important,
        "percent_all": share.all_pixels,
        "response": response,
        "correct": np.nan if response is None else float(response == truth),
        "rt": record.rt_ms,
        "time_elapsed": record.elapsed_ms,
        "fixation_duration": trial.fixation_ms,
        "stimulus_duration": session.spec.timing.stimulus_ms,
        "fixation_duration_actual": record.fixation_ms,
        "stimulus_duration_actual": record.stimulus_ms,
        "window_duration_actual": _or_nan(record.window_ms),
        "frame_duration": session_row.frame_ms if record.frame_ms is None else record.frame_ms,
        "dropped_frames": record.dropped_frames,
        **{event: _or_nan(getattr(record, event)) for event in WINDOW_EVENTS},
        "interrupted": int(record.ended_ms is None),
        "percent_important_shown": share.important_shown,
        **{f"{ID_COLUMN_PREFIX}{name}": value for name, value in (session_row.address_ids or {}).items()},
    }


def _or_nan(value: float | bool | None) -> float:
    """Return a number, or a window event as 1 or 0; NaN where it is not known."""
    return np.nan if value is None else float(value)


def response_before_deadline(session: Session, record: Any) -> str | None:
    """Return the superclass that was answered before the deadline, or None; a key before the onset counts too."""
    in_time = record.rt_ms is not None and record.rt_ms <= session.spec.timing.deadline_ms
    return session.key_mapping.get(record.key) if in_time else None
