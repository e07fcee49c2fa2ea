"""Which values the ends of a colour bar stand for: one scale for both networks, one per map, or the raw range.

The page draws with the same rules in the browser (``panels/colour_scale.js``); a browser test compares the two.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from gala_viz.registry import unknown_name

ColourScale = Literal["shared", "per map", "raw"]
COLOUR_SCALES: tuple[ColourScale, ...] = get_args(ColourScale)
CLIP_PERCENTILE = 99.5
"""Upper end of ``shared`` and ``per map``: a few extreme pixels are clamped and do not darken all others."""


def finite_percentile(values: NDArray[np.floating], percentile: float) -> float:
    """Return the value below which ``percentile`` per cent of the finite ``values`` lie, interpolated.

    Returns 0.0 where no value is finite.
    """
    finite = values[np.isfinite(values)]
    return float(np.percentile(finite, percentile)) if finite.size else 0.0


def colour_limits(
    maps: NDArray[np.floating], scale: ColourScale = "shared", *, from_zero: bool = False
) -> list[tuple[float, float]]:
    """Return the (low, high) of each map's colour bar; ``maps`` is (map, y, x), NaN left out.

    ``per map`` gives each map its own range, from 0 to its 99.5th percentile. ``shared`` gives all maps the largest of
    these ranges. Values above are clamped. ``raw`` gives all maps one range that clamps nothing, from the smallest
    value, or with ``from_zero`` from 0, as attention norms are drawn. If any map has negative values, all ranges are
    symmetric about 0. A map of zeros gets (0, 1): nothing is amplified. Raises ``ValueError`` for an unknown scale.
    """
    if scale not in COLOUR_SCALES:
        raise ValueError(unknown_name("scale", scale, list(COLOUR_SCALES)))
    signed = bool(np.nanmin(maps, initial=0.0) < 0)
    size = np.abs(maps) if signed else maps
    if scale == "raw":
        high = [float(np.nanmax(size, initial=0.0))] * len(maps)
    else:
        high = [finite_percentile(one, CLIP_PERCENTILE) for one in size]
        if scale == "shared":
            high = [max(high)] * len(maps)
    ends = [end if end > 0 else 1.0 for end in high]
    if signed:
        return [(-end, end) for end in ends]
    low = float(np.nanmin(maps, initial=np.inf)) if scale == "raw" and not from_zero else 0.0
    return [(low if low < end else 0.0, end) for end in ends]


def delta_limit(delta: NDArray[np.floating], scale: ColourScale = "shared") -> float:
    """Return the upper end of a delta's colour bar; the lower end is minus that, so that 0 is the neutral centre."""
    return colour_limits(np.abs(delta)[None], "raw" if scale == "raw" else "per map")[0][1]


def percentile_rank(values: NDArray[np.floating], value: float) -> float:
    """Return the share, in per cent, of the finite ``values`` that are at most ``value``.

    Returns NaN where ``value`` is not finite or no value is.
    """
    finite = values[np.isfinite(values)]
    known = finite.size and np.isfinite(value)
    return float(100 * np.count_nonzero(finite <= value) / finite.size) if known else float("nan")
