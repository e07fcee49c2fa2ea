"""The shuffled-image baseline, which chance reaches, and the fraction of the noise ceiling that a network explains.

An image is also the partner of some ten others, so an image's baseline is no independent value: intervals are by
delete-one jackknife, which leaves an image out as itself and as a partner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np
import xarray as xr

from gala_viz.alignment.bootstrap import MIN_IMAGES_FOR_INTERVAL, ConfidenceInterval
from gala_viz.alignment.ceiling import NoiseCeiling
from gala_viz.alignment.ceiling_shares import ceiling_shares
from gala_viz.alignment.jackknife import interval_of_error, jackknife_error
from gala_viz.alignment.partner_images import N_PARTNERS, PARTNER_KINDS, PartnerImages
from gala_viz.alignment.similarity import spearman_kernel
from gala_viz.alignment.split_half import nanmean

_T = TypeVar("_T")
MOST_TRIED = 10
"""Partner images that are tried for each one that is wanted: where none can be read, not all of them are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShuffledBaseline:
    """Mean rho with the maps of partner images, of the same and of a different category, with intervals over images.

    None where there are no such pairs (no categories, or only one image in each).
    """

    same_category: ConfidenceInterval | None
    different_category: ConfidenceInterval | None
    n_partners: int
    seed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FractionExplained:
    """Mean rho of a network over the mean noise ceiling of the same images, ``fraction``, with intervals.

    ``explained_variance`` is the square of ``fraction`` and has no sign: read it beside ``fraction``. The intervals
    resample images, for rho and ceiling together, and are for these people; their bounds are NaN below
    ``MIN_IMAGES_FOR_INTERVAL`` images.
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
        Seed of partner images.

    Returns
    -------
    ShuffledBaseline
        Means over images with intervals.

    References
    ----------
    Tatler et al. 2005.
    """
    pairs, positions = _pairs(maps, categories, other_maps, n_partners, seed)
    bounded = [baseline_interval(rhos, of) for rhos, of in zip(pairs, positions, strict=True)]
    same, different = (bounded[PARTNER_KINDS.index(kind)] for kind in ("same", "different"))
    return ShuffledBaseline(same_category=same, different_category=different, n_partners=n_partners, seed=seed)


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
    pairs, _ = _pairs(maps, categories, other_maps, n_partners, seed)
    return xr.DataArray(
        mean_over_partners(pairs),
        dims=("partner", "image"),
        coords={"partner": list(PARTNER_KINDS), "image": [str(image) for image in maps["image"].values]},
        name="floor",
    )


