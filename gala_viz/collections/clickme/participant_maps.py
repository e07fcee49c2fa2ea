"""ClickMe maps of one image from its clicks: one count map of each participant over the whole photograph, smoothed."""

from __future__ import annotations

import numpy as np

from gala_viz.collections.clickme.smoothing import SMOOTHINGS
from gala_viz.collections.human_maps.points import PointMaps, Points, count_maps, map_cells, participant_codes

CELLS = 256
"""Cells along the longer side of a map."""
MAX_VALUES = 32_000_000
"""Of more values the maps of an image's participants are not kept one by one: some 490 of a square photograph."""
_AT_ONCE = 32
"""Participants whose maps are smoothed together, so that little memory is taken beside the maps' own."""


def participant_maps(points: Points, frame_px: tuple[int, int], smoothing: str) -> PointMaps:
    """Return float32 maps (participant, y, x) of ``points`` in a frame of (height, width) over the photograph.

    A participant without a point inside has no map, and neither has one whose map is all zero after smoothing:
    "harmonization" skips some cells.
    """
    ids, codes = participant_codes(points.participant)
    cells = map_cells(frame_px, CELLS)
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(0, len(ids) + _AT_ONCE, _AT_ONCE))
    maps: list[np.ndarray] = []
    names: list[str] = []
    n_outside = 0
    for number, first in enumerate(range(0, len(ids), _AT_ONCE)):
        which = order[bounds[number] : bounds[number + 1]]
        here = ids[first : first + _AT_ONCE]
        counts, inside = count_maps(
            points.x_px[which], points.y_px[which], codes[which] - first, len(here), frame_px, cells
        )
        n_outside += int((~inside).sum())
        smooth = SMOOTHINGS[smoothing](counts.astype(np.float32))
        has_map = np.asarray(smooth.any(axis=(1, 2)))
        maps.append(smooth[has_map])
        names += [name for name, one in zip(here, has_map.tolist(), strict=True) if one]
    if not maps:
        maps.append(SMOOTHINGS[smoothing](np.empty((0, *cells), np.float32)))
    return PointMaps(maps[0] if len(maps) == 1 else np.concatenate(maps), tuple(names), n_outside)


def keeps_participants(n_participants: int, frame_px: tuple[int, int]) -> bool:
    """Return whether the maps of so many participants are kept one by one."""
    rows, columns = map_cells(frame_px, CELLS)
    return n_participants * rows * columns <= MAX_VALUES


def mean_map(points: Points, frame_px: tuple[int, int], smoothing: str) -> tuple[np.ndarray, int, int]:
    """Return the mean over participants of their maps, without making each: smoothing is linear.

    Returns
    -------
    tuple of ndarray, int, int
        float32 (y, x); participants with a point inside; points outside.
    """
    ids, codes = participant_codes(points.participant)
    cells = map_cells(frame_px, CELLS)
    together = np.zeros(len(codes), np.int64)
    counts, inside = count_maps(points.x_px, points.y_px, together, 1, frame_px, cells)
    n_participants = int(np.count_nonzero(np.bincount(codes[inside], minlength=len(ids))))
    smooth = SMOOTHINGS[smoothing](counts)[0] / max(1, n_participants)
    return smooth.astype(np.float32), n_participants, int((~inside).sum())
