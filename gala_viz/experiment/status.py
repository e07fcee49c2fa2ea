"""Status of an experiment: sessions by state, and the balance of sets and keys."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import func, select

from gala_viz.counts import counted
from gala_viz.experiment.assignment import DROPOUT_MS
from gala_viz.experiment.design import n_sets
from gala_viz.experiment.experiment_spec import ExperimentSpec
from gala_viz.records.database import Database
from gala_viz.records.tables import ExperimentSession, TrialRecord, now_ms


@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentStatus:
    """Counts of sessions, and of the trials that they have begun.

    ``n_finished_by_set`` has one number a set; ``n_finished_by_keys`` is (keys as in the spec, keys swapped).
    """

    n_finished: int
    n_active: int
    n_dropped_out: int
    n_trials: int
    n_finished_by_set: tuple[int, ...]
    n_finished_by_keys: tuple[int, int]

    def summary(self) -> str:
        """Return the status in two lines."""
        low, high = min(self.n_finished_by_set), max(self.n_finished_by_set)
        return (
            f"{self.n_finished} finished, {self.n_active} under way, {self.n_dropped_out} dropped out; "
            f"{counted(self.n_trials, 'trial')}\n"
            f"each of {len(self.n_finished_by_set)} sets is finished {low} to {high} times, "
            f"the keys {self.n_finished_by_keys[0]} times one way and {self.n_finished_by_keys[1]} the other\n"
        )


def experiment_status(database: Database, spec: ExperimentSpec) -> ExperimentStatus:
    """Count the sessions of the experiment ``spec`` in ``database``."""
    own = ExperimentSession.experiment == spec.hash
    with database.read_connection() as connection:
        sessions = connection.execute(select(ExperimentSession.__table__).where(own)).all()
        count = (
            select(func.count())
            .select_from(TrialRecord)
            .join(ExperimentSession, ExperimentSession.id == TrialRecord.sitting_id)
        )
        trials = connection.scalar(count.where(own))
    finished = [row for row in sessions if row.finished_ms is not None]
    active = sum(row.finished_ms is None and row.last_ms > now_ms() - DROPOUT_MS for row in sessions)
    of_set = Counter(row.set_number for row in finished)
    swapped = sum(row.swapped for row in finished)
    return ExperimentStatus(
        n_finished=len(finished),
        n_active=active,
        n_dropped_out=len(sessions) - len(finished) - active,
        n_trials=trials,
        n_finished_by_set=tuple(of_set[number] for number in range(n_sets(spec))),
        n_finished_by_keys=(len(finished) - swapped, swapped),
    )
