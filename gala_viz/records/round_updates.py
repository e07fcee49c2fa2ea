"""Parts of a round on their way into the database: points, guesses, and its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """How a round ended."""

    WON = "won"
    LOST = "lost"
    SKIPPED = "skipped"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class CanvasPoint:
    """A point in canvas pixels, at ``t_ms`` of the player's own clock, ``at_ms`` after the first by the server's."""

    x_px: float
    y_px: float
    t_ms: float
    at_ms: float


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkGuess:
    """One guess of the network after ``n_points``: its first categories, and the ``place`` of the true one (1: first).

    ``at_ms`` is the time of the last of these points after the first one.
    """

    n_points: int
    at_ms: float
    place: int
    categories: Sequence[str]
    probabilities: Sequence[float]


@dataclass(frozen=True, kw_only=True, slots=True)
class RoundEnd:
    """How a round ended, by its judge; ``ended_ms`` is since 1970 (UTC), ``elapsed_ms`` since the first point."""

    outcome: str
    ended_ms: int
    elapsed_ms: float | None
    score: float
    combo: int = 0
    skip_reason: str | None = None
    passed: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RoundKey:
    """A round, the session that plays it (``visit``), and its participant."""

    round: str
    visit: str
    participant: str


@dataclass(slots=True)
class RoundUpdate:
    """A part of a round that is not in the database yet; ``first`` is the number of its first point.

    Within a round, a point is known by its number and a guess by its ``n_points``, so that a part can be written
    twice.
    """

    first: int = 0
    points: list[CanvasPoint] = field(default_factory=list)
    guesses: list[NetworkGuess] = field(default_factory=list)
    began_ms: int | None = None
    end: RoundEnd | None = None

    def __bool__(self) -> bool:
        return bool(self.points or self.guesses or self.began_ms is not None or self.end is not None)

    def to_entry(self) -> dict[str, Any]:
        """Return the update as plain values for JSON, which ``from_entry`` reads."""
        entry: dict[str, Any] = {"first": self.first, "points": [astuple(point) for point in self.points]}
        if self.guesses:
            entry["guesses"] = [asdict(guess) for guess in self.guesses]
        if self.began_ms is not None:
            entry["began_ms"] = self.began_ms
        if self.end is not None:
            entry["end"] = asdict(self.end)
        return entry

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any]) -> RoundUpdate:
        """Return the update that ``to_entry`` wrote.

        Raises ``KeyError``, ``TypeError`` or ``ValueError`` for anything else.
        """
        return cls(
            first=int(entry["first"]),
            points=[CanvasPoint(*map(float, point)) for point in entry["points"]],
            guesses=[NetworkGuess(**guess) for guess in entry.get("guesses", [])],
            began_ms=entry.get("began_ms"),
            end=RoundEnd(**entry["end"]) if "end" in entry else None,
        )
