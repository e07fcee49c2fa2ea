"""Large JSON files read entry by entry, so that not all of it is in memory as objects at once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gala_viz.collections.human_maps.map_checks import MapFileError
from gala_viz.error_text import error_message

MAX_BYTES = 2_000_000_000
_SPACE = re.compile(r"[ \t\r\n]*")
_decoder = json.JSONDecoder()


def json_entries(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield (key, entry) of a JSON file that is a list, or an object of lists and values.

    A list yields (``""``, entry) for each of its entries, an object (key, entry) for each entry of its lists, and (key,
    value) for what is no list. Raises ``MapFileError`` for a file that is too large, not UTF-8 or no JSON.
    """
    if path.stat().st_size > MAX_BYTES:
        raise MapFileError(f"{path.name} is larger than {MAX_BYTES / 1e9:g} GB.")
    try:
        text = path.read_text(encoding="utf-8-sig")
        at = _skip(text, 0)
        if text[at : at + 1] == "[":
            end = yield from _items(text, at, "")
        elif text[at : at + 1] == "{":
            end = yield from _members(text, at)
        else:
            raise ValueError("a list or an object was expected")
        if _skip(text, end) != len(text):
            raise ValueError("something follows its end")
    except (ValueError, RecursionError) as error:
        message = "nested too deeply" if isinstance(error, RecursionError) else error_message(error)
        raise MapFileError(f"{path.name} is no JSON file in UTF-8 ({message}).") from None


def _members(text: str, at: int) -> Iterator[tuple[str, Any]]:
    at = _skip(text, at + 1)
    while text[at : at + 1] != "}":
        key, at = _decoder.raw_decode(text, at)
        at = _after(text, at, ":")
        if text[at : at + 1] == "[":
            at = yield from _items(text, at, str(key))
        else:
            value, at = _decoder.raw_decode(text, at)
            yield str(key), value
        at = _next(text, at, "}")
    return at + 1


def _items(text: str, at: int, key: str) -> Iterator[tuple[str, Any]]:
    at = _skip(text, at + 1)
    while text[at : at + 1] != "]":
        value, at = _decoder.raw_decode(text, at)
        yield key, value
        at = _next(text, at, "]")
    return at + 1


def _next(text: str, at: int, end: str) -> int:
    """Return the place of the next entry, or of ``end``."""
    at = _skip(text, at)
    return at if text[at : at + 1] == end else _after(text, at, ",")


def _after(text: str, at: int, sign: str) -> int:
    at = _skip(text, at)
    if text[at : at + 1] != sign:
        raise ValueError(f"{sign!r} was expected at character {at}")
    return _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
