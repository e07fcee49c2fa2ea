"""Scores of some of a collection's images: means, noise ceiling, share of it and baselines over the same images.

Whatever is filtered or selected on a page, every number is over exactly those images that have all values which it
concerns, and says how many they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from gala_viz.alignment import (
    PARTNER_KINDS,
    ConfidenceInterval,
    bootstrap_interval,
    ceiling_shares,
)
from gala_viz.cache import BoundedCache

MAX_RESAMPLES, MIN_RESAMPLES, MAX_DRAWS = 2000, 200, 6_000_000
"""Bootstrap resamples of an interval on a page: fewer for many images, whose intervals are short. Tables: 10,000."""

_MEMORY = BoundedCache(16 * 2**20)
"""Selections of all visitors: the intervals of some hundred images take a tenth of a second."""

ABOVE_CEILING = (
    "above the ceiling: the ceiling compares half of the people with the other half, a network's map with all of them"
)
"""What is said where a mean is larger than the noise ceiling beside it."""

Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ScoreSelection:
    """One score of all networks over the images that are chosen and have it.

    Parameters
    ----------
    values : ndarray, (network, image), float64
        The scores, finite.
    means : tuple of float
        Over these images; NaN without any.
    difference : (float, (float, float) or None) or None
        Mean of the second network minus the first, image by image, and its 95 % bootstrap interval over images; no
        interval below ``MIN_IMAGES_FOR_INTERVAL`` of them. None unless there are two networks and two images.
    ceiling : float
        Mean noise ceiling of those of these images that have one; NaN where it does not belong beside the score.
    ceiling_interval : tuple of float or None
        Its 95 % bootstrap interval over images; None below ``MIN_IMAGES_FOR_INTERVAL`` of them.
    n_ceiling : int
        Images that the ceiling, and the shares of it, are over.
    fractions : tuple of (float, (float, float))
        For each network the mean score as a share of the mean ceiling of the same ``n_ceiling`` images, resampled
        together; empty without an interval.
    floors : dict of str to tuple of (float, int)
        Kind of partner images -> mean rho with their human maps, by network, over the images that have it for all
        networks, and how many these are.
    """

    values: NDArray[np.float64]
    means: tuple[float, ...]
    difference: tuple[float, Interval | None] | None
    ceiling: float
    ceiling_interval: Interval | None
    n_ceiling: int
    fractions: tuple[tuple[float, Interval], ...]
    floors: dict[str, tuple[tuple[float, ...], int]]

    @property
    def is_above_ceiling(self) -> bool:
        """Whether a mean is larger than the noise ceiling beside it."""
        return any(mean > self.ceiling for mean in self.means)  # of NaN nothing is

    @property
    def n(self) -> int:
        """How many images the means are over."""
        return self.values.shape[1]


def select_scores(
    scores: xr.Dataset, name: str, mask: NDArray[np.bool_], layers: Sequence[str | None] | None = None
) -> ScoreSelection:
    """Return one score of all networks over the images of ``mask`` that have it for all of them.

    Parameters
    ----------
    scores : Dataset
        As ``MapSource.scores`` returns them.
    name : str
        "rho", "dice" or "iou" of the maps.
    mask : ndarray, (image,), bool
        Images that are chosen.
    layers : sequence of str or None, optional
        For each network the layer whose attention norm's rho is meant, in place of the maps' score; then neither
        ceiling nor baselines belong beside it, since they are at another resolution.

    Returns
    -------
    ScoreSelection
        Empty where no image has the score.
    """
    columns = score_columns(scores, name, layers)
    known = mask & np.isfinite(columns).all(axis=0)
    if name != "rho" or layers is not None:
        return _cached_selection(columns[:, known], None, {})
    floors = {
        kind: np.asarray(scores[f"floor_{kind}"], dtype=float)[:, known]
        for kind in PARTNER_KINDS
        if f"floor_{kind}" in scores
    }
    return _cached_selection(columns[:, known], np.asarray(scores["ceiling"], dtype=float)[known], floors)


def _cached_selection(
    values: NDArray[np.float64], of_people: NDArray[np.float64] | None, floors: Mapping[str, NDArray[np.float64]]
) -> ScoreSelection:
    """Return ``_selection``; visitors who see the same images share it."""
    known = hashlib.blake2b(repr((values.shape, of_people is None, tuple(floors))).encode(), digest_size=16)
    for array in (values, *([] if of_people is None else [of_people]), *floors.values()):
        known.update(array.tobytes())
    key = known.digest()
    selection = _MEMORY.get(key)
    if selection is None:
        selection = _selection(values, of_people, floors)
        _MEMORY.put(key, selection, values.nbytes + 4000)
    return selection


def _selection(
    values: NDArray[np.float64], of_people: NDArray[np.float64] | None, floors: Mapping[str, NDArray[np.float64]]
) -> ScoreSelection:
    """Return the selection of these scores (network, image), all finite.

    ``of_people`` (image,) is the noise ceiling, None where it does not belong beside the scores, and ``floors`` the
    shuffled baselines (network, image) by kind of partner; both are NaN where they are not known.
    """
    means = tuple(values.mean(axis=1).tolist()) if values.size else (float("nan"),) * len(values)
    ceiling, interval, fractions, n_ceiling = float("nan"), None, (), 0
    if of_people is not None and (both := np.isfinite(of_people)).any():
        n_ceiling = int(both.sum())
        shares = ceiling_shares(values[:, both], of_people[both], n_resamples=n_page_resamples(n_ceiling))
        ceiling, interval = float(of_people[both].mean()), _bounds(shares.ceiling)
        fractions = tuple((one.mean, bounds) for one in shares.shares if (bounds := _bounds(one)) is not None)
    baselines = {}
    for kind, floor in floors.items():
        there = np.isfinite(floor).all(axis=0)
        if there.any():
            baselines[kind] = (tuple(floor[:, there].mean(axis=1).tolist()), int(there.sum()))
    values.flags.writeable = False
    return ScoreSelection(
        values=values,
        means=means,
        difference=_difference(values),
        ceiling=ceiling,
        ceiling_interval=interval,
        n_ceiling=n_ceiling,
        fractions=fractions,
        floors=baselines,
    )


def _difference(values: NDArray[np.float64]) -> tuple[float, Interval | None] | None:
    """Return the mean of the second row minus the first, with its interval."""
    if len(values) != 2 or values.shape[1] < 2:
        return None
    gain = values[1] - values[0]
    interval = bootstrap_interval(gain, n_resamples=n_page_resamples(len(gain)))
    return interval.mean, _bounds(interval)


def score_columns(scores: xr.Dataset, name: str, layers: Sequence[str | None] | None = None) -> NDArray[np.float64]:
    """Return a score of all images (network, image), NaN where it is not known; see ``select_scores``."""
    unknown = np.full((scores.sizes["network"], scores.sizes.get("image", 1)), np.nan)
    if layers is None:
        return np.asarray(scores[name], dtype=float).reshape(unknown.shape) if name in scores else unknown
    known = [str(layer) for layer in scores["layer"].values] if "layer" in scores.coords else []
    for row, layer in enumerate(layers):
        if layer in known:
            unknown[row] = np.asarray(scores["rho_attention"].sel(layer=layer), dtype=float)[row]
    return unknown


def n_page_resamples(n_images: int) -> int:
    """Return how many bootstrap resamples an interval over ``n_images``, one or more, has on a page and its figure."""
    return int(np.clip(MAX_DRAWS // n_images, MIN_RESAMPLES, MAX_RESAMPLES))


def _bounds(interval: ConfidenceInterval | None) -> Interval | None:
    """Return the bounds of an interval; None where it has none."""
    return None if interval is None or np.isnan(interval.low) else (interval.low, interval.high)
