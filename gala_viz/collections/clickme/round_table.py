"""Rounds of the ClickMe game: who clicked where on which image, as columns that hold half a million of them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gala_viz.cache import read_npz
from gala_viz.collections.human_maps.points import Points

NO_SCORE, NOT_RECORDED = np.nan, -1


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
    ``n_catch_trials`` are -1 where they are not recorded.
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

    def __len__(self) -> int:
        return len(self.image)

    @property
    def n_clicks(self) -> np.ndarray:
        """Clicks of each round (round,)."""
        return np.diff(self.start)

    def select(self, mask: np.ndarray, n_clicks: np.ndarray | None = None) -> RoundTable:
        """Return the rounds for which ``mask`` (round,) is true, each with its first ``n_clicks`` (round,) clicks."""
        counts = self.n_clicks if n_clicks is None else np.minimum(self.n_clicks, n_clicks)
        order = np.arange(len(self.x_px)) - np.repeat(self.start[:-1], self.n_clicks)
        points = np.repeat(mask, self.n_clicks) & (order < np.repeat(counts, self.n_clicks))
        return RoundTable(
            images=self.images,
            participants=self.participants,
            image=self.image[mask],
            participant=self.participant[mask],
            start=np.concatenate([[0], np.cumsum(counts[mask])]),
            x_px=self.x_px[points],
            y_px=self.y_px[points],
            catch_score=self.catch_score[mask],
            is_mobile=self.is_mobile[mask],
            n_catch_trials=self.n_catch_trials[mask],
        )

    def points(self, rounds: np.ndarray) -> Points:
        """Return the clicks of the rounds with these numbers, with their participants."""
        spans = [np.arange(int(self.start[r]), int(self.start[r + 1])) for r in rounds]
        which = np.concatenate(spans or [np.empty(0, np.int64)])
        people = np.repeat(self.participant[rounds], self.n_clicks[rounds])
        names = np.array(self.participants, dtype=object)[people].astype(str)
        return Points(participant=names, x_px=self.x_px[which], y_px=self.y_px[which])

    def to_npz(self) -> bytes:
        """Return the content of an NPZ file, which ``load_round_table`` reads; nothing in it is pickled."""
        names = np.frombuffer(json.dumps([self.images, self.participants]).encode(), np.uint8)
        stream = io.BytesIO()
        columns = {name: getattr(self, name) for name in _COLUMNS}
        np.savez_compressed(stream, names=names, **columns)
        return stream.getvalue()


_COLUMNS = ("image", "participant", "start", "x_px", "y_px", "catch_score", "is_mobile", "n_catch_trials")


def round_table(rounds: Iterable[Round]) -> RoundTable:
    """Put rounds into columns."""
    listed = list(rounds)
    images, image = _codes([one.image for one in listed])
    participants, participant = _codes([one.participant for one in listed])
    counts = [len(one.x_px) for one in listed]
    empty = [np.empty(0)]
    return RoundTable(
        images=images,
        participants=participants,
        image=image,
        participant=participant,
        start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        x_px=np.concatenate([one.x_px for one in listed] or empty).astype(np.float32),
        y_px=np.concatenate([one.y_px for one in listed] or empty).astype(np.float32),
        catch_score=np.array([NO_SCORE if one.catch_score is None else one.catch_score for one in listed], np.float32),
        is_mobile=np.array([NOT_RECORDED if one.is_mobile is None else one.is_mobile for one in listed], np.int8),
        n_catch_trials=np.array(
            [NOT_RECORDED if one.n_catch_trials is None else one.n_catch_trials for one in listed], np.int64
        ),
    )


def load_round_table(path: Path) -> RoundTable | None:
    """Read rounds that ``RoundTable.to_npz`` wrote, or None where the file is missing or damaged."""
    arrays = read_npz(path) or {}
    try:
        images, participants = json.loads(arrays["names"].tobytes())
        return RoundTable(tuple(images), tuple(participants), **{name: arrays[name] for name in _COLUMNS})
    except (KeyError, ValueError):
        return None


def _codes(names: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    known = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return tuple(known), np.array([known[name] for name in names], np.int32)
