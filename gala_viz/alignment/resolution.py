"""Maps at one resolution, by area averages unless asked otherwise: what comparisons of maps start with."""

from __future__ import annotations

import numpy as np
import xarray as xr

from gala_viz.registry import Registry
from gala_viz.schema import extent_px, labelled_map

COMPARISON_CELLS = 56
"""Rows and columns of the frame at which maps are compared, by default."""
_WHOLE = (0.0, 1.0)
_ROUNDING = 1e-9
"""Share of a cell that rounding may make of nothing."""


def to_resolution(
    array: xr.DataArray, size: int | tuple[int, int] = COMPARISON_CELLS, resizing: str = "area"
) -> xr.DataArray:
    """Return maps at another resolution of the same frame, by area averages.

    Each new cell holds the mean of the old map over the area of the new cell, old cells being constant over theirs; so
    the mean over the frame stays at any ratio of sizes, up or down. NaN parts are left out of the averages; a new cell
    is NaN only where all of it was.

    Parameters
    ----------
    array : DataArray, (..., y, x)
        Labelled maps.
    size : int or tuple of int
        (rows, columns), or one number for both.
    resizing : str
        Name in ``RESIZINGS``; what is said above is of "area".

    Returns
    -------
    DataArray, (..., rows, columns)
        Maps in the unit of ``array``; ``extent_px``, other coordinates and attrs stay.

    Raises
    ------
    ValueError
        The dims of ``array`` do not end in (y, x), or ``size`` is below 1.
    """
    rows, columns = (size, size) if isinstance(size, int) else size
    if array.dims[-2:] != ("y", "x"):
        raise ValueError(f"a map ends in the dims ('y', 'x'); got {array.dims}.")
    values = RESIZINGS[resizing](array.values, (rows, columns))
    leading = {str(dim): list(array[dim].values) for dim in array.dims[:-2]}
    name = str(array.name or "map")
    result = labelled_map(values, name=name, extent_px=extent_px(array), leading=leading, attrs=array.attrs)
    others = array.isel(y=0, x=0, drop=True).coords
    return result.assign_coords({key: others[key] for key in others if key not in result.coords}).rename(array.name)


def area_average(
    values: np.ndarray, size: tuple[int, int], part: tuple[tuple[float, float], tuple[float, float]] | None = None
) -> np.ndarray:
    """Return area averages of maps over equal cells.

    The weights are the exact overlaps of old and new cells, also where one size is no multiple of the other. NaN parts
    are left out of the averages; a new cell is NaN only where all of it was. An average lies within the range of what
    it averages to the last bit, so that a constant map, or a plateau, stays one, and has no order by rounding.

    Parameters
    ----------
    values : ndarray, (..., y, x)
        Maps with at least one cell.
    size : tuple of int
        (rows, columns) of the result.
    part : tuple of two tuple of float, optional
        Of the map, first and last place along y and along x as shares of its sides, over which the new cells lie;
        default: all of it.

    Returns
    -------
    ndarray, (..., rows, columns)
        Means in the unit of ``values``: float32 for float32 and float16, else float64.

    Raises
    ------
    ValueError
        ``values`` has no cells, ``size`` is below 1, or ``part`` is not a part of the map.
    """
    values = np.asarray(values)
    rows, columns = size
    if values.ndim < 2 or 0 in values.shape[-2:]:
        raise ValueError(f"a map (..., y, x) with cells was expected; got the shape {values.shape}.")
    if rows < 1 or columns < 1:
        raise ValueError(f"a map has at least one row and one column; {size} were asked for.")
    dtype = np.float32 if values.dtype in (np.float32, np.float16) else np.float64
    if values.shape[-2:] == (rows, columns) and part is None:
        return values.astype(dtype)
    along_y, along_x = part or (_WHOLE, _WHOLE)
    if not all(0 <= first < last <= 1 for first, last in (along_y, along_x)):
        raise ValueError(f"a part of a map, between 0 and 1 along y and x, was expected; got {part}.")
    over_y = _overlaps(values.shape[-2], rows, *along_y)
    over_x = _overlaps(values.shape[-1], columns, *along_x)
    numbers = values.astype(np.float64)
    missing = np.isnan(numbers)
    low, high = (_over_each_cell(extreme, values, over_y, over_x) for extreme in (np.fmin, np.fmax))
    if not missing.any():
        return np.clip(over_y @ numbers @ over_x.T, low, high).astype(dtype)
    total = over_y @ np.where(missing, 0.0, numbers) @ over_x.T
    share = over_y @ (~missing).astype(np.float64) @ over_x.T
    present = share > _ROUNDING
    return np.where(present, np.clip(total / np.where(present, share, 1.0), low, high), np.nan).astype(dtype)


def _overlaps(old: int, new: int, first: float, last: float) -> np.ndarray:
    """Return the shares (new, old) of each new cell's length that lie in each old cell; rows sum to 1.

    What of an old cell is there by the rounding of edges alone is left out.
    """
    edges = first * old + np.arange(new + 1) * ((last - first) * old / new)
    start = np.maximum(edges[:-1, None], np.arange(old)[None])
    end = np.minimum(edges[1:, None], np.arange(1, old + 1)[None])
    lengths = np.clip(end - start, 0.0, None)
    shares = lengths / lengths.sum(axis=1, keepdims=True)
    shares[shares < _ROUNDING] = 0.0
    return shares / shares.sum(axis=1, keepdims=True)


def _over_each_cell(extreme: np.ufunc, values: np.ndarray, over_y: np.ndarray, over_x: np.ndarray) -> np.ndarray:
    """Return ``np.fmin`` or ``np.fmax`` of the old cells that each new one overlaps (..., rows, columns)."""
    for axis, shares in ((-2, over_y), (-1, over_x)):
        first, n = (shares > 0).argmax(axis=1), (shares > 0).sum(axis=1)
        found = np.take(values, first, axis=axis)
        for step in range(1, n.max()):  # one old cell of each new one at a time: vectors instead of short runs
            found = extreme(found, np.take(values, first + np.minimum(step, n - 1), axis=axis))
        values = found
    return values


def resize_aligned(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return maps read off bilinearly at equally spaced places, the first and last at the centres of the outer cells.

    What TensorFlow calls aligned corners, without antialiasing: fine detail between the places is passed over.

    Parameters
    ----------
    values : ndarray, (..., y, x)
        Maps with at least one cell.
    size : tuple of int
        (rows, columns) of the result.

    Returns
    -------
    ndarray, (..., rows, columns)
        In the unit of ``values``: float32 for float32 and float16, else float64; NaN where a map's NaN has a part.
    """
    values = np.asarray(values)
    dtype = np.float32 if values.dtype in (np.float32, np.float16) else np.float64
    down, across = (_readings(old, new) for old, new in zip(values.shape[-2:], size, strict=True))
    return (down @ values.astype(np.float64) @ across.T).astype(dtype)


def _readings(old: int, new: int) -> np.ndarray:
    """Return the shares (new, old) of the old cells in each reading."""
    places = np.linspace(0, old - 1, new) if new > 1 else np.zeros(1)
    return np.maximum(0.0, 1.0 - np.abs(places[:, None] - np.arange(old)[None]))


RESIZINGS: Registry = Registry("resizing", {"area": area_average, "aligned": resize_aligned})
"""Name -> function from maps (..., y, x) and (rows, columns) to (..., rows, columns)."""
