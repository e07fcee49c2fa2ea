"""Round filters: which rounds make maps. The filters in use for ClickMe, in a fixed order, each with its count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gala_viz.collections.clickme.round_table import RoundTable
from gala_viz.counts import counted


@dataclass(frozen=True, kw_only=True, slots=True)
class RoundFilters:
    """Filters of rounds before maps are made; a filter of what a table does not record drops nothing.

    In this order: repeated rounds (same image, participant and clicks); with ``first_round`` all rounds of a
    participant on an image but the first; rounds with fewer than ``min_clicks`` clicks; participants with a catch score
    below ``min_catch_score``; with ``drop_mobile`` rounds on mobile devices; images with fewer than
    ``min_participants`` participants among the rounds that are left. Of the rest the first ``max_clicks`` clicks count.
    """

    first_round: bool = True
    min_clicks: int = 2
    max_clicks: int | None = None
    min_catch_score: float | None = 0.95
    drop_mobile: bool = True
    min_participants: int = 1

    def __post_init__(self) -> None:
        if self.min_clicks < 1 or self.min_participants < 1:
            numbers = f"{self.min_clicks} and {self.min_participants}"
            raise ValueError(f"min_clicks and min_participants are at least 1; got {numbers}.")
        if self.max_clicks is not None and self.max_clicks < self.min_clicks:
            raise ValueError(f"max_clicks is at least min_clicks, {self.min_clicks}; got {self.max_clicks}.")
        if self.min_catch_score is not None and not 0 <= self.min_catch_score <= 1:
            raise ValueError(f"min_catch_score is a share of catch trials, 0 to 1; got {self.min_catch_score}.")


@dataclass(frozen=True, slots=True)
class FilterResult:
    """The rounds that are left, and how many each filter dropped, in order: (what it drops, rounds)."""

    rounds: RoundTable
    dropped: tuple[tuple[str, int], ...]
    n_before: int

    def summary(self) -> str:
        """Say in a sentence how many rounds there were, how many are left, and which filter dropped how many."""
        parts = [f"{what}: {count}" for what, count in self.dropped if count]
        return f"{len(self.rounds)} of {counted(self.n_before, 'round')} kept; dropped: {', '.join(parts) or 'none'}."


def filter_rounds(rounds: RoundTable, filters: RoundFilters) -> FilterResult:
    """Apply ``filters`` in their order."""
    remaining = np.ones(len(rounds), dtype=bool)
    dropped: list[tuple[str, int]] = []

    def drop(what: str, unwanted: np.ndarray) -> None:
        dropped.append((what, int((remaining & unwanted).sum())))
        remaining[unwanted] = False

    drop("repeated rounds", _repeated(rounds))
    pairs = rounds.image.astype(np.int64) * max(1, len(rounds.participants)) + rounds.participant
    if filters.first_round:
        drop("later rounds of a participant on an image", ~_first_among(pairs, remaining))
    drop(f"fewer than {filters.min_clicks} clicks", rounds.n_clicks < filters.min_clicks)
    if filters.min_catch_score is not None:
        drop(f"catch score below {filters.min_catch_score:g}", rounds.catch_score < filters.min_catch_score)
    if filters.drop_mobile:
        drop("mobile devices", rounds.is_mobile == 1)
    people = np.zeros(len(rounds.images), np.int64)
    np.add.at(people, (np.unique(pairs[remaining]) // max(1, len(rounds.participants))), 1)
    drop(
        f"images with fewer than {filters.min_participants} participants",
        people[rounds.image] < filters.min_participants,
    )
    counts = None if filters.max_clicks is None else np.full(len(rounds), filters.max_clicks)
    return FilterResult(rounds.select(remaining, counts), tuple(dropped), len(rounds))


def _repeated(rounds: RoundTable) -> np.ndarray:
    """Return which rounds copy, click by click, an earlier one of the same participant on the same image."""
    keys: set[tuple] = set()
    copies = np.zeros(len(rounds), dtype=bool)
    for number in range(len(rounds)):
        clicks = slice(rounds.start[number], rounds.start[number + 1])
        key = (
            int(rounds.image[number]),
            int(rounds.participant[number]),
            rounds.x_px[clicks].tobytes(),
            rounds.y_px[clicks].tobytes(),
        )
        copies[number] = key in keys
        keys.add(key)
    return copies


def _first_among(keys: np.ndarray, remaining: np.ndarray) -> np.ndarray:
    """Return which of ``keys`` are the first of their kind that ``remaining`` keeps; True for all it drops."""
    positions = np.flatnonzero(remaining)
    _, first = np.unique(keys[positions], return_index=True)
    is_first = np.zeros(len(keys), dtype=bool)
    is_first[positions[first]] = True
    return is_first | ~remaining
