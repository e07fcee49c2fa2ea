"""Scores of many images, for figures that show all of a collection: which are known, and how sure their means are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from gala_viz.alignment import Interval, bootstrap_intervals
from gala_viz.plots.figures.asked.drawn import Told
from gala_viz.specs import MapRequest
from gala_viz.store.source import MapSource

MOST_RESAMPLES, FEWEST_RESAMPLES = 10_000, 200
DRAWS = 40_000_000
"""Values drawn for one interval: resamples become fewer where images are many, and intervals short."""


def scored(source: MapSource, request: MapRequest, images: Sequence[str], survey: bool, told: Told) -> xr.Dataset:
    """``source.scores``; with ``survey`` those of ``images`` (none: of all) that are missing are computed before."""
    if survey:
        wanted = tuple(images) or tuple(source.images)
        for progress in source.survey(request, wanted, lambda: False):
            told(progress.done, progress.total)
    return source.scores(request)


def chosen_of(scores: xr.Dataset, images: Sequence[str]) -> NDArray[np.bool_]:
    """(image,) which of the scored images are among ``images``; none named: all of them."""
    if not images:
        return np.ones(scores.sizes["image"], dtype=bool)
    return np.isin(scores["image"].values.astype(str), np.asarray(images, dtype=str))


def resamples_for(n: int) -> int:
    """How many bootstrap resamples an interval over ``n`` images takes."""
    return int(np.clip(DRAWS // max(1, n), FEWEST_RESAMPLES, MOST_RESAMPLES))


def intervals(*columns: NDArray[np.floating], seed: int = 0) -> list[Interval | None]:
    """Mean and 95 % bootstrap interval over images of each column (image,), NaN left out; None without any value."""
    values = np.stack([np.asarray(column, dtype=float) for column in columns], axis=1)
    n = int(np.isfinite(values).any(axis=1).sum())
    return bootstrap_intervals(values, n_resamples=resamples_for(n), seed=seed)


def missing_told(source: MapSource, known: NDArray[np.bool_], chosen: NDArray[np.bool_], of_people: bool) -> str:
    """How many of the images wanted have values, and why others have none; (image,) both."""
    n, total = int((known & chosen).sum()), int(chosen.sum())
    text = f"n = {n:,} of {total:,} images"
    if n == total:
        return f"{text}."
    marked = np.asarray(source.labels().has_human_map, dtype=bool)
    unmarked = int((chosen & ~known & ~marked).sum()) if of_people and len(marked) == len(chosen) else 0
    others = total - n - unmarked
    reasons = [f"{unmarked:,} have no human map"] * bool(unmarked) + [f"{others:,} have no score"] * bool(others)
    return f"{text}; {' and '.join(reasons)}."
