"""Split halves: random halves of an image's participants, and how similar their mean maps are."""

from __future__ import annotations

import hashlib
from itertools import combinations
from math import comb

import numpy as np

from gala_viz.alignment.similarity import spearman_kernel

MAX_JACKKNIFE_RHOS, MIN_JACKKNIFE_SPLITS = 3000, 10
"""Correlations of one image, without each of its participants in turn, and the fewest halvings of each."""


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


def mean_rho_without_each(image: str, values: np.ndarray, *, n_splits: int, seed: int) -> np.ndarray:
    """Return the mean split-half rho of one image without each of its participants.

    All halvings are taken where these are no more than ``n_splits``, else random ones, the same for each participant
    who is left out: ``n_splits``, or fewer of many participants, so that there are some ``MAX_JACKKNIFE_RHOS``.

    Parameters
    ----------
    image : str
        Id of the image, which with the seed determines random halves.
    values : ndarray, (participant, y, x)
        Maps of at least three participants.
    n_splits : int
        Halvings.
    seed : int
        Seed of the halves.

    Returns
    -------
    ndarray, (participant,), float64
        rho in [-1, 1]; NaN where it is not defined.
    """
    n = len(values) - 1
    n_splits = max(MIN_JACKKNIFE_SPLITS, min(n_splits, MAX_JACKKNIFE_RHOS // len(values)))
    halves = all_halves(n) if n_halvings(n) <= n_splits else random_halves(n, n_splits, rng_for_image(seed, image))
    without = (np.delete(values, left_out, axis=0) for left_out in range(n + 1))
    return np.array([nanmean(split_half_rhos(others, halves)) for others in without])


def n_halvings(n: int) -> int:
    """Return in how many ways ``n`` participants, two or more, can be halved; with an odd number one half has one more.

    Parameters
    ----------
    n : int
        Participants.

    Returns
    -------
    int
        Different halvings.
    """
    return comb(n, n // 2) // (2 - n % 2)


def all_halves(n: int) -> np.ndarray:
    """Return each way to halve ``n`` participants once.

    Parameters
    ----------
    n : int
        Participants, two or more.

    Returns
    -------
    ndarray, (split, half, participant), float64
        1 for the participants of a half, 0 for the others.
    """
    members = [some for some in combinations(range(n), n // 2) if n % 2 or 0 in some]
    first = np.zeros((len(members), n), dtype=bool)
    first[np.arange(len(members))[:, None], members] = True
    return np.stack([first, ~first], axis=1).astype(float)


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
