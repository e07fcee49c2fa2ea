"""Erase and reveal: which places of a photograph are shown, and the picture that is left of it.

A mask says of each pixel of the frame how much of the photograph is kept, from 0 to 1. Perturbation works on the pixels
of a network's input before they are normalised (uint8), not on the whole photograph: where all is kept they are the
same numbers, so that the network's answer is that of the untouched photograph to the last bit; what is hidden does not
leak back through a resize; and the time does not depend on the size of the photograph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from gala_viz.engine.results.prediction import softmax

REVEAL_PERCENTS = (0.0, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 17.0, 25.0, 35.0, 45.0, 55.0, 65.0, 75.0, 90.0, 100.0)
"""Per cent of the pixels at which a curve is computed unless others are asked for."""
MAX_PERCENTS = 201
"""The most points of a curve."""


def reveal_order(importance: NDArray | xr.DataArray) -> NDArray[np.int32]:
    """Return the pixels of a map in the order in which they are revealed.

    Parameters
    ----------
    importance : ndarray or DataArray, (y, x)
        A map as it is drawn, smoothed or not; the largest values come first, also of signed maps. Pixels that are NaN,
        of which nothing is known, come last.

    Returns
    -------
    ndarray, (pixel,), int32
        Indices of the flat map, each once. Of equal values those come first that lie deeper among the pixels above the
        map's lowest value, or nearer to these; then the upper, then the left one. So a painted region grows from its
        middle, and then around itself.

    Raises
    ------
    ValueError
        The map has another number of dims, an infinite value, or is the same everywhere.
    """
    values = np.asarray(importance, np.float64)
    if values.ndim != 2 or not values.size or np.isinf(values).any():
        raise ValueError(
            f"a map (y, x) of finite values (NaN: not known) was expected; got shape {values.shape}"
            + (", with infinite values." if np.isinf(values).any() else ".")
        )
    known = np.isfinite(values)
    above = values > (values[known].min() if known.any() else np.inf)
    if not above.any():
        raise ValueError("the map is the same everywhere, so that it ranks no place above another; choose another map.")
    depth = np.asarray(distance_transform_edt(above), np.float64)
    if not above.all():
        depth -= np.asarray(distance_transform_edt(~above))
    rank = np.where(known, values, -np.inf)
    return np.lexsort((-depth.ravel(), -rank.ravel())).astype(np.int32)


def reveal_mask(
    order: NDArray[np.int32], shape: tuple[int, int], percent: float, *, erase: bool = False
) -> NDArray[np.bool_]:
    """Return which pixels are shown when the most important per cent of all pixels is revealed, or erased.

    Parameters
    ----------
    order : ndarray, (pixel,), int
        Of ``reveal_order``.
    shape : tuple of int
        Rows and columns of the map.
    percent : float
        Per cent of all pixels, from 0 to 100: as many as that is when rounded, at least one above 0. Masks of rising
        per cents are nested.
    erase : bool
        Show all but these.

    Returns
    -------
    ndarray, (y, x), bool
        True where the photograph is shown; ``shown_percent`` tells the share exactly.

    Raises
    ------
    ValueError
        ``percent`` is out of range, or ``shape`` has another number of pixels.
    """
    if not 0 <= percent <= 100:
        raise ValueError(f"percent lies between 0 and 100; got {percent!r}.")
    if len(order) != shape[0] * shape[1]:
        raise ValueError(f"an order of {shape[0]} x {shape[1]} pixels was expected; got {len(order)}.")
    mask = np.full(len(order), erase)
    mask[order[: max(int(percent > 0), round(len(order) * percent / 100))]] = not erase
    return mask.reshape(shape)


def shown_percent(mask: NDArray) -> float:
    """Return how much of the frame a mask (y, x) keeps, in per cent; a half-kept pixel counts half."""
    return 100 * float(np.mean(mask, dtype=np.float64))


def check_mask(mask: NDArray | xr.DataArray, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return a mask as numbers.

    Parameters
    ----------
    mask : ndarray or DataArray, (y, x)
        Share of the photograph that is kept at each pixel, 0 to 1, or whether it is kept.
    shape : tuple of int
        Rows and columns of the frame.

    Returns
    -------
    ndarray, (y, x), float32
        The same.

    Raises
    ------
    ValueError
        The mask has another shape, is not of numbers, or has a value that is not finite or not from 0 to 1.
    """
    values = mask.values if isinstance(mask, xr.DataArray) else np.asarray(mask)
    if values.shape != tuple(shape):
        raise ValueError(
            f"a mask of {shape[0]} x {shape[1]} pixels, those of the photograph as it is shown, was expected; got "
            f"shape {values.shape}."
        )
    if values.dtype.kind not in "biuf":
        raise ValueError(f"a mask holds numbers from 0 (hidden) to 1 (kept); got values of type {values.dtype}.")
    if not (np.isfinite(values) & (values >= 0) & (values <= 1)).all():
        raise ValueError(
            f"a mask holds numbers from 0 (hidden) to 1 (kept); got values from {values.min()} to {values.max()}."
        )
    return values.astype(np.float32)


