"""Whether the paint surface may have moved under the pointer while a round was played, as far as its records tell.

In windows up to 760 px wide the page of the game once laid itself out anew when the first guesses of a round came: the
photograph dropped by some 80 px, and a finger that was held still painted 6 to 7 px a step up to the canvas's edge.
Rounds recorded by such a page hold points that nobody meant. Records tell the screen and the pointer, not the window.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

NARROW_WINDOW_PX = 760
"""Windows up to this wide had the surface above the guesses, and it moved with them."""
FIXED_SURFACE_RULES = frozenset({1})
"""Rules of pages (``surface_rule``) by which the surface keeps its place in the window while a round runs."""
RULE = "surface-moved-1"


class SurfaceMotion(StrEnum):
    """Whether the surface moved in a round, by the rule ``RULE``."""

    NO = "no"
    YES = "yes"
    POSSIBLY = "possibly"
    UNKNOWN = "not known"


MEANINGS: Mapping[SurfaceMotion, str] = {
    SurfaceMotion.NO: "the page that recorded the round keeps the surface in place, or the participant was simulated",
    SurfaceMotion.YES: f"recorded by an older page on a screen that is at most {NARROW_WINDOW_PX} px wide however "
    "it is turned: from the first guesses on the points may be false",
    SurfaceMotion.POSSIBLY: "recorded by an older page with a finger or a pen, on a telephone, or on a screen at most "
    f"{NARROW_WINDOW_PX} px wide as it was held: in a window at most {NARROW_WINDOW_PX} px wide the surface moved",
    SurfaceMotion.UNKNOWN: "recorded by an older page, with a mouse on a wider screen or without a word about the "
    f"device; how wide the window was is not recorded, and in one at most {NARROW_WINDOW_PX} px wide the surface moved",
}


class RoundRecording(NamedTuple):
    """How a round was recorded, as far as the records say; ``ended_ms`` since 1970."""

    surface_motion: SurfaceMotion
    ended_ms: int


def classify_surface_motion(
    *, surface_rule: int | None, simulated: bool, mobile: bool, device: Mapping[str, Any] | None
) -> SurfaceMotion:
    """Return whether the paint surface may have moved in one round.

    Parameters
    ----------
    surface_rule : int or None
        Rule that the page named; None for pages that named none.
    simulated : bool
        Whether the participant is a simulated one, who has no page.
    mobile : bool
        Whether the page ran on a telephone.
    device : mapping or None
        Of the session: ``pointer`` (mouse, pen, touch) and ``screen_px``, the screen's width and height in CSS pixels.

    Returns
    -------
    SurfaceMotion
        The answer by ``RULE``; ``MEANINGS`` explains it.
    """
    if simulated or surface_rule in FIXED_SURFACE_RULES:
        return SurfaceMotion.NO
    device = device or {}
    width, height = _screen(device.get("screen_px"))
    if width and max(width, height) <= NARROW_WINDOW_PX:
        return SurfaceMotion.YES
    if mobile or device.get("pointer") in ("touch", "pen") or 0 < width <= NARROW_WINDOW_PX:
        return SurfaceMotion.POSSIBLY
    return SurfaceMotion.UNKNOWN


def surface_motion_report(rounds: Iterable[RoundRecording]) -> dict[str, Any]:
    """Return the rule, and for each of its answers the meaning, how many rounds, and their first and last day (UTC)."""
    counts: Counter[SurfaceMotion] = Counter()
    days: dict[SurfaceMotion, tuple[str, str]] = {}
    for one in rounds:
        counts[one.surface_motion] += 1
        day = f"{datetime.fromtimestamp(one.ended_ms / 1000, UTC):%Y-%m-%d}"
        first, last = days.get(one.surface_motion, (day, day))
        days[one.surface_motion] = (min(first, day), max(last, day))
    answers = {
        str(motion): {
            "meaning": meaning,
            "rounds": counts[motion],
            **({"first_day": days[motion][0], "last_day": days[motion][1]} if motion in days else {}),
        }
        for motion, meaning in MEANINGS.items()
    }
    return {"rule": RULE, "answers": answers}


def _screen(screen_px: Any) -> tuple[float, float]:
    """Return width and height; 0 where they are not known."""
    if not isinstance(screen_px, list | tuple) or len(screen_px) != 2:
        return 0.0, 0.0
    width, height = (float(one) if isinstance(one, int | float) else 0.0 for one in screen_px)
    return (width, height) if width > 0 and height > 0 else (0.0, 0.0)
