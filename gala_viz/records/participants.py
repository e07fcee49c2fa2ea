"""Participants and their sittings: random ids, secrets that only a browser knows, consent, nicknames, deletion."""

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
    """Return the versions that stand with every session: gala_viz and Python."""
    return {"gala_viz": gala_viz.__version__, "python": platform.python_version()}


def clean_nickname(text: str) -> str | None:
    """A nickname as it is kept: printable, without spaces at the ends or in rows, at most 24 characters; None if empty.

    It is shown to others as text, never as markup.
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

    ``changed_backups`` are those of before an upgrade that held something; ``unchanged_backups`` are those that could
    not be changed, each with the reason: they must be deleted by hand.
    """

    n_rounds: int
    n_sessions: int
    n_journal_entries: int
    changed_backups: tuple[Path, ...]
    unchanged_backups: Mapping[Path, str]


class Participants:
    """Those who play, in ``database``. Every call is one transaction; all may come from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, *, simulated: bool = False, secret: str | None = None) -> tuple[str, str]:
        """(id, secret) of a new participant; the secret is told once and stored as its SHA-256.

        A ``secret`` that is given makes the call repeatable: again, it names the participant whom it made at first.
        """
        participant, secret = random_id(), secret or secrets.token_urlsafe(32)
        values = {"secret_sha256": _hashed(secret), "created_ms": now_ms(), "simulated": simulated}
        with self._database.write_transaction() as connection:
            theirs = select(Participant.id).where(Participant.secret_sha256 == values["secret_sha256"])
            if (known := connection.scalar(theirs)) is not None:
                return known, secret
            connection.execute(insert(Participant).values(id=participant, **values))
        return participant, secret

    def find_by_secret(self, secret: str) -> str | None:
        """The participant whose browser knows ``secret``."""
        with self._database.read_connection() as connection:
            return connection.scalar(select(Participant.id).where(Participant.secret_sha256 == _hashed(secret)))

    def profile(self, participant: str) -> ParticipantProfile:
        """What a page needs to go on."""
        theirs = (Round.participant_id == participant, Round.ended_ms.is_not(None))
        with self._database.read_connection() as connection:
            row = connection.execute(select(Participant.__table__).where(Participant.id == participant)).one()
            n_rounds = connection.scalar(select(func.count()).select_from(Round).where(*theirs))
            combo = connection.scalar(
                select(Round.combo).where(*theirs).order_by(Round.ended_ms.desc(), Round.id).limit(1)
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
        """The participant agreed; the first time counts."""
        missing = Participant.consented_ms.is_(None)
        with self._database.write_transaction() as connection:
            connection.execute(
                update(Participant).where(Participant.id == participant, missing).values(consented_ms=now_ms())
            )

    def set_nickname(self, participant: str, nickname: str) -> str | None:
        """Keep a nickname, cleaned, or none; what is kept."""
        kept = clean_nickname(nickname)
        with self._database.write_transaction() as connection:
            connection.execute(update(Participant).where(Participant.id == participant).values(nickname=kept))
        return kept

    def start_session(
        self, participant: str, device: Mapping[str, Any], *, mobile: bool, versions: Mapping[str, str]
    ) -> str:
        """A sitting begins; its id."""
        visit = random_id()
        values = {"began_ms": now_ms(), "device": dict(device), "mobile": mobile, "versions": dict(versions)}
        with self._database.write_transaction() as connection:
            connection.execute(insert(GameSession).values(id=visit, participant_id=participant, **values))
        return visit

    def withdraw_participant(self, participant: str) -> WithdrawalReport:
        """Delete everything of one participant: from the database, the game's journals, and copies of before upgrades.

        It can be repeated where it was interrupted. Servers that run find the participant gone when they next write or
        are asked for something: they drop what they still hold, and end that page.

        Raises
        ------
        ValueError
            Nothing of such a participant is anywhere.
        """
        from gala_viz.records.journal import remove_participant  # files are locked there as only some systems can

        with self._database.write_transaction() as connection:
            n_sittings = connection.scalar(
                select(func.count())
                .select_from(ExperimentSession)
                .where(ExperimentSession.participant_id == participant)
            )
            n_rounds, known = _delete(connection, participant)
        self._database.truncate_log()
        n_entries = remove_participant(self._database, participant)
        cleared, uncleared = [], {}
        for copy in backup_files(self._database.file) if self._database.file else ():
            try:
                if _delete_from_copy(copy, participant):
                    cleared.append(copy)
            except SQLAlchemyError as error:
                uncleared[copy] = " ".join(str(getattr(error, "orig", error)).split())
        if not known and not n_entries and not cleared and not uncleared:
            raise ValueError(f"no participant {participant!r} is in {self._database.name}.")
        return WithdrawalReport(
            n_rounds=n_rounds,
            n_sessions=n_sittings,
            n_journal_entries=n_entries,
            changed_backups=tuple(cleared),
            unchanged_backups=uncleared,
        )


def _delete(connection: Connection, participant: str) -> tuple[int, bool]:
    """Delete a participant with all that refers to them; how many rounds that were, and whether they were there."""
    theirs = select(Round.collection, Round.image, Round.kind, Round.outcome)
    rounds = connection.execute(theirs.where(Round.participant_id == participant).with_for_update()).all()
    for row in rounds:
        if row.kind == GAME and (row.outcome is None or row.outcome in MAP_OUTCOMES):
            connection.execute(decrement_count(row.collection, row.image))
    known = connection.execute(delete(Participant).where(Participant.id == participant)).rowcount
    return len(rounds), bool(known)


def _delete_from_copy(copy: Path, participant: str) -> bool:
    """Whether the copy, which may be of any revision, held the participant; it does not any more."""
    engine = create_engine(URL.create("sqlite", database=str(copy)), poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def settings(connection, _record) -> None:
        for pragma in ("foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")

    with engine.begin() as connection:
        return _delete(connection, participant)[1]


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
