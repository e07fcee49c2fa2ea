"""Whether positions are in the pixels of their photographs: a written rule, with numbers and advice.

Of the positions on up to 200 images:

1. more than half outside of the photographs: refused in any case;
2. where nothing was declared, all within 1.5 of the origin: shares of the sides;
3. where nothing was declared, more than ``MAX_OUTSIDE`` outside (of fewer than 20, a fifth): another display, scale or
   origin;
4. where nothing was declared, ``MIN_POINTS`` or more whose middle 99 % span less than ``MIN_SPAN`` of both sides: a
   smaller frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gala_viz.collections.human_maps.map_checks import MapFileError
from gala_viz.collections.human_maps.points import is_in_frame

MAX_OUTSIDE = 0.05
MIN_POINTS = 200
MIN_SPAN = 0.6
_MOST = 0.5
_FEW, _MAX_OF_FEW = 20, 0.2
_UNIT = 1.5
_MIN_FRAME_PX = 16
_OWN = "if they are in the photographs' own pixels after all, say so with --offset 0 0"


@dataclass(frozen=True, slots=True)
class FramePoints:
    """Positions on one image, x and y (point,), and the (height, width) of the frame over which they should range."""

    x_px: np.ndarray
    y_px: np.ndarray
    frame_px: tuple[int, int]


def check_frame(parts: Sequence[FramePoints], *, is_declared: bool) -> tuple[int, int]:
    """Return how many positions lie outside of their frames, and how many there are.

    ``is_declared`` says that the frame was told, by the user or by the file. Raises ``MapFileError`` where the rule
    refuses them.
    """
    x = np.concatenate([part.x_px for part in parts])
    y = np.concatenate([part.y_px for part in parts])
    counts = [len(part.x_px) for part in parts]
    height, width = (np.repeat([part.frame_px[axis] for part in parts], counts) for axis in (0, 1))
    n = len(x)
    if not n:
        raise MapFileError("there is no fixation on the images that were looked at.")
    outside = float(np.mean(~is_in_frame(x, y, width, height)))
    swapped = float(np.mean(~is_in_frame(y, x, width, height)))
    if not is_declared and min(height.min(), width.min()) >= _MIN_FRAME_PX and n > 1:
        extreme = np.nanmax(np.abs(np.concatenate([x, y])))
        if extreme <= _UNIT:
            raise MapFileError(
                f"all positions lie within {extreme:.3g} of the origin: are they shares of the photograph's sides? "
                f"Then say --units fraction; {_OWN}."
            )
    most = _MOST if is_declared else MAX_OUTSIDE if n >= _FEW else _MAX_OF_FEW
    if outside > most:
        ranges = f"x from {np.nanmin(x):.0f} to {np.nanmax(x):.0f}, y from {np.nanmin(y):.0f} to {np.nanmax(y):.0f}"
        sizes = f"{np.median(width):.0f} x {np.median(height):.0f} px"
        message = f"{outside:.0%} of {n:,} fixations lie outside of their photographs ({ranges}; photographs: {sizes})"
        if swapped < outside / 2:
            raise MapFileError(f"{message}; with x and y swapped {swapped:.0%} would: --swap-xy.")
        raise MapFileError(
            f"{message}: they were recorded in another frame. Tell where the photograph's top left corner was on the "
            "display (--offset X Y) and, if it was scaled, how large it was shown (--frame HEIGHT WIDTH)"
            f"{'' if is_declared or outside > _MOST else f'; {_OWN}'}."
        )
    if not is_declared and n >= MIN_POINTS:
        inside = is_in_frame(x, y, width, height)
        spans = [float(np.diff(np.quantile(part[inside], (0.005, 0.995)))[0]) for part in (x / width, y / height)]
        if max(spans) < MIN_SPAN:
            raise MapFileError(
                f"99 % of {n:,} fixations span only {spans[0]:.0%} of the photographs' width and {spans[1]:.0%} of "
                "their height: they may have been recorded in a smaller frame. Tell at which size the photograph was "
                f"shown (--frame HEIGHT WIDTH), and where (--offset X Y); {_OWN}."
            )
    return round(outside * n), n
