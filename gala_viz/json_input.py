"""JSON from untrusted senders: its size, its depth and its texts are checked in one place."""

from __future__ import annotations

import json
from typing import Any


class InvalidJsonError(ValueError):
    """Content that is no JSON, or that no page of ours sends; the message says why."""


def parse_json(content: str | bytes, max_bytes: int) -> Any:
    """Return the value of ``content``, JSON of at most ``max_bytes`` bytes (of a str: characters).

    Raises ``InvalidJsonError`` for any other content.

    Examples
    --------
    >>> parse_json(b'{"agreed": true}', 1000)
    {'agreed': True}
    >>> parse_json("[" * 100_000, 10**6)
    Traceback (most recent call last):
    ...
    gala_viz.json_input.InvalidJsonError: a message is JSON.
    """
    if len(content) > max_bytes:
        raise InvalidJsonError(f"a message has at most {max_bytes} bytes.")
    try:
        value = json.loads(content)
        problem = text_problem(value)
    except (ValueError, RecursionError):
        raise InvalidJsonError("a message is JSON.") from None
    if problem:
        raise InvalidJsonError(problem)
    return value


def text_problem(value: Any) -> str:
    """Return why a text within ``value``, of lists and dicts, cannot be stored or sent on; "" where all can.

    Half of a character (a lone surrogate) has no UTF-8, and PostgreSQL stores no U+0000. Raises ``RecursionError``
    where ``value`` is nested too deep.
    """
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
            return "a text is valid Unicode, without U+0000."
        return ""
    if isinstance(value, dict):
        return next(filter(None, (text_problem(one) for pair in value.items() for one in pair)), "")
    return next(filter(None, map(text_problem, value)), "") if isinstance(value, list | tuple) else ""
