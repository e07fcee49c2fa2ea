"""Rays into a scene: what each pixel shows, in colour and by part. Compiled; an image depends on its arrays alone."""

from __future__ import annotations

import math

from numba import njit

from gala_viz.collections.rendered.solids import PART, SURFACE, intersect, soft_shadow, surface_normal
from gala_viz.collections.rendered.textures import fractal_noise, value_noise

PLAIN, MOTTLED, STRIPED, SPOTTED = range(4)
COLOUR, SECOND, PATTERN, SCALE, GLOSS, SHINE = 0, 3, 6, 7, 8, 9
SURFACE_COLUMNS = 10
"""Columns of a surface: colour and second colour (linear RGB), pattern, its size, strength and sharpness of gloss."""
START, END, ORIGIN, SIZE, FRAME, PHASE, REACH = 0, 1, 2, 5, 6, 15, 16
OBJECT_COLUMNS = 17
"""Columns of an object: its first and last + 1 solid; origin, size and rotation of its texture, and a phase; radius of
a sphere about the origin that contains it."""
EYE, FORWARD, RIGHT, UP, SUN, SUN_COLOUR, SKY_TOP, SKY_LOW, GROUND, GROUND_SECOND, HILL, AIR = range(0, 36, 3)
TILE_SIZE, GROUND_CONTRAST, SKY_CONTRAST, HILL_HEIGHT, SOFTNESS = range(36, 41)
WORLD = 41
"""Numbers of the world: twelve triples and five single ones. AIR is (density of haze, ambient light, not used)."""
FAR = 400.0


@njit(cache=True)
def _albedo(surface, x, y, z, out):
    """Compute the colour of a surface at a point of its object's texture, into ``out``."""
    pattern, scale = int(surface[PATTERN]), surface[SCALE]
    x, y, z = x * scale, y * scale, z * scale
    share = 0.0
    if pattern == MOTTLED:
        share = min(max((fractal_noise(x, y, z) - 0.3) * 2.2, 0.0), 1.0)
    elif pattern == STRIPED:
        wave = math.sin(3.0 * x + 3.2 * value_noise(0.7 * x, 0.7 * y, 0.7 * z) + 0.6 * y)
        share = min(max(wave * 3.0 + 0.5, 0.0), 1.0)
    elif pattern == SPOTTED:
        share = min(max((value_noise(1.6 * x, 1.6 * y, 1.6 * z) - 0.58) * 9.0, 0.0), 1.0)
    grain = 0.9 + 0.2 * value_noise(7.0 * x, 7.0 * y, 7.0 * z)
    for i in range(3):
        out[i] = grain * (surface[COLOUR + i] * (1 - share) + surface[SECOND + i] * share)


@njit(cache=True, inline="always")
def _passes(thing, ox, oy, oz, dx, dy, dz):
    """Return whether a ray comes near an object."""
    cx, cy, cz = thing[ORIGIN] - ox, thing[ORIGIN + 1] - oy, thing[ORIGIN + 2] - oz
    along, radius = cx * dx + cy * dy + cz * dz, thing[REACH]
    return cx * cx + cy * cy + cz * cz - along * along < radius * radius and along > -radius


@njit(cache=True)
def _shadow(solids, objects, x, y, z, world, active):
    """Return how much of the sun's light reaches a point past all objects, 0 to 1."""
    lit = 1.0
    for number in range(objects.shape[0]):
        if lit <= 0.02:
            return 0.0
        if not _passes(objects[number], x, y, z, world[SUN], world[SUN + 1], world[SUN + 2]):
            continue
        one = soft_shadow(
            solids, int(objects[number, START]), int(objects[number, END]), x, y, z,
            world[SUN], world[SUN + 1], world[SUN + 2], world[SOFTNESS], active,
        )  # fmt: skip
        lit = min(lit, one)
    return lit


@njit(cache=True)
def _between(picture, row, column):
    """Interpolate a repeating picture at a position between its pixels."""
    low, left = math.floor(row), math.floor(column)
    down, right = row - low, column - left
    i, j = int(low) % picture.shape[0], int(left) % picture.shape[1]
    k, m = (i + 1) % picture.shape[0], (j + 1) % picture.shape[1]
    upper = picture[i, j] * (1 - right) + picture[i, m] * right
    return upper * (1 - down) + (picture[k, j] * (1 - right) + picture[k, m] * right) * down


