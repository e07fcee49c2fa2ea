"""Gradient delta: what the second network relies on more than the first.

Each map is divided by one number first, so that networks with larger gradients do not win everywhere; then the
second minus the first, image by image. Positive: the second relies more. Source: Linsley et al. 2019, figure 2.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from gala_viz.deprecated_paths import deprecated_getattr
from gala_viz.registry import Registry
from gala_viz.specs import Normalisation

PERCENTILE = 99.0
"""The normalisation "percentile" divides by this percentile of the absolute values: one bright pixel does not count."""

NEGLIGIBLE_LOGITS = 1e-3
"""A map whose every value together stands for less than this change of a logit is about zero."""

CHANCE_FRACTION = 0.07
"""Values beyond two standard errors: about 5 % would be by chance alone; up to this share a map is called noise."""

_SAME = ("method", "n_samples", "noise_fraction", "seed", "reduction", "smoothing_px", "target")


def normalisation_scale(values: np.ndarray, normalise: Normalisation = "percentile") -> np.ndarray:
    """The number that each map (..., y, x) is divided by, of shape (..., 1, 1), of its absolute values without NaN.

    "maximum", "percentile" (the 99th), "sum", or 1 for "none". A map of zeros has scale 1: it stays zero.
    """
    magnitude = np.abs(values)
    scale = np.asarray(NORMALISATIONS[normalise](magnitude), dtype=np.float64)
    return np.where(np.isfinite(scale) & (scale > 0), scale, 1.0)


def _over_cells(statistic):
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
    """Maps (..., y, x) divided by their ``normalisation_scale``; signs stay, nothing is shifted,
    nothing is divided by zero."""
    return (values / normalisation_scale(values, normalise)).astype(np.result_type(values, np.float32))


def delta(first: np.ndarray, second: np.ndarray, normalise: Normalisation = "percentile") -> np.ndarray:
    """``normalise_maps(second) - normalise_maps(first)`` for maps (..., y, x) of one frame; NaN where either is."""
    return normalise_maps(second, normalise) - normalise_maps(first, normalise)


def gradient_delta(
    a: xr.DataArray | xr.Dataset, b: xr.DataArray | xr.Dataset, normalise: Normalisation = "percentile"
) -> xr.DataArray | xr.Dataset:
    """Return ``b`` minus ``a`` after normalising each map of each image by itself.

    Positive where the network of ``b`` relies more.

    Parameters
    ----------
    a, b : DataArray or Dataset
        Maps (..., y, x) of one frame, as ``smoothgrad`` gives them; Datasets of ``return_error=True`` give errors too.
    normalise : str
        One of ``gala_viz.attribution.delta.NORMALISATIONS``, for example "percentile".

    Returns
    -------
    DataArray or Dataset
        The delta, dims as in the arguments, unitless. A Dataset has ``delta`` and ``standard_error``: errors are added
        as if independent and the scales' own error is left out, which for two networks that saw the same noise is
        usually too large rather than too small.

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
    if not isinstance(a, xr.Dataset):
        return difference
    errors = [data["standard_error"].values / normalisation_scale(data["map"].values, normalise) for data in (a, b)]
    error = difference.copy(data=np.hypot(*errors).astype(np.float32)).rename("standard_error")
    return xr.Dataset({"delta": difference, "standard_error": error}, attrs=difference.attrs)


def near_zero_message(values: np.ndarray, *, error: np.ndarray | None = None, input_range: float = 1.0) -> str:
    """A sentence where a signed map (..., y, x) says nothing, "" else.

    Two ways: the values are so small that ``sum |values| * span`` stays under ``NEGLIGIBLE_LOGITS`` (``input_range`` is
    the input's range for a gradient in logits per input unit, 1 for a map in logits), or, with the Monte-Carlo
    ``error`` of the values, no more of them lie beyond two errors than chance would put there.
    """
    if not np.nansum(np.abs(values), dtype=np.float64) * input_range > NEGLIGIBLE_LOGITS:
        return "this map is about zero"
    if error is None or not np.isfinite(error).all():
        return ""
    beyond = float(np.mean(np.abs(values) > 2 * error))
    if beyond <= CHANCE_FRACTION:
        return f"this map is about zero within its error ({100 * beyond:.0f} % of it is beyond two); draw more samples"
    return ""


def _check_comparable(first: xr.DataArray, second: xr.DataArray) -> None:
    if first.dims != second.dims or first.shape != second.shape:
        raise ValueError(
            f"two maps of one frame were expected; got {dict(first.sizes)} and {dict(second.sizes)}. "
            "Bring them to one resolution first."
        )
    for dim in first.dims:
        if dim in first.coords and dim in second.coords and not np.array_equal(first[dim], second[dim]):
            raise ValueError(f"the maps' {dim} coordinates differ; select the same ones in both first.")
    differing = [
        f"{key} ({first.attrs[key]!r} and {second.attrs[key]!r})"
        for key in _SAME
        if key in first.attrs and key in second.attrs and first.attrs[key] != second.attrs[key]
    ]
    if differing:
        raise ValueError(f"these maps were made differently and have no meaningful delta: {', '.join(differing)}.")


__getattr__ = deprecated_getattr(__name__)
