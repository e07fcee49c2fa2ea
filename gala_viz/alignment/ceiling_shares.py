"""Mean rho beside the mean noise ceiling of the same images: its share of the ceiling, and rho over the root of it.

One function for tables, pages, figures and cards, so that they refuse a share by one rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gala_viz.alignment.bootstrap import (
    EXPANDED_BELOW,
    MIN_IMAGES_FOR_INTERVAL,
    NORMAL_95,
    ConfidenceInterval,
    bootstrap_means,
    resampling_interval,
)
from gala_viz.alignment.ceiling import spearman_brown

CONFIDENCE = 0.95
_DECIDING_RESAMPLES, _MANY = 20_000, 1000
"""Resamples that decide whether a ceiling is above 0, and images from which on its interval is a normal one."""
NO_IMAGES = "no image has both a network's rho and a ceiling."


@dataclass(frozen=True, kw_only=True, slots=True)
class CeilingShares:
    """Mean rho of networks beside the mean noise ceiling of the same images.

    Bounds of intervals are NaN below ``MIN_IMAGES_FOR_INTERVAL`` images. All tuples have one entry for each network.

    Parameters
    ----------
    n_images : int
        Images that have all values.
    ceiling : ConfidenceInterval or None
        The mean ceiling over them; None without any.
    rhos : tuple of float
        The networks' mean rho over them.
    shares : tuple of ConfidenceInterval
        Mean rho over mean ceiling; empty where it is refused.
    squares : tuple of ConfidenceInterval
        The squares of ``shares``, which have no sign: the explained variance. Where a share's interval holds 0, that of
        its square begins at 0.
    corrected : tuple of ConfidenceInterval
        Mean rho over the root of the reliability of maps of all participants, which is the mean ceiling after
        Spearman-Brown; empty where shares are refused or have no interval.
    difference : ConfidenceInterval or None
        Of two networks the second's share minus the first's.
    why_none : str
        Why there is no share; "" where there is one.
    why_not_corrected : str
        Why there is no corrected rho; "" where there is one.
    """

    n_images: int
    ceiling: ConfidenceInterval | None = None
    rhos: tuple[float, ...] = ()
    shares: tuple[ConfidenceInterval, ...] = ()
    squares: tuple[ConfidenceInterval, ...] = ()
    corrected: tuple[ConfidenceInterval, ...] = ()
    difference: ConfidenceInterval | None = None
    why_none: str = ""
    why_not_corrected: str = ""


def ceiling_shares(
    rhos: ArrayLike,
    ceiling: ArrayLike,
    *,
    clusters: Sequence[str] | None = None,
    share_product: float = 0.25,
    n_resamples: int = 10_000,
    seed: int = 0,
) -> CeilingShares:
    """Return the networks' mean rho as shares of the mean noise ceiling, with 95 % intervals.

    Everything is over the images that have all values, which are resampled for rho and ceiling together. There is no
    share where the 95 % interval of the mean ceiling over these images holds 0 or less; that does not depend on
    ``n_resamples`` or ``seed``. A resample whose ceiling is not above 0 counts with the least one that is.

    Parameters
    ----------
    rhos : array, (network, image)
        rho of each network's maps with the human maps; NaN where it is not known.
    ceiling : array, (image,)
        Noise ceiling of each image; NaN where it is not known.
    clusters : sequence of str, optional
        Category of each image: whole categories are resampled then; default: images.
    share_product : float
        Of the two halves of the participants, see ``spearman_brown``.
    n_resamples : int
        Bootstrap resamples, at least 100.
    seed : int
        Seed of the resamples.

    Returns
    -------
    CeilingShares
        Shares of 1, not per cent.

    References
    ----------
    Linsley et al. 2019, table 1; Spearman 1904.
    """
    columns = np.stack([*np.atleast_2d(np.asarray(rhos, float)), np.asarray(ceiling, float)], axis=1)
    known = np.isfinite(columns).all(axis=1)
    columns = columns[known]
    labels = None if clusters is None else np.asarray(clusters, dtype=str)[known]
    n_images = len(columns)
    n_units = n_images if labels is None else len(set(labels.tolist()))
    few = n_units < MIN_IMAGES_FOR_INTERVAL
    if not n_images:
        return CeilingShares(n_images=0, why_none=NO_IMAGES, why_not_corrected=NO_IMAGES)
    means = columns.mean(axis=0)
    draws = None if few else bootstrap_means(columns, clusters=labels, n_resamples=n_resamples, seed=seed)

    def interval(quantity: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> ConfidenceInterval:
        """Return a quantity of means (..., network and ceiling) with its interval."""
        nan = float("nan")
        low, high = (nan, nan) if draws is None else resampling_interval(quantity(draws), n_units, CONFIDENCE)
        value = float(quantity(means))
        n_categories = None if labels is None else n_units
        return ConfidenceInterval(
            mean=value,
            low=low,
            high=high,
            n=n_images,
            n_resamples=n_resamples,
            seed=seed,
            n_categories=n_categories,
        )

    of_ceiling, networks = interval(lambda of: of[..., -1]), range(columns.shape[1] - 1)
    mean_rhos, why = tuple(means[:-1].tolist()), why_no_share(columns[:, -1], labels)
    if why:
        return CeilingShares(n_images=n_images, ceiling=of_ceiling, rhos=mean_rhos, why_none=why, why_not_corrected=why)
    if draws is not None:
        positive = draws[:, -1] > 0
        draws[:, -1] = np.where(positive, draws[:, -1], draws[positive, -1].min())
    units = "images" if labels is None else "categories"
    few_text = f"n = {n_units}: the reliability's interval is not known below {MIN_IMAGES_FOR_INTERVAL} {units}."

    def corrected(of: NDArray[np.float64], k: int) -> NDArray[np.float64]:
        return of[..., k] / np.sqrt(spearman_brown(of[..., -1], share_product))

    shares = tuple(interval(lambda of, k=k: of[..., k] / of[..., -1]) for k in networks)
    return CeilingShares(
        n_images=n_images,
        ceiling=of_ceiling,
        rhos=mean_rhos,
        shares=shares,
        squares=tuple(_square(share) for share in shares),
        corrected=() if few else tuple(interval(lambda of, k=k: corrected(of, k)) for k in networks),
        difference=interval(lambda of: of[..., 1] / of[..., 2] - of[..., 0] / of[..., 2])
        if len(networks) == 2
        else None,
        why_not_corrected=few_text if few else "",
    )


def _square(share: ConfidenceInterval) -> ConfidenceInterval:
    """Return a share's square; the square's interval holds what squares of the share's interval can be."""
    ends = sorted((share.low**2, share.high**2))
    low = 0.0 if share.low <= 0 <= share.high else ends[0]
    return replace(share, mean=share.mean**2, low=low, high=ends[1])