@njit(cache=True)
def _backdrop(dx, dy, dz, world, sky, hills, out):
    """Compute the colour of the sky with clouds, and of hills before it, in the direction d, into ``out``."""
    around = math.atan2(dz, dx) / (2 * math.pi) + 0.5
    ridge = world[HILL_HEIGHT] * (0.55 + 0.45 * _between(hills, 0.0, around * hills.shape[1]))
    cloud = _between(sky, max(dy, 0.0) * 1.3 * sky.shape[0], around * 0.9 * sky.shape[1])
    if dy < ridge:
        shade = 1.0 + 0.16 * cloud
        for i in range(3):
            out[i] = (0.62 * world[HILL + i] + 0.38 * world[SKY_LOW + i]) * shade
        return
    high = min(1.0, max(dy, 0.0) * 2.4) ** 0.7
    white = min(max(cloud * world[SKY_CONTRAST], -0.18), 0.6)
    for i in range(3):
        base = world[SKY_LOW + i] * (1 - high) + world[SKY_TOP + i] * high
        out[i] = base + white * (0.95 - base)


@njit(cache=True)
def _ground(x, z, far, world, tile, out):
    """Compute the colour of the ground at a point, into ``out``: the tile near by, its coarse part far away."""
    side, wide = tile.shape[0] / world[TILE_SIZE], tile.shape[0] / (5.3 * world[TILE_SIZE])
    fine, coarse = _between(tile, x * side, z * side), _between(tile, z * wide, x * wide)
    near = 1.0 / (1.0 + 0.02 * far * far)
    value = world[GROUND_CONTRAST] * (0.62 * fine * near + 0.55 * coarse)
    share = min(max(0.5 + value, 0.0), 1.0)
    for i in range(3):
        out[i] = (world[GROUND + i] * (1 - share) + world[GROUND_SECOND + i] * share) * (1.0 + 0.22 * value)


@njit(cache=True)
def trace_ray(u, v, world, solids, objects, surfaces, tile, sky, hills, active, work, out):
    """Trace the ray through a point of the image plane.

    Parameters
    ----------
    u, v : float
        Point from the image's centre, u to the right and v up; half the image's height is 1.
    world : array
        float64 (WORLD,): camera, light and environment.
    solids : array
        float64 (solid, ``solids.COLUMNS``): all solids of the scene.
    objects : array
        float64 (object, OBJECT_COLUMNS): the objects, each with its range of solids.
    surfaces : array
        float64 (surface, SURFACE_COLUMNS): the surfaces of the solids.
    tile : array
        float32 (y, x), square: texture of the ground, which repeats.
    sky : array
        float32 (y, x): texture of the clouds.
    hills : array
        float32 (1, x): height of the hills around the horizon.
    active : array
        int64 (``solids.MAX_ACTIVE``,): working memory.
    work : array
        float64 (2, 3): working memory.
    out : array
        float64 (3,): the colour, linear RGB, is written here.

    Returns
    -------
    int
        Id of the part that the ray meets first; 0 for ground and sky.
    """
    ox, oy, oz = world[EYE], world[EYE + 1], world[EYE + 2]
    dx = world[FORWARD] + u * world[RIGHT] + v * world[UP]
    dy = world[FORWARD + 1] + u * world[RIGHT + 1] + v * world[UP + 1]
    dz = world[FORWARD + 2] + u * world[RIGHT + 2] + v * world[UP + 2]
    size = math.sqrt(dx * dx + dy * dy + dz * dz)
    dx, dy, dz = dx / size, dy / size, dz / size
    far, row, owner = FAR, -1, -1
    if dy < -1e-4:
        far = min(FAR, -oy / dy)
    on_ground = far < FAR
    for number in range(objects.shape[0]):
        if not _passes(objects[number], ox, oy, oz, dx, dy, dz):
            continue
        at, met = intersect(
            solids, int(objects[number, START]), int(objects[number, END]), ox, oy, oz, dx, dy, dz, far, active
        )
        if met >= 0:
            far, row, owner = at, met, number
    if row < 0 and not on_ground:
        _backdrop(dx, dy, dz, world, sky, hills, out)
        return 0
    x, y, z = ox + far * dx, oy + far * dy, oz + far * dz
    colour, face = work[0], work[1]
    gloss, shine, part = 0.0, 1.0, 0
    if row >= 0:
        thing, surface = objects[owner], surfaces[int(solids[row, SURFACE])]
        part = int(solids[row, PART])
        px, py, pz = (
            (x - thing[ORIGIN]) / thing[SIZE],
            (y - thing[ORIGIN + 1]) / thing[SIZE],
            (z - thing[ORIGIN + 2]) / thing[SIZE],
        )
        tx = thing[FRAME] * px + thing[FRAME + 1] * py + thing[FRAME + 2] * pz + thing[PHASE]
        ty = thing[FRAME + 3] * px + thing[FRAME + 4] * py + thing[FRAME + 5] * pz + thing[PHASE]
        tz = thing[FRAME + 6] * px + thing[FRAME + 7] * py + thing[FRAME + 8] * pz
        _albedo(surface, tx, ty, tz, colour)
        surface_normal(solids, int(thing[START]), int(thing[END]), x, y, z, active, face)
        gloss, shine = surface[GLOSS], surface[SHINE]
    else:
        _ground(x, z, far, world, tile, colour)
        face[0], face[1], face[2] = 0.0, 1.0, 0.0
    nx, ny, nz = face[0], face[1], face[2]
    facing = nx * world[SUN] + ny * world[SUN + 1] + nz * world[SUN + 2]
    lit = 0.0
    if facing > 0.0:
        lift = 0.01
        lit = facing * _shadow(solids, objects, x + lift * nx, y + lift * ny, z + lift * nz, world, active)
    half = max(0.0, (world[SUN] - dx) * nx + (world[SUN + 1] - dy) * ny + (world[SUN + 2] - dz) * nz)
    half /= math.sqrt((world[SUN] - dx) ** 2 + (world[SUN + 1] - dy) ** 2 + (world[SUN + 2] - dz) ** 2) + 1e-9
    sparkle = gloss * (half**shine if lit > 0.0 else 0.0)
    above = 0.5 + 0.5 * ny
    contact = 1.0 if row < 0 else min(1.0, 0.55 + 0.9 * max(y, 0.0))
    haze = 1.0 - math.exp(-far * world[AIR])
    for i in range(3):
        ambient = world[AIR + 1] * (above * world[SKY_TOP + i] + (1 - above) * 0.6 * world[GROUND + i] + 0.25) * contact
        value = colour[i] * (ambient + 1.25 * lit * world[SUN_COLOUR + i]) + sparkle * lit * world[SUN_COLOUR + i]
        out[i] = value * (1 - haze) + world[SKY_LOW + i] * haze
    return part


