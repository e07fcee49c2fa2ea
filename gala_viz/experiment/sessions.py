"""Sessions of an experiment in the database: sets and keys in balance, each trial begun once, results written once."""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from gala_viz.experiment.assignment import assign_set
from gala_viz.experiment.design import Trial, trial_sequence
from gala_viz.experiment.experiment_spec import ExperimentSpec
from gala_viz.experiment.messages import Screen, TrialResult
from gala_viz.experiment.recruitment import CHANGING_ID_NAME
from gala_viz.records.database import Database
from gala_viz.records.tables import Experiment, ExperimentSession, TrialRecord, now_ms, random_id

_log = logging.getLogger(__name__)


class OtherPersonError(ValueError):
    """Somebody whom the page's address calls differently than the participant of this browser."""


class UnexpectedTrialError(ValueError):
    """A trial that is not the next one, or whose result is not expected."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionEnd:
    """A session that is over: how many trials it has, and of how many the results are in the database."""

    n_trials: int
    n_stored: int


@dataclass(frozen=True)
class Session:
    """A participant's session in an experiment. ``next_trial`` is the number of the trial to come.

    ``address_ids`` are those of a recruiting service, by name.
    """

    id: str
    spec: ExperimentSpec
    set_number: int
    swapped: bool
    seed: int
    next_trial: int
    address_ids: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def trials(self) -> tuple[Trial, ...]:
        """All trials, in their order."""
        return trial_sequence(self.spec, self.set_number, self.seed)

    @property
    def key_mapping(self) -> dict[str, str]:
        """Key -> the superclass that it means to this participant."""
        answers = self.spec.superclasses
        return dict(zip(self.spec.keys, answers[::-1] if self.swapped else answers, strict=True))


class Sessions:
    """Sessions of ``spec`` in ``database``. Every call is one transaction, and may come from any thread."""

    def __init__(self, database: Database, spec: ExperimentSpec) -> None:
        self._database, self.spec, self.hash = database, spec, spec.hash
        with database.write_transaction() as connection:
            if connection.scalar(select(Experiment.hash).where(Experiment.hash == self.hash)) is None:
                values = {"hash": self.hash, "spec": spec.settings, "created_ms": now_ms()}
                connection.execute(insert(Experiment).values(**values))

    def find(self, participant: str) -> Session | None:
        """Return the participant's session, or None."""
        with self._database.read_connection() as connection:
            return self._find(connection, participant)

    def get_or_create(
        self,
        participant: str,
        screen: Screen,
        versions: Mapping[str, str],
        address_ids: Mapping[str, str] | None = None,
    ) -> Session:
        """Return the participant's session, or create one in the set that the fewest have (``assign_set``).

        Parameters
        ----------
        participant : str
            Id of the participant.
        screen : Screen
            The page's measurements.
        versions : mapping of str to str
            Versions of the software, as ``software_versions`` returns them.
        address_ids : mapping of str to str, optional
            Ids in the page's address, by name. The first of each name is stored and stays.

        Returns
        -------
        Session
            The session, old or new.

        Raises
        ------
        OtherPersonError
            An id other than ``CHANGING_ID_NAME`` differs from the stored one.
        """
        new_ids = dict(address_ids or {})
        device = {"window_px": list(screen.window_px), "mobile": screen.mobile}
        one_at_a_time = select(Experiment.hash).where(Experiment.hash == self.hash).with_for_update()
        with self._database.write_transaction() as connection:
            connection.execute(one_at_a_time)
            session = self._find(connection, participant)
            if session is not None:
                check_same_person(session, new_ids)
                all_ids = {**new_ids, **session.address_ids}
                own_row = update(ExperimentSession).where(ExperimentSession.id == session.id)
                connection.execute(own_row.values(last_ms=now_ms(), address_ids=all_ids or None))
                return replace(session, address_ids=all_ids)
            set_number, swapped = assign_set(connection, self.spec)
            now, new = now_ms(), random_id()
            connection.execute(
                insert(ExperimentSession).values(
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
                    address_ids=new_ids or None,
                )
            )
            return self._find(connection, participant)

    def begin_trial(self, session: Session, number: int, client_key: str | None = None) -> None:
        """Record that trial ``number`` is about to be shown; from now on it counts as shown, whatever happens.

        The page that began it, known by its ``client_key``, may repeat the call. Raises ``UnexpectedTrialError`` unless
        it is the next trial.
        """
        one_at_a_time = select(ExperimentSession.id).where(ExperimentSession.id == session.id).with_for_update()
        with self._database.write_transaction() as connection:
            connection.execute(one_at_a_time)
            expected = _n_begun(connection, session.id)
            if number < expected and client_key is not None:
                own = (TrialRecord.sitting_id == session.id, TrialRecord.number == number)
                if connection.scalar(select(TrialRecord.client_key).where(*own)) == client_key:
                    return
            if number != expected or number >= len(session.trials):
                raise UnexpectedTrialError(f"the next trial is {expected}; {number} was asked for.")
            values = {"number": number, "begun_ms": now_ms(), "client_key": client_key}
            connection.execute(insert(TrialRecord).values(sitting_id=session.id, **values))

    def store_result(self, session: Session, result: TrialResult) -> None:
        """Store the result of a trial that the same page began, once; the last one finishes the session.

        When this returns, the result is in the database; the same result may come again. Raises
        ``UnexpectedTrialError`` for any other, and logs one that contradicts the stored one, which stays as it is.
        """
        own = (TrialRecord.sitting_id == session.id, TrialRecord.number == result.number)
        values = {name: value for name, value in asdict(result).items() if name != "number"}
        with self._database.write_transaction() as connection:
            same_page = TrialRecord.client_key.is_not_distinct_from(result.client_key)
            open_one = update(TrialRecord).where(*own, same_page, TrialRecord.ended_ms.is_(None))
            if connection.execute(open_one.values(**values, ended_ms=now_ms())).rowcount != 1:
                stored = connection.execute(select(TrialRecord.__table__).where(*own)).one_or_none()
                _check_same(session, result.number, values, stored)
                return
            finished = {"finished_ms": now_ms()} if result.number == len(session.trials) - 1 else {}
            connection.execute(
                update(ExperimentSession).where(ExperimentSession.id == session.id).values(last_ms=now_ms(), **finished)
            )

    def end_session(self, session: Session) -> SessionEnd:
        """Finish a session whose trials have all begun; the call may be repeated.

        A session whose last trial was left in the middle is over too, though its result is missing. Raises
        ``UnexpectedTrialError`` where a trial is still to come.
        """
        one_at_a_time = select(ExperimentSession.id).where(ExperimentSession.id == session.id).with_for_update()
        stored = select(func.count()).select_from(TrialRecord)
        stored = stored.where(TrialRecord.sitting_id == session.id, TrialRecord.ended_ms.is_not(None))
        with self._database.write_transaction() as connection:
            connection.execute(one_at_a_time)
            begun = _n_begun(connection, session.id)
            if begun < len(session.trials):
                raise UnexpectedTrialError(f"trial {begun} is still to come.")
            unfinished = update(ExperimentSession).where(
                ExperimentSession.id == session.id, ExperimentSession.finished_ms.is_(None)
            )
            connection.execute(unfinished.values(finished_ms=now_ms()))
            return SessionEnd(n_trials=begun, n_stored=connection.scalar(stored))

    def block_records(self, session: Session, block: int) -> list[tuple[Trial, TrialRecord]]:
        """Return the begun trials of a block with their records, in order, for the block's summary."""
        numbers = {trial.number: trial for trial in session.trials if trial.block == block}
        wanted = (TrialRecord.sitting_id == session.id, TrialRecord.number.in_(numbers))
        with self._database.read_connection() as connection:
            rows = connection.execute(select(TrialRecord.__table__).where(*wanted).order_by(TrialRecord.number)).all()
        return [(numbers[row.number], row) for row in rows]

    def _find(self, connection: Connection, participant: str) -> Session | None:
        own = (ExperimentSession.experiment == self.hash, ExperimentSession.participant_id == participant)
        row = connection.execute(select(ExperimentSession.__table__).where(*own)).one_or_none()
        if row is None:
            return None
        begun = _n_begun(connection, row.id)
        return Session(row.id, self.spec, row.set_number, row.swapped, row.seed, begun, row.address_ids or {})


