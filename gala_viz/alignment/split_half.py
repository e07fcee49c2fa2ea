"""Split halves: random halves of an image's participants, and how similar their mean maps are."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from gala_viz.alignment.similarity import spearman_kernel


def rng_for_image(seed: int, name: str) -> np.random.Generator:
    """Return the random generator of (seed, image id), so that results do not depend on the order or number of images.

    Parameters
    ----------
    seed : int
        Whole number from 0 on.
    name : str
        Id of the image, or another name.

    Returns
    -------
    numpy.random.Generator
        A new generator, in its first state.
    """
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


def random_halves(n: int, n_splits: int, rng: np.random.Generator) -> np.ndarray:
    """Draw random halves of ``n`` participants; with an odd number the second half has one more.

    Parameters
    ----------
    n : int
        Participants.
    n_splits : int
        Halvings.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    ndarray, (split, half, participant), float64
        1 for the participants of a half, 0 for the others.
    """
    ranks = rng.permuted(np.tile(np.arange(n), (n_splits, 1)), axis=1)
    first = ranks < n // 2
    return np.stack([first, ~first], axis=1).astype(float)


def split_half_rhos(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return rho between the weighted means of the two halves of each split.

    Parameters
    ----------
    values : ndarray, (participant, y, x)
        Maps of one image.
    weights : ndarray, (split, half, participant), float64
        Weight of each participant in each half.

    Returns
    -------
    ndarray, (split,), float64
        rho in [-1, 1]; NaN where the weights of a half are all 0, or a mean is constant.
    """
    n_splits, _, n = weights.shape
    total = weights.sum(axis=2, keepdims=True)
    shares = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
    means = shares.reshape(-1, n) @ values.reshape(n, -1)
    first, second = means[0::2], means[1::2]
    if np.isnan(values).any():
        grid = (n_splits, *values.shape[1:])
        return spearman_kernel(first.reshape(grid), second.reshape(grid))
    from gala_viz.alignment.ranks import rank_correlations  # which loads a compiler

    return rank_correlations(first, second)


def participant_bootstrap_rhos(
    image: str, ids: Sequence[str], values: np.ndarray, *, n_resamples: int, seed: int
) -> np.ndarray:
    """Return rho and weight of one image in each participant resample.

    A participant's weight in a resample is Poisson with mean 1, drawn from the seed and the id: the bootstrap for
    streams. One who saw many images is in or out of all of them, and copies never stand in both halves. The weight of
    the image is the product of the mean weights of its halves, so that a participant who was drawn twice also counts
    twice where a half has nobody else. An image of which a half was not drawn at all, or whose rho is not known, has
    weight 0.

    Parameters
    ----------
    image : str
        Id of the image, which with the seed determines the halves.
    ids : sequence of str
        Ids of the participants.
    values : ndarray, (participant, y, x)
        Their maps.
    n_resamples : int
        Resamples.
    seed : int
        Seed of weights and halves.

    Returns
    -------
    ndarray, (2, resample), float64
        Weight times rho, and weight.

    References
    ----------
    Oza and Russell 2001.
    """
    draws = [rng_for_image(seed + 1, f"participant {name}").poisson(1.0, n_resamples) for name in ids]
    halves = random_halves(len(ids), n_resamples, rng_for_image(seed, f"resampled {image}"))
    weights = halves * np.stack(draws, axis=1)[:, None, :]
    rhos = split_half_rhos(values, weights)
    weight = np.where(np.isnan(rhos), 0.0, (weights.sum(axis=2) / halves.sum(axis=2)).prod(axis=1))
    return np.stack([weight * np.nan_to_num(rhos), weight])


def nanmean(values: np.ndarray) -> float:
    """Return the mean of the values that are not NaN.

    Parameters
    ----------
    values : ndarray
        Values of any shape.

    Returns
    -------
    float
        Mean; NaN where no value is left.
    """
    present = np.asarray(values)[~np.isnan(values)]
    return float(present.mean()) if len(present) else float("nan")
