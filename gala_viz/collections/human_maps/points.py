"""Point maps: count points in cells, one map for each participant, then smooth.

Frame: pixel edges, origin top left, x to the right and y down; the frame is [0, width) x [0, height), and a pixel's
centre lies at half a pixel. Source of the rule: the ClickMe maps (count maps, mean over participants, smoothing).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import ndimage

from gala_viz.registry import Registry

Smoothing = Callable[[np.ndarray, tuple[float, float]], np.ndarray]
"""Maps (..., y, x) and a width in cells along (y, x) -> maps of the same shape. A smoothing is linear."""


def gaussian(maps: np.ndarray, sigma_cells: tuple[float, float]) -> np.ndarray:
    """Convolve maps with a Gaussian, cut at 4 sigma.

    Outside of the frame there is nothing: what is smoothed over the border is lost, as in the published OSIE maps.

    Parameters
    ----------
    maps : array
        Maps (..., y, x).
    sigma_cells : tuple of float
        Standard deviation along (y, x), in cells.

    Returns
    -------
    array
        Smoothed maps of the same shape.
    """
    return ndimage.gaussian_filter(maps, (*(0,) * (maps.ndim - 2), *sigma_cells), mode="constant", truncate=4.0)


def no_smoothing(maps: np.ndarray, sigma_cells: tuple[float, float]) -> np.ndarray:
    """Return the maps unchanged.

    Parameters
    ----------
    maps : array
        Maps (..., y, x).
    sigma_cells : tuple of float
        Not used.

    Returns
    -------
    array
        ``maps`` itself.
    """
    return maps


SMOOTHINGS: Registry[Smoothing] = Registry("smoothing", {"gaussian": gaussian, "none": no_smoothing})


@dataclass(frozen=True, kw_only=True, slots=True)
class PointMapSpec:
    """How points become maps.

    ``smoothing`` is a name in ``SMOOTHINGS`` and ``sigma_px`` its width in pixels of the points' frame. Each point
    counts 1, or with ``weight="duration"`` its duration. With ``per_participant="share"`` each participant's map is
    divided by its sum, so that all weigh the same; with ``"count"`` those with more points weigh more. A map has the
    frame's proportions and at most ``max_cells`` cells along its longer side.
    """

    smoothing: str = "gaussian"
    sigma_px: float = 24.0
    weight: Literal["count", "duration"] = "count"
    per_participant: Literal["count", "share"] = "count"
    max_cells: int = 200

    def __post_init__(self) -> None:
        SMOOTHINGS[self.smoothing]
        if not 0 < self.sigma_px <= 1000:
            raise ValueError(f"sigma_px is a width in frame pixels, above 0 and at most 1000; got {self.sigma_px!r}.")
        if self.weight not in ("count", "duration") or self.per_participant not in ("count", "share"):
            raise ValueError(
                "weight is 'count' or 'duration' and per_participant is 'count' or 'share'; got "
                f"{self.weight!r} and {self.per_participant!r}."
            )
        if not 8 <= self.max_cells <= 2048:
            raise ValueError(f"max_cells is the longer side of a map, 8 to 2048 cells; got {self.max_cells!r}.")


@dataclass(frozen=True, slots=True)
class Points:
    """Points of many participants on one image: positions in frame pixels, ids, and durations in ms (or None)."""

    participant: np.ndarray
    x_px: np.ndarray
    y_px: np.ndarray
    duration_ms: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class PointMaps:
    """Maps float32 (participant, y, x), their participants in order, and how many points lay outside of the frame."""

    maps: np.ndarray
    participants: tuple[str, ...]
    n_outside: int


def point_maps(points: Points, frame_px: tuple[int, int], spec: PointMapSpec) -> PointMaps:
    """Return one smoothed map of each participant over a frame of (height, width) pixels.

    The mean over participants of these maps is the image's map; since smoothing is linear, it is also the smoothed mean
    of the unsmoothed ones.
    """
    counts = point_counts(points, frame_px, spec)
    return replace(counts, maps=smooth_maps(counts.maps, frame_px, spec))


def point_counts(points: Points, frame_px: tuple[int, int], spec: PointMapSpec) -> PointMaps:
    """Return one map of each participant before smoothing: counts, durations or shares in cells.

    Points outside of the frame, or without a position or duration, are dropped and counted; a participant of whom
    nothing is left, or whose points weigh nothing, has no map. Raises ``ValueError`` where ``spec`` weights by duration
    and ``points`` have none.
    """
    ids, codes = participant_codes(points.participant)
    if spec.weight == "duration" and points.duration_ms is None:
        raise ValueError("weight='duration' needs the points' durations; these points have none.")
    weights = points.duration_ms if spec.weight == "duration" else None
    cells = map_cells(frame_px, spec.max_cells)
    counts, inside = count_maps(points.x_px, points.y_px, codes, len(ids), frame_px, cells, weights)
    present = np.asarray(counts.any(axis=(1, 2)))
    counts = counts[present]
    if spec.per_participant == "share":
        total = counts.sum(axis=(1, 2), keepdims=True)
        counts = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    names = tuple(name for name, is_present in zip(ids, present, strict=True) if is_present)
    return PointMaps(counts.astype(np.float32), names, int((~inside).sum()))


def smooth_maps(maps: np.ndarray, frame_px: tuple[int, int], spec: PointMapSpec) -> np.ndarray:
    """Smooth ``maps`` (..., y, x), which cover a frame of (height, width) pixels, as ``spec`` says."""
    sigma_cells = tuple(spec.sigma_px * cells / px for cells, px in zip(maps.shape[-2:], frame_px, strict=True))
    return SMOOTHINGS[spec.smoothing](maps, sigma_cells)


def count_maps(
    x_px: np.ndarray,
    y_px: np.ndarray,
    codes: np.ndarray,
    n_participants: int,
    frame_px: tuple[int, int],
    cells: tuple[int, int],
    weights: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Sum the points of each participant, or their weights, in each cell.

    Parameters
    ----------
    x_px : array
        Position of each point (point,) from the left edge, in frame pixels.
    y_px : array
        Position of each point (point,) from the top edge, in frame pixels.
    codes : array
        Number of each point's participant (point,), int, from 0 to ``n_participants`` - 1.
    n_participants : int
        Number of maps.
    frame_px : tuple of int
        (height, width) of the frame in pixels.
    cells : tuple of int
        (rows, columns) of a map.
    weights : array, optional
        Weight of each point (point,); None: each counts 1. Points of negative or non-finite weight are outside.

    Returns
    -------
    counts : array
        float64 (participant, y, x).
    inside : array
        bool (point,): which points were counted.
    """
    height, width = frame_px
    x, y = np.asarray(x_px, dtype=float), np.asarray(y_px, dtype=float)
    inside = is_in_frame(x, y, width, height)
    values = None if weights is None else np.asarray(weights, dtype=float)
    if values is not None:
        inside &= np.isfinite(values) & (values >= 0)
        values = values[inside]
    rows, columns = cells
    row = np.minimum((y[inside] * (rows / height)).astype(np.int64), rows - 1)
    column = np.minimum((x[inside] * (columns / width)).astype(np.int64), columns - 1)
    flat = (codes[inside] * rows + row) * columns + column
    counts = np.bincount(flat, weights=values, minlength=n_participants * rows * columns)
    return counts.reshape(n_participants, rows, columns).astype(float), inside


