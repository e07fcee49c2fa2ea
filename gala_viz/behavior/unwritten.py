"""What happened in a round and is not in the database yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gala_viz.behavior.judge import Point


@dataclass(frozen=True, kw_only=True, slots=True)
class Guessed:
    """One guess of the network: how many points it saw, when, the true category's place, and its first categories."""

    n_points: int
    at_ms: float
    place: int
    categories: Sequence[str]
    probabilities: Sequence[float]


@dataclass(slots=True)
class Unwritten:
    """What happened in a round and is not in the database yet; ``first`` is the number of its first point."""

    first: int = 0
    points: list[Point] = field(default_factory=list)
    guesses: list[Guessed] = field(default_factory=list)
    began_ms: int | None = None

    def __bool__(self) -> bool:
        return bool(self.points or self.guesses)

    def taken(self) -> Unwritten:
        """All of it, leaving nothing here."""
        found = Unwritten(self.first, self.points, self.guesses, self.began_ms)
        self.first, self.points, self.guesses, self.began_ms = self.first + len(self.points), [], [], None
        return found
