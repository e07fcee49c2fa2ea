"""The smoothings that ClickMe maps were published with, by name, each at the scale of the photograph.

All take maps (..., y, x) that cover the whole photograph with cells and return maps that cover it likewise. Widths are
for a short side of 256 px and grow with the number of cells. A map and the halves of its noise ceiling must go through
the same smoothing. ``smooth_part`` smooths a network's map, which covers a part of the photograph, at the same scale.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy import ndimage

from gala_viz.collections.human_maps.points import gaussian
from gala_viz.registry import Registry

REFERENCE_PX = 256
DISC_PX, LARGEST_DISC_PX = 21, 51
GAUSSIAN_SIGMA_PX = math.sqrt(21)
_SMALL, _LARGE, _KERNEL, _KERNEL_SIGMA = 64, 224, 10, 10.0
_WINDOW_PX, _WINDOW_SIGMA_PX = 49, 28.0

Smoothing = Callable[[np.ndarray], np.ndarray]


def disc_twice(maps: np.ndarray, short_cells: float | None = None) -> np.ndarray:
    """Smooth twice with a flat disc of 21 px: about a Gaussian of 7.1 px. The authors' current smoothing.

    The disc's diameter grows with the photograph's short side, in odd numbers of cells up to 51.

    Parameters
    ----------
    maps : array
        Maps (..., y, x).
    short_cells : float, optional
        Cells along the photograph's short side; default: the map's short side.

    Returns
    -------
    array
        Smoothed maps of the same shape and dtype.
    """
    size = DISC_PX * (short_cells or min(maps.shape[-2:])) / REFERENCE_PX
    radius = min((LARGEST_DISC_PX - 1) // 2, max(0, round((size - 1) / 2)))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disc = (y**2 + x**2 <= radius**2).astype(float)
    disc = (disc / disc.sum()).reshape((1,) * (maps.ndim - 2) + disc.shape)
    values = maps.astype(float)
    for _ in range(2):
        values = ndimage.convolve(values, disc, mode="constant")
    return values.astype(maps.dtype)


def gaussian_before_2024(maps: np.ndarray, short_cells: float | None = None) -> np.ndarray:
    """Smooth with a Gaussian of standard deviation sqrt(21) px: the authors' smoothing before October 2024.

    Parameters
    ----------
    maps : array
        Maps (..., y, x).
    short_cells : float, optional
        Cells along the photograph's short side; default: the map's short side.

    Returns
    -------
    array
        Smoothed maps of the same shape.
    """
    sigma = GAUSSIAN_SIGMA_PX * (short_cells or min(maps.shape[-2:])) / REFERENCE_PX
    return gaussian(maps, (sigma, sigma))


def gala_tpu(maps: np.ndarray, short_cells: float | None = None) -> np.ndarray:
    """Smooth with the 49 x 49 px window of the GALA training code: a Gaussian of 28 px folded into the window.

    The authors blur a single point within the window by SciPy, which mirrors at the window's edges: the kernel sums to
    1 and is nearly flat. Outside of the map there is nothing.

    Parameters
    ----------
    maps : array
        Maps (..., y, x).
    short_cells : float, optional
        Cells along the photograph's short side; default: the map's short side.

    Returns
    -------
    array
        Smoothed maps of the same shape and dtype.

    References
    ----------
    serre-lab/gala_tpu, resnet_main.py.
    """
    scale = (short_cells or min(maps.shape[-2:])) / REFERENCE_PX
    radius = max(1, round((_WINDOW_PX - 1) / 2 * scale))
    point = np.zeros(2 * radius + 1)
    point[radius] = 1.0
    line = ndimage.gaussian_filter1d(point, _WINDOW_SIGMA_PX * scale)
    values = maps.astype(float)
    for axis in (-2, -1):
        values = ndimage.convolve1d(values, line, axis=axis, mode="constant")
    return values.astype(maps.dtype)


def harmonization(maps: np.ndarray) -> np.ndarray:
    """Smooth as the Harmonization toolbox loads its maps: to 64 x 64, a blur with a 10 x 10 kernel, to 224 x 224.

    Resizing is bilinear between cell centres, without antialiasing. The kernel is exp(-(x² + y²) / 200) for x from -5
    to 4 and y from 4 down to -5, divided by its sum; outside of the map there is nothing.

    Parameters
    ----------
    maps : array
        Maps (..., y, x).

    Returns
    -------
    array
        Smoothed maps (..., 224, 224) of the same dtype.
    """
    small = resize_bilinear(maps, (_SMALL, _SMALL))
    x = np.arange(_KERNEL) - _KERNEL // 2
    across, down = (np.exp(-(offset.astype(float) ** 2) / (2 * _KERNEL_SIGMA**2)) for offset in (x, x[::-1] + 0.0))
    for axis, weights in ((-1, across), (-2, down)):
        small = ndimage.correlate1d(small, weights / weights.sum(), axis=axis, mode="constant", origin=-1)
    return resize_bilinear(small, (_LARGE, _LARGE)).astype(maps.dtype)


def no_smoothing(maps: np.ndarray) -> np.ndarray:
    """Return the maps unchanged.

    Parameters
    ----------
    maps : array
        Maps (..., y, x).

    Returns
    -------
    array
        ``maps`` itself.
    """
    return maps


SMOOTHINGS: Registry[Smoothing] = Registry(
    "ClickMe smoothing",
    {
        "discs": disc_twice,
        "gaussian": gaussian_before_2024,
        "harmonization": harmonization,
        "gala_tpu": gala_tpu,
        "none": no_smoothing,
    },
)
SCALED: Registry[Callable[[np.ndarray, float], np.ndarray]] = Registry(
    "smoothing of a network's map",
    {
        "none": lambda maps, short_cells: maps,
        "discs": disc_twice,
        "gaussian": gaussian_before_2024,
        "gala_tpu": gala_tpu,
    },
)
"""Those that know a scale, so that a part of a photograph is smoothed like the whole."""


def smooth_part(maps: np.ndarray, name: str, short_cells: float) -> np.ndarray:
    """Smooth maps (..., y, x) of a part of a photograph whose whole short side would be ``short_cells`` cells long.

    ``name`` is one of ``SCALED``. Beyond the part there is nothing, as with a network's map, which has no more.
    """
    return SCALED[name](maps, short_cells)


def resize_bilinear(maps: np.ndarray, cells: tuple[int, int]) -> np.ndarray:
    """Resize (..., y, x) to ``cells``, linearly between the centres of cells, without antialiasing: float64."""
    values = maps
    for axis, new in zip((-2, -1), cells, strict=True):
        first, second, share = _neighbours(values.shape[axis], new)
        weights = share[:, None] if axis == -2 else share
        near, far = (values.take(cell, axis).astype(float, copy=False) for cell in (first, second))
        near *= 1 - weights
        far *= weights
        near += far
        values = near
    return values


@lru_cache(maxsize=64)
def _neighbours(size: int, new: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the two old cells around the centre of each new one, and the share of the second; not to be changed."""
    where = np.clip((np.arange(new) + 0.5) * size / new - 0.5, 0, size - 1)
    first = np.minimum(where.astype(int), max(size - 2, 0))
    return first, np.minimum(first + 1, size - 1), where - first
