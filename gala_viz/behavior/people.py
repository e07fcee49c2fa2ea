"""Participants and their sittings: random ids, secrets that only a browser knows, consent, nicknames, deletion."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from gala_viz.behavior.database import Database
from gala_viz.behavior.image_counts import KEEPS_COUNT, one_round_less
from gala_viz.behavior.tables import GAME, Participant, Round, Visit

MAX_NICKNAME = 24


def now_ms() -> int:
    """Milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


def random_id() -> str:
    """An id that tells nothing and that nobody can guess."""
    return secrets.token_urlsafe(16)


def clean_nickname(text: str) -> str | None:
    """A nickname as it is kept: printable, without spaces at the ends or in rows, at most 24 characters; None if empty.

    It is shown to others as text, never as markup.
    """
    plain = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * MAX_NICKNAME])
    return " ".join(plain.split())[:MAX_NICKNAME].strip() or None


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """A participant as a page knows one; ``combo`` counts the rounds won in a row."""

    id: str
    nickname: str | None
    consented: bool
    n_rounds: int
    combo: int
    simulated: bool


class People:
    """Those who play, in ``database``. Every call is one transaction; all may come from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def new(self, *, simulated: bool = False, secret: str | None = None) -> tuple[str, str]:
        """(id, secret) of a new participant; the secret is told once and stored as its SHA-256.

        A ``secret`` that is given makes the call repeatable: again, it names the participant whom it made at first.
        """
        participant, secret = random_id(), secret or secrets.token_urlsafe(32)
        values = {"secret_sha256": _hashed(secret), "created_ms": now_ms(), "simulated": simulated}
        with self._database.writing() as connection:
            theirs = select(Participant.id).where(Participant.secret_sha256 == values["secret_sha256"])
            if (known := connection.scalar(theirs)) is not None:
                return known, secret
            connection.execute(insert(Participant).values(id=participant, **values))
        return participant, secret

    def known_by(self, secret: str) -> str | None:
        """The participant whose browser knows ``secret``."""
        with self._database.reading() as connection:
            return connection.scalar(select(Participant.id).where(Participant.secret_sha256 == _hashed(secret)))

    def person(self, participant: str) -> Person:
        """What a page needs to go on."""
        theirs = (Round.participant_id == participant, Round.ended_ms.is_not(None))
        with self._database.reading() as connection:
            row = connection.execute(select(Participant.__table__).where(Participant.id == participant)).one()
            n_rounds = connection.scalar(select(func.count()).select_from(Round).where(*theirs))
            combo = connection.scalar(
                select(Round.combo).where(*theirs).order_by(Round.ended_ms.desc(), Round.id).limit(1)
            )
        return Person(
            id=participant,
            nickname=row.nickname,
            consented=row.consented_ms is not None,
            n_rounds=n_rounds,
            combo=combo or 0,
            simulated=row.simulated,
        )

    def consent(self, participant: str) -> None:
        """The participant agreed; the first time counts."""
        missing = Participant.consented_ms.is_(None)
        with self._database.writing() as connection:
            connection.execute(
                update(Participant).where(Participant.id == participant, missing).values(consented_ms=now_ms())
            )

    def call(self, participant: str, nickname: str) -> str | None:
        """Keep a nickname, cleaned, or none; what is kept."""
        kept = clean_nickname(nickname)
        with self._database.writing() as connection:
            connection.execute(update(Participant).where(Participant.id == participant).values(nickname=kept))
        return kept

    def visit(self, participant: str, device: Mapping[str, Any], *, mobile: bool, versions: Mapping[str, str]) -> str:
        """A sitting begins; its id."""
        visit = random_id()
        values = {"began_ms": now_ms(), "device": dict(device), "mobile": mobile, "versions": dict(versions)}
        with self._database.writing() as connection:
            connection.execute(insert(Visit).values(id=visit, participant_id=participant, **values))
        return visit

    def forget(self, participant: str) -> int:
        """Delete everything of one participant; how many rounds that were. Raises ``ValueError`` for an unknown id."""
        theirs = select(Round.collection, Round.image, Round.kind, Round.outcome)
        with self._database.writing() as connection:
            rounds = connection.execute(theirs.where(Round.participant_id == participant)).all()
            for row in rounds:
                if row.kind == GAME and (row.outcome is None or row.outcome in KEEPS_COUNT):
                    connection.execute(one_round_less(row.collection, row.image))
            known = connection.execute(delete(Participant).where(Participant.id == participant)).rowcount
        if not known:
            raise ValueError(f"no participant {participant!r} is in {self._database.name}.")
        return len(rounds)


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
