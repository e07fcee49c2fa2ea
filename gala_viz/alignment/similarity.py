"""How similar two maps are: Spearman's rho, and the overlap of their most important pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import xarray as xr

Maps = TypeVar("Maps", np.ndarray, xr.DataArray)
_BLOCK_VALUES = 2_000_000
"""Values ranked at once: bounds the memory of long stacks of maps."""
MANY_ROWS = 16
"""Maps that are ranked at once by compiled code."""


def spearman(a: Maps, b: Maps, dims: Sequence[str] = ("y", "x")) -> Maps:
    """Return Spearman's rank correlation of two maps.

    Ties get the mean of their ranks.

    Parameters
    ----------
    a, b : DataArray or ndarray
        Maps of one resolution over one frame. Labelled maps hold ``dims``; plain arrays are (..., y, x) and broadcast.
        A pixel that is NaN in either map is left out.
    dims : sequence of str
        The two dims over which pixels are ranked.

    Returns
    -------
    DataArray or ndarray
        rho in [-1, 1], float64, for each of the other dims. NaN where a map is constant, or fewer than two pixels are
        left.

    Raises
    ------
    ValueError
        The maps have different cells or frames; ``to_resolution`` brings them to one.
    TypeError
        One is labelled and the other is not.

    References
    ----------
    C. Spearman 1904; Linsley et al. 2019, section 4, compare attention with ClickMe maps so.

    Examples
    --------
    >>> import numpy as np
    >>> import gala_viz as gv
    >>> a = np.arange(12.0).reshape(3, 4)
    >>> float(gv.spearman(a, a**3))
    1.0
    """
    return _applied(spearman_kernel, a, b, dims)


def dice(a: Maps, b: Maps, top_fraction: float = 0.1, dims: Sequence[str] = ("y", "x")) -> Maps:
    """Return the Dice coefficient ``2|A∩B| / (|A|+|B|)`` of the most important pixels of two maps.

    Important pixels lie strictly above the (1 - ``top_fraction``) quantile of their map (linear interpolation), so that
    a map with many equal values may have fewer, and none where its largest value stands in more than ``top_fraction``
    of the pixels (a saturated map of 8 bits).

    Parameters
    ----------
    a, b : DataArray or ndarray
        Maps as ``spearman`` takes them.
    top_fraction : float
        Share of the pixels, between 0 and 1.
    dims : sequence of str
        The two dims of a map.

    Returns
    -------
    DataArray or ndarray
        Overlap in [0, 1], float64. NaN where one of the maps has no pixel above its quantile; of itself too.

    Raises
    ------
    ValueError
        ``top_fraction`` is no share, or the maps have different cells or frames.

    References
    ----------
    L. R. Dice 1945.

    Examples
    --------
    >>> import numpy as np
    >>> import gala_viz as gv
    >>> a = np.arange(100.0).reshape(10, 10)
    >>> float(gv.dice(a, a)), float(gv.dice(a, -a))
    (1.0, 0.0)
    """
    return _applied(lambda a, b: dice_kernel(a, b, top_fraction), a, b, dims)


def iou(a: Maps, b: Maps, top_fraction: float = 0.1, dims: Sequence[str] = ("y", "x")) -> Maps:
    """Return the intersection over union ``|A∩B| / |A∪B|`` of the most important pixels of two maps.

    Parameters
    ----------
    a, b : DataArray or ndarray
        Maps as ``spearman`` takes them.
    top_fraction : float
        Share of the pixels, between 0 and 1, as in ``dice``.
    dims : sequence of str
        The two dims of a map.

    Returns
    -------
    DataArray or ndarray
        Overlap in [0, 1], float64; NaN as in ``dice``.

    Raises
    ------
    ValueError
        ``top_fraction`` is no share, or the maps have different cells or frames.

    References
    ----------
    P. Jaccard 1912.

    Examples
    --------
    >>> import numpy as np
    >>> import gala_viz as gv
    >>> a = np.arange(100.0).reshape(10, 10)
    >>> dice, iou = gv.dice(a, a.T), gv.iou(a, a.T)
    >>> bool(np.isclose(iou, dice / (2 - dice)))
    True
    """
    return _applied(lambda a, b: iou_kernel(a, b, top_fraction), a, b, dims)


def spearman_kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return Spearman's rho over the last two axes of plain arrays.

    Parameters
    ----------
    a : ndarray, (..., y, x)
        Maps; a pixel that is NaN in either map is left out.
    b : ndarray, (..., y, x)
        Maps of the same resolution; the leading axes broadcast.

    Returns
    -------
    ndarray, (...), float64
        rho in [-1, 1]; NaN where a map is constant, or fewer than two pixels are left.

    Raises
    ------
    ValueError
        The maps have different resolutions.

    References
    ----------
    Spearman 1904.
    """
    a, b = _checked(a, b)
    if not (np.isnan(a).any() or np.isnan(b).any()):
        first, second = (_centred_ranks(part.reshape(*part.shape[:-2], -1)) for part in (a, b))
        return _cosine(first, second)
    a, b = np.broadcast_arrays(a, b)
    shape, pixels = a.shape[:-2], a.shape[-2] * a.shape[-1]
    a, b = a.reshape(-1, pixels), b.reshape(-1, pixels)
    missing = np.isnan(a) | np.isnan(b)
    first, second = (_centred_ranks(np.where(missing, np.nan, part)) for part in (a, b))
    return _cosine(first, second).reshape(shape)


