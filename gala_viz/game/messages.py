"""What a player's page may say, read with suspicion: sizes, types and names are checked before all else."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_BYTES = 16_384
MAX_POINTS = 160
MAX_TEXT = 200
SKIP_REASONS = ("cannot see it", "wrong category", "offensive", "other")


class InvalidMessageError(ValueError):
    """A message that no page of this game sends."""


@dataclass(frozen=True, slots=True)
class HelloMessage:
    """A page has opened: its pointer ("mouse", "pen", "touch"), whether it is a phone, and the screen's pixels.

    ``surface_rule`` is the rule by which it keeps its paint surface in place, None where it has none.
    """

    pointer: str
    mobile: bool
    screen_px: tuple[int, int]
    surface_rule: int | None = None


@dataclass(frozen=True, slots=True)
class NicknameMessage:
    """A nickname is wanted, "" for none."""

    nickname: str


@dataclass(frozen=True, slots=True)
class NextRoundMessage:
    """A round is wanted, on ``image`` if it is named."""

    image: str | None


@dataclass(frozen=True, slots=True)
class PaintMessage:
    """Points (x, y, t) of the round called ``round``."""

    round: str
    points: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True, slots=True)
class SkipMessage:
    """The round is given up."""

    round: str
    reason: str


@dataclass(frozen=True, slots=True)
class LeaderboardMessage:
    """The leaderboard is wanted."""

    period: str


Message = HelloMessage | NicknameMessage | NextRoundMessage | PaintMessage | SkipMessage | LeaderboardMessage


def parse_message(content: str | bytes) -> Message:
    """What a page says. Raises ``InvalidMessageError``."""
    if len(content) > MAX_BYTES:
        raise InvalidMessageError(f"a message has at most {MAX_BYTES} bytes.")
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        raise InvalidMessageError("a message is JSON.") from None
    if not isinstance(told, dict):
        raise InvalidMessageError("a message is a JSON object.")
    kind = told.get("type")
    if not isinstance(kind, str) or kind not in _READ:
        raise InvalidMessageError(f"a message has a type among {', '.join(_READ)}.")
    return _READ[kind](told)


def _hello(told: Mapping[str, Any]) -> HelloMessage:
    pointer = _text(told, "pointer")
    if pointer not in ("mouse", "pen", "touch"):
        raise InvalidMessageError("pointer is mouse, pen or touch.")
    screen = told.get("screen_px")
    if not isinstance(screen, list) or len(screen) != 2:
        raise InvalidMessageError("screen_px is a width and a height.")
    width, height = (_number(value, "screen_px") for value in screen)
    if not (0 <= width <= 100_000 and 0 <= height <= 100_000):
        raise InvalidMessageError("screen_px is a width and a height.")
    rule = told.get("surface_rule")
    if rule is not None and (isinstance(rule, bool) or not isinstance(rule, int) or not 1 <= rule <= 1000):
        raise InvalidMessageError("surface_rule is a number from 1 to 1000.")
    return HelloMessage(pointer, told.get("mobile") is True, (int(width), int(height)), rule)


def _paint(told: Mapping[str, Any]) -> PaintMessage:
    points = told.get("points")
    if not isinstance(points, list) or not 1 <= len(points) <= MAX_POINTS:
        raise InvalidMessageError(f"points are a list of 1 to {MAX_POINTS}.")
    found = []
    for point in points:
        if not isinstance(point, list) or len(point) != 3:
            raise InvalidMessageError("a point is [x, y, t].")
        x, y, t = (_number(value, "a point's number") for value in point)
        found.append((x, y, t))
    return PaintMessage(_text(told, "round"), tuple(found))


def _skip(told: Mapping[str, Any]) -> SkipMessage:
    reason = _text(told, "reason")
    if reason not in SKIP_REASONS:
        raise InvalidMessageError(f"a reason is one of {', '.join(SKIP_REASONS)}.")
    return SkipMessage(_text(told, "round"), reason)


def _next(told: Mapping[str, Any]) -> NextRoundMessage:
    return NextRoundMessage(_text(told, "image", 1000) if told.get("image") is not None else None)


def _leaders(told: Mapping[str, Any]) -> LeaderboardMessage:
    span = _text(told, "span")
    if span not in ("today", "week", "all"):
        raise InvalidMessageError("span is today, week or all.")
    return LeaderboardMessage(span)


def _text(told: Mapping[str, Any], key: str, longest: int = MAX_TEXT) -> str:
    value = told.get(key)
    if not isinstance(value, str) or len(value) > longest:
        raise InvalidMessageError(f"{key} is a text of at most {longest} letters.")
    return value


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidMessageError(f"{what} is a finite number.")
    try:
        number = float(value)
    except OverflowError:  # an integer of hundreds of digits
        number = math.inf
    if not math.isfinite(number):
        raise InvalidMessageError(f"{what} is a finite number.")
    return number


_READ = {
    "hello": _hello,
    "name": lambda told: NicknameMessage(_text(told, "nickname")),
    "next": _next,
    "paint": _paint,
    "skip": _skip,
    "leaders": _leaders,
}
