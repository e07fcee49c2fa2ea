"""Shapes: lists of solids with named parts and surfaces, placed and combined in plain Python."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gala_viz.collections.rendered import solids

Point = Sequence[float] | NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Solid:
    """One solid of a shape; ``turn`` rotates from the shape's frame into the solid's own."""

    kind: int
    part: str
    surface: str
    centre: NDArray[np.float64]
    dims: NDArray[np.float64]
    turn: NDArray[np.float64]
    blend: float


Shape = list[Solid]
_FLIP = np.array([1.0, 1.0, -1.0])


def ellipsoid(part: str, centre: Point, radii: Point, *, angles: Point = (0, 0, 0), **more) -> Solid:
    """Return an ellipsoid.

    Parameters
    ----------
    part : str
        Name of the part that it belongs to.
    centre : sequence of float
        Centre (x, y, z) in the shape's frame.
    radii : sequence of float
        Radii (x, y, z) before it is turned.
    angles : sequence of float
        Rotation about x, then y, then z, in degrees.
    **more
        ``surface``, the name of a surface, "skin" by default, and ``blend``, the reach of its smooth union, by default
        0.

    Returns
    -------
    Solid
        The ellipsoid.
    """
    return _solid(solids.ELLIPSOID, part, centre, [*radii, 0.0], _turned(angles), **more)


def capsule(part: str, start: Point, end: Point, radius: float, end_radius: float | None = None, **more) -> Solid:
    """Return a rod with round ends, whose radius changes linearly along it.

    Parameters
    ----------
    part : str
        Name of the part that it belongs to.
    start : sequence of float
        Centre (x, y, z) of the first round end.
    end : sequence of float
        Centre (x, y, z) of the last round end.
    radius : float
        Radius at ``start``.
    end_radius : float, optional
        Radius at ``end``; None: ``radius``. The two differ by at most 0.95 of the length.
    **more
        ``surface`` and ``blend``, as for an ellipsoid.

    Returns
    -------
    Solid
        The rod.
    """
    way = np.asarray(end, float) - np.asarray(start, float)
    length = max(math.sqrt(float(way @ way)), 1e-6)
    radius, last = float(radius), float(radius if end_radius is None else end_radius)
    last = radius + min(max(last - radius, -0.95 * length), 0.95 * length)
    return _solid(solids.CAPSULE, part, start, [radius, last, length, 0.0], _upright(way / length), **more)


def box(part: str, centre: Point, half: Point, *, rounding: float = 0.03, angles: Point = (0, 0, 0), **more) -> Solid:
    """Return a box with rounded edges.

    Parameters
    ----------
    part : str
        Name of the part that it belongs to.
    centre : sequence of float
        Centre (x, y, z) in the shape's frame.
    half : sequence of float
        Half sizes (x, y, z) before it is turned.
    rounding : float
        Radius of the edges, at most the smallest half size.
    angles : sequence of float
        Rotation about x, then y, then z, in degrees.
    **more
        ``surface`` and ``blend``, as for an ellipsoid.

    Returns
    -------
    Solid
        The box.
    """
    return _solid(solids.BOX, part, centre, [*half, min(rounding, *half)], _turned(angles), **more)


def cylinder(
    part: str, centre: Point, radius: float, half_length: float, *, angles: Point = (0, 0, 0), **more
) -> Solid:
    """Return a cylinder with rounded rims, about the z axis before it is turned.

    Parameters
    ----------
    part : str
        Name of the part that it belongs to.
    centre : sequence of float
        Centre (x, y, z) in the shape's frame.
    radius : float
        Radius.
    half_length : float
        Half of the length along the axis.
    angles : sequence of float
        Rotation about x, then y, then z, in degrees.
    **more
        ``surface`` and ``blend``, as for an ellipsoid.

    Returns
    -------
    Solid
        The cylinder.
    """
    rounding = min(0.03, radius / 2, half_length / 2)
    return _solid(solids.CYLINDER, part, centre, [radius, half_length, rounding, 0.0], _turned(angles), **more)


def bent_rod(part: str, points: Sequence[Point], radii: Sequence[float], **more) -> Shape:
    """Return a rod through several points, as one capsule between each two.

    Parameters
    ----------
    part : str
        Name of the part that it belongs to.
    points : sequence of points
        Points (x, y, z) in the shape's frame, at least two.
    radii : sequence of float
        Radius at each point.
    **more
        ``surface`` and ``blend``, as for an ellipsoid.

    Returns
    -------
    list of Solid
        The capsules.
    """
    return [capsule(part, points[i], points[i + 1], radii[i], radii[i + 1], **more) for i in range(len(points) - 1)]


def mirror(shape: Iterable[Solid]) -> Shape:
    """Return the shape with its mirror image across z = 0."""
    solid_list = list(shape)
    return solid_list + [_mirrored(solid) for solid in solid_list]


def transform(
    shape: Iterable[Solid], *, scale: float = 1.0, rotation_matrix: NDArray | None = None, offset: Point = (0, 0, 0)
) -> Shape:
    """Scale, then rotate, then move a shape.

    Parameters
    ----------
    shape : iterable of Solid
        The shape.
    scale : float
        Factor of all lengths.
    rotation_matrix : array, optional
        Matrix (3, 3); None: no rotation.
    offset : sequence of float
        Translation (x, y, z).

    Returns
    -------
    list of Solid
        The new shape.
    """
    rotation_matrix, offset = np.eye(3) if rotation_matrix is None else rotation_matrix, np.asarray(offset, float)
    return [
        Solid(
            kind=solid.kind,
            part=solid.part,
            surface=solid.surface,
            centre=rotation_matrix @ (solid.centre * scale) + offset,
            dims=solid.dims * scale,
            turn=solid.turn @ rotation_matrix.T,
            blend=solid.blend * scale,
        )
        for solid in shape
    ]


def solid_rows(
    shape: Iterable[Solid], parts: Mapping[str, int] | int, surfaces: Mapping[str, int]
) -> NDArray[np.float64]:
    """Convert a shape to an array (solid, ``solids.COLUMNS``).

    ``parts`` gives each part's id, or is one id for all; ``surfaces`` gives each surface's row.
    """
    shape = list(shape)
    out = np.zeros((len(shape), solids.COLUMNS))
    for row, solid in zip(out, shape, strict=True):
        row[solids.KIND] = solid.kind
        row[solids.PART] = parts if isinstance(parts, int) else parts[solid.part]
        row[solids.SURFACE] = surfaces[solid.surface]
        row[solids.BLEND] = solid.blend
        row[solids.BOUND] = solids.bounding_radius(solid.kind, solid.dims)
        row[solids.CENTRE : solids.CENTRE + 3] = solid.centre
        row[solids.DIMS : solids.DIMS + 4] = solid.dims
        row[solids.TURN : solids.TURN + 9] = solid.turn.ravel()
    return out


def bounding_sphere(shape: Shape) -> tuple[NDArray[np.float64], float]:
    """Return the middle (3,) and the radius of a sphere about a box around the shape.

    Each solid counts with its centre and its largest dimension, at most 0.35; what lies below y = 0 does not count.
    """
    points = np.array([solid.centre for solid in shape])
    reach = np.array([min(max(solid.dims[:3]), 0.35) for solid in shape])[:, None]
    low, high = (points - reach).min(axis=0), (points + reach).max(axis=0)
    low[1] = max(low[1], 0.0)
    return (low + high) / 2, float(np.linalg.norm(high - low) / 2)


def _solid(
    kind: int, part: str, centre: Point, dims: Point, turn: NDArray, *, surface: str = "skin", blend: float = 0.0
) -> Solid:
    return Solid(kind, part, surface, np.asarray(centre, float), np.asarray(dims, float), turn, blend)


def rotation(x: float = 0.0, y: float = 0.0, z: float = 0.0) -> NDArray[np.float64]:
    """Return the matrix that turns by ``x``, then ``y``, then ``z`` degrees about the fixed axes of these names."""
    (cx, sx), (cy, sy), (cz, sz) = ((math.cos(math.radians(a)), math.sin(math.radians(a))) for a in (x, y, z))
    return np.array(
        [
            [cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
            [sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
            [-sy, cy * sx, cy * cx],
        ]
    )


def _turned(angles: Point) -> NDArray[np.float64]:
    return rotation(*angles).T


def _upright(way: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrix that turns the unit vector ``way`` into y."""
    x, y, z = way.tolist()
    ax, ay, az = (0.0, -z, y) if abs(x) < 0.8 else (-y, x, 0.0)  # cross product with another axis
    size = math.sqrt(ax * ax + ay * ay + az * az)
    ax, ay, az = ax / size, ay / size, az / size
    return np.array([[y * az - z * ay, z * ax - x * az, x * ay - y * ax], [x, y, z], [ax, ay, az]])


def _mirrored(solid: Solid) -> Solid:
    return replace(solid, centre=solid.centre * _FLIP, turn=solid.turn * np.outer(_FLIP, _FLIP))
