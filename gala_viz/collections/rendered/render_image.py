"""Rendering of a photograph and its part map from a seed.

Both are the same on any machine, up to the last bit of a few pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gala_viz.collections.rendered import ray_tracing, solids
from gala_viz.collections.rendered.categories import CATEGORIES, diagnostic_parts, part_ids
from gala_viz.collections.rendered.colours import linear_to_srgb
from gala_viz.collections.rendered.random_scene import Scene, random_scene
from gala_viz.collections.rendered.rendering_rng import named_rng
from gala_viz.collections.rendered.rendering_spec import RenderingSpec

MIN_VISIBLE_FRACTION = 0.012
"""Smallest share of an image that the diagnostic parts cover; scenes that hide more of them are drawn again."""
GRAIN_STD = 1.4 / 255
HiddenParts = Literal["nothing", "diagnostic", "body"]


@dataclass(frozen=True, slots=True)
class Rendering:
    """A photograph, uint8 RGB (y, x, 3), and its part map, uint8 (y, x).

    Ids of parts are those of ``part_ids``, ``CLUTTER`` and ``OCCLUDER``.
    """

    photo: NDArray[np.uint8]
    parts: NDArray[np.uint8]


def render_image(
    spec: RenderingSpec, split: str, category: str, number: int, hidden: HiddenParts = "nothing"
) -> Rendering:
    """Render one image of the collection.

    Scenes are drawn, 50 at most, until the diagnostic parts cover ``MIN_VISIBLE_FRACTION`` of the image.

    Parameters
    ----------
    spec : RenderingSpec
        Settings of all images.
    split : str
        "train", "validation" or "test".
    category : str
        One of ``CATEGORIES``.
    number : int
        Number of the image in its category and split.
    hidden : {"nothing", "diagnostic", "body"}
        Which of the object's parts are left out of the drawn scene.

    Returns
    -------
    Rendering
        The photograph and its part map.
    """
    for trial in range(50):
        rng = named_rng("rendered", spec.seed, split, category, number, trial)
        scene = random_scene(category, rng, nuisance_factors(spec, split, category, rng))
        light_and_parts = trace_scene(scene, spec.side_px)
        ids = [part_ids(category)[name] for name in diagnostic_parts(category)]
        if np.isin(light_and_parts[1], ids).mean() >= MIN_VISIBLE_FRACTION:
            break
    if hidden != "nothing":
        light_and_parts = trace_scene(remove_parts(scene, hidden), spec.side_px)
    light, parts = light_and_parts
    grain = named_rng("grain", spec.seed, split, category, number).normal(0, GRAIN_STD, light.shape)
    photo = np.rint(np.clip(linear_to_srgb(light) + grain, 0, 1) * 255).astype(np.uint8)
    return Rendering(photo, parts.astype(np.uint8))


def nuisance_factors(spec: RenderingSpec, split: str, category: str, rng: np.random.Generator) -> tuple[int, int]:
    """Draw the nuisance factors of an image: body colour and environment.

    In the training split each is the category's own with probability ``spec.shortcut``, else any.

    Parameters
    ----------
    spec : RenderingSpec
        Gives the seed and the probability.
    split : str
        "train", "validation" or "test".
    category : str
        One of ``CATEGORIES``.
    rng : Generator
        Draws the factors.

    Returns
    -------
    tuple of int
        (number of the body colour, number of the environment), each from 0 to 11.
    """
    own = CATEGORIES.index(category)
    count = len(CATEGORIES)
    colours, environments = (named_rng("shortcut", spec.seed, what).permutation(count) for what in ("colour", "place"))
    samples = rng.random(2), rng.integers(count, size=2)
    is_own = samples[0] < spec.shortcut if split == "train" else (False, False)
    return (
        int(colours[own] if is_own[0] else samples[1][0]),
        int(environments[own] if is_own[1] else samples[1][1]),
    )


def trace_scene(scene: Scene, side_px: int) -> tuple[NDArray[np.float64], NDArray[np.int16]]:
    """Trace a scene: return linear light (y, x, 3) and part ids (y, x) of ``side_px`` pixels a side."""
    light, parts = np.zeros((side_px, side_px, 3)), np.zeros((side_px, side_px), np.int16)
    ray_tracing.render_scene(
        scene.world,
        scene.solids,
        scene.objects,
        scene.surfaces,
        scene.tile,
        scene.sky,
        scene.hills,
        np.zeros(solids.MAX_ACTIVE, np.int64),
        np.zeros((2, 3)),
        np.zeros(3),
        light,
        parts,
    )
    return light, parts


def remove_parts(scene: Scene, hidden: HiddenParts) -> Scene:
    """Return the scene without the object's diagnostic parts, or without its body.

    Nothing else changes, shadows apart.
    """
    ids = part_ids(scene.category)
    diagnostic = {ids[name] for name in diagnostic_parts(scene.category)}
    removed_ids = diagnostic if hidden == "diagnostic" else set(ids.values()) - diagnostic
    keep = ~np.isin(scene.solids[:, solids.PART], list(removed_ids))
    before = np.concatenate([[0], np.cumsum(keep)])
    objects = scene.objects.copy()
    for column in (ray_tracing.START, ray_tracing.END):
        objects[:, column] = before[objects[:, column].astype(int)]
    return Scene(
        category=scene.category,
        world=scene.world,
        solids=scene.solids[keep],
        objects=objects,
        surfaces=scene.surfaces,
        tile=scene.tile,
        sky=scene.sky,
        hills=scene.hills,
    )
