"""Rounds of the game in the database: claimed, written while they are played, and resumed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

import gala_viz
from gala_viz.records.database import Database
from gala_viz.records.image_counts import MAP_OUTCOMES, decrement_count, increment_count, next_image
from gala_viz.records.outages import is_outage
from gala_viz.records.round_updates import Outcome, RoundEnd, RoundUpdate
from gala_viz.records.tables import CATCH, GAME, Base, Guess, Participant, Round, RoundPoint, now_ms, random_id

MAX_ATTEMPTS = 5
"""How often a claim is tried when another server was faster."""


class RoundRefusedError(ValueError):
    """Nothing of this round will ever be stored; the message says why."""


class RoundTakenOverError(RoundRefusedError):
    """The round was shown again in another window before it began in this one."""


class ParticipantWithdrawnError(RoundRefusedError):
    """Everything of its participant was deleted."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row that the database will never take."""

    update: RoundUpdate
    reason: str


@dataclass(frozen=True, slots=True)
class WriteResult:
    """Rows that were not written, and whether another server ended the round meanwhile because it was open."""

    refusals: tuple[Refusal, ...] = ()
    ended_elsewhere: bool = False


class Rounds:
    """Rounds in ``database``. Every call is one transaction; all may come from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim_round(
        self,
        participant: str,
        session_id: str,
        collection: str,
        *,
        kind: str = GAME,
        requested: str | None = None,
        excluded: Iterable[str] = (),
        settings: Mapping[str, Any] | None = None,
    ) -> Row | None:
        """Create a round on the image with the fewest rounds that the participant has not seen.

        Parameters
        ----------
        participant : str
            Id of the participant.
        session_id : str
            Id of the game session in which the round is played.
        collection : str
            Name of the collection.
        kind : str
            ``GAME`` or ``PRACTICE``. A practice round's image is seen, but the round does not count towards it.
        requested : str, optional
            Image that is taken instead, if the participant has not seen it.
        excluded : iterable of str
            Images that are not taken.
        settings : mapping, optional
            Settings of the game, stored with the round as JSON.

        Returns
        -------
        Row or None
            The new row of ``rounds``; None where no image is left.
        """
        for attempt in range(MAX_ATTEMPTS):
            try:
                with self._database.write_transaction() as connection:
                    image = next_image(connection, collection, participant, requested, excluded)
                    if image is None:
                        return None
                    if kind == GAME:
                        connection.execute(increment_count(collection, image))
                    return _new(connection, participant, session_id, collection, image, kind, settings or {})
            except IntegrityError:  # the same participant, on another server, at the same moment
                if attempt + 1 == MAX_ATTEMPTS:
                    raise
        return None

    def create_catch_trial(
        self, participant: str, session_id: str, collection: str, image: str, answer: str, settings: Mapping[str, Any]
    ) -> Row:
        """Create a catch trial.

        Parameters
        ----------
        participant : str
            Id of the participant.
        session_id : str
            Id of the game session.
        collection : str
            Name of the collection.
        image : str
            Names both halves; it is unique for a participant.
        answer : str
            The half with the named category: ``scoring.LEFT`` or ``scoring.RIGHT``.
        settings : mapping
            Settings of the game, stored with the round as JSON.

        Returns
        -------
        Row
            The new row of ``rounds``.

        Raises
        ------
        IntegrityError
            The participant has seen this pair.
        """
        with self._database.write_transaction() as connection:
            return _new(connection, participant, session_id, collection, image, CATCH, settings, answer=answer)

    def record_presentation(
        self, round_id: str, category: str, box: Sequence[float], *, surface_rule: int | None = None
    ) -> None:
        """Store what a round presents, once its photograph is read; the round counts as shown from now on.

        Parameters
        ----------
        round_id : str
            Id of the round.
        category : str
            Category that the player reads.
        box : sequence of float
            Left, top, right and bottom of what the canvas shows, in the photograph's pixels.
        surface_rule : int, optional
            Rule by which the page keeps its paint surface in place; None for a page that names none.
        """
        with self._database.write_transaction() as connection:
            values = {"category": category, "box": list(box), "shown_ms": now_ms()}
            values |= {"surface_rule": surface_rule, "software": gala_viz.__version__}
            connection.execute(update(Round).where(Round.id == round_id).values(**values))

    def write_updates(
        self, round_id: str, *updates: RoundUpdate, session_id: str | None = None, participant: str | None = None
    ) -> WriteResult:
        """Write parts of one round in one transaction; parts that are there already stay as they are.

        Parameters
        ----------
        round_id : str
            Id of the round.
        *updates : RoundUpdate
            Parts of the round.
        session_id : str, optional
            Session that plays it; the round's present session must be this one. None: not checked.
        participant : str, optional
            Id of the player, by which a missing round is told from a withdrawn participant. None: not checked.

        Returns
        -------
        WriteResult
            Rows that the database will never take are left out and named; all others are stored.

        Raises
        ------
        RoundRefusedError
            The round is not there (``ParticipantWithdrawnError`` where its participant is gone too), or is played in
            another session (``RoundTakenOverError``); nothing was written.
        """
        if not any(updates):
            return WriteResult()
        try:
            return self._write(round_id, updates, session_id, participant, each=False)
        except RoundRefusedError:
            raise
        except Exception as error:  # one row spoils the transaction: find out which, and store the others
            if is_outage(error):
                raise
            return self._write(round_id, updates, session_id, participant, each=True)

    def finish_round(self, round_id: str, end: RoundEnd, update: RoundUpdate) -> None:
        """Write ``end``, and the ``update`` that is not written yet, in one transaction."""
        self.write_updates(round_id, update, RoundUpdate(end=end))

    def discard_round(self, round_id: str) -> None:
        """Delete a round that never began, as if its image had not been drawn; any other round stays."""
        never_begun = (Round.id == round_id, Round.began_ms.is_(None), Round.ended_ms.is_(None))
        with self._database.write_transaction() as connection:
            row = connection.execute(select(Round.__table__).where(*never_begun).with_for_update()).first()
            if row is None:
                return
            connection.execute(delete(Round).where(Round.id == round_id))
            if row.kind == GAME:
                connection.execute(decrement_count(row.collection, row.image))

    def has_participant(self, participant: str) -> bool:
        """Return whether ``participant`` is in the database, thus not withdrawn."""
        with self._database.read_connection() as connection:
            return _has_participant(connection, participant)

    def resume_open_round(self, participant: str, session_id: str, collection: str) -> Row | None:
        """Return a round that was shown and never begun, to be shown again; end all other open rounds as interrupted.

        Rounds of other collections stay as they are: they belong to other games. After a lost connection or a restart
        of the server the time of a begun round has passed; a catch trial is not shown again either. None where no round
        waits. The round that is shown again belongs to ``session_id`` from now on: points that another window still
        sends for it are refused.
        """
        waiting = None
        open_ = (Round.participant_id == participant, Round.collection == collection, Round.ended_ms.is_(None))
        with self._database.write_transaction() as connection:
            for row in connection.execute(select(Round.__table__).where(*open_).order_by(Round.shown_ms)).all():
                if row.began_ms is None and row.kind != CATCH and waiting is None:
                    waiting = row
                else:
                    _interrupt(connection, row)
            if waiting is not None and waiting.visit_id != session_id:
                connection.execute(update(Round).where(Round.id == waiting.id).values(visit_id=session_id))
        return waiting

    def interrupt_abandoned(self, collection: str, before_ms: int, kept: Collection[str] = ()) -> int:
        """End rounds that nobody plays any more, so that they no longer count towards their images.

        Parameters
        ----------
        collection : str
            Name of the collection whose rounds are looked at.
        before_ms : int
            Rounds that were shown before, in ms since 1970 (UTC), and never ended.
        kept : collection of str, optional
            Ids of rounds that stay open: their pages are still connected.

        Returns
        -------
        int
            How many were ended. The end that a journal still holds of one takes the place of this one.
        """
        old = (Round.collection == collection, Round.ended_ms.is_(None), Round.shown_ms < before_ms)
        with self._database.write_transaction() as connection:
            rows = connection.execute(select(Round.__table__).where(*old).with_for_update(skip_locked=True)).all()
            abandoned = [row for row in rows if row.id not in kept]
            for row in abandoned:
                _interrupt(connection, row)
        return len(abandoned)

    def get_round(self, round_id: str) -> Row:
        """Return the row of the round ``round_id``."""
        with self._database.read_connection() as connection:
            return connection.execute(select(Round.__table__).where(Round.id == round_id)).one()

    def _write(
        self,
        round_id: str,
        parts: Sequence[RoundUpdate],
        session_id: str | None,
        participant: str | None,
        *,
        each: bool,
    ) -> WriteResult:
        """Write parts of one round in one transaction; with ``each``, every row in a savepoint of its own."""
        this = select(Round.__table__).where(Round.id == round_id).with_for_update()
        with self._database.write_transaction() as connection:
            row = connection.execute(this).first()
            if row is None:
                if participant is not None and not _has_participant(connection, participant):
                    raise ParticipantWithdrawnError("the participant was deleted")
                raise RoundRefusedError("there is no such round")
            if session_id is not None and row.visit_id != session_id:
                raise RoundTakenOverError("the round went on in another window")
            began_ms = next((part.began_ms for part in parts if part.began_ms is not None), None)
            if row.began_ms is None and began_ms is not None:
                connection.execute(update(Round).where(Round.id == round_id).values(began_ms=began_ms))
            refused = _insert(connection, RoundPoint, "number", _point_rows(round_id, parts), each=each)
            refused += _insert(connection, Guess, "n_points", _guess_rows(round_id, parts), each=each)
            end = next((part.end for part in parts if part.end is not None), None)
            if end is not None and (why := _end(connection, row, end)) is not None:
                refused.append(Refusal(RoundUpdate(end=end), why))
        return WriteResult(tuple(refused), ended_elsewhere=end is None and _is_guessed(row))


def _new(
    connection: Connection,
    participant: str,
    session_id: str,
    collection: str,
    image: str,
    kind: str,
    settings: Mapping[str, Any],
    answer: str | None = None,
) -> Row:
    """Insert a round and return its row."""
    values = {
        "id": random_id(),
        "participant_id": participant,
        "visit_id": session_id,
        "collection": collection,
        "image": image,
        "category": "",
        "kind": kind,
        "box": [],
        "settings": dict(settings),
        "shown_ms": now_ms(),
        "answer": answer,
    }
    connection.execute(insert(Round).values(**values))
    return connection.execute(select(Round.__table__).where(Round.id == values["id"])).one()


def _point_rows(round_id: str, parts: Sequence[RoundUpdate]) -> Iterator[tuple[RoundUpdate, dict[str, Any]]]:
    for part in parts:
        for number, point in enumerate(part.points, part.first):
            row = {"x_px": point.x_px, "y_px": point.y_px, "t_ms": point.t_ms, "at_ms": point.at_ms}
            yield RoundUpdate(first=number, points=[point]), {"round_id": round_id, "number": number, **row}


def _guess_rows(round_id: str, parts: Sequence[RoundUpdate]) -> Iterator[tuple[RoundUpdate, dict[str, Any]]]:
    for part in parts:
        for guess in part.guesses:
            rounded = [round(float(probability), 5) for probability in guess.probabilities]
            row = {"at_ms": guess.at_ms, "place": guess.place, "categories": list(guess.categories)}
            yield (
                RoundUpdate(guesses=[guess]),
                {"round_id": round_id, "n_points": guess.n_points, **row, "probabilities": rounded},
            )


def _insert(
    connection: Connection,
    table: type[Base],
    key: str,
    rows: Iterable[tuple[RoundUpdate, dict[str, Any]]],
    *,
    each: bool,
) -> list[Refusal]:
    """Insert the rows that are not there; the column ``key`` tells the rows of one round apart."""
    rows = list(rows)
    if not rows:
        return []
    columns, numbers = table.__table__.c, [row[key] for _, row in rows]
    here = (columns.round_id == rows[0][1]["round_id"], columns[key].between(min(numbers), max(numbers)))
    there = {row[key]: dict(row) for row in connection.execute(select(table.__table__).where(*here)).mappings()}
    refused, new = [], []
    for part, row in rows:
        present = there.setdefault(row[key], row)
        if present is row:
            new.append((part, row))
        elif present != row and repr(present) != repr(row):  # NaN is not equal to itself
            refused.append(Refusal(part, f"another row has {key} {row[key]} of this round"))
    if not each:
        if new:
            connection.execute(insert(table), [row for _, row in new])
        return refused
    for part, row in new:
        try:
            with connection.begin_nested():
                connection.execute(insert(table), [row])
        except Exception as error:
            if is_outage(error):
                raise
            refused.append(Refusal(part, _reason(error)))
    return refused


def _end(connection: Connection, row: Row, end: RoundEnd) -> str | None:
    """End a round as its judge says; return why not, if it ended otherwise.

    An end that another server guessed, where the round was open, gives way to the judge's.
    """
    if row.ended_ms is not None and not _is_guessed(row):
        same = (row.outcome, row.ended_ms, row.score) == (end.outcome, end.ended_ms, end.score)
        return None if same else f"the round had ended already ({row.outcome})"
    connection.execute(update(Round).where(Round.id == row.id).values(**asdict(end)))
    counted, counts = row.outcome is None or row.outcome in MAP_OUTCOMES, end.outcome in MAP_OUTCOMES
    if row.kind == GAME and counted != counts:
        step = increment_count if counts else decrement_count
        connection.execute(step(row.collection, row.image))
    return None


def _interrupt(connection: Connection, row: Row) -> None:
    """End a round that nobody plays any more, without its judge: how long it took stays unknown."""
    values = {"outcome": str(Outcome.INTERRUPTED), "ended_ms": now_ms()}
    connection.execute(update(Round).where(Round.id == row.id).values(**values))
    if row.kind == GAME:
        connection.execute(decrement_count(row.collection, row.image))


def _is_guessed(row: Row) -> bool:
    """Return whether a round was ended by a server that met it open, and not by its judge."""
    return row.outcome == Outcome.INTERRUPTED and row.elapsed_ms is None


def _has_participant(connection: Connection, participant: str) -> bool:
    return connection.scalar(select(Participant.id).where(Participant.id == participant)) is not None


def _reason(error: Exception) -> str:
    """Return the database's message in one line."""
    return " ".join(str(getattr(error, "orig", None) or error).split())[:200]
