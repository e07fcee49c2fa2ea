"""Participants and their sessions: random ids, secrets that only a browser knows, consent, nicknames, withdrawal."""

from __future__ import annotations

import hashlib
import platform
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, NullPool, create_engine, delete, event, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

import gala_viz
from gala_viz.records.database import Database
from gala_viz.records.image_counts import MAP_OUTCOMES, decrement_count
from gala_viz.records.tables import GAME, ExperimentSession, GameSession, Participant, Round, now_ms, random_id
from gala_viz.records.upgrade import backup_files

MAX_NICKNAME_LENGTH = 24


def software_versions() -> dict[str, str]:
    """Return the versions that are stored with every session: gala_viz and Python."""
    return {"gala_viz": gala_viz.__version__, "python": platform.python_version()}


def clean_nickname(text: str) -> str | None:
    """Return the sanitised nickname: printable, without spaces at the ends or in rows, at most 24 characters.

    None if nothing is left. It is shown to others as text, never as markup.
    """
    plain = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * MAX_NICKNAME_LENGTH])
    return " ".join(plain.split())[:MAX_NICKNAME_LENGTH].strip() or None


@dataclass(frozen=True, kw_only=True, slots=True)
class ParticipantProfile:
    """A participant as a page knows one; ``combo`` counts the rounds won in a row."""

    id: str
    nickname: str | None
    consented: bool
    n_rounds: int
    combo: int
    simulated: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class WithdrawalReport:
    """What was deleted of a participant, and from where.

    ``n_sessions`` counts sessions of experiments. ``changed_backups`` are copies from before an upgrade that held the
    participant; ``unchanged_backups`` are those that could not be changed, each with the reason: they must be deleted
    by hand.
    """

    n_rounds: int
    n_sessions: int
    n_journal_entries: int
    changed_backups: tuple[Path, ...]
    unchanged_backups: Mapping[Path, str]


