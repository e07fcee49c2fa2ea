"""Strokes of a brush over a photograph: the text that links hold, and the mask that they paint: brush_strokes.js."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
"""Digits of base 64, all of which an address holds as they are."""
MAX_RADIUS_PX = 63
MAX_CHARACTERS = 3000
"""The longest text of strokes: about 1,400 points. An address of the page holds it beside all else."""
_STROKE = r"[hk][\w-]{5}(?:[\w-]{2})*"
_TEXT = re.compile(rf"(?:{_STROKE}(?:\.{_STROKE})*)?", re.ASCII)
_PLACE = {letter: place for place, letter in enumerate(ALPHABET)}


class Stroke(NamedTuple):
    """One stroke.

    Parameters
    ----------
    hides : bool
        Whether it hides the photograph; else it keeps it.
    radius_px : int
        Of the brush, in pixels of the frame.
    points : tuple of tuple of two int
        x and y of the pixels that the brush's centre passes, in straight lines.
    """

    hides: bool
    radius_px: int
    points: tuple[tuple[int, int], ...]


def strokes_problem(text: str) -> str:
    """Return why ``text`` is no text of strokes, a sentence; "" where it is one."""
    if len(text) > MAX_CHARACTERS:
        return f"strokes of {MAX_CHARACTERS:,} characters at most were expected; got {len(text):,}."
    return "" if _TEXT.fullmatch(text) else "strokes as a link of this page holds them were expected."


def parse_strokes(text: str) -> list[Stroke]:
    """Return the strokes of a text, the first one first.

    A stroke is ``h`` (hide) or ``k`` (keep), a digit for its radius, two digits for x and two for y of its first point,
    and two digits, each less 32, for every step from one point to the next. Strokes are separated by dots.

    Parameters
    ----------
    text : str
        "" for none.

    Returns
    -------
    list of Stroke
        In the order in which they were painted.

    Raises
    ------
    ValueError
        It is no such text.
    """
    if problem := strokes_problem(text):
        raise ValueError(problem)
    strokes = []
    for part in filter(None, text.split(".")):
        radius, *numbers = (_PLACE[letter] for letter in part[1:])
        x, y = 64 * numbers[0] + numbers[1], 64 * numbers[2] + numbers[3]
        points = [(x, y)]
        for step_x, step_y in zip(numbers[4::2], numbers[5::2], strict=True):
            x, y = x + step_x - 32, y + step_y - 32
            points.append((x, y))
        strokes.append(Stroke(part[0] == "h", radius, tuple(points)))
    return strokes


def paint_strokes(kept: NDArray[np.bool_], text: str) -> NDArray[np.bool_]:
    """Paint strokes over a mask, one after the other.

    A pixel is painted where its centre is no farther than the radius from the line between two points, which are the
    centres of pixels. All numbers are whole, so that Python and the browser paint the same pixels.

    Parameters
    ----------
    kept : ndarray, (y, x), bool
        Where the photograph is kept without strokes.
    text : str
        The strokes.

    Returns
    -------
    ndarray, (y, x), bool
        A new mask.

    Raises
    ------
    ValueError
        It is no text of strokes.
    """
    kept = kept.copy()
    for stroke in parse_strokes(text):
        for start, end in zip(stroke.points, stroke.points[1:] or stroke.points, strict=False):
            _paint_line(kept, not stroke.hides, start, end, stroke.radius_px)
    return kept


def _paint_line(
    kept: NDArray[np.bool_], value: bool, start: tuple[int, int], end: tuple[int, int], radius: int
) -> None:
    (x0, y0), (x1, y1) = start, end
    rows = slice(max(min(y0, y1) - radius, 0), max(max(y0, y1) + radius + 1, 0))
    columns = slice(max(min(x0, x1) - radius, 0), max(max(x0, x1) + radius + 1, 0))
    part = kept[rows, columns]
    y = np.arange(rows.start, rows.start + part.shape[0])[:, None]
    x = np.arange(columns.start, columns.start + part.shape[1])[None]
    step_x, step_y = x1 - x0, y1 - y0
    length_2 = step_x**2 + step_y**2
    along = (x - x0) * step_x + (y - y0) * step_y
    across = (x - x0) * step_y - (y - y0) * step_x
    before, beyond = along <= 0, along >= length_2
    near = np.where(
        before,
        (x - x0) ** 2 + (y - y0) ** 2 <= radius**2,
        np.where(beyond, (x - x1) ** 2 + (y - y1) ** 2 <= radius**2, across**2 <= radius**2 * length_2),
    )
    part[near] = value