def check_percents(percents: Sequence[float]) -> tuple[float, ...]:
    """Return per cents of a curve as plain numbers; ``ValueError`` unless they rise within 0 to 100, 201 at most."""
    values = tuple(float(one) for one in percents)
    if not 1 <= len(values) <= MAX_PERCENTS:
        raise ValueError(f"1 to {MAX_PERCENTS} per cents were expected; got {len(values)}.")
    if not all(0 <= one <= 100 for one in values) or list(values) != sorted(set(values)):
        raise ValueError(f"per cents rise, from 0 to 100 at most; got {values}.")
    return values


def perturb_pixels(pixels: NDArray[np.uint8], filled: NDArray, mask: NDArray) -> NDArray[np.uint8]:
    """Return a picture of which a part is hidden.

    Parameters
    ----------
    pixels : ndarray, (y, x, 3), uint8
        The photograph.
    filled : ndarray, (y, x, 3)
        What stands where it is hidden (``gala_viz.collections.fills.fill_photo``), 0 to 255.
    mask : ndarray, (y, x)
        Share that is kept, 0 to 1.

    Returns
    -------
    ndarray, (y, x, 3), uint8
        ``mask * pixels + (1 - mask) * filled``, rounded: ``pixels`` themselves where all is kept, and the fill alone
        where nothing is.
    """
    kept = np.asarray(mask, np.float32)[..., None]
    mixed = kept * pixels + (1 - kept) * np.asarray(filled, np.float32)
    return np.rint(mixed, out=mixed).astype(np.uint8)


def explained_values(logits: NDArray, target: int) -> NDArray[np.float64]:
    """Return the logit of a category and its probability.

    Parameters
    ----------
    logits : ndarray, (..., category)
        Of one network.
    target : int
        Category index.

    Returns
    -------
    ndarray, (..., 2), float64
        Logit, probability.
    """
    return np.stack([logits[..., target].astype(np.float64), softmax(logits)[..., target]], axis=-1)


def label_reveal_curve(
    values: NDArray,
    whole: NDArray,
    *,
    targets: Sequence[int],
    percents: Sequence[float],
    erase: bool,
    shown: Sequence[float],
    leading: Mapping[str, Sequence[str]],
    attrs: Mapping[str, Any],
) -> xr.Dataset:
    """Label the curve of a logit over what is revealed or erased.

    Parameters
    ----------
    values : ndarray, (row, percent, 2)
        Logit and probability of the explained category for the perturbed photographs; NaN where not computed yet.
    whole : ndarray, (row, 2)
        The same for the untouched photographs.
    targets : sequence of int
        Category index that is explained, by row.
    percents : sequence of float
        Per cent of the pixels, the most important ones, that are revealed or erased.
    erase : bool
        Whether they are erased.
    shown : sequence of float
        Per cent of the frame that is shown.
    leading : mapping of str to sequence of str
        The dim of the rows, network or image, with its coordinates.
    attrs : mapping of str to object
        Fill, provenance and the like.

    Returns
    -------
    Dataset
        ``logit``, ``probability`` and ``logit_drop`` (row, percent), the last one ``logit_whole - logit``; coordinates
        ``percent`` and ``shown_percent`` (percent), ``explained``, ``logit_whole`` and ``probability_whole`` (row).
    """
    ((row, labels),) = leading.items()
    dims, in_logits, in_percent = (row, "percent"), {"units": "logits"}, {"units": "per cent of all pixels"}
    return xr.Dataset(
        {
            "logit": (dims, values[..., 0], in_logits),
            "probability": (dims, values[..., 1]),
            "logit_drop": (dims, whole[:, None, 0] - values[..., 0], in_logits),
        },
        coords={
            row: list(labels),
            "percent": ("percent", list(percents), in_percent),
            "shown_percent": ("percent", list(shown), in_percent),
            "explained": (row, np.asarray(targets, np.int64)),
            "logit_whole": (row, whole[:, 0], in_logits),
            "probability_whole": (row, whole[:, 1]),
        },
        attrs={"order": "most important erased" if erase else "most important revealed", **attrs},
    )
