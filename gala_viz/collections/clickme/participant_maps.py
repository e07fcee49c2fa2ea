"""From the clicks on one image to its maps: one count map per participant over the whole photograph, smoothed."""

from __future__ import annotations

import numpy as np

from gala_viz.collections.clickme.smoothing import SMOOTHINGS
from gala_viz.collections.points import PointMaps, PointMapSpec, Points, point_counts

CELLS = 256
"""Cells along the longer side of a map."""


def participant_maps(points: Points, frame_px: tuple[int, int], smoothing: str) -> PointMaps:
    """Float32 maps (participant, y, x) of ``points``, which lie in a frame of (height, width) over the photograph.

    A participant whose map has nothing left after smoothing has none: "harmonization" passes over some cells.
    """
    found = point_counts(points, frame_px, PointMapSpec(smoothing="none", max_cells=CELLS))
    maps = SMOOTHINGS[smoothing](found.maps)
    left = np.asarray(maps.any(axis=(1, 2)))
    participants = tuple(name for name, one in zip(found.participants, left.tolist(), strict=True) if one)
    return PointMaps(maps[left], participants, found.n_outside)
