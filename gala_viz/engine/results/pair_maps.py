"""The maps of an ordered pair of networks with labels: in one frame, with errors, the delta, and its reliability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from gala_viz.engine.results.delta import PERCENTILE, delta
from gala_viz.engine.results.reliability import DEGREES_OF_FREEDOM
from gala_viz.schema import labelled_map
from gala_viz.specs import Normalisation


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PairMaps:
    """Maps of two networks over one image, in the frame of the first; see ``gala_viz.store.source.MapUpdate``."""

    maps: xr.DataArray
    standard_error: xr.DataArray | None
    delta: xr.DataArray
    delta_error: xr.DataArray | None


def label_pair(
    maps: Sequence[np.ndarray],
    errors: Sequence[np.ndarray] | None,
    delta_error: np.ndarray | None,
    *,
    networks: Sequence[str],
    frame_px: tuple[int, int],
    normalise: Normalisation,
    attrs: Mapping[str, Any],
    delta_degrees_of_freedom: float = 0.0,
) -> PairMaps:
    """Label two networks' maps and errors, and add their delta.

    Parameters
    ----------
    maps : sequence of two ndarray, (y, x)
        Reduced and smoothed maps in one frame, in the unit of the method; NaN outside of a network's own frame.
    errors : sequence of two ndarray, (y, x), or None
        Their Monte-Carlo standard errors; None where they are not known.
    delta_error : ndarray, (y, x), or None
        That of the delta.
    networks : sequence of two str
        Names of the networks.
    frame_px : tuple of int
        Height and width of the frame.
    normalise : str
        What each map is divided by before the delta.
    attrs : mapping of str to object
        Method, its settings, ``units`` and the like.
    delta_degrees_of_freedom : float
        Of the delta's error; 0: not known.

    Returns
    -------
    PairMaps
        All with pixel coordinates; the delta is unitless, but with "none".
    """
    leading = {"network": list(networks)}
    about = {**attrs, "normalise": normalise, "units": attrs["units"] if normalise == "none" else "1"}
    if normalise == "percentile":
        about["percentile"] = PERCENTILE
    labelled = labelled_map(np.stack(maps), name="map", extent_px=frame_px, leading=leading, attrs=attrs)
    difference = labelled_map(delta(maps[0], maps[1], normalise), name="delta", extent_px=frame_px, attrs=about)
    of_delta = None if delta_error is None else difference.copy(data=delta_error).rename("delta_error")
    if of_delta is not None and delta_degrees_of_freedom > 0:
        of_delta.attrs[DEGREES_OF_FREEDOM] = float(delta_degrees_of_freedom)
    return PairMaps(
        maps=labelled,
        standard_error=None if errors is None else labelled.copy(data=np.stack(errors)).rename("standard_error"),
        delta=difference,
        delta_error=of_delta,
    )
