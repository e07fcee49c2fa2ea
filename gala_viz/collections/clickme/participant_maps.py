"""ClickMe maps of one image from its clicks: one count map of each participant over the whole photograph, smoothed."""

from __future__ import annotations

import numpy as np

from gala_viz.collections.clickme.smoothing import SMOOTHINGS
from gala_viz.collections.human_maps.points import PointMaps, PointMapSpec, Points, point_counts

CELLS = 256
"""Cells along the longer side of a map."""


def participant_maps(points: Points, frame_px: tuple[int, int], smoothing: str) -> PointMaps:
    """Return float32 maps (participant, y, x) of ``points`` in a frame of (height, width) over the photograph.

    A participant whose map is all zero after smoothing has none: "harmonization" skips some cells.
    """
    counts = point_counts(points, frame_px, PointMapSpec(smoothing="none", max_cells=CELLS))
    maps = SMOOTHINGS[smoothing](counts.maps)
    is_nonzero = np.asarray(maps.any(axis=(1, 2)))
    participants = tuple(name for name, one in zip(counts.participants, is_nonzero.tolist(), strict=True) if one)
    return PointMaps(maps[is_nonzero], participants, counts.n_outside)
