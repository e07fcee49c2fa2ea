"""Whether points are in the pixels of their photographs: one rule for clicks and fixations, told with numbers.

Four things speak against it: all positions are fractions; points lie outside; fewer would with x and y swapped; or no
point reaches the far part of photographs, beyond a coordinate or a share of the side. On square photographs of one size
a swap cannot be known. ``benchmarks/click_frames.py`` and ``benchmarks/fixation_frames.py`` measure how often each is
seen, and how often wrongly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gala_viz.collections.human_maps.map_checks import MapFileError, spread
from gala_viz.collections.human_maps.points import Points, is_in_frame
from gala_viz.counts import counted

MAX_CHECKED_IMAGES, MAX_CHECKED_POINTS = 500, 2000
"""Images that are compared, spread over all, and points on each of them."""
MOST_OUTSIDE = 0.5
"""A share of points outside by which the frame is another one, however few they are and whatever was declared."""
MAX_OUTSIDE, MIN_OUTSIDE = 0.05, 5
"""A share of points outside, and their least number, by which an undeclared frame is another one."""
SWAP_OUTSIDE, MIN_SWAP_OUTSIDE, SWAP_RATIO = 0.01, 10, 0.1
"""A smaller share counts where at most ``SWAP_RATIO`` of it would lie outside with x and y swapped."""
MIN_EXPECTED = 5.0
"""Images on which a point beyond the largest coordinate is expected at least, where none is."""
FEW_BEYOND, STRAY_IMAGES = 0.2, 0.01
"""A share of the images may have stray points: they are left out if those beyond are few of the expected."""
MIN_SPANNING, MIDDLE = 200, (0.005, 0.995)
"""Points of which the middle 99 % must span a share of a side, where ``check_frame`` is told one."""
LARGEST_FRACTION, WITHIN = 2.0, 0.9
"""Fractions of sides: none beyond, and so many of them from 0 to 1; not all are whole numbers."""

Fault = Literal["fraction", "outside", "swapped", "narrow"]
Declared = Literal["nothing", "size", "positions"]
"""What is declared of a frame: its size alone, which need not be filled; or where the photograph is in it, too."""

SizeFunction = Callable[[str], tuple[int, int]]
"""Takes an image's id and returns (height, width) of its photograph in pixels."""

_MEANT: dict[Fault, str] = {
    "fraction": "are they shares of the photographs' sides (--units fraction)?",
    "swapped": "are x and y swapped (--swap-xy, swap_xy=True)?",
}
_OTHER = "were they recorded in another frame than the photograph's pixels (--frame HEIGHT WIDTH)?"


@dataclass(frozen=True, slots=True)
class FramePoints:
    """Points on some images: x and y (point,), each point's image (point,), width and height (image,) of the frames."""

    x_px: NDArray
    y_px: NDArray
    image: NDArray
    width_px: NDArray
    height_px: NDArray


@dataclass(frozen=True, slots=True)
class FrameCheck:
    """What was seen of the frame: numbers of points, of images and of points outside, and what speaks against it.

    ``reason`` says it in numbers, without the advice; "" where nothing speaks against it. A point without a position
    is outside.
    """

    noun: str
    n_points: int
    n_images: int
    n_outside: int
    fault: Fault | None
    reason: str = ""

    def refuse(self, advice: str) -> None:
        """Raise ``MapFileError`` where something speaks against the frame; ``advice`` says how to declare one."""
        if self.fault is not None:
            raise MapFileError(f"{self.reason}; {_MEANT.get(self.fault, _OTHER)} {advice}")

    def description(self) -> str:
        """Describe in a sentence how many points lie outside."""
        return (
            f"Outside of their photographs, and not counted, are {self.n_outside:,} of "
            f"{counted(self.n_points, self.noun)} on {counted(self.n_images, 'image')}."
        )


