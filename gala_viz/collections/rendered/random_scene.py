"""One random scene: an object, clutter of parts of other categories, occluders, an environment, a light."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from gala_viz.collections.rendered import ray_tracing, solids
from gala_viz.collections.rendered.categories import CLUTTER, OCCLUDER, object_shape, part_ids
from gala_viz.collections.rendered.colours import ENVIRONMENTS, Environment, srgb_to_linear
from gala_viz.collections.rendered.rendering_rng import named_rng
from gala_viz.collections.rendered.shape import bounding_sphere, rotation, solid_rows, transform
from gala_viz.collections.rendered.surfaces import SURFACES, random_surfaces
from gala_viz.collections.rendered.surroundings import clutter, occluders
from gala_viz.collections.rendered.textures import one_over_f_noise

FOCAL = 2.5
N_TEXTURES = 24
"""Number of textures of ground, of sky and of hills; each scene uses one of each."""


@cache
def _texture(kind: str, number: int, size: tuple[int, int], slope: float) -> NDArray[np.float32]:
    return one_over_f_noise(named_rng("texture", kind, number), size, slope)


def _ridge(rng: np.random.Generator) -> NDArray[np.float32]:
    ridge = _texture("hills", int(rng.integers(N_TEXTURES)), (2, 256), 1.1)[:1]
    return np.clip(0.5 + 0.25 * np.roll(ridge, int(rng.integers(256)), axis=1), 0, 1.5)


@dataclass(frozen=True, slots=True)
class Scene:
    """The category of the object, and the arrays that ``ray_tracing.render_scene`` takes."""

    category: str
    world: NDArray[np.float64]
    solids: NDArray[np.float64]
    objects: NDArray[np.float64]
    surfaces: NDArray[np.float64]
    tile: NDArray[np.float32]
    sky: NDArray[np.float32]
    hills: NDArray[np.float32]


def random_scene(category: str, rng: np.random.Generator, nuisance: tuple[int, int]) -> Scene:
    """Draw a scene with an object of ``category``; ``nuisance`` numbers the body's colour and the environment."""
    body, own = object_shape(category, rng)
    yaw = rng.choice([0.0, 180.0]) + rng.uniform(-48, 48)
    turn = rotation(y=yaw)
    shape = transform([*body, *own], rotation_matrix=turn)
    middle, radius = bounding_sphere(shape)
    world = _world(rng, ENVIRONMENTS[nuisance[1]], middle, radius)
    ids = part_ids(category)
    groups = [solid_rows(shape, ids, _places_of(SURFACES, 0))]
    surfaces = [random_surfaces(nuisance[0], rng)]
    things = [_thing(middle, turn, radius, rng)]
    for other in clutter(category, rng, middle, radius, world):
        groups.append(solid_rows(other, CLUTTER, _places_of(SURFACES, len(SURFACES) * len(surfaces))))
        surfaces.append(random_surfaces(int(rng.integers(12)), rng))
        centre, size = bounding_sphere(other)
        things.append(_thing(centre, rotation(*rng.uniform(0, 360, 3)), size * 2, rng))
    for other in occluders(rng, middle, radius, world):
        groups.append(solid_rows(other, OCCLUDER, _places_of(SURFACES, len(SURFACES) * len(surfaces))))
        surfaces.append(random_surfaces(int(rng.integers(12)), rng))
        centre, size = bounding_sphere(other)
        things.append(_thing(centre, np.eye(3), size, rng))
    ends = np.cumsum([len(group) for group in groups])
    objects = np.array(things)
    objects[:, ray_tracing.START], objects[:, ray_tracing.END] = ends - [len(group) for group in groups], ends
    for row, group in zip(objects, groups, strict=True):
        away = np.linalg.norm(
            group[:, solids.CENTRE : solids.CENTRE + 3] - row[ray_tracing.ORIGIN : ray_tracing.ORIGIN + 3], axis=1
        )
        row[ray_tracing.REACH] = (away + group[:, solids.BOUND] + group[:, solids.BLEND]).max() + solids.PENUMBRA
    return Scene(
        category=category,
        world=world,
        solids=np.concatenate(groups),
        objects=objects,
        surfaces=np.concatenate(surfaces),
        tile=_texture("ground", int(rng.integers(N_TEXTURES)), (192, 192), 0.9),
        sky=_texture("sky", int(rng.integers(N_TEXTURES)), (128, 256), 1.25),
        hills=_ridge(rng),
    )


def _places_of(names: tuple[str, ...], first: int) -> dict[str, int]:
    return {name: first + number for number, name in enumerate(names)}


def _thing(origin: NDArray, turn: NDArray, size: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return an object's row without its solids and reach.

    Its texture has the given origin, size and rotation, and a random phase.
    """
    row = np.zeros(ray_tracing.OBJECT_COLUMNS)
    row[ray_tracing.ORIGIN : ray_tracing.ORIGIN + 3] = origin
    row[ray_tracing.SIZE] = size
    row[ray_tracing.FRAME : ray_tracing.FRAME + 9] = turn.T.ravel()
    row[ray_tracing.PHASE] = rng.uniform(0, 100)
    return row


def _world(rng: np.random.Generator, environment: Environment, middle: NDArray, radius: float) -> NDArray[np.float64]:
    """Draw camera, light and environment for an object about ``middle``."""
    fill, height = rng.uniform(0.92, 1.25), np.deg2rad(rng.uniform(5, 24))
    far = FOCAL * radius / fill
    aim = middle + np.array([0, rng.uniform(-0.1, 0.1), 0]) * radius
    eye = aim + far * np.array([0, np.sin(height), np.cos(height)])
    eye[1] = max(eye[1], 0.25)
    aim = aim + radius * np.array([rng.uniform(-0.18, 0.18), rng.uniform(-0.08, 0.12), 0])
    forward = (aim - eye) / np.linalg.norm(aim - eye)
    right = np.cross(forward, [0, 1, 0])
    right /= np.linalg.norm(right)
    around, up = np.deg2rad(rng.uniform(-115, 115)), np.deg2rad(rng.uniform(28, 64))
    sun = np.array([np.sin(around) * np.cos(up), np.sin(up), np.cos(around) * np.cos(up)])
    warm = rng.uniform(0, 1)
    light = np.array([1.0, 0.97 - 0.1 * warm, 0.92 - 0.26 * warm]) * rng.uniform(0.8, 1.1)
    jitter = rng.uniform(0.9, 1.1, 3)
    world = np.zeros(ray_tracing.WORLD)
    colours = (environment.sky_top, environment.sky_low, environment.ground, environment.second, environment.hill)
    triples = [eye, forward * FOCAL, right, np.cross(right, forward), sun, light]
    triples += [np.clip(srgb_to_linear(colour) * jitter, 0, 1) for colour in colours]
    triples.append([rng.uniform(0.004, 0.016), rng.uniform(0.42, 0.62), 0.0])
    world[:36] = np.concatenate(triples)
    world[36:] = [
        rng.uniform(2.5, 5),
        environment.contrast,
        rng.uniform(0.1, 0.3),
        rng.uniform(0.02, 0.2),
        rng.uniform(7, 20),
    ]
    return world
