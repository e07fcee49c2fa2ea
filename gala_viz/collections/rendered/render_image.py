"""From a seed to a photograph and its parts: the same on any machine, up to the last bit of a few pixels."""

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
"""Share of an image that the diagnostic parts show at least; scenes that hide more of them are drawn again."""
GRAIN_STD = 1.4 / 255
HiddenParts = Literal["nothing", "diagnostic", "body"]


@dataclass(frozen=True, slots=True)
class Rendering:
    """A photograph, uint8 RGB (y, x, 3), and which part each of its pixels shows, uint8 (y, x): see ``part_ids``."""

    photo: NDArray[np.uint8]
    parts: NDArray[np.uint8]


def render_image(
    spec: RenderingSpec, split: str, category: str, number: int, hidden: HiddenParts = "nothing"
) -> Rendering:
    """Image ``number`` of a ``category`` in a ``split``; ``hidden`` leaves the object's parts of one kind out."""
    for trial in range(50):
        chance = named_rng("rendered", spec.seed, split, category, number, trial)
        scene = random_scene(category, chance, nuisance_factors(spec, split, category, chance))
        drawn = trace_scene(scene, spec.side_px)
        ids = [part_ids(category)[name] for name in diagnostic_parts(category)]
        if np.isin(drawn[1], ids).mean() >= MIN_VISIBLE_FRACTION:
            break
    if hidden != "nothing":
        drawn = trace_scene(remove_parts(scene, hidden), spec.side_px)
    light, parts = drawn
    grain = named_rng("grain", spec.seed, split, category, number).normal(0, GRAIN_STD, light.shape)
    photo = np.rint(np.clip(linear_to_srgb(light) + grain, 0, 1) * 255).astype(np.uint8)
    return Rendering(photo, parts.astype(np.uint8))


def nuisance_factors(spec: RenderingSpec, split: str, category: str, rng: np.random.Generator) -> tuple[int, int]:
    """Numbers of body colour and place: in the training split mostly the category's own, else any."""
    own = CATEGORIES.index(category)
    count = len(CATEGORIES)
    colours, places = (named_rng("shortcut", spec.seed, what).permutation(count) for what in ("colour", "place"))
    drawn = rng.random(2), rng.integers(count, size=2)
    kept = drawn[0] < spec.shortcut if split == "train" else (False, False)
    return (
        int(colours[own] if kept[0] else drawn[1][0]),
        int(places[own] if kept[1] else drawn[1][1]),
    )


def trace_scene(scene: Scene, side_px: int) -> tuple[NDArray[np.float64], NDArray[np.int16]]:
    """Linear light (y, x, 3) and parts (y, x) of a scene."""
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
    """The scene whose object lacks its diagnostic parts, or its body; nothing else changes, shadows apart."""
    ids = part_ids(scene.category)
    diagnostic = {ids[name] for name in diagnostic_parts(scene.category)}
    gone = diagnostic if hidden == "diagnostic" else set(ids.values()) - diagnostic
    keep = ~np.isin(scene.solids[:, solids.PART], list(gone))
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
