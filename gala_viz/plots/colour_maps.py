"""Colour maps from colorcet: perceptually uniform, rising in lightness, and safe for colour-blind eyes.

Beside them stand the red and blue of a published figure, which people may ask for by name.
"""

from __future__ import annotations

import colorcet

from gala_viz.registry import Registry

SEQUENTIAL: Registry[tuple[str, ...]] = Registry(
    "colour map",
    {
        "Blue to yellow": tuple(colorcet.palette["CET_CBL2"]),
        "Fire": tuple(colorcet.palette["fire"]),
        "Ice": tuple(colorcet.palette["kbc"]),
        "Violet to yellow": tuple(colorcet.palette["bmy"]),
        "Grey": tuple(colorcet.palette["gray"]),
    },
)
"""Colour maps for values from 0 on: each has 256 colours whose lightness only rises, so the order is seen by all."""

DEFAULT_SEQUENTIAL = "Blue to yellow"

DIVERGING: tuple[str, ...] = tuple(colorcet.palette["CET_D1"])
"""Blue through neutral grey to red, equal in lightness at equal distances from the centre: for signed values."""

N_COLOURS = 256


def _blue_white_red() -> tuple[str, ...]:
    """Return pure blue through white to pure red, in equal steps to either side."""
    half = [round(255 * step / (N_COLOURS // 2)) for step in range(N_COLOURS // 2)]
    return (
        *(f"#{level:02x}{level:02x}ff" for level in half),
        *(f"#ff{level:02x}{level:02x}" for level in reversed(half)),
    )


DELTA_COLOURS: Registry[tuple[str, ...]] = Registry(
    "set of delta colours", {"default": DIVERGING, "paper": _blue_white_red()}
)
"""Colours of a delta in figures, from the first network's side to the second's. "paper" is after Linsley et al. 2019:
red where the network that was trained with ClickMe has the larger gradient, blue where the other has. Its red is
lighter than its blue; "default" is equal in lightness to either side."""
