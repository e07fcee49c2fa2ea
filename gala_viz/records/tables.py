"""Tables of participants, rounds and trials. Times are ms since 1970 (UTC); points carry the player's own clock too.

Whoever changes a table adds a revision: ``gala_viz.records.migrations`` says how.
"""

from __future__ import annotations

import secrets
import time
from typing import Any

from sqlalchemy import JSON, BigInteger, Double, ForeignKey, Index, MetaData, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

GAME, PRACTICE, CATCH = "game", "practice", "catch"
"""Kinds of rounds. Maps are made of the first alone."""


def now_ms() -> int:
    """Return the time in milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


def random_id() -> str:
    """Return an id that carries no information and that nobody can guess."""
    return secrets.token_urlsafe(16)


class Base(DeclarativeBase):
    """What all tables share."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {dict[str, Any]: JSON, list[Any]: JSON, float: Double}  # noqa: RUF012


class Setting(Base):
    """One setting of the database itself: its version, whether the game is paused."""

    __tablename__ = "settings"
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class Participant(Base):
    """Somebody, known by a random id. The browser's cookie holds a secret; only its SHA-256 is here."""

    __tablename__ = "participants"
    id: Mapped[str] = mapped_column(primary_key=True)
    secret_sha256: Mapped[str] = mapped_column(unique=True)
    nickname: Mapped[str | None]
    consented_ms: Mapped[int | None] = mapped_column(BigInteger)
    created_ms: Mapped[int] = mapped_column(BigInteger)
    simulated: Mapped[bool] = mapped_column(default=False)


class GameSession(Base):
    """One session of a participant in the game, at one device."""

    __tablename__ = "visits"
    id: Mapped[str] = mapped_column(primary_key=True)
    participant_id: Mapped[str] = mapped_column(ForeignKey("participants.id", ondelete="CASCADE"), index=True)
    began_ms: Mapped[int] = mapped_column(BigInteger)
    device: Mapped[dict[str, Any]]
    mobile: Mapped[bool]
    versions: Mapped[dict[str, Any]]


class Round(Base):
    """One participant on one image. ``box`` is what the canvas showed of the photograph, in its pixels.

    ``answer`` of a catch trial is the half with the named category, ``passed`` whether it was painted. ``surface_rule``
    is the page's rule that keeps the paint surface in place, ``software`` the version of the program that recorded the
    round; both are None where they are not known: in rounds of before revision 0002.
    """

    __tablename__ = "rounds"
    id: Mapped[str] = mapped_column(primary_key=True)
    participant_id: Mapped[str] = mapped_column(ForeignKey("participants.id", ondelete="CASCADE"))
    visit_id: Mapped[str] = mapped_column(ForeignKey("visits.id", ondelete="CASCADE"))
    collection: Mapped[str]
    image: Mapped[str]
    category: Mapped[str]
    kind: Mapped[str]
    box: Mapped[list[Any]]
    settings: Mapped[dict[str, Any]]
    shown_ms: Mapped[int] = mapped_column(BigInteger)
    began_ms: Mapped[int | None] = mapped_column(BigInteger)
    ended_ms: Mapped[int | None] = mapped_column(BigInteger)
    elapsed_ms: Mapped[float | None]
    outcome: Mapped[str | None]
    skip_reason: Mapped[str | None]
    score: Mapped[float] = mapped_column(default=0.0)
    combo: Mapped[int] = mapped_column(default=0)
    answer: Mapped[str | None]
    passed: Mapped[bool | None]
    surface_rule: Mapped[int | None]
    software: Mapped[str | None]
    __table_args__ = (
        UniqueConstraint("participant_id", "collection", "image"),
        Index("ix_rounds_image", "collection", "image", "kind"),
        Index("ix_rounds_ended_ms", "ended_ms"),
    )