class Participants:
    """Participants in ``database``. Every call is one transaction, and may come from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, *, simulated: bool = False, secret: str | None = None) -> tuple[str, str]:
        """Create a participant and return (id, secret); the secret is returned once and stored as its SHA-256.

        A ``secret`` of the caller makes the call repeatable: again, it returns the participant of the first call.
        """
        participant, secret = random_id(), secret or secrets.token_urlsafe(32)
        values = {"secret_sha256": _hashed(secret), "created_ms": now_ms(), "simulated": simulated}
        with self._database.write_transaction() as connection:
            same_secret = select(Participant.id).where(Participant.secret_sha256 == values["secret_sha256"])
            if (known := connection.scalar(same_secret)) is not None:
                return known, secret
            connection.execute(insert(Participant).values(id=participant, **values))
        return participant, secret

    def find_by_secret(self, secret: str) -> str | None:
        """Return the id of the participant whose browser knows ``secret``, or None."""
        with self._database.read_connection() as connection:
            return connection.scalar(select(Participant.id).where(Participant.secret_sha256 == _hashed(secret)))

    def profile(self, participant: str) -> ParticipantProfile:
        """Return what a page needs of ``participant``. Raises ``NoResultFound`` where there is no such participant."""
        theirs = (Round.participant_id == participant, Round.ended_ms.is_not(None))
        with self._database.read_connection() as connection:
            row = connection.execute(select(Participant.__table__).where(Participant.id == participant)).one()
            n_rounds = connection.scalar(select(func.count()).select_from(Round).where(*theirs))
            judged = Round.elapsed_ms.is_not(None)  # a round that was found open after a crash ends no combo
            combo = connection.scalar(
                select(Round.combo).where(*theirs, judged).order_by(Round.ended_ms.desc(), Round.id).limit(1)
            )
        return ParticipantProfile(
            id=participant,
            nickname=row.nickname,
            consented=row.consented_ms is not None,
            n_rounds=n_rounds,
            combo=combo or 0,
            simulated=row.simulated,
        )

    def record_consent(self, participant: str) -> None:
        """Store the time of the participant's consent; the first one counts."""
        missing = Participant.consented_ms.is_(None)
        with self._database.write_transaction() as connection:
            connection.execute(
                update(Participant).where(Participant.id == participant, missing).values(consented_ms=now_ms())
            )

    def set_nickname(self, participant: str, nickname: str) -> str | None:
        """Store the sanitised nickname, or None, and return it."""
        cleaned = clean_nickname(nickname)
        with self._database.write_transaction() as connection:
            connection.execute(update(Participant).where(Participant.id == participant).values(nickname=cleaned))
        return cleaned

    def start_session(
        self, participant: str, device: Mapping[str, Any], *, mobile: bool, versions: Mapping[str, str]
    ) -> str:
        """Start a session of the game.

        Parameters
        ----------
        participant : str
            Id of the participant.
        device : mapping
            What the page says of its device: ``pointer`` and ``screen_px``.
        mobile : bool
            Whether the page runs on a telephone.
        versions : mapping of str to str
            Versions of the software, as ``software_versions`` returns them.

        Returns
        -------
        str
            Id of the session.
        """
        session_id = random_id()
        values = {"began_ms": now_ms(), "device": dict(device), "mobile": mobile, "versions": dict(versions)}
        with self._database.write_transaction() as connection:
            connection.execute(insert(GameSession).values(id=session_id, participant_id=participant, **values))
        return session_id

    def withdraw_participant(self, participant: str) -> WithdrawalReport:
        """Delete everything of one participant: from the database, the journals of the game, and backups.

        It can be repeated after an interruption. Servers that run meet the missing participant with their next write or
        request: they drop what they still hold, and end that page.

        Raises
        ------
        ValueError
            No trace of such a participant is anywhere.
        """
        from gala_viz.records.journal import remove_participant  # files are locked there as only some systems can

        with self._database.write_transaction() as connection:
            n_sessions = connection.scalar(
                select(func.count())
                .select_from(ExperimentSession)
                .where(ExperimentSession.participant_id == participant)
            )
            n_rounds, known = _delete(connection, participant)
        self._database.truncate_log()
        n_entries = remove_participant(self._database, participant)
        changed, unchanged = [], {}
        for copy in backup_files(self._database.file) if self._database.file else ():
            try:
                if _delete_from_copy(copy, participant):
                    changed.append(copy)
            except SQLAlchemyError as error:
                unchanged[copy] = " ".join(str(getattr(error, "orig", error)).split())
        if not known and not n_entries and not changed and not unchanged:
            raise ValueError(f"no participant {participant!r} is in {self._database.name}.")
        return WithdrawalReport(
            n_rounds=n_rounds,
            n_sessions=n_sessions,
            n_journal_entries=n_entries,
            changed_backups=tuple(changed),
            unchanged_backups=unchanged,
        )


def _delete(connection: Connection, participant: str) -> tuple[int, bool]:
    """Delete a participant with all that refers to them; return the number of rounds, and whether they were there."""
    columns = select(Round.collection, Round.image, Round.kind, Round.outcome)
    rounds = connection.execute(columns.where(Round.participant_id == participant).with_for_update()).all()
    for row in rounds:
        if row.kind == GAME and (row.outcome is None or row.outcome in MAP_OUTCOMES):
            connection.execute(decrement_count(row.collection, row.image))
    known = connection.execute(delete(Participant).where(Participant.id == participant)).rowcount
    return len(rounds), bool(known)


def _delete_from_copy(copy: Path, participant: str) -> bool:
    """Delete the participant from a copy of any revision; return whether it held them."""
    engine = create_engine(URL.create("sqlite", database=str(copy)), poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def settings(connection, _record) -> None:
        for pragma in ("foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")

    with engine.begin() as connection:
        return _delete(connection, participant)[1]


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
