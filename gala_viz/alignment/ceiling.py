"""The noise ceiling: the rho that two halves of the participants reach, the most that a model can reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from gala_viz.alignment.bootstrap import ConfidenceInterval, bootstrap_interval, percentile_interval
from gala_viz.alignment.split_half import (
    nanmean,
    participant_bootstrap_rhos,
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
        Share of the resamples within an interval, between 0 and 1.
    n_resamples : int
        Bootstrap resamples of images, for the interval of the mean over images, at least 100.
    n_participant_resamples : int
        Bootstrap resamples of participants, for an interval over participants; 0: none, else at least 100. Each costs
        one correlation an image.
    """

    n_splits: int = 100
    seed: int = 0
    min_participants: int = 2
    confidence: float = 0.95
    n_resamples: int = 10_000
    n_participant_resamples: int = 0

    def __post_init__(self) -> None:
        check_finite(self)
        if self.n_splits < 1:
            raise ValueError(f"n_splits is at least 1; got {self.n_splits}.")
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence is a share, above 0 and below 1; got {self.confidence}.")
        if self.min_participants < 2:
            raise ValueError(f"two halves need two participants; min_participants is {self.min_participants}.")
        if self.n_participant_resamples and self.n_participant_resamples < 100:
            raise ValueError(f"n_participant_resamples is 0 or at least 100; got {self.n_participant_resamples}.")


@dataclass(frozen=True, kw_only=True, eq=False)
class NoiseCeiling:
    """The noise ceiling: how well one half of the participants predicts the other.

    ``rho`` is the mean over images of ``per_image`` (image), itself the mean over splits. ``interval`` is over images,
    ``participant_interval`` over participants, whom its ``n`` counts (None where it was not computed).
    ``spearman_brown`` is 2 rho / (1 + rho): what maps of all participants, not halves, would reach; it is no part of
    ``rho``. ``n_participants`` is the (smallest, largest) number an image; ``left_out`` names images without a ceiling
    and why.
    """

    rho: float
    spearman_brown: float
    interval: ConfidenceInterval
    participant_interval: ConfidenceInterval | None
    per_image: xr.DataArray
    n_participants: tuple[int, int]
    left_out: tuple[tuple[str, str], ...]
    spec: CeilingSpec


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageCeilings:
    """What ``noise_ceiling`` needs of each image, so that blocks of images can be computed apart.

    ``rho`` and ``n_participants`` are by image; ``left_out`` says why others have none; ``participants`` are all who
    took part; ``resampled`` is (weighted sum of rho, sum of weights) x (participant resample).
    """

    rho: dict[str, float]
    n_participants: dict[str, int]
    left_out: tuple[tuple[str, str], ...]
    participants: frozenset[str]
    resampled: np.ndarray


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
    everyone: set[str] = set()
    resampled = np.zeros((2, spec.n_participant_resamples))
    for image, maps in _images(participant_maps):
        values = np.asarray(maps.transpose("participant", "y", "x").values, dtype=np.float64)
        if len(values) < spec.min_participants:
            left_out.append((image, f"{len(values)} participants; at least {spec.min_participants} are needed."))
            continue
        rho = nanmean(
            split_half_rhos(values, random_halves(len(values), spec.n_splits, rng_for_image(spec.seed, image)))
        )
        if np.isnan(rho):
            left_out.append((image, "its halves are constant; rho is not defined."))
            continue
        rhos[image], counts[image] = rho, len(values)
        ids = _ids(maps)
        everyone.update(ids)
        if spec.n_participant_resamples:
            resampled += participant_bootstrap_rhos(
                image, ids, values, n_resamples=spec.n_participant_resamples, seed=spec.seed
            )
    return ImageCeilings(
        rho=rhos,
        n_participants=counts,
        left_out=tuple(left_out),
        participants=frozenset(everyone),
        resampled=resampled,
    )


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
    resampled = sum((part.resampled for part in parts), start=np.zeros((2, spec.n_participant_resamples)))
    n_people = len(frozenset().union(*(part.participants for part in parts)))
    return NoiseCeiling(
        rho=interval.mean,
        spearman_brown=spearman_brown(interval.mean),
        interval=interval,
        participant_interval=_participant_interval(resampled, interval, n_people, spec),
        per_image=per_image,
        n_participants=(min(counts), max(counts)),
        left_out=tuple(entry for part in parts for entry in part.left_out),
        spec=spec,
    )


def spearman_brown(rho: float) -> float:
    """Return the reliability of the whole from that of its halves, 2 rho / (1 + rho).

    Parameters
    ----------
    rho : float
        Correlation of two halves, in [-1, 1].

    Returns
    -------
    float
        Reliability; NaN for -1.

    References
    ----------
    Spearman 1910; Brown 1910.
    """
    return 2 * rho / (1 + rho) if rho > -1 else float("nan")


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
    resampled: np.ndarray, interval: ConfidenceInterval, n_participants: int, spec: CeilingSpec
) -> ConfidenceInterval | None:
    """Return the interval of the resampled means, moved to centre on rho.

    Resampled halves hold fewer different people, so that the resampled means lie low. None where resamples cannot
    differ, as with one image of two participants.
    """
    total, weight = resampled
    draws = total[weight > 0] / weight[weight > 0]
    if len(draws) < 2 or np.ptp(draws) < 1e-12:
        return None
    low, high = percentile_interval(draws - draws.mean() + interval.mean, spec.confidence)
    return replace(interval, low=low, high=high, n=n_participants, n_resamples=len(draws))
