"""A box or a lasso as a short text, for addresses and saved views; the text, not the mouse's path, is what selects."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

MOST_CORNERS = 60
DIGITS = 7
_RECT = ("x0", "x1", "y0", "y1")


def selection_text(geometry: Mapping[str, Any]) -> str:
    """``rect:x0,x1,y0,y1`` or ``poly:x,y,x,y,…`` of a Bokeh geometry, in ``DIGITS`` significant digits.

    Of a lasso with more than ``MOST_CORNERS`` corners as many are kept, evenly along its path. "" for other geometries.
    """
    if geometry.get("type") == "rect":
        return "rect:" + _joined([geometry[name] for name in _RECT])
    if geometry.get("type") != "poly":
        return ""
    corners = list(zip(geometry["x"], geometry["y"], strict=True))
    if len(corners) > MOST_CORNERS:
        corners = [corners[round(k * (len(corners) - 1) / (MOST_CORNERS - 1))] for k in range(MOST_CORNERS)]
    return "poly:" + _joined([value for corner in corners for value in corner])


def selection_geometry(text: str) -> dict[str, Any]:
    """The geometry that ``Cloud.within`` takes. Raises ``ValueError`` for what ``selection_text`` never writes."""
    kind, _, numbers = text.partition(":")
    try:
        values = [float(number) for number in numbers.split(",")]
    except ValueError:
        values = []
    whole = values and all(map(math.isfinite, values))
    if whole and kind == "rect" and len(values) == len(_RECT):
        return {"type": "rect", **dict(zip(_RECT, values, strict=True))}
    if whole and kind == "poly" and len(values) % 2 == 0 and 3 <= len(values) // 2 <= MOST_CORNERS:
        return {"type": "poly", "x": values[::2], "y": values[1::2]}
    raise ValueError(
        f"a selection is rect:x0,x1,y0,y1 or poly:x,y,… of 3 to {MOST_CORNERS} corners; got {text[:60]!r}."
    )


def _joined(values: list[float]) -> str:
    return ",".join(f"{float(value):.{DIGITS}g}" for value in values)
