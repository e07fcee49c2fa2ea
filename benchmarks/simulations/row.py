"""One line of the table: what is printed, in which world, and how often it is right."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

LOW, HIGH = 92.0, 98.0
"""Per cent that an interval of 95 % covers without a word beside it; a test at 0.05 rejects 2 to 8 %."""
LEVEL = 0.05
BY_CHANCE = 2.0
"""Monte-Carlo errors by which a line may lie beyond its bounds before a word is asked for."""
NO_INTERVAL = "no interval below 6"

Simulate = Callable[[int, np.random.Generator, int], np.ndarray]
"""n, generator and repeats -> of intervals (repeat, 3 or more): estimate, low, high, and what the truth is computed of;
of tests p (repeat, test); of rates (repeat, 1)."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """An interval or a test in a world.

    ``truth`` is the number that the interval should hold, or a function of all that was simulated (repeat, column);
    default: the mean of all estimates, for estimates whose expectation is what they estimate. ``words`` say at which n
    the interval or the test is not what it is called, why, and where a user is told. Of "cells" the share of a map's
    cells is simulated whose intervals hold the truth; a "rate" should be 95 % or more, a share "at most" 5.
    """

    key: str
    what: str
    over: str
    world: str
    simulate: Simulate
    kind: Literal["interval", "cells", "test", "rate", "at most"] = "interval"
    sizes: tuple[int, ...] = (5, 6, 20, 100)
    repeats: int | Mapping[int, int] = 1000
    block: int = 100
    truth: float | Callable[[np.ndarray], float] | None = None
    words: Mapping[int, str] = field(default_factory=dict)
    power: Simulate | None = None

    def repeats_at(self, n: int, share: float = 1.0) -> int:
        """Return so large a share of the repeats at one n, two at least."""
        whole = self.repeats if isinstance(self.repeats, int) else self.repeats[n]
        return max(2, round(share * whole))


@dataclass(frozen=True, kw_only=True)
class Block:
    """Some repeats of one row at one n, which one process simulates; ``power``: of the alternative."""

    key: str
    n: int
    number: int
    repeats: int
    power: bool = False

    def rng(self, seed: int) -> np.random.Generator:
        return np.random.default_rng([seed, zlib.crc32(self.key.encode()), self.n, self.number, int(self.power)])


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came out at one n, in per cent: coverage of an interval, rejections of a test, or a rate."""

    row: Row
    n: int
    repeats: int
    given: float
    percent: float
    error: float
    power: float

    @property
    def word(self) -> str:
        return self.row.words.get(self.n, "")

    @property
    def bounds(self) -> tuple[float, float]:
        return {
            "interval": (LOW, HIGH),
            "cells": (LOW, HIGH),
            "test": (100 - HIGH, 100 - LOW),
            "rate": (LOW, 100.0),
            "at most": (0.0, 100 - LOW),
        }[self.row.kind]

    def is_outside(self, errors: float = BY_CHANCE) -> bool:
        """Whether it lies beyond its bounds, by more than so many Monte-Carlo errors."""
        low, high = self.bounds
        return self.percent < low - errors * self.error or self.percent > high + errors * self.error


def outcome(row: Row, n: int, simulated: np.ndarray, alternative: np.ndarray | None = None) -> Outcome:
    """Count how often a row is right."""
    if row.kind == "interval":
        known = np.isfinite(simulated[:, 1]) | np.isfinite(simulated[:, 2])
        truth = row.truth(simulated) if callable(row.truth) else row.truth
        truth = _mean(simulated[:, 0]) if truth is None else truth
        held = (simulated[:, 1] <= truth) & (truth <= simulated[:, 2])
        values = held[known].astype(float)
    else:
        values = _shares(row, simulated)
        known = np.isfinite(values)
        values = values[known]
    percent, error = 100 * _mean(values), 100 * monte_carlo_error(values)
    power = np.nan if alternative is None else 100 * _mean(_shares(row, alternative))
    return Outcome(
        row=row,
        n=n,
        repeats=len(known),
        given=100 * float(known.mean()) if len(known) else 0.0,
        percent=percent,
        error=error,
        power=power,
    )


def _shares(row: Row, simulated: np.ndarray) -> np.ndarray:
    """Return the value of each repeat: of tests the share that rejects, of others what was simulated."""
    if row.kind != "test":
        return simulated[:, 0]
    known = np.isfinite(simulated)
    count = known.sum(axis=1)
    return np.divide(
        (known & (simulated <= LEVEL)).sum(axis=1), count, out=np.full(len(count), np.nan), where=count > 0
    )


def _mean(values: np.ndarray) -> float:
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else float("nan")


def monte_carlo_error(values: np.ndarray) -> float:
    """Return the standard error of a mean over repeats, above 0 where all repeats are alike (Agresti and Coull)."""
    n = len(values)
    if n < 2:
        return float("nan")
    p = (values.sum() + 2) / (n + 4)
    return float(max(values.std(ddof=1), np.sqrt(p * (1 - p)) if values.std() == 0 else 0.0) / np.sqrt(n))