def frame_points(images: Sequence[str], points_on: Callable[[str], tuple[Points, tuple[int, int]]]) -> FramePoints:
    """Collect the points on some images, spread over all.

    Parameters
    ----------
    images : sequence of str
        Images that have points.
    points_on : callable
        Takes an image; returns its points and the (height, width) of their frame. An image is passed over for which it
        raises ``ValueError`` or ``OSError``: a photograph that cannot be used is listed when it is shown.

    Returns
    -------
    FramePoints
        At most ``MAX_CHECKED_POINTS`` on each of ``MAX_CHECKED_IMAGES``.

    Raises
    ------
    MapFileError
        No image can be compared with its photograph.
    """
    x, y, frames = [], [], []
    for image in spread(images, MAX_CHECKED_IMAGES):
        try:
            points, frame_px = points_on(image)
        except (ValueError, OSError):
            continue
        every = -(-len(points.x_px) // MAX_CHECKED_POINTS) or 1
        x.append(points.x_px[::every])
        y.append(points.y_px[::every])
        frames.append(frame_px)
    if not frames:
        raise MapFileError(
            "no image can be compared with its photograph: none can be read, or the file tells sizes of other "
            "proportions. Are these the photographs that were shown?"
        )
    height, width = np.array(frames, float).T
    image = np.repeat(np.arange(len(x)), [len(one) for one in x])
    return FramePoints(np.concatenate(x), np.concatenate(y), image, width, height)


def check_frame(
    points: FramePoints, noun: str = "point", *, declared: Declared = "nothing", min_span: float = 0.0
) -> FrameCheck:
    """Check whether points are in the frames that they are said to be in.

    Parameters
    ----------
    points : FramePoints
        All points on some images.
    noun : str
        What a point is called in sentences.
    declared : str
        "size": points need not reach the frame's far part; "positions": they are believed, unless most are outside.
    min_span : float
        Share of one of the sides, at least, over which 200 points or more spread. 0 for clicks, where a round is one
        stroke on one object: those of some images may well stay in the middle. Fixations are looks of their own.

    Returns
    -------
    FrameCheck
        Numbers, and the first of the faults in the module's order.
    """
    n, n_images = len(points.x_px), len(points.width_px)
    if not n:
        return FrameCheck(noun, 0, n_images, 0, None)
    width, height = points.width_px[points.image], points.height_px[points.image]
    inside = is_in_frame(points.x_px, points.y_px, width, height)
    n_outside = n - int(inside.sum())
    n_swapped = n - int(is_in_frame(points.y_px, points.x_px, width, height).sum())

    def check(fault: Fault | None, reason: str = "") -> FrameCheck:
        return FrameCheck(noun, n, n_images, n_outside, fault, reason)

    share, swapped = n_outside / n, n_swapped / n
    is_many = share > MOST_OUTSIDE
    if declared != "positions":
        if _are_fractions(points):
            return check("fraction", f"all coordinates are fractions; {_ranges(points)}")
        is_many |= share >= MAX_OUTSIDE and n_outside >= MIN_OUTSIDE
        if n_outside >= MIN_SWAP_OUTSIDE and share >= SWAP_OUTSIDE and swapped <= SWAP_RATIO * share:
            return check("swapped", _outside_text(points, noun, n_outside, swapped))
    if is_many:
        is_swap = swapped < share / 2
        return check("swapped" if is_swap else "outside", _outside_text(points, noun, n_outside, swapped))
    if declared == "nothing" and (reason := _narrow_reason(points, noun) or _span_reason(points, inside, min_span)):
        return check("narrow", f"{reason}; {_ranges(points)}")
    return check(None)


def _are_fractions(points: FramePoints) -> bool:
    values = np.concatenate([points.x_px, points.y_px])
    values = values[np.isfinite(values)]
    if not len(values) or not (np.abs(values) <= LARGEST_FRACTION).all() or (values == np.rint(values)).all():
        return False
    return bool(((values >= 0) & (values <= 1)).mean() >= WITHIN)


def _outside_text(points: FramePoints, noun: str, n_outside: int, swapped: float) -> str:
    n = len(points.x_px)
    return (
        f"{_percent(n_outside / n)} of the {noun}s lie outside of their photographs ({n_outside:,} of {n:,} on "
        f"{counted(len(points.width_px), 'image')}), {_percent(swapped)} would with x and y swapped; {_ranges(points)}"
    )


def _ranges(points: FramePoints) -> str:
    """Say from where to where positions go, and how large the photographs are."""
    (left, top), (right, bottom) = (
        [end.reduce(one) for one in (points.x_px, points.y_px)] for end in (np.fmin, np.fmax)
    )
    sides = np.unique(np.stack([points.width_px, points.height_px], axis=1), axis=0)
    of = "the photographs" if len(sides) == 1 else "the photographs' frames, at the median,"
    size = np.median(np.stack([points.width_px, points.height_px]), axis=1)
    return f"x is {left:g} to {right:g}, y {top:g} to {bottom:g}, {of} {size[0]:g} x {size[1]:g} px"


def _narrow_reason(points: FramePoints, noun: str) -> str:
    """Say that points end before the sides of photographs do, where that is no chance; "" elsewhere."""
    for axis, side, values, sides in (
        ("x", "width", points.x_px, points.width_px),
        ("y", "height", points.y_px, points.height_px),
    ):
        values = np.where(np.isfinite(values), values, -np.inf)
        shares = values / sides[points.image]
        if reason := (
            _narrow(f"{noun}s lie beyond {axis} = {{:g}}", values, points.image, sides)
            or _narrow(f"{noun}s lie beyond {{:.2f}} of the {side}", shares, points.image, np.ones(len(sides)))
        ):
            return reason
    return ""


def _narrow(beyond: str, values: NDArray, image: NDArray, sides: NDArray) -> str:
    """Say that points end before the sides of photographs do along one axis; "" where that may be chance.

    ``beyond`` is how the coordinate is told at which they end.

    Of an image whose side reaches beyond a coordinate by the share s, points beyond are expected with a probability of
    s², less than people's; images are counted and not points, since those on one image lie together.
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
            return f"on {on} {beyond.format(limit)}, where {expected:.0f} or more are expected"
    return ""


def _span_reason(points: FramePoints, inside: NDArray, min_span: float) -> str:
    """Say that most points stay within less than ``min_span`` of both sides; "" elsewhere, and of few points."""
    if not min_span or len(inside) < MIN_SPANNING:
        return ""
    axes = ((points.x_px, points.width_px), (points.y_px, points.height_px))
    shares = [(values / sides[points.image])[inside] for values, sides in axes]
    spans = [float(np.diff(np.quantile(one, MIDDLE))[0]) for one in shares]
    if max(spans) >= min_span:
        return ""
    across, down = (f"{one:.0%}" for one in spans)
    return f"99 % of {len(inside):,} positions span only {across} of the photographs' width and {down} of their height"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.1 or not share else f"{share:.1%}"
