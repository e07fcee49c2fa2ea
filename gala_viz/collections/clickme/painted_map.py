"""The map of one visitor who paints what matters: made like a participant's map of the game, from points."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from gala_viz.collections.clickme.participant_maps import participant_maps
from gala_viz.collections.human_maps.points import Points
from gala_viz.schema import labelled_map

SMOOTHING = "discs"
KIND = "painted on a page"
"""Of these maps, which belong to no collection."""


def painted_map(points_px: ArrayLike, size_px: tuple[int, int]) -> xr.DataArray | None:
    """Return the map of painted points over the whole photograph.

    Parameters
    ----------
    points_px : array, (point, 2)
        x and y of the brush's centre in the photograph's pixels, origin top left, y down, in the order of painting.
    size_px : tuple of int
        (height, width) of the photograph in pixels.

    Returns
    -------
    DataArray, (y, x), float32, or None
        Density of points, smoothed as the game's maps are, of one participant; None where no point lies inside.

    References
    ----------
    Linsley et al. 2019, section 4 (ClickMe maps).
    """
    points = np.asarray(points_px, dtype=float).reshape(-1, 2)
    who = np.full(len(points), "you")
    maps = participant_maps(Points(who, points[:, 0], points[:, 1]), size_px, SMOOTHING).maps
    if not len(maps):
        return None
    attrs = {"kind": KIND, "smoothing": SMOOTHING, "n_participants": 1}
    return labelled_map(maps[0], name="human_map", extent_px=size_px, attrs=attrs)
