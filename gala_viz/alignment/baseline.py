"""The shuffled-image baseline, which chance reaches, and the fraction of the noise ceiling that a network explains."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import xarray as xr

from gala_viz.alignment.bootstrap import ConfidenceInterval, bootstrap_interval
from gala_viz.alignment.ceiling import NoiseCeiling
from gala_viz.alignment.ceiling_shares import ceiling_shares
from gala_viz.alignment.partner_images import N_PARTNERS, PARTNER_KINDS, PartnerImages
from gala_viz.alignment.similarity import spearman_kernel
from gala_viz.alignment.split_half import nanmean

MOST_TRIED = 10
"""Partner images that are tried for each one that is wanted: where none can be read, not all of them are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShuffledBaseline:
    """Mean rho with the maps of partner images, of the same and of a different category, with intervals.

    An interval is None where there are no such pairs (no categories, or only one image in each).
    """

    same_category: ConfidenceInterval | None
    different_category: ConfidenceInterval | None
    n_partners: int
    seed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FractionExplained:
    """Mean rho of a network over the mean noise ceiling of the same images, ``fraction``, with intervals.

    ``explained_variance`` is the square of ``fraction`` and has no sign: read it beside ``fraction``. The intervals
    resample images, for rho and ceiling together; their bounds are NaN below ``MIN_IMAGES_FOR_INTERVAL`` images.
    ``corrected_rho`` is the mean rho over the root of the reliability of maps of all participants (the mean ceiling
    after Spearman-Brown); None where that reliability has no interval, which ``why_not_corrected`` says.
    """

    fraction: ConfidenceInterval
    explained_variance: ConfidenceInterval
    mean_rho: float
    mean_ceiling: float
    n_images: int
    corrected_rho: ConfidenceInterval | None = None
    why_not_corrected: str = ""


def shuffled_baseline(
    maps: xr.DataArray,
    categories: Sequence[str | None] | None = None,
    *,
    other_maps: xr.DataArray | None = None,
    n_partners: int = N_PARTNERS,
    seed: int = 0,
) -> ShuffledBaseline:
    """Return the shuffled-image baseline: mean rho of each image's map with the maps of partner images, by category.

    Partner images and their maps are those of ``shuffled_rhos``.

    Parameters
    ----------
    maps : DataArray, (image, y, x)
        One map for each image.
    categories : sequence of str or None, optional
        Category of each image, in the order of ``maps``.
    other_maps : DataArray, (image, y, x), optional
        Maps of the partner images; default: ``maps``.
    n_partners : int
        Partner images of each kind for one image, at most.
    seed : int
        Seed of partner images and resamples.

    Returns
    -------
    ShuffledBaseline
        Means over images with bootstrap intervals.

    References
    ----------
    Tatler et al. 2005.
    """
    values = shuffled_rhos(maps, categories, other_maps=other_maps, n_partners=n_partners, seed=seed)
    bounded = {
        partner: bootstrap_interval(rhos, seed=seed) if np.isfinite(rhos).any() else None
        for partner, rhos in zip(PARTNER_KINDS, values.values, strict=True)
    }
    return ShuffledBaseline(
        same_category=bounded["same"], different_category=bounded["different"], n_partners=n_partners, seed=seed
    )


def shuffled_rhos(
    maps: xr.DataArray,
    categories: Sequence[str | None] | None = None,
    *,
    other_maps: xr.DataArray | None = None,
    n_partners: int = N_PARTNERS,
    seed: int = 0,
) -> xr.DataArray:
    """Return the mean rho of each image's map with the maps of partner images.

    For each image up to ``n_partners`` others of its category, and as many of different ones, are drawn among those
    that have a map. Without ``categories``, or for an image whose category is None, every other image counts as
    different.

    Parameters
    ----------
    maps : DataArray, (image, y, x)
        One map for each image, for example a network's.
    categories : sequence of str or None, optional
        Category of each image, in the order of ``maps``.
    other_maps : DataArray, (image, y, x), optional
        Maps of the partner images, for example human maps; default: ``maps``.
    n_partners : int
        Partner images of each kind for one image, at most.
    seed : int
        With an image's id it determines its partner images.

    Returns
    -------
    DataArray, (partner, image), float64
        rho in [-1, 1]; ``partner`` is "same" or "different". NaN where there is no such pair or no map.

    Raises
    ------
    ValueError
        ``categories`` has another length than ``maps``.

    References
    ----------
    Tatler et al. 2005.
    """
    images = [str(image) for image in maps["image"].values]
    labels = list(categories) if categories is not None else [None] * len(images)
    partners = PartnerImages(images, labels, seed=seed)
    values = maps.transpose("image", "y", "x").values
    others = values if other_maps is None else other_maps.sel(image=images).transpose("image", "y", "x").values
    present = [not bool(np.isnan(one).all()) for one in others]
    maps_of = {image: one for image, one, there in zip(images, others, present, strict=True) if there}
    return labelled_partner_rhos(values, images, labels, partners, maps_of.get, n_partners=n_partners)


