"""Scores of many images, for figures of a whole collection: which are known, and the intervals of their means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from gala_viz.alignment import ConfidenceInterval, bootstrap_intervals
from gala_viz.store.source import MapSource

MAX_RESAMPLES, MIN_RESAMPLES = 10_000, 200
MAX_DRAWS = 40_000_000
"""Values drawn for one interval, at most: with many images, whose intervals are short, there are fewer resamples."""


def image_mask(scores: xr.Dataset, images: Sequence[str]) -> NDArray[np.bool_]:
    """Return the mask (image,) of the scored images that are among ``images``; of all where none is named."""
    if not images:
        return np.ones(scores.sizes["image"], dtype=bool)
    return np.isin(scores["image"].values.astype(str), np.asarray(images, dtype=str))


def n_resamples_for(n: int) -> int:
    """Return the number of bootstrap resamples for an interval over ``n`` images."""
    return int(np.clip(MAX_DRAWS // max(1, n), MIN_RESAMPLES, MAX_RESAMPLES))


def mean_intervals(
    *columns: NDArray[np.floating], seed: int = 0, n_resamples: int | None = None
) -> list[ConfidenceInterval | None]:
    """Return mean and 95 % bootstrap interval over images of columns.

    Parameters
    ----------
    *columns : ndarray, (image,)
        Values; NaN is left out.
    seed : int
        Of the resamples.
    n_resamples : int, optional
        Default: ``n_resamples_for`` the images.

    Returns
    -------
    list of ConfidenceInterval or None
        One for each column, without bounds (NaN) below ``MIN_IMAGES_FOR_INTERVAL`` images; None for one without values.
    """
    values = np.stack([np.asarray(column, dtype=float) for column in columns], axis=1)
    n = int(np.isfinite(values).any(axis=1).sum())
    return bootstrap_intervals(values, n_resamples=n_resamples or n_resamples_for(n), seed=seed)


def missing_scores_text(
    source: MapSource, has_score: NDArray[np.bool_], mask: NDArray[np.bool_], of_people: bool
) -> str:
    """Return a sentence on how many images have values, and why the others have none.

    Parameters
    ----------
    source : MapSource
        Its labels tell which images have human maps.
    has_score : ndarray, (image,), bool
        Images that have values.
    mask : ndarray, (image,), bool
        Images of the figure.
    of_people : bool
        Whether the values need human maps.

    Returns
    -------
    str
        For example "n = 90 of 100 images; 10 have no human map."
    """
    n, total = int((has_score & mask).sum()), int(mask.sum())
    text = f"n = {n:,} of {total:,} images"
    if n == total:
        return f"{text}."
    marked = np.asarray(source.labels().has_human_map, dtype=bool)
    unmarked = int((mask & ~has_score & ~marked).sum()) if of_people and len(marked) == len(mask) else 0
    others = total - n - unmarked
    reasons = [f"{unmarked:,} have no human map"] * bool(unmarked) + [f"{others:,} have no score"] * bool(others)
    return f"{text}; {' and '.join(reasons)}."
