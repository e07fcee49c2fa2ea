"""From signed maps with colour channels to the map on a page: reduction over colour, then smoothing."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from gala_viz.attribution.map_state import array_functions
from gala_viz.registry import Registry
from gala_viz.specs import Reduction


def reduce_channels(values: np.ndarray, reduction: Reduction = "absolute") -> np.ndarray:
    """Reduce the colour channels of signed maps to one number a pixel, after the mean over samples.

    Parameters
    ----------
    values : ndarray or Tensor, (..., channel, y, x)
        Signed maps.
    reduction : {"absolute", "maximum", "signed"}
        Sum of absolute values over channels (the map of Smilkov et al. 2017), largest absolute value, or signed sum.

    Returns
    -------
    ndarray or Tensor, (..., y, x)
        Maps in the unit of ``values``.

    Raises
    ------
    UnknownNameError
        No reduction is called ``reduction``.
    """
    return REDUCTIONS[reduction](values)


REDUCTIONS: Registry = Registry(
    "reduction",
    {
        "absolute": lambda values: abs(values).sum(axis=-3),
        "maximum": lambda values: array_functions(values).amax(abs(values), axis=-3),
        "signed": lambda values: values.sum(axis=-3),
    },
)
"""Name -> function from (..., channel, y, x) to (..., y, x)."""


def smooth(values: np.ndarray, sigma_px: float) -> np.ndarray:
    """Smooth maps with a Gaussian.

    Beyond the edges the nearest value goes on, so that a constant stays constant. NaN cells stay NaN and add nothing to
    their neighbours: each mean is taken over the cells that have a value.

    Parameters
    ----------
    values : ndarray, (..., y, x)
        Maps; NaN where nothing is known.
    sigma_px : float
        Standard deviation in cells, from 0 on; 0 returns the values as they are.

    Returns
    -------
    ndarray, (..., y, x)
        Maps in the unit and type of ``values``.

    Raises
    ------
    ValueError
        ``sigma_px`` is negative.
    """
    if sigma_px < 0:
        raise ValueError(f"sigma_px is a Gaussian's standard deviation from 0 on; got {sigma_px!r}.")
    if sigma_px == 0:
        return values
    hidden = np.isnan(values)
    if not hidden.any():
        return _gaussian(values, sigma_px)
    weight = _gaussian((~hidden).astype(np.float64), sigma_px)
    total = _gaussian(np.where(hidden, 0, values).astype(np.float64), sigma_px)
    return np.where(hidden, np.nan, total / np.maximum(weight, np.finfo(np.float64).tiny)).astype(values.dtype)


def _gaussian(values: np.ndarray, sigma_px: float) -> np.ndarray:
    return gaussian_filter(values, sigma_px, mode="nearest", axes=(-2, -1))
