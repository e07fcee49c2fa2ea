"""What is known of a map that a visitor painted: the map, and how alike it is to networks' maps and to people's."""

from __future__ import annotations

from dataclasses import dataclass

import xarray as xr


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PaintedResults:
    """A painted map and its scores.

    Parameters
    ----------
    human_map : DataArray, (y, x), or None
        In the frame of the first network; None where nothing was painted inside of it.
    rhos : tuple of float
        Spearman's rho with the unsmoothed map of each network; NaN where that is not known.
    rho_people : float
        rho with the human map of the collection; NaN where there is none.
    """

    human_map: xr.DataArray | None
    rhos: tuple[float, ...]
    rho_people: float
