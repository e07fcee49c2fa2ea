"""Messages of a player's page: their sizes, types and names are checked before all else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gala_viz.json_input import InvalidJsonError, parse_json

MAX_BYTES = 16_384
MAX_POINTS = 160
MAX_TEXT = 200
SKIP_REASONS = ("cannot see it", "wrong category", "offensive", "other")


class InvalidMessageError(ValueError):
    """A message that no page of this game sends."""


@dataclass(frozen=True, slots=True)
class HelloMessage:
    """A page has opened: its pointer ("mouse", "pen", "touch"), whether it is a phone, and the screen in CSS pixels.

    ``surface_rule`` is the rule by which it keeps its paint surface in place, None where it has none.
    """

    pointer: str
    mobile: bool
    screen_px: tuple[int, int]
    surface_rule: int | None = None


@dataclass(frozen=True, slots=True)
class NicknameMessage:
    """The page wants a nickname, "" for none."""

    nickname: str


@dataclass(frozen=True, slots=True)
class NextRoundMessage:
    """The page wants a round, on ``image`` if it is named."""

    image: str | None


@dataclass(frozen=True, slots=True)
class PaintMessage:
    """Points (x, y, t), in canvas pixels and ms of the page's clock, of the round called ``round``.

    ``n_refusals`` is how many refusals of its points the page has heard of in this round, None where it does not count.
    """

    round: str
    points: tuple[tuple[float, float, float], ...]
    n_refusals: int | None = None


@dataclass(frozen=True, slots=True)
class SkipMessage:
    """The player gives up the round."""

    round: str
    reason: str


@dataclass(frozen=True, slots=True)
class LeaderboardMessage:
    """The page wants the leaderboard."""

    period: str


Message = HelloMessage | NicknameMessage | NextRoundMessage | PaintMessage | SkipMessage | LeaderboardMessage


def parse_message(content: str | bytes) -> Message:
    """Parse and check a message of a page. Raises ``InvalidMessageError`` for what no page sends."""
    try:
        message = parse_json(content, MAX_BYTES)
    except InvalidJsonError as error:
        raise InvalidMessageError(str(error)) from None
    if not isinstance(message, dict):
        raise InvalidMessageError("a message is a JSON object.")
    kind = message.get("type")
    if not isinstance(kind, str) or kind not in _READ:
        raise InvalidMessageError(f"a message has a type among {', '.join(_READ)}.")
    return _READ[kind](message)


def _hello(message: Mapping[str, Any]) -> HelloMessage:
    """Check the message of a page that has opened."""
    pointer = _text(message, "pointer")
    if pointer not in ("mouse", "pen", "touch"):
        raise InvalidMessageError("pointer is mouse, pen or touch.")
    screen = message.get("screen_px")
    if not isinstance(screen, list) or len(screen) != 2:
        raise InvalidMessageError("screen_px is a width and a height.")
    width, height = (_number(value, "screen_px") for value in screen)
    if not (0 <= width <= 100_000 and 0 <= height <= 100_000):
        raise InvalidMessageError("screen_px is a width and a height.")
    rule = _whole_number(message, "surface_rule", 1)
    return HelloMessage(pointer, message.get("mobile") is True, (int(width), int(height)), rule)


def _paint(message: Mapping[str, Any]) -> PaintMessage:
    """Check the message with points of a round."""
    points = message.get("points")
    if not isinstance(points, list) or not 1 <= len(points) <= MAX_POINTS:
        raise InvalidMessageError(f"points are a list of 1 to {MAX_POINTS}.")
    checked = []
    for point in points:
        if not isinstance(point, list) or len(point) != 3:
            raise InvalidMessageError("a point is [x, y, t].")
        x, y, t = (_number(value, "a point's number") for value in point)
        checked.append((x, y, t))
    return PaintMessage(_text(message, "round"), tuple(checked), _whole_number(message, "n_refusals", 0))


def _skip(message: Mapping[str, Any]) -> SkipMessage:
    reason = _text(message, "reason")
    if reason not in SKIP_REASONS:
        raise InvalidMessageError(f"a reason is one of {', '.join(SKIP_REASONS)}.")
    return SkipMessage(_text(message, "round"), reason)


def _next(message: Mapping[str, Any]) -> NextRoundMessage:
    return NextRoundMessage(_text(message, "image", 1000) if message.get("image") is not None else None)


def _leaders(message: Mapping[str, Any]) -> LeaderboardMessage:
    span = _text(message, "span")
    if span not in ("today", "week", "all"):
        raise InvalidMessageError("span is today, week or all.")
    return LeaderboardMessage(span)


def _text(message: Mapping[str, Any], key: str, longest: int = MAX_TEXT) -> str:
    value = message.get(key)
    if not isinstance(value, str) or len(value) > longest:
        raise InvalidMessageError(f"{key} is a text of at most {longest} letters.")
    return value


def _whole_number(message: Mapping[str, Any], key: str, least: int) -> int | None:
    value = message.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not least <= value <= 1000):
        raise InvalidMessageError(f"{key} is a number from {least} to 1000.")
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
    "name": lambda message: NicknameMessage(_text(message, "nickname")),
    "next": _next,
    "paint": _paint,
    "skip": _skip,
    "leaders": _leaders,
}