def is_in_frame(
    x_px: np.ndarray, y_px: np.ndarray, width_px: np.ndarray | float, height_px: np.ndarray | float
) -> np.ndarray:
    """Return which points lie in [0, width) x [0, height).

    Parameters
    ----------
    x_px, y_px : array
        Positions in pixels of the frame (point,).
    width_px, height_px : array or float
        Sides of the frame, of each point or of all.

    Returns
    -------
    array
        bool (point,); False for NaN.
    """
    return (x_px >= 0) & (x_px < width_px) & (y_px >= 0) & (y_px < height_px)


def rows_by_image(image: np.ndarray, keep: np.ndarray, image_of: Mapping[int, str]) -> dict[str, np.ndarray]:
    """Group the rows of a table by image.

    Parameters
    ----------
    image : array
        Number of each row's image (row,), int.
    keep : array
        Which rows count (row,), bool.
    image_of : mapping of int to str
        Number -> image; two numbers may be of one image, and those that are missing are left out.

    Returns
    -------
    dict of str to array
        Image -> positions of its rows, int, in order.
    """
    rows = np.flatnonzero(keep)
    order = rows[np.argsort(image[rows], kind="stable")]
    codes, starts = np.unique(image[order], return_index=True)
    rows_of: dict[str, np.ndarray] = {}
    for code, group in zip(codes.tolist(), np.split(order, starts[1:]), strict=True) if len(codes) else ():
        if (name := image_of.get(code)) is not None:
            rows_of[name] = np.concatenate([rows_of[name], group]) if name in rows_of else group
    return rows_of


def map_cells(frame_px: tuple[int, int], max_cells: int) -> tuple[int, int]:
    """Return (rows, columns) of a map: the frame's proportions, at most ``max_cells`` and never more than pixels."""
    scale = min(1.0, max_cells / max(frame_px))
    return max(1, round(frame_px[0] * scale)), max(1, round(frame_px[1] * scale))


def participant_codes(participant: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the ids as text in their sorted order (numbers by value), and each point's position among them."""
    ids, codes = np.unique(participant, return_inverse=True)
    return tuple(str(value) for value in ids.tolist()), codes.reshape(-1).astype(np.int64)