def _pairs(
    maps: xr.DataArray,
    categories: Sequence[str | None] | None,
    other_maps: xr.DataArray | None,
    n_partners: int,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return rho with each partner image, and the partners' positions, both (partner, image, other)."""
    images = [str(image) for image in maps["image"].values]
    labels = list(categories) if categories is not None else [None] * len(images)
    values = maps.transpose("image", "y", "x").values
    others = values if other_maps is None else other_maps.sel(image=images).transpose("image", "y", "x").values
    usable = [image for image, one in zip(images, others, strict=True) if not bool(np.isnan(one).all())]
    partners = PartnerImages(images, labels, seed=seed)
    positions = partner_positions(partners, images, labels, usable, n_partners=n_partners)
    places = {image: place for place, image in enumerate(images)}
    of_images = np.array([places[image] for image in usable] or [0])
    return pair_rhos(values, others[of_images], positions), np.where(positions < 0, -1, of_images[positions])


def partner_positions(
    partners: PartnerImages,
    images: Sequence[str],
    categories: Sequence[str | None],
    usable: Sequence[str],
    *,
    n_partners: int = N_PARTNERS,
) -> np.ndarray:
    """Return which partner images each of several images has.

    Parameters
    ----------
    partners : PartnerImages
        Where partners are drawn.
    images : sequence of str
        Ids of the images.
    categories : sequence of str or None
        Category of each.
    usable : sequence of str
        Ids of the images that have a map; each image takes the first ones of its order, of ``MOST_TRIED`` times
        ``n_partners``.
    n_partners : int
        Partner images of each kind, at most.

    Returns
    -------
    ndarray, (partner, image, other), int64
        Places in ``usable`` for each kind of ``PARTNER_KINDS``; -1 where there are fewer.
    """
    places = {image: place for place, image in enumerate(usable)}
    found = np.full((len(PARTNER_KINDS), len(images), n_partners), -1, np.int64)
    for row, (image, category) in enumerate(zip(images, categories, strict=True)):
        for kind, order in partners.orders(image, category).items():
            own = _first_usable(places.get, order, n_partners)
            found[PARTNER_KINDS.index(kind), row, : len(own)] = own
    return found


def pair_rhos(maps: np.ndarray, other_maps: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Return rho of each image's map with the map of each of its partner images.

    Parameters
    ----------
    maps : ndarray, (image, y, x)
        One map for each image.
    other_maps : ndarray, (usable, y, x)
        Maps of the partner images.
    positions : ndarray, (partner, image, other), int
        What ``partner_positions`` returns.

    Returns
    -------
    ndarray, (partner, image, other), float64
        rho in [-1, 1]; NaN where there is no partner, or rho is not defined.
    """
    rhos = np.full(positions.shape, np.nan)
    for row, one in enumerate(maps):
        there = positions[:, row] >= 0
        if there.any():
            rhos[:, row][there] = spearman_kernel(one, other_maps[positions[:, row][there]])
    return rhos


def mean_over_partners(pairs: np.ndarray) -> np.ndarray:
    """Return the baseline of each image.

    Parameters
    ----------
    pairs : ndarray, (..., other)
        rho with each partner image; NaN where there is none.

    Returns
    -------
    ndarray, (...), float64
        Mean over partners; NaN where there is none.
    """
    n = np.isfinite(pairs).sum(axis=-1)
    return np.divide(np.nansum(pairs, axis=-1), n, out=np.full(n.shape, np.nan), where=n > 0)


def baseline_interval(
    pairs: np.ndarray, positions: np.ndarray, clusters: Sequence[str] | None = None, *, confidence: float = 0.95
) -> ConfidenceInterval | None:
    """Return the mean shuffled-image baseline with its interval over images.

    Parameters
    ----------
    pairs : ndarray, (image, other)
        rho of each image's map with the maps of its partner images; NaN where there is none.
    positions : ndarray, (image, other), int
        Which image each partner is.
    clusters : sequence of str, optional
        Category of each image: the interval is over categories then; default: over images.
    confidence : float
        Nominal confidence, between 0 and 1.

    Returns
    -------
    ConfidenceInterval or None
        By delete-one jackknife, with bounds that are NaN below ``MIN_IMAGES_FOR_INTERVAL`` images (or categories); None
        where no image has a partner.

    References
    ----------
    Tatler et al. 2005; B. Efron and C. Stein 1981.
    """
    values = mean_over_partners(pairs)
    known = np.isfinite(values)
    if not known.any():
        return None
    mean, units = float(values[known].mean()), unit_codes(len(values), clusters)
    without, n_units = baseline_without_each(pairs, positions, units), len(np.unique(units[known]))
    return interval_over_images(
        mean,
        without[concerned_units(pairs, positions, units)],
        n_images=int(known.sum()),
        n_units=n_units,
        over_categories=clusters is not None,
        confidence=confidence,
    )


def concerned_units(pairs: np.ndarray, positions: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Return the units without which a baseline is another one: those of images with a pair, and of their partners.

    Parameters
    ----------
    pairs : ndarray, (image, other)
        rho with each partner image; NaN where there is none.
    positions : ndarray, (image, other), int
        Which image each partner is.
    units : ndarray, (image,), int
        What ``unit_codes`` returns.

    Returns
    -------
    ndarray, (unit,), int
        In rising order.
    """
    there = np.isfinite(pairs)
    return np.union1d(units[there.any(axis=1)], units[positions[there]])


def interval_over_images(
    estimate: float,
    without_each: np.ndarray,
    *,
    n_images: int,
    n_units: int,
    over_categories: bool,
    confidence: float = 0.95,
) -> ConfidenceInterval:
    """Return an estimate with its jackknife interval over images, or over categories.

    Parameters
    ----------
    estimate : float
        The estimate.
    without_each : ndarray, (unit,)
        The estimate without each image (or category), partners among them.
    n_images : int
        Images with a value of their own.
    n_units : int
        The same images, or their categories; they, not their partners, are the degrees of freedom.
    over_categories : bool
        Whether units are categories.
    confidence : float
        Nominal confidence, between 0 and 1.

    Returns
    -------
    ConfidenceInterval
        With bounds of NaN below ``MIN_IMAGES_FOR_INTERVAL`` units, and where nothing is left without one of them.
    """
    few = n_units < MIN_IMAGES_FOR_INTERVAL
    error = float("nan") if few else jackknife_error(without_each)
    low, high = interval_of_error(estimate, error, n_units, confidence=confidence)
    return ConfidenceInterval(
        mean=estimate,
        low=low,
        high=high,
        n=n_images,
        confidence=confidence,
        n_resamples=0,
        n_categories=n_units if over_categories else None,
    )


def unit_codes(n_images: int, clusters: Sequence[str] | None) -> np.ndarray:
    """Return which unit of a jackknife each image belongs to.

    Parameters
    ----------
    n_images : int
        Images.
    clusters : sequence of str, optional
        Category of each image; default: each image is a unit of its own.

    Returns
    -------
    ndarray, (image,), int
        From 0 on, without gaps.
    """
    if clusters is None:
        return np.arange(n_images)
    return np.unique(np.asarray(clusters, dtype=str), return_inverse=True)[1]


def mean_without_each(values: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Return the mean of an image's values without the images of each unit.

    Parameters
    ----------
    values : ndarray, (image,)
        NaN is left out.
    units : ndarray, (image,), int
        What ``unit_codes`` returns.

    Returns
    -------
    ndarray, (unit,), float64
        NaN where no value is left.
    """
    known, n_units = np.isfinite(values), int(units.max()) + 1
    total = np.bincount(units[known], values[known], n_units)
    count = np.bincount(units[known], minlength=n_units)
    left = known.sum() - count
    return np.divide(total.sum() - total, left, out=np.full(n_units, np.nan), where=left > 0)


def baseline_without_each(pairs: np.ndarray, positions: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Return the mean baseline without the images of each unit, as themselves and as partners of others.

    Parameters
    ----------
    pairs : ndarray, (image, other)
        rho of each image's map with the maps of its partner images; NaN where there is none.
    positions : ndarray, (image, other), int
        Which image each partner is.
    units : ndarray, (image,), int
        What ``unit_codes`` returns.

    Returns
    -------
    ndarray, (unit,), float64
        NaN where no pair is left.
    """
    n_units = int(units.max()) + 1
    values, there = mean_over_partners(pairs), np.isfinite(pairs)
    n, total = there.sum(axis=1), np.nansum(pairs, axis=1)
    known = n > 0
    rows, columns = np.nonzero(there)
    of_partner = units[positions[rows, columns]]
    others = of_partner != units[rows]  # a row goes as a whole with its own image's unit
    pair, inverse = np.unique(rows[others] * n_units + of_partner[others], return_inverse=True)
    gone = np.bincount(inverse, pairs[rows, columns][others], len(pair))
    n_gone = np.bincount(inverse, minlength=len(pair))
    row, unit = pair // n_units, pair % n_units
    left = n[row] - n_gone
    rest = np.divide(total[row] - gone, left, out=np.zeros(len(pair)), where=left > 0)
    sums = np.full(n_units, values[known].sum()) - np.bincount(units[known], values[known], n_units)
    sums += np.bincount(unit, rest - values[row], n_units)
    n_lost = np.bincount(units[known], minlength=n_units) + np.bincount(unit[left == 0], minlength=n_units)
    counts = known.sum() - n_lost
    return np.divide(sums, counts, out=np.full(n_units, np.nan), where=counts > 0)


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
        kind: mean_rho(maps, _first_usable(human_map, order, n_partners))
        for kind, order in partners.orders(image, category).items()
    }


def _first_usable(get: Callable[[str], _T | None], order: Iterable[str], n_partners: int) -> list[_T]:
    """Return what ``get`` has for the first ``n_partners`` images of which it has anything, of not too many tried."""
    tried = map(get, islice(order, MOST_TRIED * n_partners))
    return list(islice((one for one in tried if one is not None), n_partners))


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
    rho: xr.DataArray,
    ceiling: NoiseCeiling | xr.DataArray,
    *,
    clusters: xr.DataArray | None = None,
    share_product: float = 0.25,
    n_resamples: int = 10_000,
    seed: int = 0,
) -> FractionExplained:
    """Return the mean rho of a network over the mean noise ceiling of the same images.

    Images that lack either are left out.

    Parameters
    ----------
    rho : DataArray, (image,)
        rho of the network's map with the human map of each image.
    ceiling : NoiseCeiling or DataArray, (image,)
        Noise ceiling of each image; images are matched by label.
    clusters : DataArray, (image,), optional
        Category of each image: whole categories are resampled then; default: images.
    share_product : float
        Of the two halves of the participants, see ``spearman_brown``.
    n_resamples : int
        Bootstrap resamples, at least 100.
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
    labels = None if clusters is None else [str(one) for one in clusters.sel(image=rho["image"]).values]
    found = ceiling_shares(
        [rho.values],
        per_image.values,
        clusters=labels,
        share_product=share_product,
        n_resamples=n_resamples,
        seed=seed,
    )
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
