"""From signed maps with colour channels to the map that is shown: reduction over colour, then smoothing."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from gala_viz.registry import Registry
from gala_viz.specs import Reduction


def reduce_channels(values: np.ndarray, reduction: Reduction = "absolute") -> np.ndarray:
    """Signed values (..., channel, y, x) to (..., y, x), after the mean over samples.

    "absolute" sums absolute values over channels (the shown map of Smilkov et al. 2017), "maximum" takes the largest
    absolute value, "signed" sums with signs. The unit stays. Raises ``UnknownNameError`` for another name.
    """
    return REDUCTIONS[reduction](values)


REDUCTIONS: Registry = Registry(
    "reduction",
    {
        "absolute": lambda values: np.abs(values).sum(axis=-3),
        "maximum": lambda values: np.abs(values).max(axis=-3),
        "signed": lambda values: values.sum(axis=-3),
    },
)
"""Name -> function from (..., channel, y, x) to (..., y, x)."""


def smooth(values: np.ndarray, sigma_px: float) -> np.ndarray:
    """Convolve (..., y, x) with a Gaussian of standard deviation ``sigma_px`` cells; 0 returns the values as they are.

    Beyond the edges the nearest value goes on, so a constant stays constant. NaN cells stay NaN and give nothing to
    their neighbours: each mean is taken over the cells that are seen.
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
