"""Maps of the second network in the frame of the first, where the two crop a photograph differently."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from gala_viz.networks.preprocessing import Preprocessing


def resample_to_frame(
    values: np.ndarray, source: Preprocessing, target: Preprocessing, photo_px: tuple[int, int], size: tuple[int, int]
) -> np.ndarray:
    """Resample maps from the frame of one preprocessing to that of another.

    Parameters
    ----------
    values : ndarray, (..., y, x)
        Maps over the frame of ``source``.
    source : Preprocessing
        What the maps' network sees of the photograph.
    target : Preprocessing
        What the other network sees of it.
    photo_px : tuple of int
        Height and width of the photograph in pixels.
    size : tuple of int
        Rows and columns of the result.

    Returns
    -------
    ndarray, (..., *size), float32
        Bilinear between cell centres, blurred first where cells get larger; NaN where the frame of ``source`` does not
        reach. With equal preprocessing and size ``values`` themselves are returned.
    """
    if source == target and values.shape[-2:] == tuple(size):
        return values
    rows, columns = _positions(values.shape[-2:], source.frame(*photo_px), target.frame(*photo_px), size)
    ratio = [abs(axis[1] - axis[0]) if len(axis) > 1 else 1.0 for axis in (rows, columns)]
    blur = [0.4 * step if step > 1.2 else 0.0 for step in ratio]
    grid = np.meshgrid(rows, columns, indexing="ij")
    inside = _inside(rows, values.shape[-2])[:, None] & _inside(columns, values.shape[-1])[None]
    result = np.empty((*values.shape[:-2], *size), np.float32)
    for index in np.ndindex(values.shape[:-2]):
        one = gaussian_filter(values[index], blur, mode="nearest") if any(blur) else values[index]
        result[index] = np.where(inside, map_coordinates(one, grid, order=1, mode="nearest"), np.nan)
    return result


def _positions(
    cells: tuple[int, int],
    own: tuple[float, float, float, float],
    frame: tuple[float, float, float, float],
    size: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray]:
    """Return the centres of the new cells in indices of the old ones, along y and x; a frame is (x0, y0, x1, y1)."""
    axes = []
    for axis, first, last in ((0, 1, 3), (1, 0, 2)):
        centres = frame[first] + (np.arange(size[axis]) + 0.5) * (frame[last] - frame[first]) / size[axis]
        axes.append((centres - own[first]) / (own[last] - own[first]) * cells[axis] - 0.5)
    return axes[0], axes[1]


def _inside(positions: np.ndarray, cells: int) -> np.ndarray:
    return (positions >= -0.5 - 1e-6) & (positions <= cells - 0.5 + 1e-6)
