"""Whether clicks are in the pixels of their photographs: a rule on where they lie, with error rates that were measured.

Four things speak against it: all positions are fractions; clicks lie outside; fewer would with x and y swapped; or no
click reaches the far part of photographs, beyond a coordinate or a share of the side. On square photographs of one size
a swap cannot be known. ``benchmarks/click_frames.py`` measures how often each is seen, and how often wrongly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gala_viz.collections.human_maps.points import is_in_frame

MAX_OUTSIDE, MIN_OUTSIDE = 0.05, 5
"""A share of clicks outside, and their least number, by which the frame is another one; of half of them any number."""
SWAP_OUTSIDE, MIN_SWAP_OUTSIDE, SWAP_RATIO = 0.01, 10, 0.1
"""A smaller share counts where at most ``SWAP_RATIO`` of it would lie outside with x and y swapped."""
MIN_EXPECTED = 5.0
"""Images on which a click beyond the largest coordinate is expected at least, where none is."""
FEW_BEYOND, STRAY_IMAGES = 0.2, 0.01
"""A share of the images may have stray clicks: they are left out if those beyond are few of the expected."""
LARGEST_FRACTION, WITHIN = 2.0, 0.9
"""Fractions of sides: none beyond, and so many of them from 0 to 1; not all are whole numbers."""

Fault = Literal["fraction", "outside", "swapped", "narrow"]


@dataclass(frozen=True, slots=True)
class CheckedClicks:
    """Clicks on some images: x and y (click,), each click's image (click,), width and height (image,) of the frames."""

    x_px: NDArray
    y_px: NDArray
    image: NDArray
    width_px: NDArray
    height_px: NDArray


@dataclass(frozen=True, slots=True)
class FrameCheck:
    """What was seen of the frame: numbers of clicks, of images and of clicks outside, and what speaks against it.

    ``reason`` says it in numbers, without the advice; "" where nothing speaks against it.
    """

    n_clicks: int
    n_images: int
    n_outside: int
    fault: Fault | None
    reason: str = ""


def check_frame(clicks: CheckedClicks, *, is_declared: bool = False) -> FrameCheck:
    """Check whether clicks are in the frames that they are said to be in.

    Parameters
    ----------
    clicks : CheckedClicks
        All clicks on some images.
    is_declared : bool
        Whether the frame was declared, so that clicks need not reach its far part.

    Returns
    -------
    FrameCheck
        Numbers, and the first of the faults in the module's order.
    """
    n, n_images = len(clicks.x_px), len(clicks.width_px)
    if not n:
        return FrameCheck(0, n_images, 0, None)
    width, height = clicks.width_px[clicks.image], clicks.height_px[clicks.image]
    n_outside = int((~is_in_frame(clicks.x_px, clicks.y_px, width, height)).sum())
    n_swapped = int((~is_in_frame(clicks.y_px, clicks.x_px, width, height)).sum())
    largest = (float(clicks.x_px.max()), float(clicks.y_px.max()))

    def found(fault: Fault | None, reason: str = "") -> FrameCheck:
        return FrameCheck(n, n_images, n_outside, fault, reason)

    if _are_fractions(clicks):
        return found(
            "fraction", f"all coordinates are fractions; the largest are x = {largest[0]:g}, y = {largest[1]:g}"
        )
    share, swapped = n_outside / n, n_swapped / n
    reason = (
        f"{_percent(share)} of the clicks lie outside of their photographs ({n_outside:,} of {n:,} on {n_images:,} "
    )
    reason += f"images), {_percent(swapped)} would with x and y swapped; "
    reason += f"the largest are x = {largest[0]:g}, y = {largest[1]:g}"
    is_many = share > 0.5 or (share >= MAX_OUTSIDE and n_outside >= MIN_OUTSIDE)
    is_swap = n_outside >= MIN_SWAP_OUTSIDE and share >= SWAP_OUTSIDE and swapped <= SWAP_RATIO * share
    if is_swap or (is_many and swapped < share / 2):
        return found("swapped", reason)
    if is_many:
        return found("outside", reason)
    if not is_declared:
        for axis, values, sides in (("x", clicks.x_px, clicks.width_px), ("y", clicks.y_px, clicks.height_px)):
            side = "width" if axis == "x" else "height"
            narrow = _narrow(f"{axis} = {{:g}}", values, clicks.image, sides) or _narrow(
                f"{{:.2f}} of the {side}", values / sides[clicks.image], clicks.image, np.ones(len(sides))
            )
            if narrow:
                return found("narrow", f"{narrow}; the largest are x = {largest[0]:g}, y = {largest[1]:g}")
    return found(None)


def _are_fractions(clicks: CheckedClicks) -> bool:
    values = np.concatenate([clicks.x_px, clicks.y_px])
    if not (np.abs(values) <= LARGEST_FRACTION).all() or (values == np.rint(values)).all():
        return False
    return bool(((values >= 0) & (values <= 1)).mean() >= WITHIN)


def _narrow(beyond: str, values: NDArray, image: NDArray, sides: NDArray) -> str:
    """Say that clicks end before the sides of photographs do, where that is no chance; "" elsewhere.

    ``beyond`` is how the coordinate is told at which they end.

    Of an image whose side reaches beyond a coordinate by the share s, clicks beyond are expected with a probability of
    s², less than people's; images are counted and not clicks, since those on one image lie together.
    """
    reached = np.full(len(sides), -np.inf)
    np.maximum.at(reached, image, values)
    ranked = np.sort(reached)[::-1]
    for n_strays in dict.fromkeys((0, int(STRAY_IMAGES * len(ranked)))):
        limit = float(ranked[n_strays])
        if limit < 0:
            continue
        larger = sides > limit
        expected = float(((1 - limit / sides[larger]) ** 2).sum())
        n_beyond = int((reached[larger] > limit).sum())
        if expected >= MIN_EXPECTED and n_beyond <= FEW_BEYOND * expected:
            on = f"{n_beyond} of {int(larger.sum()):,} photographs that reach further"
            return f"on {on} clicks lie beyond {beyond.format(limit)}, where {expected:.0f} or more are expected"
    return ""


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.1 or not share else f"{share:.1%}"
