"""What people reach: the noise ceiling, from halves of the participants themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from gala_viz.alignment.correlation import spearman_kernel
from gala_viz.alignment.significance import Interval, bootstrap_interval, percentile_bounds

ParticipantMaps = xr.DataArray | Mapping[str, xr.DataArray] | Iterable[tuple[str, xr.DataArray]]


@dataclass(frozen=True, kw_only=True, slots=True)
class CeilingSpec:
    """``n_splits`` random halves an image, drawn with ``seed`` and the image's id; images with fewer than
    ``min_participants`` participants are left out. ``n_resamples`` draws bound the mean over images,
    ``n_participant_resamples`` draws (0: none, for they cost one correlation an image each) bound it over participants.
    """

    n_splits: int = 100
    seed: int = 0
    min_participants: int = 2
    confidence: float = 0.95
    n_resamples: int = 10_000
    n_participant_resamples: int = 0

    def __post_init__(self) -> None:
        if self.n_splits < 1:
            raise ValueError(f"n_splits is at least 1; got {self.n_splits}.")
        if self.min_participants < 2:
            raise ValueError(f"two halves need two participants; min_participants is {self.min_participants}.")
        if self.n_participant_resamples and self.n_participant_resamples < 100:
            raise ValueError(f"n_participant_resamples is 0 or at least 100; got {self.n_participant_resamples}.")


@dataclass(frozen=True, kw_only=True, eq=False)
class NoiseCeiling:
    """How well one half of the participants predicts the other.

    ``rho`` is the mean over images of ``per_image`` (image), itself the mean over splits; ``interval`` bounds it over
    images and ``participant_interval`` over participants (None when not asked for). ``spearman_brown`` is
    2 rho / (1 + rho): what maps of all participants, not halves, would reach; it is no part of ``rho``.
    ``n_participants`` is the (smallest, largest) number an image; ``left_out`` names images without a ceiling and why.
    """

    rho: float
    spearman_brown: float
    interval: Interval
    participant_interval: Interval | None
    per_image: xr.DataArray
    n_participants: tuple[int, int]
    left_out: tuple[tuple[str, str], ...]
    spec: CeilingSpec


def noise_ceiling(
    participant_maps: ParticipantMaps, n_splits: int = 100, seed: int = 0, *, spec: CeilingSpec | None = None
) -> NoiseCeiling:
    """Split-half ceiling: rho between the mean maps of two random halves of an image's participants.

    ``participant_maps`` is (participant, y, x) for one image, (image, participant, y, x), or for images with different
    participants a mapping or an iterable of (image id, (participant, y, x)), taken one at a time. With an odd number
    one half has one participant more. An image's value depends on its maps, its id, the seed and the number of splits
    alone. ``spec`` replaces ``n_splits`` and ``seed``. Raises ``ValueError`` when no image has two participants.
    """
    spec = spec or CeilingSpec(n_splits=n_splits, seed=seed)
    rhos: dict[str, float] = {}
    left_out: list[tuple[str, str]] = []
    counts: list[int] = []
    resampled = np.zeros((2, spec.n_participant_resamples))
    for image, maps in _images(participant_maps):
        values = np.asarray(maps.transpose("participant", "y", "x").values, dtype=np.float64)
        if len(values) < spec.min_participants:
            left_out.append((image, f"{len(values)} participants; at least {spec.min_participants} are needed."))
            continue
        halves = _half_weights(len(values), spec.n_splits, image_generator(spec.seed, image))
        rho = mean_of_known(_split_rhos(values, halves))
        if np.isnan(rho):
            left_out.append((image, "its halves are constant; rho is not defined."))
            continue
        rhos[image] = rho
        counts.append(len(values))
        if spec.n_participant_resamples:
            resampled += _resampled_rhos(image, [str(value) for value in maps["participant"].values], values, spec)
    if not rhos:
        raise ValueError(
            f"no image has maps of {spec.min_participants} participants; a ceiling needs at least two people an image."
        )
    per_image = xr.DataArray(list(rhos.values()), dims="image", coords={"image": list(rhos)}, name="ceiling")
    interval = bootstrap_interval(per_image, confidence=spec.confidence, n_resamples=spec.n_resamples, seed=spec.seed)
    return NoiseCeiling(
        rho=interval.mean,
        spearman_brown=spearman_brown(interval.mean),
        interval=interval,
        participant_interval=_participant_interval(resampled, interval, spec),
        per_image=per_image,
        n_participants=(min(counts), max(counts)),
        left_out=tuple(left_out),
        spec=spec,
    )


def spearman_brown(rho: float) -> float:
    """Reliability of the whole from that of its halves: 2 rho / (1 + rho). Source: Spearman 1910, Brown 1910."""
    return 2 * rho / (1 + rho) if rho > -1 else float("nan")


def _images(participant_maps: ParticipantMaps) -> Iterable[tuple[str, xr.DataArray]]:
    if isinstance(participant_maps, np.ndarray):
        raise TypeError("labelled maps were expected; label the array with gala_viz.schema.labelled_map.")
    if isinstance(participant_maps, xr.DataArray):
        expected = {"participant", "y", "x"}
        if not expected <= set(participant_maps.dims):
            raise ValueError(f"maps with the dims participant, y and x were expected; got {participant_maps.dims}.")
        if "image" not in participant_maps.dims:
            name = participant_maps.coords["image"].item() if "image" in participant_maps.coords else "image"
            return [(str(name), participant_maps)]
        return ((str(image), participant_maps.sel(image=image)) for image in participant_maps["image"].values)
    return participant_maps.items() if isinstance(participant_maps, Mapping) else participant_maps


def image_generator(seed: int, text: str) -> np.random.Generator:
    """Chance that belongs to (seed, image id): results do not depend on order or company."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


