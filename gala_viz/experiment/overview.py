"""How far an experiment has come: sittings by state, and how evenly sets and keys are taken."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import func, select

from gala_viz.behavior.database import Database
from gala_viz.behavior.people import now_ms
from gala_viz.behavior.tables import Sitting, TrialRecord
from gala_viz.experiment.design import n_sets
from gala_viz.experiment.sittings import ACTIVE_MS
from gala_viz.experiment.spec import ExperimentSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """Counts of sittings; ``finished_of_set`` has one number a set, ``finished_of_keys`` as assigned and swapped."""

    finished: int
    under_way: int
    dropped_out: int
    trials: int
    finished_of_set: tuple[int, ...]
    finished_of_keys: tuple[int, int]

    def told(self) -> str:
        """In sentences."""
        low, high = min(self.finished_of_set), max(self.finished_of_set)
        return (
            f"{self.finished} finished, {self.under_way} under way, {self.dropped_out} dropped out; "
            f"{self.trials:,} trials\n"
            f"each of {len(self.finished_of_set)} sets is finished {low} to {high} times, "
            f"the keys {self.finished_of_keys[0]} times one way and {self.finished_of_keys[1]} the other\n"
        )


def progress(database: Database, spec: ExperimentSpec) -> Progress:
    """Of the experiment ``spec`` in ``database``."""
    own = Sitting.experiment == spec.hash
    with database.reading() as connection:
        sittings = connection.execute(select(Sitting.__table__).where(own)).all()
        counted = select(func.count()).select_from(TrialRecord).join(Sitting, Sitting.id == TrialRecord.sitting_id)
        trials = connection.scalar(counted.where(own))
    finished = [row for row in sittings if row.finished_ms is not None]
    active = sum(row.finished_ms is None and row.last_ms > now_ms() - ACTIVE_MS for row in sittings)
    of_set = Counter(row.set_number for row in finished)
    swapped = sum(row.swapped for row in finished)
    return Progress(
        finished=len(finished),
        under_way=active,
        dropped_out=len(sittings) - len(finished) - active,
        trials=trials,
        finished_of_set=tuple(of_set[number] for number in range(n_sets(spec))),
        finished_of_keys=(len(finished) - swapped, swapped),
    )