def average_ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks along the last axis, ties averaged.

    Parameters
    ----------
    values : ndarray, (..., value)
        NaN is ranked last; callers leave it out.

    Returns
    -------
    ndarray, (..., value), float64
        Ranks from 1 on.
    """
    flat = values.reshape(-1, values.shape[-1])
    if len(flat) >= MANY_ROWS and not np.isnan(flat).any():
        from gala_viz.alignment.ranks import rank_rows  # which loads a compiler: not for a map or two

        return rank_rows(flat).reshape(values.shape)
    ranks = np.empty(flat.shape)
    rows = max(1, _BLOCK_VALUES // max(1, flat.shape[-1]))
    for start in range(0, len(flat), rows):
        block = flat[start : start + rows]
        order = np.argsort(block, axis=-1)
        ordered = np.take_along_axis(block, order, axis=-1)
        starts = np.ones(block.shape, dtype=bool)
        starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
        position = np.arange(block.shape[-1])
        first = np.maximum.accumulate(np.where(starts, position, 0), axis=-1)
        ends = np.ones(block.shape, dtype=bool)
        ends[:, :-1] = starts[:, 1:]
        last = np.minimum.accumulate(np.where(ends, position, block.shape[-1])[:, ::-1], axis=-1)[:, ::-1]
        np.put_along_axis(ranks[start : start + rows], order, (first + last) / 2 + 1, axis=-1)
    return ranks.reshape(values.shape)


def _centred_ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks minus their mean along the last axis; 0 at NaN."""
    ranks = average_ranks(values)
    missing = np.isnan(values)
    if not missing.any():
        return ranks - (values.shape[-1] + 1) / 2
    present = (~missing).sum(axis=-1, keepdims=True)
    return np.where(missing, 0.0, ranks - (present + 1) / 2)


