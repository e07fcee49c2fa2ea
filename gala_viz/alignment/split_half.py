"""Halves of an image's participants, drawn at random, and how alike their mean maps are."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from gala_viz.alignment.similarity import spearman_kernel


def rng_for_image(seed: int, name: str) -> np.random.Generator:
    """Chance that belongs to (seed, image id): results do not depend on order or company."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


def random_halves(n: int, n_splits: int, rng: np.random.Generator) -> np.ndarray:
    """0/1 membership (split, half, participant) of random halves of n participants."""
    ranks = rng.permuted(np.tile(np.arange(n), (n_splits, 1)), axis=1)
    first = ranks < n // 2
    return np.stack([first, ~first], axis=1).astype(float)


def split_half_rhos(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """rho between the weighted means of the two halves of each split; NaN where a half weighs nothing.

    ``values`` is (participant, y, x), ``weights`` (split, half, participant); the result is (split,).
    """
    n_splits, _, n = weights.shape
    total = weights.sum(axis=2, keepdims=True)
    shares = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
    means = (shares.reshape(-1, n) @ values.reshape(n, -1)).reshape(n_splits, 2, *values.shape[1:])
    return spearman_kernel(means[:, 0], means[:, 1])


def participant_bootstrap_rhos(
    image: str, ids: Sequence[str], values: np.ndarray, *, n_resamples: int, seed: int
) -> np.ndarray:
    """(weight times rho, weight) x (resample,): rho in each participant resample, and what the image weighs there.

    A participant's weight in a resample is Poisson with mean 1, drawn from the seed and the id: the bootstrap for
    streams. One who saw many images is in or out of all of them, and copies never stand in both halves. The image
    weighs the product of its halves' mean weights, so that a participant who was drawn twice also counts twice where a
    half has nobody else; an image of which a half was not drawn at all, or whose rho is not known, weighs nothing.
    """
    drawn = [rng_for_image(seed + 1, f"participant {name}").poisson(1.0, n_resamples) for name in ids]
    halves = random_halves(len(ids), n_resamples, rng_for_image(seed, f"resampled {image}"))
    weights = halves * np.stack(drawn, axis=1)[:, None, :]
    rhos = split_half_rhos(values, weights)
    weight = np.where(np.isnan(rhos), 0.0, (weights.sum(axis=2) / halves.sum(axis=2)).prod(axis=1))
    return np.stack([weight * np.nan_to_num(rhos), weight])


def nanmean(values: np.ndarray) -> float:
    """The mean of what is not NaN; NaN where nothing is left."""
    kept = np.asarray(values)[~np.isnan(values)]
    return float(kept.mean()) if len(kept) else float("nan")
