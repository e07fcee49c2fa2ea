"""Sittings in the records: sets and keys in balance, each trial begun once, results in one transaction each."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property

from sqlalchemy import Connection, func, insert, select, update

from gala_viz.behavior.database import Database
from gala_viz.behavior.people import now_ms, random_id
from gala_viz.behavior.tables import Experiment, Sitting, TrialRecord
from gala_viz.experiment.design import Trial, n_sets, trials
from gala_viz.experiment.results import Result, Screen
from gala_viz.experiment.spec import ExperimentSpec

ACTIVE_MS = 45 * 60_000
"""Somebody unfinished of whom nothing was heard for so long has dropped out, and leaves the set to another."""


class NotNow(ValueError):
    """A trial that is not the next one, or whose result is not expected."""


@dataclass(frozen=True)
class Seat:
    """A participant's place in an experiment. ``next`` is the number of the trial to come."""

    id: str
    spec: ExperimentSpec
    set_number: int
    swapped: bool
    seed: int
    next: int

    @cached_property
    def trials(self) -> tuple[Trial, ...]:
        """All trials, in their order."""
        return trials(self.spec, self.set_number, self.seed)

    @property
    def keys(self) -> dict[str, str]:
        """Key -> the superclass that it means to this participant."""
        answers = self.spec.superclasses
        return dict(zip(self.spec.keys, answers[::-1] if self.swapped else answers, strict=True))


class Sittings:
    """Sittings of ``spec`` in ``database``. Every call is one transaction; all may come from any thread."""

    def __init__(self, database: Database, spec: ExperimentSpec) -> None:
        self._database, self.spec, self.hash = database, spec, spec.hash
        with database.writing() as connection:
            if connection.scalar(select(Experiment.hash).where(Experiment.hash == self.hash)) is None:
                values = {"hash": self.hash, "spec": asdict(spec), "created_ms": now_ms()}
                connection.execute(insert(Experiment).values(**values))

    def seat(self, participant: str) -> Seat | None:
        """The participant's place, if there is one."""
        with self._database.reading() as connection:
            return self._found(connection, participant)

    def enter(self, participant: str, screen: Screen, versions: Mapping[str, str]) -> Seat:
        """The participant's place, or a new one: in the set with the fewest sittings that are finished or under way."""
        device = {"window_px": list(screen.window_px), "mobile": screen.mobile}
        one_at_a_time = select(Experiment.hash).where(Experiment.hash == self.hash).with_for_update()
        with self._database.writing() as connection:
            connection.execute(one_at_a_time)
            found = self._found(connection, participant)
            if found is not None:
                connection.execute(update(Sitting).where(Sitting.id == found.id).values(last_ms=now_ms()))
                return found
            set_number, swapped = self._balanced(connection)
            now, new = now_ms(), random_id()
            connection.execute(
                insert(Sitting).values(
                    id=new,
                    experiment=self.hash,
                    participant_id=participant,
                    set_number=set_number,
                    swapped=swapped,
                    seed=random.SystemRandom().randrange(2**31),
                    began_ms=now,
                    last_ms=now,
                    frame_ms=screen.frame_ms,
                    device=device,
                    versions=dict(versions),
                )
            )
            return self._found(connection, participant)

    def begin(self, seat: Seat, number: int) -> None:
        """Trial ``number`` is about to be shown; from now on it counts as shown, whatever happens.

        Raises ``NotNow`` unless it is the next one.
        """
        one_at_a_time = select(Sitting.id).where(Sitting.id == seat.id).with_for_update()
        with self._database.writing() as connection:
            connection.execute(one_at_a_time)
            expected = _n_begun(connection, seat.id)
            if number != expected or number >= len(seat.trials):
                raise NotNow(f"the next trial is {expected}; {number} was asked for.")
            connection.execute(insert(TrialRecord).values(sitting_id=seat.id, number=number, begun_ms=now_ms()))

    def finish(self, seat: Seat, result: Result) -> None:
        """Keep a result, once, of a trial that was begun; with the last one the sitting is finished.

        Raises ``NotNow`` otherwise.
        """
        own = (TrialRecord.sitting_id == seat.id, TrialRecord.number == result.number)
        values = {name: value for name, value in asdict(result).items() if name != "number"}
        with self._database.writing() as connection:
            open_one = update(TrialRecord).where(*own, TrialRecord.ended_ms.is_(None))
            if connection.execute(open_one.values(**values, ended_ms=now_ms())).rowcount != 1:
                raise NotNow(f"no result of trial {result.number} is expected.")
            over = {"finished_ms": now_ms()} if result.number == len(seat.trials) - 1 else {}
            connection.execute(update(Sitting).where(Sitting.id == seat.id).values(last_ms=now_ms(), **over))

    def finished_block(self, seat: Seat, block: int) -> list[tuple[Trial, TrialRecord]]:
        """The begun trials of a block with their records, for its summary."""
        numbers = {trial.number: trial for trial in seat.trials if trial.block == block}
        wanted = (TrialRecord.sitting_id == seat.id, TrialRecord.number.in_(numbers))
        with self._database.reading() as connection:
            rows = connection.execute(select(TrialRecord.__table__).where(*wanted).order_by(TrialRecord.number)).all()
        return [(numbers[row.number], row) for row in rows]

    def _found(self, connection: Connection, participant: str) -> Seat | None:
        own = (Sitting.experiment == self.hash, Sitting.participant_id == participant)
        row = connection.execute(select(Sitting.__table__).where(*own)).one_or_none()
        if row is None:
            return None
        begun = _n_begun(connection, row.id)
        return Seat(row.id, self.spec, row.set_number, row.swapped, row.seed, begun)

    def _balanced(self, connection: Connection) -> tuple[int, bool]:
        """(set, swapped keys) with the fewest sittings that count; of equals, one by chance."""
        counting = Sitting.finished_ms.is_not(None) | (Sitting.last_ms > now_ms() - ACTIVE_MS)
        wanted = select(Sitting.set_number, Sitting.swapped).where(Sitting.experiment == self.hash, counting)
        taken = [(row.set_number, row.swapped) for row in connection.execute(wanted)]
        of_set, of_key = Counter(one for one, _ in taken), Counter(swapped for _, swapped in taken)
        of_pair = Counter(taken)
        pairs = [(number, swapped) for number in range(n_sets(self.spec)) for swapped in (False, True)]
        random.SystemRandom().shuffle(pairs)
        return min(pairs, key=lambda pair: (of_set[pair[0]], of_pair[pair], of_key[pair[1]]))


def _n_begun(connection: Connection, sitting: str) -> int:
    counted = select(func.count()).select_from(TrialRecord).where(TrialRecord.sitting_id == sitting)
    return connection.scalar(counted)
