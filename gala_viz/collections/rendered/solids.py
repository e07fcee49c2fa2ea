"""Signed distances of solids and of their smooth unions, and where a ray meets them. All compiled, all pure.

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
"""Most solids that one ray may come near to."""
HIT_DISTANCE, MAX_STEPS, MIN_STEP = 2.4e-3, 64, 6e-3
PENUMBRA = 0.1
"""How far from a solid its shadow's soft edge may reach."""


@njit(cache=True, inline="always")
def signed_distance(solid, x, y, z):
    """Signed distance from the world's point to one solid."""
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
    """Distance to the smooth union of the ``active`` solids, and the row of the nearest one."""
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
    """Fill ``active`` with the rows that the ray passes within ``margin``; return their number and its stretch."""
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
    """How far along the ray (unit direction) it meets solids ``start`` to ``end``, and which; (-1, -1) if nowhere."""
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
    """Fill ``active`` with the rows that a point is near to; return their number."""
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
    """The unit normal of the union at a point on it, by four differences, into ``out``."""
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
    """How much of a soft light in unit direction l reaches a point, 0 to 1, past solids ``start`` to ``end``."""
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
    """Radius of a sphere about a solid's centre that holds all of it."""
    a, b, c, _ = dims.tolist()
    if kind == ELLIPSOID:
        return max(a, b, c)
    if kind == CAPSULE:
        return max(a, c + b)
    return math.sqrt(a * a + b * b + c * c) if kind == BOX else math.hypot(a, b)
