"""A box or a lasso: the points inside, and its short text for links; the text, not the mouse's path, selects."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_VERTICES = 60
SIGNIFICANT_DIGITS = 7
_RECT = ("x0", "x1", "y0", "y1")


def selection_text(geometry: Mapping[str, Any]) -> str:
    """Return ``rect:x0,x1,y0,y1`` or ``poly:x,y,x,y,…`` for a Bokeh geometry, in ``SIGNIFICANT_DIGITS`` digits.

    A lasso with more corners than ``MAX_VERTICES`` is reduced to that many, evenly along its path. Other geometries
    give "".
    """
    if geometry.get("type") == "rect":
        return "rect:" + _joined([geometry[name] for name in _RECT])
    if geometry.get("type") != "poly":
        return ""
    corners = list(zip(geometry["x"], geometry["y"], strict=True))
    if len(corners) > MAX_VERTICES:
        corners = [corners[round(k * (len(corners) - 1) / (MAX_VERTICES - 1))] for k in range(MAX_VERTICES)]
    return "poly:" + _joined([value for corner in corners for value in corner])


def selection_geometry(text: str) -> dict[str, Any]:
    """Return the geometry of a text of ``selection_text``, as ``points_inside`` takes it.

    Raises ``ValueError`` for a text that ``selection_text`` never writes.
    """
    kind, _, numbers = text.partition(":")
    try:
        values = [float(number) for number in numbers.split(",")]
    except ValueError:
        values = []
    whole = values and all(map(math.isfinite, values))
    if whole and kind == "rect" and len(values) == len(_RECT):
        return {"type": "rect", **dict(zip(_RECT, values, strict=True))}
    if whole and kind == "poly" and len(values) % 2 == 0 and 3 <= len(values) // 2 <= MAX_VERTICES:
        return {"type": "poly", "x": values[::2], "y": values[1::2]}
    raise ValueError(
        f"a selection is rect:x0,x1,y0,y1 or poly:x,y,… of 3 to {MAX_VERTICES} corners; got {text[:60]!r}."
    )


def selection_outline(geometry: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    """Return the corners of a box or a lasso as ``selection_geometry`` returns it, x and y, in order."""
    if geometry["type"] == "rect":
        x0, x1, y0, y1 = (float(geometry[name]) for name in _RECT)
        return [x0, x1, x1, x0], [y0, y0, y1, y1]
    return [float(value) for value in geometry["x"]], [float(value) for value in geometry["y"]]


def points_inside(geometry: Mapping[str, Any], x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return the mask (image,) of the points inside a box or a lasso.

    ``geometry`` is {"type": "rect", x0, x1, y0, y1} or {"type": "poly", x: [...], y: [...]}. Points with a value that
    is not finite lie in none.
    """
    known = np.isfinite(x) & np.isfinite(y)
    if geometry.get("type") == "rect":
        x0, x1 = sorted((float(geometry["x0"]), float(geometry["x1"])))
        y0, y1 = sorted((float(geometry["y0"]), float(geometry["y1"])))
        return known & (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)
    corners = np.column_stack([np.asarray(geometry[axis], dtype=float) for axis in ("x", "y")])
    if len(corners) < 3 or not np.isfinite(corners).all():
        return np.zeros(len(x), dtype=bool)
    low, high = corners.min(axis=0), corners.max(axis=0)
    inside = points_inside({"type": "rect", "x0": low[0], "x1": high[0], "y0": low[1], "y1": high[1]}, x, y)
    inside[inside] = _inside(corners, x[inside], y[inside])
    return inside


def _inside(corners: NDArray[np.float64], x: NDArray, y: NDArray) -> NDArray[np.bool_]:
    """Return whether points lie inside a polygon, by the even-odd rule."""
    inside = np.zeros(len(x), dtype=bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        crossed = np.flatnonzero((y0 > y) != (y1 > y))
        share = (y[crossed] - y0) / (y1 - y0)  # of the way from one corner to the next, from 0 to 1
        inside[crossed] ^= x[crossed] < x0 + (x1 - x0) * share
    return inside


def _joined(values: list[float]) -> str:
    return ",".join(f"{float(value):.{SIGNIFICANT_DIGITS}g}" for value in values)
