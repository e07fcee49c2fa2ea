"""Round filters: which rounds make maps. The filters in use for ClickMe, in a fixed order, each with its count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from gala_viz.collections.clickme.catch_score import CatchScore, clopper_pearson
from gala_viz.collections.clickme.round_table import NOT_RECORDED, RoundTable
from gala_viz.counts import counted
from gala_viz.specs import COUNTS

CatchRule = Literal["score", "interval"]
CATCH_RULES: tuple[CatchRule, ...] = ("score", "interval")
_ROUNDS_AT_ONCE = 16384
_ODD = np.uint64(0x9E3779B97F4A7C15 - 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class RoundFilters:
    """Filters of rounds before maps are made; a filter of what a table does not record drops nothing.

    In this order: repeated rounds (same image, participant and clicks); with ``first_round`` all rounds of a
    participant on an image but the first; rounds with fewer than ``min_clicks`` clicks; participants with a catch score
    below ``min_catch_score``; with ``drop_mobile`` rounds on mobile devices; images with fewer than
    ``min_participants`` participants among the rounds that are left. Of the rest the first ``max_clicks`` clicks count.

    With the ``catch_rule`` "score", that of the published ClickMe data, the score itself counts, of however few trials:
    one that was missed drops whoever had fewer than 20. With "interval" a participant is dropped whose 95 % interval
    lies below ``min_catch_score``, so that of those who would pass so many in the long run at most 2.5 % are dropped.
    With fewer than ``min_catch_trials`` catch trials nobody is dropped by them.
    """

    first_round: bool = True
    min_clicks: int = 2
    max_clicks: int | None = None
    min_catch_score: float | None = 0.95
    drop_mobile: bool = True
    min_participants: int = 1
    catch_rule: CatchRule = field(default="score", metadata={COUNTS: lambda filters: filters.catch_rule != "score"})
    min_catch_trials: int = field(default=1, metadata={COUNTS: lambda filters: filters.min_catch_trials != 1})

    def __post_init__(self) -> None:
        if self.min_clicks < 1 or self.min_participants < 1:
            numbers = f"{self.min_clicks} and {self.min_participants}"
            raise ValueError(f"min_clicks and min_participants are at least 1; got {numbers}.")
        if self.max_clicks is not None and self.max_clicks < self.min_clicks:
            raise ValueError(f"max_clicks is at least min_clicks, {self.min_clicks}; got {self.max_clicks}.")
        if self.min_catch_score is not None and not 0 <= self.min_catch_score <= 1:
            raise ValueError(f"min_catch_score is a share of catch trials, 0 to 1; got {self.min_catch_score}.")
        if self.catch_rule not in CATCH_RULES:
            raise ValueError(f"catch_rule is one of {', '.join(CATCH_RULES)}; got {self.catch_rule!r}.")
        if self.min_catch_trials < 1:
            raise ValueError(f"min_catch_trials is at least 1; got {self.min_catch_trials}.")

    @property
    def catch_title(self) -> str:
        """What the filter of catch scores drops, in words."""
        few = f", of {self.min_catch_trials} trials or more" if self.min_catch_trials > 1 else ""
        by = ", by its 95 % interval" if self.catch_rule == "interval" else ""
        return f"catch score below {self.min_catch_score:g}{by}{few}"


@dataclass(frozen=True, slots=True)
class FilterResult:
    """The rounds that are left, and how many each filter dropped, in order: (what it drops, rounds).

    ``catch_scores`` are those below the filter's, in words: of which participants, of how many trials, and whether the
    participant is dropped for it. Of participants whose number of trials is not recorded nothing is said.
    ``not_applied`` are the filters that could drop nothing, since no round has what they ask for.
    """

    rounds: RoundTable
    dropped: tuple[tuple[str, int], ...]
    n_before: int
    catch_scores: tuple[str, ...] = ()
    not_applied: tuple[str, ...] = ()

    def summary(self) -> str:
        """Say in a sentence how many rounds there were, how many are left, and which filter dropped how many."""
        parts = [f"{what}: {count}" for what, count in self.dropped if count]
        blind = f"; NOT APPLIED: {', '.join(self.not_applied)}" if self.not_applied else ""
        kept = f"{len(self.rounds)} of {counted(self.n_before, 'round')} kept"
        return f"{kept}; dropped: {', '.join(parts) or 'none'}{blind}."


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
    inattentive = np.zeros(len(rounds), dtype=bool)
    if filters.min_catch_score is not None:
        inattentive = _fails_catch_trials(rounds, filters)
        drop(filters.catch_title, inattentive)
    if filters.drop_mobile:
        drop("mobile devices", rounds.is_mobile == 1)
    people = np.zeros(len(rounds.images), np.int64)
    np.add.at(people, (np.unique(pairs[remaining]) // max(1, len(rounds.participants))), 1)
    drop(
        f"images with fewer than {filters.min_participants} participants",
        people[rounds.image] < filters.min_participants,
    )
    counts = None if filters.max_clicks is None else np.full(len(rounds), filters.max_clicks)
    told = _catch_score_texts(rounds, filters, inattentive)
    return FilterResult(
        rounds.select(remaining, counts), tuple(dropped), len(rounds), told, tuple(_not_applied(rounds, filters))
    )


def _not_applied(rounds: RoundTable, filters: RoundFilters) -> Iterator[str]:
    """Yield the filters that ask for what no round has, with the column that would tell it."""
    if not len(rounds):
        return
    if filters.min_catch_score is not None and not np.isfinite(rounds.catch_score).any():
        yield f"{filters.catch_title} (no round has a user_catch_trial)"
    if filters.drop_mobile and (rounds.is_mobile == NOT_RECORDED).all():
        yield "mobile devices (no round has an is_mobile)"


def _fails_catch_trials(rounds: RoundTable, filters: RoundFilters) -> np.ndarray:
    """Return whether each round is of a participant whom the catch trials exclude."""
    score, n_trials, least = rounds.catch_score, rounds.n_catch_trials, filters.min_catch_score
    assert least is not None, "there is a least score"
    if filters.catch_rule == "score" and filters.min_catch_trials == 1:
        return score < least
    known = np.isfinite(score)
    if (n_trials[known] < 1).any():
        raise ValueError(
            f"of how many catch trials a score is was expected for the filter '{filters.catch_title}'; this table has "
            "scores alone (column n_catch_trials is missing or empty). Filter by the score, catch_rule='score' and "
            "min_catch_trials=1, or leave catch scores out, min_catch_score=None."
        )
    fails = np.zeros(len(rounds), dtype=bool)
    compared = score[known]
    if filters.catch_rule == "interval":
        n_passed = np.rint(score[known].astype(float) * n_trials[known]).astype(int)
        compared = clopper_pearson(n_passed, n_trials[known])[1]
    fails[known] = (compared < least) & (n_trials[known] >= filters.min_catch_trials)
    return fails


def _catch_score_texts(rounds: RoundTable, filters: RoundFilters, inattentive: np.ndarray) -> tuple[str, ...]:
    """Return the catch scores below the filter's, each in words, by participant."""
    if filters.min_catch_score is None:
        return ()
    texts = {}
    for number in np.flatnonzero((rounds.catch_score < filters.min_catch_score) & (rounds.n_catch_trials > 0)):
        n_trials = int(rounds.n_catch_trials[number])
        passed = CatchScore(round(float(rounds.catch_score[number]) * n_trials), n_trials)
        so = "dropped" if inattentive[number] else "kept: so few trials do not tell"
        texts[rounds.participants[rounds.participant[number]]] = f"{passed}: {so}"
    return tuple(f"participant {participant}: {text}" for participant, text in sorted(texts.items()))