def labelled_partner_rhos(
    maps: np.ndarray,
    images: Sequence[str],
    categories: Sequence[str | None],
    partners: PartnerImages,
    human_map: Callable[[str], np.ndarray | None],
    *,
    n_partners: int = N_PARTNERS,
) -> xr.DataArray:
    """Return ``partner_rhos`` of several images with labels.

    Parameters
    ----------
    maps : ndarray, (image, y, x)
        One map for each image.
    images : sequence of str
        Ids of the images.
    categories : sequence of str or None
        Category of each.
    partners : PartnerImages
        Where partners are drawn.
    human_map : callable
        Id -> map (y, x) of another image, see ``partner_rhos``.
    n_partners : int
        Partner images of each kind, at most.

    Returns
    -------
    DataArray, (partner, image), float64
        rho in [-1, 1]; ``partner`` is "same" or "different".
    """
    rhos = [
        list(partner_rhos(one, image, category, partners, human_map, n_partners=n_partners).values())
        for one, image, category in zip(maps, images, categories, strict=True)
    ]
    return xr.DataArray(
        np.array(rhos, dtype=float).reshape(len(images), len(PARTNER_KINDS)).T,
        dims=("partner", "image"),
        coords={"partner": list(PARTNER_KINDS), "image": list(images)},
        name="floor",
    )


def partner_rhos(
    maps: np.ndarray,
    image: str,
    category: str | None,
    partners: PartnerImages,
    human_map: Callable[[str], np.ndarray | None],
    *,
    n_partners: int = N_PARTNERS,
) -> dict[str, np.ndarray]:
    """Return the mean rho of one image's maps with the maps of its partner images: the shuffled-image baseline.

    Parameters
    ----------
    maps : ndarray, (..., y, x)
        Maps of the image.
    image : str
        Id of the image.
    category : str or None
        Its category.
    partners : PartnerImages
        Where partners are drawn.
    human_map : callable
        Id -> map (y, x) of another image on the same grid; None where it has no usable one, and the next is taken, of
        ``MOST_TRIED`` times ``n_partners`` images.
    n_partners : int
        Partner images of each kind, at most.

    Returns
    -------
    dict of str to ndarray, (...), float64
        Kind of ``PARTNER_KINDS`` -> rho in [-1, 1]; NaN where there is no partner, or no rho is known.

    References
    ----------
    Tatler et al. 2005.
    """
    return {
        kind: mean_rho(maps, list(islice(_usable(human_map, islice(order, MOST_TRIED * n_partners)), n_partners)))
        for kind, order in partners.orders(image, category).items()
    }


def _usable(human_map: Callable[[str], np.ndarray | None], images: Iterable[str]) -> Iterator[np.ndarray]:
    return (one for one in map(human_map, images) if one is not None)


def mean_rho(maps: np.ndarray, other_maps: Sequence[np.ndarray]) -> np.ndarray:
    """Return the mean rho of each map with all of ``other_maps``.

    Parameters
    ----------
    maps : ndarray, (..., y, x)
        Maps of one image.
    other_maps : sequence of ndarray, (y, x)
        Maps of the same resolution.

    Returns
    -------
    ndarray, (...), float64
        rho in [-1, 1]; NaN without other maps, or where no rho is known.
    """
    leading = maps.shape[:-2]
    flat = maps.reshape(-1, *maps.shape[-2:])
    means = [nanmean(spearman_kernel(one, np.stack(other_maps))) if len(other_maps) else np.nan for one in flat]
    return np.array(means, dtype=float).reshape(leading)


def fraction_explained(
    rho: xr.DataArray, ceiling: NoiseCeiling | xr.DataArray, *, n_resamples: int = 10_000, seed: int = 0
) -> FractionExplained:
    """Return the mean rho of a network over the mean noise ceiling of the same images.

    Images that lack either are left out.

    Parameters
    ----------
    rho : DataArray, (image,)
        rho of the network's map with the human map of each image.
    ceiling : NoiseCeiling or DataArray, (image,)
        Noise ceiling of each image; images are matched by label.
    n_resamples : int
        Bootstrap resamples of images, at least 100.
    seed : int
        Seed of the resamples.

    Returns
    -------
    FractionExplained
        The fraction and its square with 95 % intervals.

    Raises
    ------
    ValueError
        ``rho`` has other dims, no image has both values, the mean ceiling is not above 0, or its 95 % interval over
        these images holds 0.

    References
    ----------
    Linsley et al. 2019, table 1.
    """
    per_image = ceiling.per_image if isinstance(ceiling, NoiseCeiling) else ceiling
    if rho.dims != ("image",):
        raise ValueError(f"one rho an image, dims ('image',), was expected; got {rho.dims}. Select one network first.")
    rho, per_image = xr.align(rho, per_image, join="inner")
    found = ceiling_shares([rho.values], per_image.values, n_resamples=n_resamples, seed=seed)
    if found.why_none or found.ceiling is None:
        raise ValueError(found.why_none)
    return FractionExplained(
        fraction=found.shares[0],
        explained_variance=found.squares[0],
        mean_rho=found.rhos[0],
        mean_ceiling=found.ceiling.mean,
        n_images=found.n_images,
        corrected_rho=next(iter(found.corrected), None),
        why_not_corrected=found.why_not_corrected,
    )