def why_no_share(ceiling: NDArray[np.float64], clusters: NDArray[np.str_] | None = None) -> str:
    """Return why there is no share of a mean ceiling in a sentence; "" where there is one.

    Parameters
    ----------
    ceiling : ndarray, (image,), float64
        Noise ceiling of each image, at least one, all known.
    clusters : ndarray, (image,), str, optional
        Category of each image: the interval is over categories then; default: over images.

    Returns
    -------
    str
        The 95 % interval of the mean holds 0 or less; below ``MIN_IMAGES_FOR_INTERVAL`` images (or categories): the
        mean is 0 or less.
    """
    mean, n = float(ceiling.mean()), len(ceiling)
    n_units = n if clusters is None else len(set(clusters.tolist()))
    if mean <= 0:
        return f"the mean ceiling is {mean:.3f}: people do not agree, so nothing can be explained."
    if n_units < MIN_IMAGES_FOR_INTERVAL or (low := _lower_bound(ceiling, clusters, n_units)) > 0:
        return ""
    return (
        f"the mean ceiling, {mean:.3f} over {n} images, is not surely above 0 (its 95 % interval begins at {low:.3f}): "
        "there is no share of it."
    )


def _lower_bound(values: NDArray[np.float64], clusters: NDArray[np.str_] | None, n_units: int) -> float:
    """Return the lower end of the 95 % interval of a mean above 0; any number above 0 where the end surely is.

    By Cantelli's inequality no more than 1 / (1 + z^2) of all resamples have a mean z standard errors below, which is
    2.5 % at z^2 = 39; so most ceilings of many images need no resamples.
    """
    mean, error = float(values.mean()), float(values.std() / np.sqrt(len(values)))
    if clusters is None and n_units >= EXPANDED_BELOW:
        if mean**2 > 39 * error**2:
            return mean
        if n_units > _MANY:
            return mean - NORMAL_95 * error
    draws = bootstrap_means(values[:, None], clusters=clusters, n_resamples=_DECIDING_RESAMPLES, seed=0)
    return resampling_interval(draws[:, 0], n_units, CONFIDENCE)[0]
