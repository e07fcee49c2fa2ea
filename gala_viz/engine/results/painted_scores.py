"""The scores of a map that a visitor painted, by the rules of a collection's human maps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from gala_viz.alignment import area_average, spearman
from gala_viz.collections.clickme.painted_map import painted_map
from gala_viz.collections.human_maps.map_checks import why_not_in_frame
from gala_viz.engine.results.painted_results import PaintedResults
from gala_viz.networks.frames import Frame, cut_to_frame
from gala_viz.networks.preprocessing import Preprocessing

Grid = tuple[int, int]


def score_painted_map(
    points_px: ArrayLike,
    photo_px: tuple[int, int],
    frame: Preprocessing,
    common: Frame,
    maps: Sequence[tuple[np.ndarray | None, Preprocessing]],
    people: np.ndarray | None,
    grid: Grid,
) -> PaintedResults:
    """Score a painted map as the human maps of a collection are scored: by area averages, over what all networks see.

    Parameters
    ----------
    points_px : array, (point, 2)
        x and y of the brush in the photograph's pixels.
    photo_px : tuple of int
        (height, width) of the photograph.
    frame : Preprocessing
        Of the first network, in which the map is drawn.
    common : Preprocessing or CommonFrame
        What all networks see.
    maps : sequence of (ndarray (y, x) or None, Preprocessing)
        For each network its unsmoothed map over what it sees, None where it is not known, and how it cuts.
    people : ndarray, (*grid), or None
        Human map of the collection, over ``common``.
    grid : tuple of int
        Rows and columns of the comparison.

    Returns
    -------
    PaintedResults
        NaN for every score that cannot be formed.
    """
    none = PaintedResults(human_map=None, rhos=(float("nan"),) * len(maps), rho_people=float("nan"))
    whole = painted_map(points_px, photo_px)
    if whole is None:
        return none
    drawn, compared = frame.map_to_frame(whole), common.map_to_frame(whole).values
    if why_not_in_frame(drawn.values):
        return none
    if why_not_in_frame(compared):
        return PaintedResults(human_map=drawn, rhos=none.rhos, rho_people=none.rho_people)
    own = area_average(compared, grid)

    def rho(other: np.ndarray | None) -> float:
        return float("nan") if other is None else float(spearman(other, own))

    cut = [None if one is None else cut_to_frame(one, cuts, common, photo_px, grid) for one, cuts in maps]
    return PaintedResults(human_map=drawn, rhos=tuple(rho(one) for one in cut), rho_people=rho(people))
