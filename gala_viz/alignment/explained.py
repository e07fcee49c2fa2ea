"""What chance reaches, and what share of people's agreement a network reaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from gala_viz.alignment.ceiling import NoiseCeiling, image_generator, mean_of_known
from gala_viz.alignment.correlation import spearman_kernel
from gala_viz.alignment.significance import Interval, bootstrap_interval, bootstrap_means, percentile_bounds


@dataclass(frozen=True, kw_only=True, slots=True)
class Floor:
    """Mean rho with another image's map, by chance alone: of the same and of a different category, with intervals.

    None where there are no such pairs (no categories, or only one image in each).
    """

    same_category: Interval | None
    different_category: Interval | None
    n_partners: int
    seed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FractionExplained:
    """``fraction`` = mean rho of a network / mean ceiling, over the same images; ``explained_variance`` its square.

    The square keeps no sign: read it beside ``fraction``. The intervals resample images, for rho and ceiling together.
    """

    fraction: Interval
    explained_variance: Interval
    mean_rho: float
    mean_ceiling: float
    n_images: int


def floor(
    maps: xr.DataArray, categories: Sequence[str | None] | None = None, *, n_partners: int = 10, seed: int = 0
) -> Floor:
    """What chance reaches: rho of each image's map (image, y, x) with maps of other images, by category.

    For each image up to ``n_partners`` others of its category and as many of different ones are drawn with ``seed``.
    Without ``categories``, or for an image whose category is None, every other image counts as different.
    """
    images = [str(image) for image in maps["image"].values]
    labels = list(categories) if categories is not None else [None] * len(images)
    if len(labels) != len(images):
        raise ValueError(f"one category an image was expected; got {len(labels)} for {len(images)} images.")
    values = maps.transpose("image", "y", "x").values
    means: dict[bool, list[float]] = {True: [], False: []}
    for position, image in enumerate(images):
        generator = image_generator(seed, image)
        alike = np.array([label is not None and label == labels[position] for label in labels])
        others = np.arange(len(images)) != position
        for same in (True, False):
            partners = np.flatnonzero(others & (alike == same))
            if len(partners):
                drawn = generator.permutation(partners)[:n_partners]
                means[same].append(mean_of_known(spearman_kernel(values[position], values[drawn])))
    bounded = {
        same: bootstrap_interval(np.array(rhos), seed=seed) if np.isfinite(rhos).any() else None
        for same, rhos in means.items()
    }
    return Floor(same_category=bounded[True], different_category=bounded[False], n_partners=n_partners, seed=seed)


def fraction_explained(
    rho: xr.DataArray, ceiling: NoiseCeiling | xr.DataArray, *, n_resamples: int = 10_000, seed: int = 0
) -> FractionExplained:
    """Mean rho of a network (image) over the mean ceiling of the same images; images that lack either are left out.

    Raises ``ValueError`` when no image has both, or when the mean ceiling is not above 0.
    """
    per_image = ceiling.per_image if isinstance(ceiling, NoiseCeiling) else ceiling
    if rho.dims != ("image",):
        raise ValueError(f"one rho an image, dims ('image',), was expected; got {rho.dims}. Select one network first.")
    rho, per_image = xr.align(rho, per_image, join="inner")
    pairs = np.stack([np.asarray(rho, dtype=float), np.asarray(per_image, dtype=float)], axis=1)
    pairs = pairs[~np.isnan(pairs).any(axis=1)]
    if not len(pairs):
        raise ValueError("no image has both a network's rho and a ceiling.")
    mean_rho, mean_ceiling = pairs.mean(axis=0).tolist()
    if mean_ceiling <= 0:
        raise ValueError(f"the mean ceiling is {mean_ceiling:.3f}: people do not agree, so nothing can be explained.")
    means = bootstrap_means(pairs, n_resamples=n_resamples, seed=seed)
    draws = means[:, 0] / means[:, 1]
    value = mean_rho / mean_ceiling
    shared = {"n": len(pairs), "n_resamples": n_resamples, "seed": seed}
    low, high = percentile_bounds(draws, 0.95)
    low_square, high_square = percentile_bounds(draws**2, 0.95)
    return FractionExplained(
        fraction=Interval(mean=value, low=low, high=high, **shared),
        explained_variance=Interval(mean=value**2, low=low_square, high=high_square, **shared),
        mean_rho=mean_rho,
        mean_ceiling=mean_ceiling,
        n_images=len(pairs),
    )
