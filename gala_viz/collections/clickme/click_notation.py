"""Clicks written as a text: tuples, JSON lists and objects, arrays of PostgreSQL and of NumPy. Read rightly or refused.

Numbers alone do not tell what they are: a flat list, a list of all x beside one of all y, a text that was cut off, or
clicks of two and of three numbers side by side are refused with what was expected.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

LARGEST = 1e6
"""A coordinate beyond is no position on an image."""
EXPECTED = "clicks are written like '[(12, 30), (14, 37)]'"
TIMES_NOTE = "Clicks have a third number, which is taken for a time, since it never falls within a round, and not used."
TWO_LISTS = "clicks are pairs (x, y); a list of x beside a list of y, without names, may also be read as pairs"
_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_ONE_CLICK = (
    rf"\(\s*{_NUMBER}\s*,\s*{_NUMBER}\s*\)",
    rf"\[\s*{_NUMBER}\s*,\s*{_NUMBER}\s*\]",
    rf"\{{\s*[\"']x[\"']\s*:\s*{_NUMBER}\s*,\s*[\"']y[\"']\s*:\s*{_NUMBER}\s*\}}",
)
_ROWS = [rf"{one}(?:\s*,\s*{one})*" for one in _ONE_CLICK]
_COMMON = re.compile("|".join([*(rf"\[\s*{row}\s*\]" for row in _ROWS), _ROWS[0]]), re.ASCII)
"""The forms that are common, and whose numbers are x and y in turn."""
_TO_SPACE = str.maketrans(dict.fromkeys("()[]{}\"',:xy", " "))
_SCALAR = re.compile(r"(?:(?:np|numpy)\.)?(?:float|int|uint)\d*\(\s*([^()]*)\)")
_DTYPE = re.compile(r",?\s*dtype\s*=\s*(?:'[\w<>|=]*'|\"[\w<>|=]*\"|[\w.]+)")
_ARRAY = re.compile(r"(?:(?:np|numpy)\.)?array\s*\(")
_OBJECT = re.compile(r"\{([^{}]*)\}")
_VALUE = rf"[\"']?(?:{_NUMBER}|\w+)[\"']?|\"[^\"]*\"|\(?\[[^\[\]]*\]\)?"
_ENTRY = re.compile(rf" ?[\"']?(\w+)[\"']? ?: ?({_VALUE}) ?(?:,|$)", re.ASCII)
_QUOTED = re.compile(rf"[\"'](\s*{_NUMBER}\s*)[\"']")
_GROUP = re.compile(r"[(\[]([^()\[\]]*)[)\]]")
_NUMBERS = re.compile(rf"\s*{_NUMBER}(?:\s*,\s*{_NUMBER})*\s*,?\s*|\s*{_NUMBER}(?:\s+{_NUMBER})*\s*", re.ASCII)
_MISSING = re.compile(r"\b(?:nan|inf|infinity|null|none)\b", re.IGNORECASE)
_AROUND = re.compile(r"[\s,\"'\\()\[\]]*")


def parse_points(text: str) -> tuple[NDArray[np.float64], bool]:
    """Parse x and y, float64 (click, 2), and whether each click had a third number, its time.

    Read are ``[(x, y), …]`` with or without the outer brackets, ``[[x, y], …]``, ``{"(x,y)","(x,y)"}`` and
    ``{{x,y},{x,y}}`` of PostgreSQL, ``[{"x": x, "y": y}, …]``, and what NumPy writes of such arrays. Of ``(x, y, t)``
    the third is a time and never falls. Raises ``ValueError`` for any other text.
    """
    text = text.strip()
    if _COMMON.fullmatch(text):
        return _checked(np.fromstring(text.translate(_TO_SPACE), sep=" ").reshape(-1, 2)), False
    bare = _without_numpy(text)
    bare = _OBJECT.sub(_clicks_of_object, bare).replace("{", "[").replace("}", "]")
    bare = _QUOTED.sub(r"\1", bare)
    if bare.count("[") != bare.count("]") or bare.count("(") != bare.count(")") or "..." in bare or "…" in bare:
        raise ValueError(f"{EXPECTED}, whole; this text was cut off; got {_shown(text)}.")
    groups = [group.group(1) for group in _GROUP.finditer(bare) if group.group(1).strip()]
    if not groups or not _AROUND.fullmatch(_GROUP.sub("", bare)):
        raise ValueError(f"{EXPECTED}; got {_shown(text)}.")
    if any(_MISSING.search(group) for group in groups):
        raise ValueError(f"each click has a position; got {_shown(text)}.")
    if not all(_NUMBERS.fullmatch(group) for group in groups):
        raise ValueError(f"{EXPECTED}; got {_shown(text)}.")
    numbers = [np.fromstring(group.replace(",", " "), sep=" ") for group in groups]
    return _of_groups(numbers, text)


def _of_groups(numbers: list[NDArray[np.float64]], text: str) -> tuple[NDArray[np.float64], bool]:
    """Return clicks of the innermost brackets' numbers."""
    sizes = {len(one) for one in numbers}
    if len(numbers) == 2 and len(sizes) == 1 and max(sizes) > 3:
        raise ValueError(f"{TWO_LISTS}; got {_shown(text)}.")
    if len(numbers) == 1 and max(sizes) > 3:
        raise ValueError(
            f"{EXPECTED}, each by itself; a flat list of numbers does not tell x from y; got {_shown(text)}."
        )
    if len(sizes) != 1 or not sizes <= {2, 3}:
        raise ValueError(f"all clicks have two numbers, (x, y), or all three, (x, y, time); got {_shown(text)}.")
    points = np.stack(numbers)
    if sizes == {2}:
        return _checked(points), False
    if (np.diff(points[:, 2]) < 0).any():
        raise ValueError(f"of clicks (x, y, time) the time never falls within a round; got {_shown(text)}.")
    return _checked(points[:, :2]), True


