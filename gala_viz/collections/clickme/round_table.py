"""Rounds of the ClickMe game: who clicked where on which image, as columns that hold half a million of them."""

from __future__ import annotations

import io
import json
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gala_viz.cache import read_npz
from gala_viz.collections.human_maps.points import Points

NO_SCORE, NOT_RECORDED = np.nan, -1
_ROUNDS_AT_ONCE = 16384
"""Clicks of so many rounds are joined or moved at once, so that little memory is taken beside the table's own."""


@dataclass(frozen=True, slots=True)
class Round:
    """One participant's clicks on one image, in order.

    ``catch_score``, ``is_mobile`` and ``n_catch_trials``, of how many catch trials the score is, are None if not
    recorded.
    """

    image: str
    participant: str
    x_px: np.ndarray
    y_px: np.ndarray
    catch_score: float | None = None
    is_mobile: bool | None = None
    n_catch_trials: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RoundTable:
    """Many rounds, in the order in which they were played.

    ``image`` and ``participant`` (round,) are positions in ``images`` and ``participants``; the clicks of round r are
    ``x_px`` and ``y_px`` from ``start[r]`` to ``start[r + 1]``; ``catch_score`` is NaN, ``is_mobile`` and
    ``n_catch_trials`` are -1 where they are not recorded. ``notes`` are sentences on how the table was read.
    """

    images: tuple[str, ...]
    participants: tuple[str, ...]
    image: np.ndarray
    participant: np.ndarray
    start: np.ndarray
    x_px: np.ndarray
    y_px: np.ndarray
    catch_score: np.ndarray
    is_mobile: np.ndarray
    n_catch_trials: np.ndarray
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.image)

    def __getitem__(self, number: int) -> Round:
        if not -len(self) <= number < len(self):
            raise IndexError(number)
        number %= len(self)
        clicks = slice(int(self.start[number]), int(self.start[number + 1]))
        score, mobile, n_trials = self.catch_score[number], self.is_mobile[number], self.n_catch_trials[number]
        return Round(
            image=self.images[self.image[number]],
            participant=self.participants[self.participant[number]],
            x_px=self.x_px[clicks],
            y_px=self.y_px[clicks],
            catch_score=None if np.isnan(score) else float(score),
            is_mobile=None if mobile == NOT_RECORDED else bool(mobile),
            n_catch_trials=None if n_trials == NOT_RECORDED else int(n_trials),
        )

    def __iter__(self) -> Iterator[Round]:
        return (self[number] for number in range(len(self)))

    @property
    def n_clicks(self) -> np.ndarray:
        """Clicks of each round (round,)."""
        return np.diff(self.start)

    def select(self, mask: np.ndarray, n_clicks: np.ndarray | None = None) -> RoundTable:
        """Return the rounds for which ``mask`` (round,) is true, each with its first ``n_clicks`` (round,) clicks."""
        counts = self.n_clicks if n_clicks is None else np.minimum(self.n_clicks, n_clicks)
        if mask.all() and np.array_equal(counts, self.n_clicks):
            return self
        starts, counts = self.start[:-1][mask], counts[mask]
        return replace(
            self,
            image=self.image[mask],
            participant=self.participant[mask],
            start=np.concatenate([[0], np.cumsum(counts)]),
            x_px=_gather(self.x_px, starts, counts),
            y_px=_gather(self.y_px, starts, counts),
            catch_score=self.catch_score[mask],
            is_mobile=self.is_mobile[mask],
            n_catch_trials=self.n_catch_trials[mask],
        )

    def with_notes(self, notes: tuple[str, ...]) -> RoundTable:
        """Return the same rounds with other ``notes``."""
        return replace(self, notes=notes)

    def with_images(self, image_by_number: dict[int, str]) -> RoundTable:
        """Return the same rounds on the images that the table's images are, by number; the others stay as they are."""
        codes: dict[str, int] = {}
        names = [image_by_number.get(number, name) for number, name in enumerate(self.images)]
        numbers = np.array([codes.setdefault(name, len(codes)) for name in names], np.int32)
        return replace(self, images=tuple(codes), image=numbers[self.image] if len(numbers) else self.image)

    def points(self, rounds: np.ndarray) -> Points:
        """Return the clicks of the rounds with these numbers, with their participants."""
        which = click_numbers(self.start[:-1][rounds], self.n_clicks[rounds])
        people = np.repeat(self.participant[rounds], self.n_clicks[rounds])
        names = np.array(self.participants, dtype=object)[people].astype(str)
        return Points(participant=names, x_px=self.x_px[which], y_px=self.y_px[which])

    def to_npz(self) -> bytes:
        """Return the content of an NPZ file, which ``load_round_table`` reads; nothing in it is pickled."""
        texts = [self.images, self.participants, self.notes]
        names = np.frombuffer(json.dumps(texts).encode(), np.uint8)
        stream = io.BytesIO()
        columns = {name: getattr(self, name) for name in _COLUMNS}
        np.savez_compressed(stream, names=names, **columns)
        return stream.getvalue()


