"""Surroundings of the object: clutter of other categories' parts on the ground, occluders in front."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gala_viz.collections.rendered import ray_tracing
from gala_viz.collections.rendered.categories import CATEGORIES, object_shape
from gala_viz.collections.rendered.shape import Shape, Solid, bounding_sphere, capsule, ellipsoid, rotation, transform


def clutter(category: str, rng: np.random.Generator, middle: NDArray, radius: float, world: NDArray) -> list[Shape]:
    """Draw parts of other categories that lie on the ground around the object but not in it.

    Parameters
    ----------
    category : str
        The object's category, of which no part is drawn.
    rng : Generator
        Draws number, kind and places.
    middle : array
        Middle (3,) of the object.
    radius : float
        Radius of the object, in world units.
    world : array
        float64 (``ray_tracing.WORLD``,), for the camera's position.

    Returns
    -------
    list of shapes
        Two to five parts.
    """
    out = []
    toward = world[ray_tracing.EYE : ray_tracing.EYE + 3] - middle
    toward = toward * (1, 0, 1) / np.linalg.norm(toward * (1, 0, 1))
    across = np.array([toward[2], 0, -toward[0]])
    for _ in range(int(rng.integers(2, 6))):
        other = str(rng.choice([name for name in CATEGORIES if name != category]))
        body, own = object_shape(other, rng)
        name = str(rng.choice(sorted({solid.part for solid in (own if rng.random() < 0.7 else body)})))
        piece = [solid for solid in [*body, *own] if solid.part == name]
        centre, size = bounding_sphere(piece)
        scale = rng.uniform(0.18, 0.4) * radius / size
        turn = rotation(*rng.uniform([-70, 0, -70], [70, 360, 70]))
        piece = transform(transform(piece, offset=-centre), scale=scale, rotation_matrix=turn)
        depth = rng.uniform(-2.2, 0.75)
        side = rng.uniform(-1.25, 1.25) * (1 - 0.28 * depth)
        if np.hypot(side, depth) < 1.05:
            side = np.copysign(np.sqrt(max(1.2**2 - depth**2, 0.2)), side)
        at = middle * (1, 0, 1) + radius * (side * across + depth * toward)
        low = min(float(solid.centre[1] - 0.8 * min(solid.dims[:2])) for solid in piece)
        out.append(transform(piece, offset=at - (0, low, 0)))
    return out


def occluders(rng: np.random.Generator, middle: NDArray, radius: float, world: NDArray) -> list[Shape]:
    """Draw stems and stones between the camera and the object.

    Parameters
    ----------
    rng : Generator
        Draws number, kind and places.
    middle : array
        Middle (3,) of the object.
    radius : float
        Radius of the object, in world units.
    world : array
        float64 (``ray_tracing.WORLD``,), for the camera's position and direction.

    Returns
    -------
    list of shapes
        Zero, one or two, each a few stems or one stone.
    """
    out = []
    eye = world[ray_tracing.EYE : ray_tracing.EYE + 3]
    right = world[ray_tracing.RIGHT : ray_tracing.RIGHT + 3]
    for _ in range(int(rng.choice([0, 1, 1, 2]))):
        share = rng.uniform(0.35, 0.62)
        foot = (eye + share * (middle - eye)) * (1, 0, 1) + right * radius * share * rng.uniform(-0.85, 0.85)
        size = radius * share
        if rng.random() < 0.6:
            count = int(rng.integers(1, 5))
            out.append([_stem(foot + right * rng.normal(0, 0.16) * size, right, size, rng) for _ in range(count)])
        else:
            radii = size * rng.uniform(0.14, 0.3, 3)
            out.append([ellipsoid("stone", foot + (0, radii[1] * 0.5, 0), radii, surface="skin2")])
    return out


def _stem(foot: NDArray, right: NDArray, size: float, rng: np.random.Generator) -> Solid:
    top = foot + (0, rng.uniform(0.5, 1.6) * size, 0) + right * rng.normal(0, 0.22) * size
    thick = rng.uniform(0.025, 0.06) * size
    return capsule("stem", foot, top, thick, thick * 0.4, surface="hair")
