"""Single values of a table's entries, which are written in many ways: a truth value, a number, a text.

Tables that went through pandas or NumPy hold an entry as it is, as a list or an array of one, as an empty one where it
is not known, or as the text of any of these: ``[False]``, ``array([0])``, ``[]``, ``[np.False_]``.
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

UNKNOWN_WORDS = frozenset({"", "nan", "none", "null", "na", "n/a", "<na>", "nat"})
NO_PARTICIPANT = frozenset({"", "nan", "none", "null"})
_TRUTHS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
_DTYPE = re.compile(r",?\s*dtype\s*=\s*[\w.'\"<>|]+\s*$")
_CALL = re.compile(r"(?:(?:np|numpy)\.)?(?:array|bool_?|bool8|int\d*|float\d*|str_)\((.*)\)", re.DOTALL)
_NUMPY_TRUTH = re.compile(r"(?:np|numpy)\.(true|false)_?")
_BRACKETS = {"[": "]", "(": ")", "{": "}"}


def single_value(entry: Any) -> Any:
    """Return what an entry holds: the value of a list or an array of one, None of an empty one; equal values are one.

    Raises ``ValueError`` for several values that differ.
    """
    while isinstance(entry, (list, tuple, set, frozenset, np.ndarray)):
        values = entry.ravel().tolist() if isinstance(entry, np.ndarray) else list(entry)
        if not values:
            return None
        first, *others = (single_value(value) for value in values)
        if any(not _same(first, other) for other in others):
            raise ValueError(f"one value was expected; got {_quoted(values)}.")
        entry = first
    return entry.item() if isinstance(entry, np.generic) else entry


def parse_bool(entry: Any, name: str) -> bool | None:
    """Parse a truth value; None where it is not known. Raises ``ValueError`` for what is neither true nor false."""
    entry = single_value(entry)
    if isinstance(entry, bytes):
        entry = parse_text(entry)
    if isinstance(entry, str):
        return _truth_of_text(entry, name)
    if entry is None or (isinstance(entry, float) and math.isnan(entry)):
        return None
    if isinstance(entry, (bool, int, float)) and entry in (0, 1):
        return bool(entry)
    raise ValueError(f"{name} is true, false, 1 or 0; got {_quoted(entry)}.")


def parse_number(entry: Any, name: str) -> float | None:
    """Parse a number; None where it is not known. Raises ``ValueError`` for what is no number."""
    entry = single_value(entry)
    if isinstance(entry, (bytes, str)):
        words = _words(parse_text(entry))
        if len(set(words)) > 1:
            raise ValueError(f"{name} is one number; got {_quoted(entry)}.")
        entry = words[0] if words else None
    try:
        number = math.nan if entry is None else float(entry)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is a number; got {_quoted(entry)}.") from None
    return None if math.isnan(number) else number


def parse_count(entry: Any, name: str) -> int | None:
    """Parse a whole number from 0 on; None where it is not known. Raises ``ValueError`` for any other."""
    number = parse_number(entry, name)
    if number is not None and not (number >= 0 and number == int(number)):
        raise ValueError(f"{name} is a whole number from 0 on; got {_quoted(entry)}.")
    return None if number is None else int(number)


def parse_text(entry: Any) -> str:
    """Parse a text; "" where there is none (None, NaN, an empty entry). Raises ``ValueError`` for bytes not UTF-8."""
    entry = single_value(entry)
    if entry is None or (isinstance(entry, float) and math.isnan(entry)):
        return ""
    if isinstance(entry, bytes):
        try:
            return entry.decode("utf-8").strip()
        except UnicodeDecodeError:
            raise ValueError(f"a text in UTF-8 was expected; got {_quoted(entry)}.") from None
    return str(entry).strip()


def parse_participant(entry: Any) -> str:
    """Parse a participant's id. Raises ``ValueError`` where there is none: unknown participants are not one person."""
    name = parse_text(entry)
    if name.lower() in NO_PARTICIPANT:
        raise ValueError("there is no user_id.")
    return name


def _truth_of_text(text: str, name: str) -> bool | None:
    words = _words(text)
    unknown = [word for word in words if word not in _TRUTHS]
    if unknown or len({_TRUTHS[word] for word in words}) > 1:
        raise ValueError(f"{name} is true, false, 1 or 0; got {_quoted(text)}.")
    return _TRUTHS[words[0]] if words else None


def _words(text: str) -> list[str]:
    """Split the text of a value, a list or an array into words, without those that stand for "not known"."""
    text = text.strip()
    while True:
        bare = _DTYPE.sub("", text).strip()
        if call := _CALL.fullmatch(bare):
            bare = call.group(1).strip()
        elif len(bare) > 1 and _BRACKETS.get(bare[0]) == bare[-1]:
            bare = bare[1:-1].strip()
        if bare == text:
            break
        text = bare
    words = []
    for part in re.split(r"[,\s]+", text):
        word = part.strip().strip("'\"").lower()
        if call := _CALL.fullmatch(word):
            word = call.group(1)
        word = _NUMPY_TRUTH.sub(r"\1", word).strip("[](){}")
        if word not in UNKNOWN_WORDS:
            words.append(word)
    return words


def _same(first: Any, second: Any) -> bool:
    both_nan = isinstance(first, float) and isinstance(second, float) and math.isnan(first) and math.isnan(second)
    return both_nan or (type(first) is type(second) and first == second)


def _quoted(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 40 else f"{shown[:40]}…"
