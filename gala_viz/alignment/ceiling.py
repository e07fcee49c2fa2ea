"""The noise ceiling: the rho that two halves of the participants reach, the most that a model can reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from gala_viz.alignment.bootstrap import ConfidenceInterval, bootstrap_interval
from gala_viz.alignment.jackknife import interval_of_error
from gala_viz.alignment.split_half import (
    mean_rho_without_each,
    nanmean,
    random_halves,
    rng_for_image,
    split_half_rhos,
)
from gala_viz.specs import check_finite

ParticipantMaps = xr.DataArray | Mapping[str, xr.DataArray] | Iterable[tuple[str, xr.DataArray]]


@dataclass(frozen=True, kw_only=True, slots=True)
class CeilingSpec:
    """Settings of the noise ceiling.

    Parameters
    ----------
    n_splits : int
        Random halvings of each image's participants, at least 1.
    seed : int
        With an image's id it determines the halves; also the seed of all resamples.
    min_participants : int
        Images with fewer participants are left out; at least 2.
    confidence : float
        Nominal confidence of an interval, between 0 and 1.
    n_resamples : int
        Bootstrap resamples of images, for the interval of the mean over images, at least 100.
    over_participants : bool
        Whether there is an interval over participants, too. It costs up to ``n_splits`` correlations for each
        participant of an image.
    """

    n_splits: int = 100
    seed: int = 0
    min_participants: int = 2
    confidence: float = 0.95
    n_resamples: int = 10_000
    over_participants: bool = False

    def __post_init__(self) -> None:
        check_finite(self)
        if self.n_splits < 1:
            raise ValueError(f"n_splits is at least 1; got {self.n_splits}.")
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence is a share, above 0 and below 1; got {self.confidence}.")
        if self.min_participants < 2:
            raise ValueError(f"two halves need two participants; min_participants is {self.min_participants}.")


@dataclass(frozen=True, kw_only=True, eq=False)
class NoiseCeiling:
    """The noise ceiling: how well one half of the participants predicts the other.

    ``rho`` is the mean over images of ``per_image`` (image), itself the mean over splits. ``interval`` is over images,
    ``participant_interval`` over participants, whom its ``n`` counts (None where it was not computed).
    ``spearman_brown`` is what maps of all participants, not halves, would reach; it is no part of ``rho``.
    ``n_participants`` is the (smallest, largest) number an image; ``left_out`` names images without a ceiling and why.
    ``n_blank`` counts participants' maps that are the same everywhere or not known, and are in no half: the ceiling is
    that of the others. ``n_pairs`` counts images of two participants. ``share_product`` is what ``spearman_brown``
    takes for halves of these sizes.
    """

    rho: float
    spearman_brown: float
    interval: ConfidenceInterval
    participant_interval: ConfidenceInterval | None
    per_image: xr.DataArray
    n_participants: tuple[int, int]
    left_out: tuple[tuple[str, str], ...]
    spec: CeilingSpec
    n_blank: int = 0
    n_pairs: int = 0
    share_product: float = 0.25


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageCeilings:
    """What ``noise_ceiling`` needs of each image, so that blocks of images can be computed apart.

    ``rho`` and ``n_participants`` are by image; ``left_out`` says why others have none; ``n_blank`` counts maps that
    are in no half. ``changes`` is by participant, of all who took part, (3,): how the sum of rho over images of three
    participants or more would change without this one; of how many images of two participants this is one; and the sum
    of rho over those. It is zeros where no interval over participants is wanted.
    """

    rho: dict[str, float]
    n_participants: dict[str, int]
    left_out: tuple[tuple[str, str], ...]
    changes: dict[str, np.ndarray]
    n_blank: int = 0


def noise_ceiling(
    participant_maps: ParticipantMaps, n_splits: int = 100, seed: int = 0, *, spec: CeilingSpec | None = None
) -> NoiseCeiling:
    """Return the split-half noise ceiling: rho of the mean maps of two random halves of an image's participants.

    With an odd number one half has one participant more. An image's value depends on its maps, its id, the seed and the
    number of splits alone.

    Parameters
    ----------
    participant_maps : DataArray, mapping or iterable
        (participant, y, x) for one image, (image, participant, y, x), or, for images with different participants, a
        mapping or an iterable of (image id, (participant, y, x)), which is taken one image at a time.
    n_splits : int
        Random halvings of each image's participants.
    seed : int
        With an image's id it determines the halves.
    spec : CeilingSpec, optional
        All settings; it replaces ``n_splits`` and ``seed``.

    Returns
    -------
    NoiseCeiling
        Mean rho over images with its interval, its value after Spearman-Brown, and rho of each image.

    Raises
    ------
    ValueError
        No image has two participants.

    References
    ----------
    Linsley et al. 2019, section 4; Nili et al. 2014; Spearman 1910, Brown 1910.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> import gala_viz as gv
    >>> rng = np.random.default_rng(0)
    >>> shared = rng.random((1, 8, 8))
    >>> maps = xr.DataArray(shared + 0.1 * rng.random((6, 8, 8)), dims=("participant", "y", "x"))
    >>> bool(gv.noise_ceiling(maps, n_splits=20).rho > 0.9)
    True
    """
    spec = spec or CeilingSpec(n_splits=n_splits, seed=seed)
    return combine_ceilings([image_ceilings(participant_maps, spec)], spec)


def image_ceilings(participant_maps: ParticipantMaps, spec: CeilingSpec) -> ImageCeilings:
    """Return the noise ceiling of each image: the costly part of ``noise_ceiling``.

    Parameters
    ----------
    participant_maps : DataArray, mapping or iterable
        As ``noise_ceiling`` takes them.
    spec : CeilingSpec
        All settings.

    Returns
    -------
    ImageCeilings
        Values by image, for ``combine_ceilings``.

    Raises
    ------
    TypeError
        The maps are not labelled.
    ValueError
        The maps lack one of the dims participant, y and x.
    """
    rhos: dict[str, float] = {}
    counts: dict[str, int] = {}
    left_out: list[tuple[str, str]] = []
    changes: list[dict[str, np.ndarray]] = []
    n_blank = 0
    for image, maps in _images(participant_maps):
        values = np.asarray(maps.transpose("participant", "y", "x").values, dtype=np.float64)
        ids, telling = _ids(maps), ~_blank(values)
        values, blank = values[telling], int((~telling).sum())
        n_blank += blank
        if len(values) < spec.min_participants:
            those = f" of {len(ids)}, the maps of the others are the same everywhere" if blank else ""
            left_out.append((image, f"{len(values)} participants{those}; at least {spec.min_participants} are needed."))
            continue
        rho = nanmean(
            split_half_rhos(values, random_halves(len(values), spec.n_splits, rng_for_image(spec.seed, image)))
        )
        if np.isnan(rho):
            left_out.append((image, "its halves are constant; rho is not defined."))
            continue
        rhos[image], counts[image] = rho, len(values)
        own = [name for name, tells in zip(ids, telling, strict=True) if tells]
        changes += [{name: one} for name, one in zip(own, _changes(image, values, rho, spec), strict=True)]
    return ImageCeilings(
        rho=rhos, n_participants=counts, left_out=tuple(left_out), changes=sum_changes(changes), n_blank=n_blank
    )


def _blank(values: np.ndarray) -> np.ndarray:
    """Return which maps (participant, y, x) say nothing: of one value, or NaN throughout."""
    flat = values.reshape(len(values), values.shape[1] * values.shape[2])
    known = ~np.isnan(flat)
    low, high = (extreme.reduce(np.where(known, flat, out), axis=1) for extreme, out in _EXTREMES)
    return ~(high > low)


_EXTREMES = ((np.minimum, np.inf), (np.maximum, -np.inf))


def _changes(image: str, values: np.ndarray, rho: float, spec: CeilingSpec) -> np.ndarray:
    """Return (participant, 3), what ``ImageCeilings.changes`` adds up for this image.

    What an image loses by having one participant less is the same for all of them and no chance; so changes are from
    their mean, and scaled so that over one image their squares sum to the jackknife variance.
    """
    n = len(values)
    found = np.zeros((n, 3))
    if not spec.over_participants:
        return found
    if n == 2:
        found[:, 1:] = 1, rho
        return found
    without = mean_rho_without_each(image, values, n_splits=spec.n_splits, seed=spec.seed)
    without = np.where(np.isnan(without), nanmean(without), without)
    found[:, 0] = np.sqrt((n - 1) / n) * np.nan_to_num(without - without.mean())
    return found


def combine_ceilings(parts: Sequence[ImageCeilings], spec: CeilingSpec) -> NoiseCeiling:
    """Return the noise ceiling over all images of several blocks.

    Parameters
    ----------
    parts : sequence of ImageCeilings
        Blocks of images, computed with the same ``spec``.
    spec : CeilingSpec
        All settings.

    Returns
    -------
    NoiseCeiling
        Mean over images with its intervals.

    Raises
    ------
    ValueError
        No image has a ceiling.
    """
    rhos = {image: rho for part in parts for image, rho in part.rho.items()}
    counts = [count for part in parts for count in part.n_participants.values()]
    if not rhos:
        raise ValueError(
            f"no image has maps of {spec.min_participants} participants; a ceiling needs at least two people an image."
        )
    per_image = xr.DataArray(list(rhos.values()), dims="image", coords={"image": list(rhos)}, name="ceiling")
    interval = bootstrap_interval(per_image, confidence=spec.confidence, n_resamples=spec.n_resamples, seed=spec.seed)
    share_product = mean_share_product(counts)
    return NoiseCeiling(
        rho=interval.mean,
        spearman_brown=spearman_brown(interval.mean, share_product),
        interval=interval,
        participant_interval=_participant_interval(parts, interval, spec) if spec.over_participants else None,
        per_image=per_image,
        n_participants=(min(counts), max(counts)),
        left_out=tuple(entry for part in parts for entry in part.left_out),
        spec=spec,
        n_blank=sum(part.n_blank for part in parts),
        n_pairs=counts.count(2),
        share_product=share_product,
    )


def sum_changes(changes: Iterable[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return the sums by participant of several ``ImageCeilings.changes``.

    Parameters
    ----------
    changes : iterable of mapping of str to ndarray, (3,)
        Of images or blocks of images.

    Returns
    -------
    dict of str to ndarray, (3,)
        Of all who took part in any of them.
    """
    sums: dict[str, np.ndarray] = {}
    for one in changes:
        for name, change in one.items():
            sums[name] = sums.get(name, 0.0) + change
    return sums