class RoundPoint(Base):
    """A point, in canvas pixels: ``t_ms`` by the player's clock, ``at_ms`` since the first by the server's."""

    __tablename__ = "points"
    round_id: Mapped[str] = mapped_column(ForeignKey("rounds.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    x_px: Mapped[float]
    y_px: Mapped[float]
    t_ms: Mapped[float]
    at_ms: Mapped[float]


class Guess(Base):
    """The network's guess after ``n_points``: its first categories, and the ``place`` of the true one (1: first)."""

    __tablename__ = "guesses"
    round_id: Mapped[str] = mapped_column(ForeignKey("rounds.id", ondelete="CASCADE"), primary_key=True)
    n_points: Mapped[int] = mapped_column(primary_key=True)
    at_ms: Mapped[float]
    place: Mapped[int]
    categories: Mapped[list[Any]]
    probabilities: Mapped[list[Any]]


class ImageCount(Base):
    """How many rounds an image has, those in play included; ``rank``, drawn anew each time, breaks ties."""

    __tablename__ = "image_counts"
    collection: Mapped[str] = mapped_column(primary_key=True)
    image: Mapped[str] = mapped_column(primary_key=True)
    n_rounds: Mapped[int] = mapped_column(default=0)
    rank: Mapped[float]
    __table_args__ = (Index("ix_image_counts_next", "collection", "n_rounds", "rank"),)


class Experiment(Base):
    """An experiment that somebody took part in, whole: its spec, under the spec's hash."""

    __tablename__ = "experiments"
    hash: Mapped[str] = mapped_column(primary_key=True)
    spec: Mapped[dict[str, Any]]
    created_ms: Mapped[int] = mapped_column(BigInteger)


class ExperimentSession(Base):
    """One participant in one experiment: the rotating set, whether the keys are swapped, the seed of the order.

    ``frame_ms`` is what the page measured of the screen before the first trial; ``last_ms`` moves with every trial.
    ``address_ids`` are those of a recruiting service, by name; None where the page's address had none, and in sessions
    of before revision 0005.
    """

    __tablename__ = "sittings"
    id: Mapped[str] = mapped_column(primary_key=True)
    experiment: Mapped[str] = mapped_column(ForeignKey("experiments.hash"))
    participant_id: Mapped[str] = mapped_column(ForeignKey("participants.id", ondelete="CASCADE"))
    set_number: Mapped[int]
    swapped: Mapped[bool]
    seed: Mapped[int]
    began_ms: Mapped[int] = mapped_column(BigInteger)
    last_ms: Mapped[int] = mapped_column(BigInteger)
    finished_ms: Mapped[int | None] = mapped_column(BigInteger)
    frame_ms: Mapped[float]
    device: Mapped[dict[str, Any]]
    versions: Mapped[dict[str, Any]]
    # None is stored as no value, like in rows of before, and not as the JSON text null
    address_ids: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    __table_args__ = (UniqueConstraint("experiment", "participant_id"),)


class TrialRecord(Base):
    """A trial that was begun; without ``ended_ms`` the page was left before its result came.

    Durations, ``rt_ms`` (from onset; negative before it) and ``elapsed_ms`` are by the page's clock. ``client_key`` is
    a random text of the page that began the trial. The columns after it are None where they are not known: in trials
    of pages that did not measure them.
    """

    __tablename__ = "trials"
    sitting_id: Mapped[str] = mapped_column(ForeignKey("sittings.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    begun_ms: Mapped[int] = mapped_column(BigInteger)
    ended_ms: Mapped[int | None] = mapped_column(BigInteger)
    key: Mapped[str | None]
    rt_ms: Mapped[float | None]
    fixation_ms: Mapped[float | None]
    stimulus_ms: Mapped[float | None]
    elapsed_ms: Mapped[float | None]
    dropped_frames: Mapped[int | None]
    client_key: Mapped[str | None]
    window_ms: Mapped[float | None]
    frame_ms: Mapped[float | None]
    hidden: Mapped[bool | None]
    blurred: Mapped[bool | None]
    resized: Mapped[bool | None]
    left_full_screen: Mapped[bool | None]
