"""The rounds of the game as they are written while they are played, and read back to go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from gala_viz.behavior.database import Database
from gala_viz.behavior.image_counts import KEEPS_COUNT, fewest_rounds, one_round_less, one_round_more
from gala_viz.behavior.judge import Judge, Outcome
from gala_viz.behavior.people import now_ms, random_id
from gala_viz.behavior.tables import CATCH, GAME, Guess, Round, RoundPoint
from gala_viz.behavior.unwritten import Unwritten

TRIES = 5
"""How often a claim is tried when another server was faster."""


class Rounds:
    """Rounds in ``database``. Every call is one transaction; all may come from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(
        self,
        participant: str,
        visit: str,
        collection: str,
        *,
        kind: str = GAME,
        asked: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Row | None:
        """A new round on the image with the fewest rounds that the participant has not seen; None where none is left.

        ``kind`` is GAME or PRACTICE; a practice round is seen, but does not count towards its image.
        """
        for attempt in range(TRIES):
            try:
                with self._database.writing() as connection:
                    image = fewest_rounds(connection, collection, participant, asked)
                    if image is None:
                        return None
                    if kind == GAME:
                        connection.execute(one_round_more(collection, image))
                    return _new(connection, participant, visit, collection, image, kind, settings or {})
            except IntegrityError:  # the same participant, on another server, at the same moment
                if attempt + 1 == TRIES:
                    raise
        return None

    def catch(
        self, participant: str, visit: str, collection: str, image: str, answer: str, settings: Mapping[str, Any]
    ) -> Row:
        """A new catch trial; ``image`` names both halves."""
        with self._database.writing() as connection:
            return _new(connection, participant, visit, collection, image, CATCH, settings, answer=answer)

    def show(self, round_id: str, category: str, box: Sequence[float]) -> None:
        """What is shown, once the photograph was read."""
        with self._database.writing() as connection:
            values = {"category": category, "box": list(box), "shown_ms": now_ms()}
            connection.execute(update(Round).where(Round.id == round_id).values(**values))

    def write(self, new: Mapping[str, Unwritten]) -> None:
        """What happened in rounds in play, by round, all in one transaction."""
        if any(new.values()):
            with self._database.writing() as connection:
                _write(connection, new)

    def finish(
        self,
        round_id: str,
        judge: Judge,
        unwritten: Unwritten,
        *,
        combo: int = 0,
        skip_reason: str | None = None,
        passed: bool | None = None,
    ) -> None:
        """A round ended as ``judge`` says; what is unwritten of it goes into the same transaction."""
        if judge.outcome is None:
            raise ValueError("the round has not ended.")
        values = {
            "elapsed_ms": judge.elapsed_ms,
            "score": judge.score,
            "combo": combo,
            "skip_reason": skip_reason,
            "passed": passed,
        }
        with self._database.writing() as connection:
            _write(connection, {round_id: unwritten})
            _end(connection, round_id, judge.outcome, values)

    def left_open(self, participant: str) -> Row | None:
        """A round that was shown and never begun, to be shown again; those that were begun are ended as interrupted.

        After a lost connection or a restart of the server the time of a begun round has passed.
        """
        waiting = None
        open_ = (Round.participant_id == participant, Round.ended_ms.is_(None))
        with self._database.writing() as connection:
            for row in connection.execute(select(Round.__table__).where(*open_).order_by(Round.shown_ms)).all():
                if row.began_ms is None and row.kind != CATCH and waiting is None:
                    waiting = row
                else:
                    _end(connection, row.id, Outcome.INTERRUPTED, {})
        return waiting

    def round(self, round_id: str) -> Row:
        """One round."""
        with self._database.reading() as connection:
            return connection.execute(select(Round.__table__).where(Round.id == round_id)).one()


def _new(
    connection: Connection,
    participant: str,
    visit: str,
    collection: str,
    image: str,
    kind: str,
    settings: Mapping[str, Any],
    answer: str | None = None,
) -> Row:
    values = {
        "id": random_id(),
        "participant_id": participant,
        "visit_id": visit,
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


def _write(connection: Connection, new: Mapping[str, Unwritten]) -> None:
    points, guesses = [], []
    for one, unwritten in new.items():
        if unwritten.began_ms is not None:
            connection.execute(update(Round).where(Round.id == one).values(began_ms=unwritten.began_ms))
        for number, point in enumerate(unwritten.points, unwritten.first):
            told = {"x_px": point.x_px, "y_px": point.y_px, "t_ms": point.t_ms, "at_ms": point.at_ms}
            points.append({"round_id": one, "number": number, **told})
        for guess in unwritten.guesses:
            rounded = [round(float(probability), 5) for probability in guess.probabilities]
            told = {"at_ms": guess.at_ms, "place": guess.place, "categories": list(guess.categories)}
            guesses.append({"round_id": one, "n_points": guess.n_points, **told, "probabilities": rounded})
    if points:
        connection.execute(insert(RoundPoint), points)
    if guesses:
        connection.execute(insert(Guess), guesses)


def _end(connection: Connection, round_id: str, outcome: Outcome, values: Mapping[str, Any]) -> None:
    row = connection.execute(select(Round.collection, Round.image, Round.kind).where(Round.id == round_id)).one()
    told = {**values, "outcome": str(outcome), "ended_ms": now_ms()}
    open_ = Round.ended_ms.is_(None)
    ended = connection.execute(update(Round).where(Round.id == round_id, open_).values(**told)).rowcount
    if ended and row.kind == GAME and outcome not in KEEPS_COUNT:
        connection.execute(one_round_less(row.collection, row.image))