def _half_weights(n: int, n_splits: int, generator: np.random.Generator) -> np.ndarray:
    """0/1 membership (split, half, participant) of random halves of n participants."""
    ranks = generator.permuted(np.tile(np.arange(n), (n_splits, 1)), axis=1)
    first = ranks < n // 2
    return np.stack([first, ~first], axis=1).astype(float)


def _split_rhos(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """rho between the weighted means of the two halves of each split; NaN where a half weighs nothing."""
    n_splits, _, n = weights.shape
    total = weights.sum(axis=2, keepdims=True)
    shares = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
    means = (shares.reshape(-1, n) @ values.reshape(n, -1)).reshape(n_splits, 2, *values.shape[1:])
    return spearman_kernel(means[:, 0], means[:, 1])


def _resampled_rhos(image: str, ids: Sequence[str], values: np.ndarray, spec: CeilingSpec) -> np.ndarray:
    """(sum, count) over images of rho in each participant resample.

    A participant's weight in a resample is Poisson with mean 1, drawn from the seed and the id: the bootstrap for
    streams. One who saw many images is in or out of all of them, and copies never stand in both halves.
    """
    n = spec.n_participant_resamples
    weights = np.stack([image_generator(spec.seed + 1, f"participant {name}").poisson(1.0, n) for name in ids], axis=1)
    halves = _half_weights(len(ids), n, image_generator(spec.seed, f"resampled {image}"))
    rhos = _split_rhos(values, halves * weights[:, None, :])
    return np.stack([np.nan_to_num(rhos), ~np.isnan(rhos)])


def _participant_interval(resampled: np.ndarray, interval: Interval, spec: CeilingSpec) -> Interval | None:
    """The resampled means, moved to centre on rho: resampled halves hold fewer different people, so they lie low."""
    total, count = resampled
    draws = (total / np.maximum(count, 1))[count > 0]
    if len(draws) < 2:
        return None
    low, high = percentile_bounds(draws - draws.mean() + interval.mean, spec.confidence)
    return Interval(
        mean=interval.mean,
        low=low,
        high=high,
        n=interval.n,
        confidence=spec.confidence,
        n_resamples=len(draws),
        seed=spec.seed,
    )


def mean_of_known(values: np.ndarray) -> float:
    """The mean of what is not NaN; NaN where nothing is left."""
    kept = np.asarray(values)[~np.isnan(values)]
    return float(kept.mean()) if len(kept) else float("nan")