def _cosine(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    product = np.einsum("...p,...p->...", first, second)
    norms = np.einsum("...p,...p->...", first, first) * np.einsum("...p,...p->...", second, second)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(norms > 0, np.clip(product / np.sqrt(norms), -1.0, 1.0), np.nan)


def dice_kernel(a: np.ndarray, b: np.ndarray, top_fraction: float = 0.1) -> np.ndarray:
    """Return the Dice coefficient of the top pixels over the last two axes of plain arrays.

    Parameters
    ----------
    a : ndarray, (..., y, x)
        Maps; a pixel that is NaN in either map is left out.
    b : ndarray, (..., y, x)
        Maps of the same resolution; the leading axes broadcast.
    top_fraction : float
        Share of the pixels, between 0 and 1, as in ``dice``.

    Returns
    -------
    ndarray, (...), float64
        Overlap in [0, 1]; NaN where one of the maps has no top pixel.

    Raises
    ------
    ValueError
        ``top_fraction`` is no share, or the maps have different resolutions.

    References
    ----------
    Dice 1945.
    """
    both, in_a, in_b = _top_counts(a, b, top_fraction)
    return _ratio(2 * both, in_a + in_b, (in_a > 0) & (in_b > 0))


def iou_kernel(a: np.ndarray, b: np.ndarray, top_fraction: float = 0.1) -> np.ndarray:
    """Return the intersection over union of the top pixels over the last two axes of plain arrays.

    Parameters
    ----------
    a : ndarray, (..., y, x)
        Maps; a pixel that is NaN in either map is left out.
    b : ndarray, (..., y, x)
        Maps of the same resolution; the leading axes broadcast.
    top_fraction : float
        Share of the pixels, between 0 and 1, as in ``dice``.

    Returns
    -------
    ndarray, (...), float64
        Overlap in [0, 1]; NaN where one of the maps has no top pixel.

    Raises
    ------
    ValueError
        ``top_fraction`` is no share, or the maps have different resolutions.

    References
    ----------
    Jaccard 1912.
    """
    both, in_a, in_b = _top_counts(a, b, top_fraction)
    return _ratio(both, in_a + in_b - both, (in_a > 0) & (in_b > 0))


def top_pixels(values: np.ndarray, top_fraction: float = 0.1) -> np.ndarray:
    """Return where values lie strictly above their (1 - ``top_fraction``) quantile.

    Parameters
    ----------
    values : ndarray, (..., pixel)
        Values of each map; NaN is left out of the quantile.
    top_fraction : float
        Share of the pixels, between 0 and 1.

    Returns
    -------
    ndarray, (..., pixel), bool
        True at the top pixels; never at NaN.

    Raises
    ------
    ValueError
        ``top_fraction`` is no share.
    """
    if not 0 < top_fraction < 1:
        raise ValueError(f"top_fraction is a share of the pixels, between 0 and 1; got {top_fraction!r}.")
    values = np.asarray(values, dtype=float)
    quantile = np.nanquantile if np.isnan(values).any() else np.quantile
    measurable = ~np.isnan(values).all(axis=-1, keepdims=True)
    threshold = quantile(np.where(measurable, values, 0.0), 1 - top_fraction, axis=-1, keepdims=True)
    return (values > threshold) & measurable


def _top_counts(a: np.ndarray, b: np.ndarray, top_fraction: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    a, b = _checked(a, b)
    if np.isnan(a).any() or np.isnan(b).any():
        missing = np.isnan(a) | np.isnan(b)
        a, b = np.where(missing, np.nan, a), np.where(missing, np.nan, b)
    first, second = (top_pixels(part.reshape(*part.shape[:-2], -1), top_fraction) for part in (a, b))
    both = (first & second).sum(axis=-1)
    return both, np.broadcast_to(first.sum(axis=-1), both.shape), np.broadcast_to(second.sum(axis=-1), both.shape)


def _ratio(part: np.ndarray, whole: np.ndarray, defined: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=defined)


def _checked(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a), np.asarray(b)
    if a.ndim < 2 or b.ndim < 2 or a.shape[-2:] != b.shape[-2:]:
        raise ValueError(
            f"two maps (..., y, x) of one resolution were expected; got {a.shape} and {b.shape}. Bring them to one "
            "resolution with gala_viz.alignment.to_resolution."
        )
    return a, b


def _applied(kernel: Callable[[np.ndarray, np.ndarray], np.ndarray], a: Maps, b: Maps, dims: Sequence[str]) -> Maps:
    """Apply ``kernel`` to arrays, or to labelled maps whose coordinates must be the same."""
    if not isinstance(a, xr.DataArray) and not isinstance(b, xr.DataArray):
        return kernel(np.asarray(a), np.asarray(b))  # pyright: ignore[reportReturnType]  # ``Maps`` is an array here
    if not (isinstance(a, xr.DataArray) and isinstance(b, xr.DataArray)):
        raise TypeError("two labelled maps or two plain arrays were expected; got one of each.")
    if len(dims) != 2 or any(dim not in part.dims for dim in dims for part in (a, b)):
        raise ValueError(f"maps with the two dims {tuple(dims)} were expected; got {a.dims} and {b.dims}.")
    sizes = [tuple(part.sizes[dim] for dim in dims) for part in (a, b)]
    coords = [dim for dim in dims if dim in a.coords and dim in b.coords]
    if sizes[0] != sizes[1] or not all(np.allclose(a[dim], b[dim], rtol=1e-6, atol=1e-6) for dim in coords):
        raise ValueError(
            f"two maps of one resolution over one frame were expected; got {sizes[0]} and {sizes[1]} cells whose "
            "centres differ. Bring them to one resolution with gala_viz.alignment.to_resolution."
        )
    b = b.assign_coords({dim: a[dim] for dim in coords})
    core = [list(dims), list(dims)]
    result = xr.apply_ufunc(kernel, a, b, input_core_dims=core, join="exact", keep_attrs=False)
    return result.rename(None)
