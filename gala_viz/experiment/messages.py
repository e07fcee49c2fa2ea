"""Messages of an experiment's page about its screen and its trials, checked before all else."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gala_viz.experiment.experiment_spec import WINDOW_EVENTS

MAX_DURATION_MS = 7 * 86_400_000.0
"""Longest duration: while a tab is hidden its frames stand still, and what was shown goes on in the next one."""
FRAME_BOUNDS_MS = (1.0, 100.0)
"""A frame of any screen: 10 to 1,000 a second."""
MAX_FRAMES = MAX_DURATION_MS / FRAME_BOUNDS_MS[0]
CLIENT_KEY_PATTERN = re.compile(r"[A-Za-z0-9_-]{16,64}")
"""A random text by which a page makes its requests repeatable."""


class InvalidResultError(ValueError):
    """A message that no page of an experiment sends."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Screen:
    """A page's measurements before the first trial: ms of a frame, the window in CSS pixels, whether it is a phone."""

    frame_ms: float
    window_px: tuple[int, int]
    mobile: bool

    @classmethod
    def parse(cls, message: Any) -> Screen:
        """Parse and check a message. Raises ``InvalidResultError``."""
        message = _mapping(message)
        window = message.get("window_px")
        if not isinstance(window, list) or len(window) != 2:
            raise InvalidResultError("window_px is a width and a height.")
        width, height = (_number(one, "window_px", 0, 100_000) for one in window)
        frame = _number(message.get("frame_ms"), "frame_ms", *FRAME_BOUNDS_MS)
        return cls(frame_ms=frame, window_px=(int(width), int(height)), mobile=message.get("mobile") is True)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialResult:
    """Result of one trial by the page's clock. ``rt_ms`` (from onset) is None without a key.

    ``fixation_ms``, ``stimulus_ms`` and ``window_ms`` (from the stimulus' offset to the trial's end) are by the times
    of the frames, which last ``frame_ms``. ``hidden``, ``blurred``, ``resized`` and ``left_full_screen`` are the window
    events of the trial. ``client_key`` is that of the page that began the trial. Values from ``window_ms`` on are None
    in results of pages that do not measure them: not known.
    """

    number: int
    key: str | None
    rt_ms: float | None
    fixation_ms: float
    stimulus_ms: float
    elapsed_ms: float
    dropped_frames: int
    window_ms: float | None = None
    frame_ms: float | None = None
    hidden: bool | None = None
    blurred: bool | None = None
    resized: bool | None = None
    left_full_screen: bool | None = None
    client_key: str | None = None

    @classmethod
    def parse(cls, message: Any) -> TrialResult:
        """Parse and check a message. Raises ``InvalidResultError``."""
        message = _mapping(message)
        key, rt = message.get("key"), message.get("rt_ms")
        if (key is None) != (rt is None):
            raise InvalidResultError("a key has a time, and a time a key.")
        if key is not None and (not isinstance(key, str) or len(key) != 1):
            raise InvalidResultError("a key is one letter.")
        return cls(
            number=parse_trial_number(message),
            key=key,
            rt_ms=None if rt is None else _number(rt, "rt_ms", -MAX_DURATION_MS, MAX_DURATION_MS),
            fixation_ms=_number(message.get("fixation_ms"), "fixation_ms", 0, MAX_DURATION_MS),
            stimulus_ms=_number(message.get("stimulus_ms"), "stimulus_ms", 0, MAX_DURATION_MS),
            elapsed_ms=_number(message.get("elapsed_ms"), "elapsed_ms", 0, MAX_DURATION_MS),
            dropped_frames=int(_number(message.get("dropped_frames"), "dropped_frames", 0, MAX_FRAMES)),
            window_ms=_number_in_range(message, "window_ms", 0, MAX_DURATION_MS),
            frame_ms=_number_in_range(message, "frame_ms", *FRAME_BOUNDS_MS),
            **{event: _mark(message, event) for event in WINDOW_EVENTS},
            client_key=parse_client_key(message),
        )


def parse_trial_number(message: Any) -> int:
    """Return the number of the trial that a message is about. Raises ``InvalidResultError``."""
    number = _mapping(message).get("number")
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 1_000_000:
        raise InvalidResultError("number is that of a trial.")
    return number


def parse_client_key(message: Any) -> str | None:
    """Return the key by which a request can be sent twice; None where the page sends none.

    Raises ``InvalidResultError``.
    """
    key = _mapping(message).get("client_key")
    if key is not None and (not isinstance(key, str) or not CLIENT_KEY_PATTERN.fullmatch(key)):
        raise InvalidResultError("client_key is 16 to 64 letters, digits, - or _.")
    return key


def parse_session_id(message: Any) -> str | None:
    """Return the id of the session that a message is about; None where the page sends none.

    Raises ``InvalidResultError``.
    """
    session_id = _mapping(message).get("sitting")
    if session_id is not None and (not isinstance(session_id, str) or len(session_id) > 64):
        raise InvalidResultError("sitting is the id that the seat told.")
    return session_id


def _number_in_range(message: Mapping[str, Any], what: str, low: float, high: float) -> float | None:
    return None if message.get(what) is None else _number(message[what], what, low, high)


def _mark(message: Mapping[str, Any], event: str) -> bool | None:
    value = message.get(event)
    if value is not None and not isinstance(value, bool):
        raise InvalidResultError(f"{event} is true, false or not told.")
    return value


def _mapping(message: Any) -> Mapping[str, Any]:
    if not isinstance(message, dict):
        raise InvalidResultError("a JSON object was expected.")
    return message


def _number(value: Any, what: str, low: float, high: float) -> float:
    try:
        is_number = not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:  # an integer of hundreds of digits
        is_number = False
    if not is_number:
        raise InvalidResultError(f"{what} is a finite number.")
    if not low <= value <= high:
        raise InvalidResultError(f"{what} lies between {low:g} and {high:g}; got {value:g}.")
    return float(value)
