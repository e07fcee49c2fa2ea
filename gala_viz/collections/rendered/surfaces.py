"""Surfaces of objects: skin in the body's colour, and materials whose colour hardly changes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gala_viz.collections.rendered import ray_tracing
from gala_viz.collections.rendered.colours import body_colour, srgb_to_linear

SURFACES = (
    "skin",
    "skin2",
    "accent",
    "hair",
    "fluff",
    "bone",
    "hoof",
    "dark",
    "metal",
    "glass",
    "rubber",
    "lamp",
    "beacon",
    "soil",
)


def random_surfaces(number: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw the surfaces of one object whose body has colour ``number``: (surface, ``ray_tracing.SURFACE_COLUMNS``).

    The rows are in the order of ``SURFACES``, colours in linear RGB.
    """
    skin = np.array(body_colour(number, rng))
    accent = np.array(body_colour(int(rng.integers(12)), rng))
    pattern = float(rng.choice([ray_tracing.MOTTLED, ray_tracing.MOTTLED, ray_tracing.STRIPED, ray_tracing.SPOTTED]))
    scale, depth = rng.uniform(5, 9), rng.uniform(0.62, 0.85)
    grey = np.ones(3)
    appearance = {
        "skin": (skin, skin * depth, pattern, scale, 0.12, 14),
        "skin2": (skin * 0.86, skin * 0.7, ray_tracing.MOTTLED, scale, 0.1, 12),
        "accent": (accent, accent * 0.8, ray_tracing.MOTTLED, 4, 0.3, 30),
        "hair": (skin * 0.55, skin * 0.34, ray_tracing.STRIPED, 16, 0.05, 8),
        "fluff": (0.5 * skin + 0.45, 0.5 * skin + 0.3, ray_tracing.MOTTLED, 12, 0.02, 6),
        "bone": (np.array([0.90, 0.85, 0.74]), np.array([0.68, 0.60, 0.48]), ray_tracing.MOTTLED, 9, 0.2, 24),
        "hoof": (skin * 0.42, skin * 0.3, ray_tracing.PLAIN, 4, 0.1, 20),
        "dark": (grey * 0.1, grey * 0.06, ray_tracing.PLAIN, 4, 0.5, 40),
        "metal": (grey * rng.uniform(0.6, 0.8), grey * 0.5, ray_tracing.MOTTLED, 5, 0.7, 40),
        "glass": (np.array([0.2, 0.27, 0.33]), np.array([0.32, 0.4, 0.46]), ray_tracing.MOTTLED, 2, 0.9, 60),
        "rubber": (grey * 0.16, grey * 0.1, ray_tracing.MOTTLED, 12, 0.05, 8),
        "lamp": (np.array([0.97, 0.95, 0.84]), grey, ray_tracing.PLAIN, 4, 0.6, 30),
        "beacon": (np.array([0.98, 0.58, 0.10]), np.array([0.98, 0.7, 0.3]), ray_tracing.PLAIN, 4, 0.8, 30),
        "soil": (np.array([0.46, 0.36, 0.26]), np.array([0.3, 0.23, 0.17]), ray_tracing.MOTTLED, 14, 0.0, 8),
    }
    out = np.array([[*appearance[name][0], *appearance[name][1], *appearance[name][2:]] for name in SURFACES], float)
    out[:, :6] = srgb_to_linear(np.clip(out[:, :6], 0, 1))
    return out