@njit(cache=True)
def render_scene(world, solids, objects, surfaces, tile, sky, hills, active, work, out, picture, parts):
    """Render a scene into ``picture`` and ``parts``.

    Pixels at the borders of parts are the mean of five rays.

    Parameters
    ----------
    world : array
        float64 (WORLD,): camera, light and environment.
    solids : array
        float64 (solid, ``solids.COLUMNS``): all solids of the scene.
    objects : array
        float64 (object, OBJECT_COLUMNS): the objects, each with its range of solids.
    surfaces : array
        float64 (surface, SURFACE_COLUMNS): the surfaces of the solids.
    tile : array
        float32 (y, x), square: texture of the ground, which repeats.
    sky : array
        float32 (y, x): texture of the clouds.
    hills : array
        float32 (1, x): height of the hills around the horizon.
    active : array
        int64 (``solids.MAX_ACTIVE``,): working memory.
    work : array
        float64 (2, 3): working memory.
    out : array
        float64 (3,): working memory.
    picture : array
        float64 (y, x, 3): linear RGB is written here.
    parts : array
        int (y, x): part ids are written here, those of the pixels' centres; 0 for ground and sky.
    """
    height, width = parts.shape
    step = 2.0 / height
    for i in range(height):
        for j in range(width):
            u, v = (j + 0.5 - width / 2) * step, (height / 2 - i - 0.5) * step
            parts[i, j] = trace_ray(u, v, world, solids, objects, surfaces, tile, sky, hills, active, work, out)
            for c in range(3):
                picture[i, j, c] = out[c]
    for i in range(height):
        for j in range(width):
            here = parts[i, j]
            up, left = parts[max(i - 1, 0), j], parts[i, max(j - 1, 0)]
            down, right = parts[min(i + 1, height - 1), j], parts[i, min(j + 1, width - 1)]
            if here != up or here != left or here != down or here != right:
                for k in range(4):
                    du, dv = (0.125, 0.375, -0.125, -0.375)[k], (-0.375, 0.125, 0.375, -0.125)[k]
                    u, v = (j + 0.5 + du - width / 2) * step, (height / 2 - i - 0.5 + dv) * step
                    trace_ray(u, v, world, solids, objects, surfaces, tile, sky, hills, active, work, out)
                    for c in range(3):
                        picture[i, j, c] += out[c]
                for c in range(3):
                    picture[i, j, c] /= 5.0
