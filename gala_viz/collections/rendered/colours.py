"""Colours of bodies, of environments and of light. All are given in sRGB (or its HSV) and used as linear light."""

from __future__ import annotations

from colorsys import hsv_to_rgb
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Colour = tuple[float, float, float]


def srgb_to_linear(colour: Colour | NDArray) -> NDArray[np.float64]:
    """Convert sRGB in [0, 1] to linear light."""
    values = np.asarray(colour, float)
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(light: NDArray) -> NDArray[np.float64]:
    """Convert linear light to sRGB in [0, 1]; bright parts are compressed rather than cut."""
    light = np.maximum(light, 0.0)
    bright = light > 0.7
    light[bright] = 0.7 + 0.3 * (1 - np.exp(-(light[bright] - 0.7) / 0.3))
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


BODY_COLOURS: tuple[tuple[float, float, float], ...] = (
    (0.02, 0.62, 0.62),
    (0.06, 0.58, 0.70),
    (0.10, 0.55, 0.78),
    (0.14, 0.50, 0.72),
    (0.24, 0.38, 0.58),
    (0.38, 0.36, 0.52),
    (0.48, 0.38, 0.56),
    (0.55, 0.42, 0.66),
    (0.62, 0.44, 0.62),
    (0.74, 0.32, 0.58),
    (0.92, 0.36, 0.66),
    (0.08, 0.12, 0.56),
)
"""Twelve body colours (hue, saturation, value), one for each category in a split where colour predicts it."""


def body_colour(number: int, rng: np.random.Generator) -> Colour:
    """Draw a colour near body colour ``number``, sRGB in [0, 1]."""
    hue, saturation, value = BODY_COLOURS[number]
    return hsv_to_rgb(
        (hue + rng.normal(0, 0.008)) % 1.0,
        float(np.clip(saturation * rng.uniform(0.85, 1.15), 0, 1)),
        float(np.clip(value * rng.uniform(0.88, 1.12), 0, 1)),
    )


@dataclass(frozen=True, slots=True)
class Environment:
    """The ground in two colours, hills, and the sky at the top and at the horizon, in sRGB in [0, 1]."""

    name: str
    ground: Colour
    second: Colour
    hill: Colour
    sky_top: Colour
    sky_low: Colour
    contrast: float = 0.3


def _share(per_cent: tuple[int, int, int]) -> Colour:
    """Convert a colour in per cent to one in [0, 1]."""
    red, green, blue = per_cent
    return red / 100, green / 100, blue / 100


_PLACES = {  # ground, second colour of the ground, hills, top of the sky, horizon, in per cent of sRGB
    "meadow": ((42, 55, 22), (26, 42, 16), (30, 44, 32), (38, 60, 88), (80, 88, 94)),
    "dunes": ((88, 74, 52), (74, 58, 38), (78, 62, 46), (40, 62, 86), (93, 89, 80)),
    "snow": ((94, 96, 99), (76, 82, 90), (62, 68, 78), (52, 66, 84), (90, 93, 96)),
    "asphalt": ((46, 46, 48), (32, 32, 35), (45, 45, 50), (58, 66, 76), (84, 86, 88)),
    "forest floor": ((36, 28, 18), (20, 22, 12), (16, 27, 18), (60, 72, 72), (78, 84, 78)),
    "red earth": ((70, 38, 26), (50, 24, 17), (62, 36, 30), (36, 56, 84), (92, 84, 78)),
    "wet sand": ((60, 54, 46), (42, 42, 42), (34, 48, 58), (44, 64, 82), (80, 88, 90)),
    "stubble": ((82, 70, 36), (60, 47, 22), (52, 54, 30), (46, 66, 90), (90, 92, 90)),
    "gravel": ((66, 63, 58), (42, 40, 38), (48, 50, 50), (66, 72, 78), (88, 88, 86)),
    "moss": ((34, 44, 30), (22, 28, 24), (26, 34, 36), (66, 72, 76), (82, 86, 86)),
    "evening field": ((50, 42, 30), (32, 28, 26), (36, 28, 36), (42, 44, 66), (97, 76, 58)),
    "slate": ((44, 50, 58), (28, 32, 40), (34, 38, 48), (50, 58, 70), (80, 82, 88)),
}
_CONTRAST = {"wet sand": 0.22, "gravel": 0.42}
ENVIRONMENTS: tuple[Environment, ...] = tuple(
    Environment(name, *(_share(colour) for colour in colours), contrast=_CONTRAST.get(name, 0.3))
    for name, colours in _PLACES.items()
)
"""Twelve environments, one for each category in a split where the environment predicts it."""
