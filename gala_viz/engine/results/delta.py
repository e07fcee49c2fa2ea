"""Gradient delta: what the second network relies on more than the first.

Each map is first divided by one number, so that networks with larger gradients do not win everywhere. The delta is the
second map minus the first, image by image. Positive: the second relies more. Source: Linsley et al. 2019, figure 2.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence

import numpy as np
import xarray as xr

from gala_viz.engine.results.half_samples import split_half_reliability
from gala_viz.engine.results.jackknife import jackknife_error
from gala_viz.registry import Registry
from gala_viz.specs import Normalisation

PERCENTILE = 99.0
"""The normalisation "percentile" divides by this percentile of the absolute values: one bright pixel does not count."""

_SAME = ("method", "n_samples", "noise_fraction", "seed", "reduction", "smoothing_px", "target")


def normalisation_scale(values: np.ndarray, normalise: Normalisation = "percentile") -> np.ndarray:
    """Return the number that each map is divided by.

    Parameters
    ----------
    values : ndarray, (..., y, x)
        Signed maps; NaN cells are left out.
    normalise : {"maximum", "percentile", "sum", "none"}
        Statistic of the absolute values: the largest, the 99th percentile, the sum, or 1.

    Returns
    -------
    ndarray, (..., 1, 1), float64
        One scale for each map, in its unit. A map of zeros has scale 1, so that it stays zero.

    Raises
    ------
    UnknownNameError
        No normalisation is called ``normalise``.
    """
    magnitude = np.abs(values)
    scale = np.asarray(NORMALISATIONS[normalise](magnitude), dtype=np.float64)
    return np.where(np.isfinite(scale) & (scale > 0), scale, 1.0)


def _over_cells(statistic):
    """Return ``statistic`` of the cells of each map that are not NaN, as a function of absolute values (..., y, x)."""

    def of(magnitude: np.ndarray) -> np.ndarray:
        flat = magnitude.reshape(*magnitude.shape[:-2], -1)
        if not np.isnan(flat).any():
            return statistic(flat)[..., None, None]
        return np.apply_along_axis(
            lambda row: statistic(row[~np.isnan(row)]) if (~np.isnan(row)).any() else np.nan, -1, flat
        )[..., None, None]

    return of


NORMALISATIONS: Registry = Registry(
    "normalisation",
    {
        "maximum": _over_cells(lambda cells: cells.max(axis=-1)),
        "percentile": _over_cells(lambda cells: np.percentile(cells, PERCENTILE, axis=-1)),
        "sum": _over_cells(lambda cells: cells.sum(axis=-1, dtype=np.float64)),
        "none": lambda magnitude: np.ones((*magnitude.shape[:-2], 1, 1)),
    },
)
"""Name -> function from absolute values (..., y, x) to what they are divided by, (..., 1, 1)."""


def normalise_maps(values: np.ndarray, normalise: Normalisation = "percentile") -> np.ndarray:
    """Return maps divided by their ``normalisation_scale``.

    Signs stay, nothing is shifted, and nothing is divided by zero.

    Parameters
    ----------
    values : ndarray, (..., y, x)
        Signed maps.
    normalise : {"maximum", "percentile", "sum", "none"}
        What each map is divided by.

    Returns
    -------
    ndarray, (..., y, x), float
        Unitless, in float32 or the wider type of ``values``; with "none" in the unit of ``values``.
    """
    return (values / normalisation_scale(values, normalise)).astype(np.result_type(values, np.float32))


def delta(first: np.ndarray, second: np.ndarray, normalise: Normalisation = "percentile") -> np.ndarray:
    """Return the second map minus the first, each normalised by itself over the cells that both have.

    Parameters
    ----------
    first : ndarray, (..., y, x)
        Maps of the first network.
    second : ndarray, (..., y, x)
        Maps of the second network, in the same frame.
    normalise : {"maximum", "percentile", "sum", "none"}
        What each map is divided by.

    Returns
    -------
    ndarray, (..., y, x), float
        ``normalise_maps(second) - normalise_maps(first)``; NaN where either is NaN.
    """
    first, second = over_common_cells(first, second)
    return normalise_maps(second, normalise) - normalise_maps(first, normalise)


def over_common_cells(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two maps (..., y, x), both NaN where either is: where only one network sees the photograph."""
    missing = np.isnan(first) | np.isnan(second)
    if not missing.any():
        return first, second
    return np.where(missing, np.nan, first).astype(first.dtype), np.where(missing, np.nan, second).astype(second.dtype)