def spearman_brown(rho: ArrayLike, share_product: float = 0.25) -> Any:
    """Return the reliability of the whole from the correlation of its two parts.

    Of halves it is 2 rho / (1 + rho). Of parts of other sizes it is Horst's formula, which halves make the same.

    Parameters
    ----------
    rho : float or ndarray
        Correlation of the two parts, in [-1, 1].
    share_product : float
        Product of the two parts' shares of the whole: 0.25 for halves, 2/9 for one and two of three participants.

    Returns
    -------
    float or ndarray
        Reliability, of the shape of ``rho``; NaN for -1.

    References
    ----------
    Spearman 1910; Brown 1910; Horst 1951 (Educational and Psychological Measurement).
    """
    r = np.asarray(rho, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        whole = np.where(r > -1, 2 * r / (1 + r), np.nan)
        unequal = (np.sqrt(r**4 + 4 * r**2 * (1 - r**2) * share_product) - r**2) / (2 * share_product * (1 - r**2))
        result = np.where((r > 0) & (r < 1), unequal, whole)  # below 0 no whole is reliable, whatever the shares
    return float(result) if result.ndim == 0 else result


def mean_share_product(counts: Iterable[int]) -> float:
    """Return the mean over images of the product of the shares that two halves have of an image's participants.

    Parameters
    ----------
    counts : iterable of int
        Participants of each image.

    Returns
    -------
    float
        0.25 where all are even, a little less where some are odd.
    """
    numbers = np.fromiter(counts, dtype=float)
    return float(np.mean((numbers // 2) * (numbers - numbers // 2) / numbers**2))


def _images(participant_maps: ParticipantMaps) -> Iterable[tuple[str, xr.DataArray]]:
    """Return pairs of image id and maps (participant, y, x), from any form of participant maps."""
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
    if isinstance(participant_maps, Mapping):
        # A mapping whose keys happened to be pairs would be an iterable of pairs, too; none is meant.
        return participant_maps.items()  # pyright: ignore[reportReturnType]
    return participant_maps


def _ids(maps: xr.DataArray) -> list[str]:
    return [str(name) for name in maps["participant"].values]


def _participant_interval(
    parts: Sequence[ImageCeilings], interval: ConfidenceInterval, spec: CeilingSpec
) -> ConfidenceInterval | None:
    """Return the interval over participants by delete-one jackknife; None where nothing changes without any of them."""
    n_images = sum(len(part.rho) for part in parts)
    sums = np.array(list(sum_changes(part.changes for part in parts).values()))
    moved = (sums[:, 0] - (sums[:, 2] - sums[:, 1] * interval.mean)) / n_images
    error = float(np.sqrt(np.square(moved).sum()))
    if not error > 1e-12:
        return None
    low, high = interval_of_error(interval.mean, error, len(moved), confidence=spec.confidence)
    return replace(interval, low=low, high=min(high, 1.0), n=len(moved), n_resamples=0)