_COLUMNS = ("image", "participant", "start", "x_px", "y_px", "catch_score", "is_mobile", "n_catch_trials")


class RoundColumns:
    """Columns that grow by one round at a time."""

    def __init__(self) -> None:
        self._images: dict[str, int] = {}
        self._participants: dict[str, int] = {}
        self._image, self._participant, self._n_clicks = array("i"), array("i"), array("q")
        self._score, self._mobile, self._n_trials = array("f"), array("b"), array("q")
        self._x: list[np.ndarray] = []
        self._y: list[np.ndarray] = []
        self._joined: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])

    def add(self, one: Round) -> None:
        """Add a round."""
        self._image.append(self._images.setdefault(one.image, len(self._images)))
        self._participant.append(self._participants.setdefault(one.participant, len(self._participants)))
        self._n_clicks.append(len(one.x_px))
        self._score.append(NO_SCORE if one.catch_score is None else one.catch_score)
        self._mobile.append(NOT_RECORDED if one.is_mobile is None else one.is_mobile)
        self._n_trials.append(NOT_RECORDED if one.n_catch_trials is None else one.n_catch_trials)
        self._x.append(one.x_px)
        self._y.append(one.y_px)
        if len(self._x) == _ROUNDS_AT_ONCE:
            self._join()

    def _join(self) -> None:
        for pieces, joined in zip((self._x, self._y), self._joined, strict=True):
            joined.append(np.concatenate(pieces).astype(np.float32))
            pieces.clear()

    def table(self) -> RoundTable:
        """Return all rounds; nothing can be added afterwards."""
        if self._x:
            self._join()
        positions = []
        for joined in self._joined:
            positions.append(np.concatenate(joined) if joined else np.empty(0, np.float32))
            joined.clear()
        return RoundTable(
            images=tuple(self._images),
            participants=tuple(self._participants),
            image=np.array(self._image, np.int32),
            participant=np.array(self._participant, np.int32),
            start=np.concatenate([[0], np.cumsum(np.array(self._n_clicks, np.int64))]).astype(np.int64),
            x_px=positions[0],
            y_px=positions[1],
            catch_score=np.array(self._score, np.float32),
            is_mobile=np.array(self._mobile, np.int8),
            n_catch_trials=np.array(self._n_trials, np.int64),
        )


def round_table(rounds: Iterable[Round]) -> RoundTable:
    """Put rounds into columns."""
    columns = RoundColumns()
    for one in rounds:
        columns.add(one)
    return columns.table()


def load_round_table(path: Path) -> RoundTable | None:
    """Read rounds that ``RoundTable.to_npz`` wrote, or None where the file is missing or damaged."""
    arrays = read_npz(path) or {}
    try:
        images, participants, notes = map(tuple, json.loads(arrays["names"].tobytes()))
        return RoundTable(images, participants, **{name: arrays[name] for name in _COLUMNS}, notes=notes)
    except (KeyError, ValueError, TypeError):
        return None


def click_numbers(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the numbers of all clicks of spans that begin at ``starts`` (span,) and have ``counts`` (span,) clicks."""
    before = np.cumsum(counts) - counts
    return np.repeat(starts - before, counts) + np.arange(int(counts.sum()))


def _gather(values: np.ndarray, starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the values of all spans one after the other."""
    spans = [slice(first, first + _ROUNDS_AT_ONCE) for first in range(0, len(starts), _ROUNDS_AT_ONCE)]
    parts = [values[click_numbers(starts[span], counts[span])] for span in spans]
    return np.concatenate(parts) if parts else values[:0]