def check_same_person(session: Session, ids: Mapping[str, str]) -> None:
    """Raise ``OtherPersonError`` where an id other than ``CHANGING_ID_NAME`` differs from the session's."""
    stored = session.address_ids
    for name in ids:
        if name != CHANGING_ID_NAME and stored.get(name, ids[name]) != ids[name]:
            raise OtherPersonError(f"this browser began the experiment under another {name}; use a browser of your own")


def _check_same(session: Session, number: int, values: Mapping[str, Any], stored: Any) -> None:
    """Raise ``UnexpectedTrialError`` unless ``values`` are those that are stored of the trial."""
    if stored is None:
        raise UnexpectedTrialError(f"no result of trial {number} is expected: it was not begun.")
    if stored.ended_ms is None:
        raise UnexpectedTrialError(f"no result of trial {number} is expected from this page: another one began it.")
    differing = [name for name, value in values.items() if getattr(stored, name) != value]
    if differing:
        contradictions = "; ".join(
            f"{name}: stored {getattr(stored, name)!r}, came {values[name]!r}" for name in differing
        )
        _log.warning(
            "sitting %s, trial %d: refused a result that contradicts the stored one (%s)",
            session.id,
            number,
            contradictions,
        )
        raise UnexpectedTrialError(f"no other result of trial {number} is expected: it has one already.")


def _n_begun(connection: Connection, session_id: str) -> int:
    count = select(func.count()).select_from(TrialRecord).where(TrialRecord.sitting_id == session_id)
    return connection.scalar(count)