def _repeated(rounds: RoundTable) -> np.ndarray:
    """Return which rounds copy, click by click, an earlier one of the same participant on the same image."""
    hashes = _clicks_hash(rounds).view(np.int64)
    keys = np.stack([rounds.image, rounds.participant, rounds.n_clicks, hashes], axis=1, dtype=np.int64)
    _, kind, counts = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    kind = kind.reshape(-1)
    copies = np.zeros(len(rounds), dtype=bool)
    known: dict[int, list[int]] = {}
    for number in np.flatnonzero(counts[kind] > 1).tolist():  # few: each is compared with those before it
        clicks = slice(rounds.start[number], rounds.start[number + 1])
        for earlier in known.setdefault(int(kind[number]), []):
            others = slice(rounds.start[earlier], rounds.start[earlier + 1])
            if np.array_equal(rounds.x_px[clicks], rounds.x_px[others]) and np.array_equal(
                rounds.y_px[clicks], rounds.y_px[others]
            ):
                copies[number] = True
                break
        else:
            known[int(kind[number])].append(number)
    return copies


def _clicks_hash(rounds: RoundTable) -> np.ndarray:
    """Return a number (round,), uint64, that is the same for the same clicks in the same order."""
    hashes = np.zeros(len(rounds), np.uint64)
    for first in range(0, len(rounds), _ROUNDS_AT_ONCE):
        starts = rounds.start[first : first + _ROUNDS_AT_ONCE + 1]
        clicks = slice(int(starts[0]), int(starts[-1]))
        order = np.arange(clicks.stop - clicks.start) - np.repeat(starts[:-1] - starts[0], np.diff(starts))
        bits = rounds.x_px[clicks].view(np.uint32).astype(np.uint64) << np.uint64(32)
        bits = (bits | rounds.y_px[clicks].view(np.uint32)) * (order.astype(np.uint64) * _ODD + np.uint64(1))
        totals = np.concatenate([np.zeros(1, np.uint64), np.cumsum(bits ^ (bits >> np.uint64(29)), dtype=np.uint64)])
        bounds = starts - starts[0]
        hashes[first : first + _ROUNDS_AT_ONCE] = totals[bounds[1:]] - totals[bounds[:-1]]
    return hashes


def _first_among(keys: np.ndarray, remaining: np.ndarray) -> np.ndarray:
    """Return which of ``keys`` are the first of their kind that ``remaining`` keeps; True for all it drops."""
    positions = np.flatnonzero(remaining)
    _, first = np.unique(keys[positions], return_index=True)
    is_first = np.zeros(len(keys), dtype=bool)
    is_first[positions[first]] = True
    return is_first | ~remaining
