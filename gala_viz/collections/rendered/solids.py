"""Signed distances of solids and of their smooth unions, and where a ray meets them, compiled.

A solid is a row of numbers, so that a scene is one array: see the names of the columns. Distances are those of Quilez's
public notes on distance functions (2008-2020): exact for capsules, boxes and cylinders, a bound for ellipsoids.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

ELLIPSOID, CAPSULE, BOX, CYLINDER = range(4)
"""Kinds: radii (x, y, z); radii at y = 0 and y = length, then length; half sizes, then rounding; radius, half length
along z, rounding."""
KIND, PART, SURFACE, BLEND, BOUND, CENTRE, DIMS, TURN = 0, 1, 2, 3, 4, 5, 8, 12
COLUMNS = 21
"""KIND; PART (id in the scene); SURFACE (row of the surfaces); BLEND (reach of the smooth union); BOUND (radius of the
sphere about CENTRE, 3 numbers); DIMS, 4 numbers; TURN, the 3 x 3 rotation from the world into the solid's frame."""
MAX_ACTIVE = 64
"""Largest number of solids near to one ray or point; further ones are ignored."""
HIT_DISTANCE, MAX_STEPS, MIN_STEP = 2.4e-3, 64, 6e-3
PENUMBRA = 0.1
"""How far from a solid its shadow's soft edge may reach."""


@njit(cache=True, inline="always")
def signed_distance(solid, x, y, z):
    """Return the signed distance from a point to one solid.

    Parameters
    ----------
    solid : array
        float64 (COLUMNS,).
    x, y, z : float
        Point in the world.

    Returns
    -------
    float
        Distance in world units, negative inside; exact for capsules, boxes and cylinders, a bound for ellipsoids.

    References
    ----------
    Quilez's public notes on distance functions (2008-2020).
    """
    x -= solid[CENTRE]
    y -= solid[CENTRE + 1]
    z -= solid[CENTRE + 2]
    px = solid[TURN] * x + solid[TURN + 1] * y + solid[TURN + 2] * z
    py = solid[TURN + 3] * x + solid[TURN + 4] * y + solid[TURN + 5] * z
    pz = solid[TURN + 6] * x + solid[TURN + 7] * y + solid[TURN + 8] * z
    a, b, c, d = solid[DIMS], solid[DIMS + 1], solid[DIMS + 2], solid[DIMS + 3]
    kind = int(solid[KIND])
    if kind == ELLIPSOID:
        near = math.sqrt((px / a) ** 2 + (py / b) ** 2 + (pz / c) ** 2)
        slope = math.sqrt((px / (a * a)) ** 2 + (py / (b * b)) ** 2 + (pz / (c * c)) ** 2)
        return near * (near - 1.0) / slope if slope > 1e-9 else -min(a, b, c)
    if kind == CAPSULE:
        across = math.sqrt(px * px + pz * pz)
        slope = (a - b) / c
        cosine = math.sqrt(max(0.0, 1.0 - slope * slope))
        along = cosine * py - slope * across
        if along < 0.0:
            return math.sqrt(across * across + py * py) - a
        if along > cosine * c:
            return math.sqrt(across * across + (py - c) ** 2) - b
        return across * cosine + py * slope - a
    if kind == BOX:
        qx, qy, qz = abs(px) - a + d, abs(py) - b + d, abs(pz) - c + d
        outside = math.sqrt(max(qx, 0.0) ** 2 + max(qy, 0.0) ** 2 + max(qz, 0.0) ** 2)
        return outside + min(max(qx, max(qy, qz)), 0.0) - d
    qx, qz = math.sqrt(px * px + py * py) - a + c, abs(pz) - b + c
    outside = math.sqrt(max(qx, 0.0) ** 2 + max(qz, 0.0) ** 2)
    return outside + min(max(qx, qz), 0.0) - c


@njit(cache=True)
def smooth_union(solids, active, n_active, x, y, z):
    """Return the signed distance from a point to the smooth union of solids, and the nearest of them.

    Parameters
    ----------
    solids : array
        float64 (solid, COLUMNS).
    active : array
        int64 (MAX_ACTIVE,): rows of ``solids`` that count.
    n_active : int
        How many entries of ``active`` are used.
    x, y, z : float
        Point in the world.

    Returns
    -------
    total : float
        Distance in world units.
    row : int
        Row of the nearest solid, -1 where there is none.
    """
    total, nearest, row = 1e9, 1e9, -1
    for i in range(n_active):
        solid = solids[active[i]]
        one = signed_distance(solid, x, y, z)
        if one < nearest:
            nearest, row = one, active[i]
        reach = solid[BLEND]
        share = max(reach - abs(total - one), 0.0)
        total = min(total, one) - (share * share * 0.25 / reach if reach > 0.0 else 0.0)
    return total, row


@njit(cache=True)
def solids_near_ray(solids, start, end, ox, oy, oz, dx, dy, dz, margin, active):
    """Find the solids that a ray passes within ``margin``; beyond ``MAX_ACTIVE`` they are ignored.

    Parameters
    ----------
    solids : array
        float64 (solid, COLUMNS).
    start, end : int
        First row of ``solids`` that counts, and last + 1.
    ox, oy, oz : float
        Origin of the ray.
    dx, dy, dz : float
        Unit direction of the ray.
    margin : float
        Distance from a solid's bounding sphere, in world units.
    active : array
        int64 (MAX_ACTIVE,): the rows are written here.

    Returns
    -------
    count : int
        Number of rows.
    first, last : float
        Stretch of the ray, in world units from its origin, on which it is near to them; ``first`` is at least 0.
    """
    count, first, last = 0, 1e9, -1e9
    for row in range(start, end):
        cx, cy, cz = solids[row, CENTRE] - ox, solids[row, CENTRE + 1] - oy, solids[row, CENTRE + 2] - oz
        radius = solids[row, BOUND] + solids[row, BLEND] + margin
        along = cx * dx + cy * dy + cz * dz
        inside = radius * radius - (cx * cx + cy * cy + cz * cz - along * along)
        if inside > 0.0 and count < MAX_ACTIVE:
            half = math.sqrt(inside)
            if along + half > 0.0:
                active[count] = row
                count += 1
                first, last = min(first, along - half), max(last, along + half)
    return count, max(first, 0.0), last


