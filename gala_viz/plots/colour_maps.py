"""Colour maps, all from colorcet: perceptually uniform, rising in lightness, and safe for colour-blind eyes."""

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