def gradient_delta(
    a: xr.DataArray | xr.Dataset, b: xr.DataArray | xr.Dataset, normalise: Normalisation = "percentile"
) -> xr.DataArray | xr.Dataset:
    """Return ``b`` minus ``a`` after normalising each map of each image by itself.

    Positive where the network of ``b`` relies more.

    Parameters
    ----------
    a, b : DataArray or Dataset
        Maps (..., y, x) of one frame, as ``smoothgrad`` returns them, or Datasets of ``return_error=True``.
    normalise : str
        One of ``gala_viz.engine.results.delta.NORMALISATIONS``, for example "percentile".

    Returns
    -------
    DataArray or Dataset
        The delta, dims as in the arguments; unitless, with "none" in the unit of the maps. A Dataset has ``delta`` and
        ``standard_error``: by jackknife where both have ``without_group`` (``return_groups=True``); else errors are
        added as if independent and the scales' own error is left out, which for two networks with the same noise is
        usually too large rather than too small. Where both have ``half_map``, the coordinate ``reliability`` is the
        split-half reliability of each image's delta.

    Warns
    -----
    UserWarning
        The maps are computed in different precisions.

    Raises
    ------
    ValueError
        Dims, coordinates or settings in ``attrs`` (method, samples, noise, seed, reduction, smoothing, target) differ:
        drop an attr to compare all the same.

    References
    ----------
    Linsley et al. 2019, figure 2.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> import gala_viz as gv
    >>> a = xr.DataArray(np.ones((2, 2)), dims=("y", "x"))
    >>> gv.gradient_delta(a, 3 * a, normalise="percentile").values.tolist()
    [[0.0, 0.0], [0.0, 0.0]]
    """
    if isinstance(a, xr.Dataset) and isinstance(b, xr.Dataset):
        first, second = a["map"], b["map"]
    elif isinstance(a, xr.Dataset) or isinstance(b, xr.Dataset):
        raise ValueError("two arrays or two datasets were expected; got one of each.")
    else:
        first, second = a, b
    _check_comparable(first, second)
    precisions = [str(one.attrs.get("device", "")).rpartition(", ")[2] for one in (first, second)]
    if precisions[0] != precisions[1] and all(precisions):
        warnings.warn(
            f"the maps are computed in {precisions[0]} and {precisions[1]}, and their delta is partly of that; load "
            "both networks with one precision=.",
            stacklevel=2,
        )
    difference = first.copy(data=delta(first.values, second.values, normalise)).rename("delta")
    difference.attrs = {key: value for key, value in first.attrs.items() if second.attrs.get(key) == value}
    difference.attrs.update(
        normalise=normalise,
        units="1" if normalise != "none" else first.attrs.get("units", ""),
        first=first.attrs.get("network", "first"),
        second=second.attrs.get("network", "second"),
    )
    if normalise == "percentile":
        difference.attrs["percentile"] = PERCENTILE
    difference = difference.drop_vars([name for name in ("sigma", "explained") if name in difference.coords])
    if not isinstance(a, xr.Dataset) or not isinstance(b, xr.Dataset):
        return difference
    if "half_map" in a and "half_map" in b:
        halves = delta(a["half_map"].values, b["half_map"].values, normalise)  # (half, ..., y, x)
        leading = halves.shape[1:-2]
        of_images = np.array([split_half_reliability(halves[:, *at]) for at in np.ndindex(leading)]).reshape(leading)
        difference = difference.assign_coords(reliability=(difference.dims[:-2], of_images))
    error = difference.copy(data=_delta_error(a, b, difference.values, normalise)).rename("standard_error")
    return xr.Dataset({"delta": difference, "standard_error": error}, attrs=difference.attrs)


def _delta_error(a: xr.Dataset, b: xr.Dataset, difference: np.ndarray, normalise: Normalisation) -> np.ndarray:
    """Return the standard error of a delta (..., y, x), by jackknife where the maps without each group are there."""
    if "without_group" not in a or "without_group" not in b:
        if "standard_error" not in a or "standard_error" not in b:
            return np.full(difference.shape, np.nan, np.float32)
        errors, maps = ([data[name].values for data in (a, b)] for name in ("standard_error", "map"))
        return independent_delta_error(errors, maps, normalise)
    without = delta(a["without_group"].values, b["without_group"].values, normalise)  # (group, ..., y, x)
    n_groups, error = len(without), np.full(difference.shape, np.nan, np.float32)
    for at in np.ndindex(difference.shape[:-2]):
        n = int(a["map"]["n"].values[at])
        counts = (n - np.arange(n_groups) + n_groups - 1) // n_groups  # sample k belongs to group k mod n_groups
        if n >= 2:
            error[at] = jackknife_error(difference[at], without[counts > 0][:, *at], counts[counts > 0])
    return error


def independent_delta_error(
    errors: Sequence[np.ndarray], maps: Sequence[np.ndarray], normalise: Normalisation
) -> np.ndarray:
    """Return the standard error (..., y, x) of a delta as if the two maps' errors were independent.

    The scales' own error is left out. For networks with the same noise this is usually too large.
    """
    cut = over_common_cells(*maps)
    scaled = [error / normalisation_scale(one, normalise) for error, one in zip(errors, cut, strict=True)]
    return np.hypot(*scaled).astype(np.float32)


def _cut(labelled: xr.DataArray) -> tuple[object, ...] | None:
    """Return what decides the cut in the preprocessing of a map; None where it is not told."""
    try:
        preprocessing = json.loads(labelled.attrs.get("preprocessing", "null"))
        others = [preprocessing[key] for key in ("resize", "rounding") if key in preprocessing]
        return preprocessing["short_px"], preprocessing["crop_px"], *others
    except (TypeError, KeyError, json.JSONDecodeError):
        return None


def _check_comparable(first: xr.DataArray, second: xr.DataArray) -> None:
    """Raise ``ValueError`` unless two labelled maps have the same dims, coordinates and settings."""
    if first.dims != second.dims or first.shape != second.shape:
        raise ValueError(
            f"two maps of one frame were expected; got {dict(first.sizes)} and {dict(second.sizes)}. "
            "Bring them to one resolution first."
        )
    for dim in first.dims:
        if dim in first.coords and dim in second.coords and not np.array_equal(first[dim], second[dim]):
            raise ValueError(f"the maps' {dim} coordinates differ; select the same ones in both first.")
    cuts = [_cut(one) for one in (first, second)]
    if None not in cuts and cuts[0] != cuts[1]:
        raise ValueError(
            "two maps of one frame were expected; these networks cut photographs differently: short side and crop are "
            f"{cuts[0]} and {cuts[1]} px. Pages, stores and evaluate compare such networks over what both see."
        )
    differing = [
        f"{key} ({first.attrs[key]!r} and {second.attrs[key]!r})"
        for key in _SAME
        if key in first.attrs and key in second.attrs and first.attrs[key] != second.attrs[key]
    ]
    if differing:
        raise ValueError(f"these maps were made differently and have no meaningful delta: {', '.join(differing)}.")