@njit(cache=True)
def intersect(solids, start, end, ox, oy, oz, dx, dy, dz, farthest, active):
    """Find where a ray meets the smooth union of solids, by sphere tracing.

    Parameters
    ----------
    solids : array
        float64 (solid, COLUMNS).
    start, end : int
        First row of ``solids`` that counts, and last + 1.
    ox, oy, oz : float
        Origin of the ray.
    dx, dy, dz : float
        Unit direction of the ray.
    farthest : float
        Length of the ray in world units.
    active : array
        int64 (MAX_ACTIVE,): working memory.

    Returns
    -------
    along : float
        Distance from the origin in world units; -1 where the ray meets nothing.
    row : int
        Row of the solid that it meets; -1 where the ray meets nothing.
    """
    count, along, last = solids_near_ray(solids, start, end, ox, oy, oz, dx, dy, dz, 0.0, active)
    last = min(last, farthest)
    if count == 0 or along >= last:
        return -1.0, -1
    for _ in range(MAX_STEPS):
        far, row = smooth_union(solids, active, count, ox + along * dx, oy + along * dy, oz + along * dz)
        if far < HIT_DISTANCE * (1.0 + along * 0.2):
            return along, row
        along += max(far, MIN_STEP)
        if along >= last:
            break
    return -1.0, -1


@njit(cache=True)
def solids_near_point(solids, start, end, x, y, z, active):
    """Find the solids that a point is near to; beyond ``MAX_ACTIVE`` they are ignored.

    Parameters
    ----------
    solids : array
        float64 (solid, COLUMNS).
    start, end : int
        First row of ``solids`` that counts, and last + 1.
    x, y, z : float
        Point in the world.
    active : array
        int64 (MAX_ACTIVE,): the rows are written here.

    Returns
    -------
    int
        Number of rows.
    """
    count = 0
    for row in range(start, end):
        cx, cy, cz = solids[row, CENTRE] - x, solids[row, CENTRE + 1] - y, solids[row, CENTRE + 2] - z
        reach = solids[row, BOUND] + solids[row, BLEND] + 0.01
        if cx * cx + cy * cy + cz * cz < reach * reach and count < MAX_ACTIVE:
            active[count] = row
            count += 1
    return count


@njit(cache=True)
def surface_normal(solids, start, end, x, y, z, active, out):
    """Compute the unit normal of the smooth union at a point on it, by four differences.

    Parameters
    ----------
    solids : array
        float64 (solid, COLUMNS).
    start, end : int
        First row of ``solids`` that counts, and last + 1.
    x, y, z : float
        Point in the world.
    active : array
        int64 (MAX_ACTIVE,): working memory.
    out : array
        float64 (3,): the normal is written here.
    """
    count = solids_near_point(solids, start, end, x, y, z, active)
    step = 1.5e-3
    nx = ny = nz = 0.0
    for i in range(4):
        sx, sy, sz = (
            (1.0, -1.0, -1.0)
            if i == 0
            else (-1.0, -1.0, 1.0)
            if i == 1
            else (-1.0, 1.0, -1.0)
            if i == 2
            else (1.0, 1.0, 1.0)
        )
        far, _ = smooth_union(solids, active, count, x + sx * step, y + sy * step, z + sz * step)
        nx += sx * far
        ny += sy * far
        nz += sz * far
    size = math.sqrt(nx * nx + ny * ny + nz * nz) + 1e-12
    out[0], out[1], out[2] = nx / size, ny / size, nz / size


@njit(cache=True)
def soft_shadow(solids, start, end, x, y, z, lx, ly, lz, softness, active):
    """Return how much of a soft light reaches a point past solids.

    Parameters
    ----------
    solids : array
        float64 (solid, COLUMNS).
    start, end : int
        First row of ``solids`` that counts, and last + 1.
    x, y, z : float
        Point in the world.
    lx, ly, lz : float
        Unit direction towards the light.
    softness : float
        The larger, the sharper the shadow's edge.
    active : array
        int64 (MAX_ACTIVE,): working memory.

    Returns
    -------
    float
        Share of the light, from 0 to 1.
    """
    count, along, last = solids_near_ray(solids, start, end, x, y, z, lx, ly, lz, PENUMBRA, active)
    lit = 1.0
    along = max(along, 0.03)
    for _ in range(24):
        if count == 0 or along >= last:
            return lit
        far, _ = smooth_union(solids, active, count, x + along * lx, y + along * ly, z + along * lz)
        lit = min(lit, softness * far / along)
        if lit < 0.02:
            return 0.0
        along += max(far, 0.03)
    return lit


def bounding_radius(kind: int, dims: np.ndarray) -> float:
    """Return the radius of a sphere about a solid's centre that holds all of it; ``dims`` are (4,)."""
    a, b, c, _ = dims.tolist()
    if kind == ELLIPSOID:
        return max(a, b, c)
    if kind == CAPSULE:
        return max(a, c + b)
    return math.sqrt(a * a + b * b + c * c) if kind == BOX else math.hypot(a, b)
