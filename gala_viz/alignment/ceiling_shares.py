"""Mean rho beside the mean noise ceiling of the same images: its share of the ceiling, and rho over the root of it.

One function for tables, pages, figures and cards, so that they refuse a share by one rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gala_viz.alignment.bootstrap import (
    MIN_IMAGES_FOR_INTERVAL,
    ConfidenceInterval,
    bootstrap_means,
    percentile_interval,
)

CONFIDENCE = 0.95
_Z = 1.959964
_DECIDING_RESAMPLES, _MANY = 2000, 1000
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
        The squares of ``shares``, which have no sign: the explained variance.
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


def ceiling_shares(rhos: ArrayLike, ceiling: ArrayLike, *, n_resamples: int = 10_000, seed: int = 0) -> CeilingShares:
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
    n_resamples : int
        Bootstrap resamples of images, at least 100.
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
    columns = columns[np.isfinite(columns).all(axis=1)]
    n_images, few = len(columns), len(columns) < MIN_IMAGES_FOR_INTERVAL
    if not n_images:
        return CeilingShares(n_images=0, why_none=NO_IMAGES, why_not_corrected=NO_IMAGES)
    means = columns.mean(axis=0)
    draws = None if few else bootstrap_means(columns, n_resamples=n_resamples, seed=seed)

    def interval(quantity: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> ConfidenceInterval:
        """Return a quantity of means (..., network and ceiling) with its interval."""
        nan = float("nan")
        low, high = (nan, nan) if draws is None else percentile_interval(quantity(draws), CONFIDENCE)
        value = float(quantity(means))
        return ConfidenceInterval(mean=value, low=low, high=high, n=n_images, n_resamples=n_resamples, seed=seed)

    of_ceiling, networks = interval(lambda of: of[..., -1]), range(columns.shape[1] - 1)
    mean_rhos, why = tuple(means[:-1].tolist()), why_no_share(columns[:, -1])
    if why:
        return CeilingShares(n_images=n_images, ceiling=of_ceiling, rhos=mean_rhos, why_none=why, why_not_corrected=why)
    if draws is not None:
        positive = draws[:, -1] > 0
        draws[:, -1] = np.where(positive, draws[:, -1], draws[positive, -1].min())
    few_text = f"n = {n_images}: the reliability's interval is not known below {MIN_IMAGES_FOR_INTERVAL} images."
    return CeilingShares(
        n_images=n_images,
        ceiling=of_ceiling,
        rhos=mean_rhos,
        shares=tuple(interval(lambda of, k=k: of[..., k] / of[..., -1]) for k in networks),
        squares=tuple(interval(lambda of, k=k: (of[..., k] / of[..., -1]) ** 2) for k in networks),
        corrected=() if few else tuple(interval(lambda of, k=k: _corrected(of[..., k], of[..., -1])) for k in networks),
        difference=interval(lambda of: of[..., 1] / of[..., 2] - of[..., 0] / of[..., 2])
        if len(networks) == 2
        else None,
        why_not_corrected=few_text if few else "",
    )


def _corrected(rho: NDArray[np.float64], ceiling: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rho over the root of the reliability, 2 c / (1 + c) of a ceiling c above 0."""
    return rho / np.sqrt(2 * ceiling / (1 + ceiling))


def why_no_share(ceiling: NDArray[np.float64]) -> str:
    """Return why there is no share of a mean ceiling in a sentence; "" where there is one.

    Parameters
    ----------
    ceiling : ndarray, (image,), float64
        Noise ceiling of each image, at least one, all known.

    Returns
    -------
    str
        The 95 % interval of the mean holds 0 or less; below ``MIN_IMAGES_FOR_INTERVAL`` images: the mean is 0 or less.
    """
    mean, n = float(ceiling.mean()), len(ceiling)
    if mean <= 0:
        return f"the mean ceiling is {mean:.3f}: people do not agree, so nothing can be explained."
    if n < MIN_IMAGES_FOR_INTERVAL or (low := _lower_bound(ceiling)) > 0:
        return ""
    return (
        f"the mean ceiling, {mean:.3f} over {n} images, is not surely above 0 (its 95 % interval begins at {low:.3f}): "
        "there is no share of it."
    )


def _lower_bound(values: NDArray[np.float64]) -> float:
    """Return the lower end of the 95 % interval of a mean above 0; any number above 0 where the end surely is.

    By Cantelli's inequality no more than 1 / (1 + z^2) of all resamples have a mean z standard errors below, which is
    2.5 % at z^2 = 39; so most ceilings need no resamples.
    """
    mean, error = float(values.mean()), float(values.std() / np.sqrt(len(values)))
    if mean**2 > 39 * error**2:
        return mean
    if len(values) > _MANY:
        return mean - _Z * error
    draws = bootstrap_means(values[:, None], n_resamples=_DECIDING_RESAMPLES, seed=0)
    return percentile_interval(draws[:, 0], CONFIDENCE)[0]
