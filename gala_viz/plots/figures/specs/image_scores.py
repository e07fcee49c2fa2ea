"""Scores of many images, for figures that show all of a collection: which are known, and how sure their means are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from gala_viz.alignment import ConfidenceInterval, bootstrap_intervals
from gala_viz.plots.figures.specs.figure_result import ProgressCallback
from gala_viz.specs import MapRequest
from gala_viz.store.source import MapSource

MAX_RESAMPLES, MIN_RESAMPLES = 10_000, 200
MAX_DRAWS = 40_000_000
"""Values drawn for one interval: resamples become fewer where images are many, and intervals short."""


def collect_scores(
    source: MapSource, request: MapRequest, images: Sequence[str], score_missing: bool, on_progress: ProgressCallback
) -> xr.Dataset:
    """``source.scores``; with ``score_missing`` those of ``images`` (none: of all) that are "
    "missing are computed before."""
    if score_missing:
        wanted = tuple(images) or tuple(source.images)
        for progress in source.survey(request, wanted, lambda: False):
            on_progress(progress.done, progress.total)
    return source.scores(request)


def image_mask(scores: xr.Dataset, images: Sequence[str]) -> NDArray[np.bool_]:
    """(image,) which of the scored images are among ``images``; none named: all of them."""
    if not images:
        return np.ones(scores.sizes["image"], dtype=bool)
    return np.isin(scores["image"].values.astype(str), np.asarray(images, dtype=str))


def n_resamples_for(n: int) -> int:
    """How many bootstrap resamples an interval over ``n`` images takes."""
    return int(np.clip(MAX_DRAWS // max(1, n), MIN_RESAMPLES, MAX_RESAMPLES))


def mean_intervals(*columns: NDArray[np.floating], seed: int = 0) -> list[ConfidenceInterval | None]:
    """Mean and 95 % bootstrap interval over images of each column (image,), NaN left out; None without any value."""
    values = np.stack([np.asarray(column, dtype=float) for column in columns], axis=1)
    n = int(np.isfinite(values).any(axis=1).sum())
    return bootstrap_intervals(values, n_resamples=n_resamples_for(n), seed=seed)


def missing_scores_text(
    source: MapSource, has_score: NDArray[np.bool_], mask: NDArray[np.bool_], of_people: bool
) -> str:
    """How many of the images wanted have values, and why others have none; (image,) both."""
    n, total = int((has_score & mask).sum()), int(mask.sum())
    text = f"n = {n:,} of {total:,} images"
    if n == total:
        return f"{text}."
    marked = np.asarray(source.labels().has_human_map, dtype=bool)
    unmarked = int((mask & ~has_score & ~marked).sum()) if of_people and len(marked) == len(mask) else 0
    others = total - n - unmarked
    reasons = [f"{unmarked:,} have no human map"] * bool(unmarked) + [f"{others:,} have no score"] * bool(others)
    return f"{text}; {' and '.join(reasons)}."
