"""The twelve categories: their shapes, the names and numbers of their parts, and which parts are diagnostic."""

from __future__ import annotations

from functools import cache

import numpy as np

from gala_viz.collections.rendered import animals, vehicles
from gala_viz.collections.rendered.animals import ANIMALS
from gala_viz.collections.rendered.shape import Shape
from gala_viz.collections.rendered.vehicles import VEHICLES

CATEGORIES: tuple[str, ...] = (*ANIMALS, *VEHICLES)
CLUTTER, OCCLUDER = 100, 101
"""Part ids of what is no part of the object: clutter of other categories' parts, and occluders in front."""
BODY_PARTS = {"animal": ("torso", "head", "legs", "tail"), "vehicle": ("chassis", "cab", "wheels")}


def superclass_of(category: str) -> str:
    """Return the superclass of a category: "animal" or "vehicle"."""
    return "animal" if category in ANIMALS else "vehicle"


def object_shape(category: str, rng: np.random.Generator) -> tuple[Shape, Shape]:
    """Draw the body that the superclass shares, and the parts that tell ``category`` from the rest of it."""
    family, kinds = (animals, ANIMALS) if category in ANIMALS else (vehicles, VEHICLES)
    body, measures = family.body(rng)
    return body, kinds[category](measures, rng)


def part_ids(category: str) -> dict[str, int]:
    """Return part -> its id in part maps, from 1; the body's parts come first, the diagnostic ones after them."""
    names = (*BODY_PARTS[superclass_of(category)], *diagnostic_parts(category))
    return {name: number for number, name in enumerate(names, start=1)}


@cache
def diagnostic_parts(category: str) -> tuple[str, ...]:
    """Return the names of the parts without which the category cannot be told from the others of its superclass."""
    _, own = object_shape(category, np.random.default_rng(0))
    return tuple(dict.fromkeys(solid.part for solid in own))