def parse_coordinates(text: str) -> NDArray[np.float64]:
    """Parse one list of numbers, x or y of all clicks, from its text. Raises ``ValueError`` for any other text."""
    bare = _without_numpy(text).strip()
    match = _GROUP.fullmatch(bare) or _GROUP.fullmatch(bare.removeprefix("(").removesuffix(")").strip())
    if match is None or not _NUMBERS.fullmatch(match.group(1)):
        raise ValueError(f"x, or y, of the clicks of a round are numbers like '[12, 14]'; got {_shown(text)}.")
    return np.fromstring(match.group(1).replace(",", " "), sep=" ")


def _without_numpy(text: str) -> str:
    text = " ".join(text.split())
    if "(" in text and any(word in text for word in ("array", "float", "int", "dtype")):
        text = _ARRAY.sub("(", _DTYPE.sub("", _SCALAR.sub(r"\1", text)))
    return text


def _clicks_of_object(found: re.Match[str]) -> str:
    """Return "(x, y)" for the text of an object with x and y, or several for one with lists of x and y."""
    content, entries, end = found.group(1), {}, 0
    if ":" not in content:
        return found.group()
    while (entry := _ENTRY.match(content, end)) and entry.group(1).lower() not in entries:
        entries[entry.group(1).lower()], end = entry.group(2).strip("\"'()"), entry.end()
    if content[end:].strip() or not {"x", "y"} <= entries.keys():
        raise ValueError(f"a click is an object with one x and one y; got {_shown(found.group())}.")
    x, y = entries["x"], entries["y"]
    if x.startswith("[") != y.startswith("["):
        raise ValueError(f"x and y are both numbers or both lists; got {_shown(found.group())}.")
    if not x.startswith("["):
        return f"({x}, {y})"
    of_x, of_y = parse_coordinates(x), parse_coordinates(y)
    if len(of_x) != len(of_y):
        raise ValueError(f"a round has as many x as y; this one has {len(of_x)} and {len(of_y)}.")
    return ", ".join(f"({a!r}, {b!r})" for a, b in zip(of_x.tolist(), of_y.tolist(), strict=True))


def _checked(points: NDArray[np.float64]) -> NDArray[np.float64]:
    if not (np.abs(points) <= LARGEST).all():  # NaN included
        raise ValueError("a click lies further than any image reaches.")
    return points


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")
