"""Fixations of all participants on all images, as columns, with what their file tells about them."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gala_viz.cache import read_npz

POOLED = -1
"""Number of a fixation's participant where all are recorded together."""
MAX_FIXATIONS = 100_000_000
_COLUMNS = ("image", "participant", "scanpath", "x_px", "y_px", "duration_ms")


@dataclass(frozen=True, slots=True, eq=False)
class FixationTable:
    """Fixations in the order in which they were made.

    Parameters
    ----------
    title : str
        What the file is, for people, for example "SALICON".
    images : tuple of tuple of str
        Of each image the names to search for, the best first.
    participants : tuple of str
        Ids of the participants.
    image : array
        Position in ``images`` of each fixation (fixation,), int.
    participant : array
        Position in ``participants`` (fixation,), int; ``POOLED`` where the participants are not told apart.
    scanpath : array
        Number of the scanpath (fixation,), int: one presentation of one image to one participant.
    x_px, y_px : array
        Positions as stored (fixation,), float64; NaN where there is none.
    duration_ms : array
        Durations (fixation,), float64; NaN where they are not recorded.
    is_one_based : bool
        Whether stored positions count pixels from 1 at a pixel's centre, as MATLAB does; else they are from the left
        and top edge.
    frames_px : tuple of (int, int)
        Of each image the (height, width) over which stored positions range, as the file tells it; (0, 0) where it does
        not.
    is_padded : bool
        Whether the image was shown as large as ``frames_px`` allows, in the middle of it, with its own proportions.
    notes : tuple of str
        Sentences on what was assumed.
    skipped : tuple of (str, str)
        What was left out: (name, reason).
    """

    title: str
    images: tuple[tuple[str, ...], ...]
    participants: tuple[str, ...]
    image: np.ndarray
    participant: np.ndarray
    scanpath: np.ndarray
    x_px: np.ndarray
    y_px: np.ndarray
    duration_ms: np.ndarray
    is_one_based: bool = False
    frames_px: tuple[tuple[int, int], ...] = ()
    is_padded: bool = False
    notes: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.image)

    @property
    def has_durations(self) -> bool:
        """Whether any fixation has a duration."""
        return bool(np.isfinite(self.duration_ms).any())

    @property
    def is_pooled(self) -> bool:
        """Whether participants are not told apart."""
        return not self.participants

    def first_of_scanpaths(self) -> np.ndarray:
        """Return whether each fixation (fixation,) is the first of its scanpath."""
        first = np.zeros(len(self), dtype=bool)
        first[np.unique(self.scanpath, return_index=True)[1]] = True
        return first

    def to_npz(self) -> bytes:
        """Return the content of an NPZ file, which ``load_fixation_table`` reads; nothing in it is pickled."""
        about = {name: getattr(self, name) for name in _ABOUT}
        stream = io.BytesIO()
        columns = {name: getattr(self, name) for name in _COLUMNS}
        np.savez_compressed(stream, about=np.frombuffer(json.dumps(about).encode(), np.uint8), **columns)
        return stream.getvalue()


_ABOUT = ("title", "images", "participants", "is_one_based", "frames_px", "is_padded", "notes", "skipped")


def load_fixation_table(path: Path) -> FixationTable | None:
    """Read a table that ``FixationTable.to_npz`` wrote, or None where the file is missing or damaged."""
    arrays = read_npz(path) or {}
    try:
        about: dict[str, Any] = {name: _tuples(value) for name, value in json.loads(arrays["about"].tobytes()).items()}
        columns: dict[str, Any] = {name: arrays[name] for name in _COLUMNS}
        return FixationTable(**about, **columns)
    except (KeyError, TypeError, ValueError):
        return None


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


@dataclass(slots=True)
class ScanpathList:
    """Scanpaths one after the other, which become a ``FixationTable``."""

    images: dict[tuple[str, ...], int] = field(default_factory=dict)
    frames_px: list[tuple[int, int]] = field(default_factory=list)
    participants: dict[str, int] = field(default_factory=dict)
    _codes: list[tuple[int, int, int]] = field(default_factory=list)
    _points: list[np.ndarray] = field(default_factory=list)

    def add(
        self,
        names: tuple[str, ...],
        participant: str | None,
        x_px: Sequence[float] | np.ndarray,
        y_px: Sequence[float] | np.ndarray,
        duration_ms: Sequence[float] | np.ndarray | None = None,
        frame_px: tuple[int, int] = (0, 0),
    ) -> None:
        """Add a scanpath.

        Parameters
        ----------
        names : tuple of str
            Names of the image to search for.
        participant : str or None
            Id of the participant; None where participants are not told apart.
        x_px : sequence of float
            Positions as stored (fixation,).
        y_px : sequence of float
            Positions as stored (fixation,).
        duration_ms : sequence of float, optional
            Durations (fixation,).
        frame_px : tuple of int
            (height, width) over which positions range; (0, 0) where it is not known.

        Raises
        ------
        ValueError
            The columns differ in length, hold no numbers, or an image has two frames.
        """
        x, y = (np.asarray(values, dtype=np.float64).ravel() for values in (x_px, y_px))
        duration = np.full(len(x), np.nan) if duration_ms is None else np.asarray(duration_ms, np.float64).ravel()
        if not len(x) == len(y) == len(duration):
            raise ValueError(f"x, y and durations differ in number: {len(x)}, {len(y)} and {len(duration)}.")
        image = self.images.setdefault(names, len(self.images))
        if image == len(self.frames_px):
            self.frames_px.append(frame_px)
        elif self.frames_px[image] != frame_px:
            raise ValueError(f"{names[0]} has two frames, {self.frames_px[image]} and {frame_px}.")
        person = POOLED if participant is None else self.participants.setdefault(participant, len(self.participants))
        self._codes.append((image, person, len(x)))
        self._points.append(np.stack([x, y, duration]))

    def table(self, title: str, **about: Any) -> FixationTable:
        """Return all scanpaths as columns; ``about`` are further fields of a ``FixationTable``."""
        codes = np.array(self._codes, dtype=np.int64).reshape(-1, 3)
        points = np.concatenate(self._points or [np.empty((3, 0))], axis=1)
        image, participant = (np.repeat(codes[:, part], codes[:, 2]).astype(np.int32) for part in (0, 1))
        return FixationTable(
            title=title,
            images=tuple(self.images),
            participants=tuple(self.participants),
            image=image,
            participant=participant,
            scanpath=np.repeat(np.arange(len(codes)), codes[:, 2]),
            x_px=points[0],
            y_px=points[1],
            duration_ms=points[2],
            frames_px=tuple(self.frames_px),
            **about,
        )
