"""From metrics of single images to estimates with intervals: means, shares of the ceiling, and what people reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from gala_viz.alignment import (
    MIN_IMAGES_FOR_INTERVAL,
    PARTNER_KINDS,
    ConfidenceInterval,
    NoiseCeiling,
    bootstrap_intervals,
    centre_map,
    fraction_above_baseline,
    fraction_explained,
    spearman,
    spearman_brown,
)
from gala_viz.alignment.baseline import baseline_interval
from gala_viz.alignment.bootstrap import wilson_interval
from gala_viz.counts import counted
from gala_viz.evaluation.metrics import ERRORS, MetricKey, by_layer, metric_columns
from gala_viz.evaluation.people import People
from gala_viz.evaluation.spec import EvaluationSpec
from gala_viz.schema import extent_px


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """The mean over images of a metric, ``key``, for ``who``, "people" or a network, with its interval over images.

    The interval is by bootstrap; of a floor, and of a share above floors, by jackknife; of an error of 0 or 100 % it is
    Wilson's, which a ``note`` says. Its bounds are NaN where there are fewer than ``MIN_IMAGES_FOR_INTERVAL`` images
    (or categories), which a ``note`` says, too. ``participants`` bounds a ceiling over people. ``sd_over_seeds`` is the
    standard deviation of the seeds' own means where ``who`` stands for several. ``interval`` None means that the number
    could not be had; ``note`` says why.
    """

    who: str
    key: MetricKey
    interval: ConfidenceInterval | None
    participants: ConfidenceInterval | None = None
    sd_over_seeds: float | None = None
    note: str = ""


def few_images_text(interval: ConfidenceInterval) -> str:
    """For example "n = 3, no interval below 6 images."; "" where there is an interval."""
    if not np.isnan(interval.low):
        return ""
    if interval.n_categories is not None and interval.n_categories < MIN_IMAGES_FOR_INTERVAL:
        return (
            f"{counted(interval.n_categories, 'category', 'categories')}, no interval below {MIN_IMAGES_FOR_INTERVAL}."
        )
    if interval.n < MIN_IMAGES_FOR_INTERVAL:
        return f"n = {interval.n}, no interval below {MIN_IMAGES_FOR_INTERVAL} images."
    return "No interval: without one of the images nothing is left."


def _estimate(
    who: str,
    key: MetricKey,
    interval: ConfidenceInterval | None,
    note: str = "",
    participants: ConfidenceInterval | None = None,
) -> Estimate:
    """Return an estimate, with a note where it is of too few images for an interval."""
    if interval is None:
        return Estimate(who=who, key=key, interval=None, note=note)
    few = few_images_text(interval)
    return Estimate(
        who=who,
        key=key,
        interval=interval,
        participants=None if few else participants,
        note=" ".join(part for part in (few, note) if part),
    )


def clusters_of(values: xr.Dataset | xr.DataArray, spec: EvaluationSpec) -> list[str] | None:
    """Return the category of each image where intervals and tests are over categories, else None."""
    return [str(one) for one in values["category"].values] if spec.over == "categories" else None


def estimate_metrics(who: str, values: xr.Dataset, spec: EvaluationSpec) -> list[Estimate]:
    """Return all estimates of one network (or of the mean of several), with intervals over images."""
    keys, table = metric_columns(values)
    clusters = clusters_of(values, spec)
    intervals = bootstrap_intervals(table, clusters=clusters, n_resamples=spec.n_resamples, seed=spec.seed)
    found = [
        _estimate(who, key, _floor(values, key, clusters) or interval)
        if key.metric.startswith("floor_")
        else _of_metric(who, key, interval, clusters)
        for key, interval in zip(keys, intervals, strict=True)
    ]
    for kind in ("attention", "smoothgrad"):
        for layer, rho in by_layer(values, f"rho_{kind}"):
            found += _explained(who, kind, layer, rho, values, spec)
            found += _above_floor(who, kind, layer, values, clusters)
    return found


def _of_metric(
    who: str, key: MetricKey, interval: ConfidenceInterval | None, clusters: Sequence[str] | None
) -> Estimate:
    if interval is None:
        return _estimate(who, key, None, "no image has a value.")
    extreme = key.metric in ERRORS and interval.mean in (0.0, 100.0) and not np.isnan(interval.low)
    if extreme and clusters is not None:
        unknown = replace(interval, low=float("nan"), high=float("nan"))
        return Estimate(who=who, key=key, interval=unknown, note="No interval: resamples of equal values are equal.")
    if extreme:
        low, high = wilson_interval(interval.mean / 100, interval.n)
        bounded = replace(interval, low=100 * low, high=100 * high)
        return _estimate(who, key, bounded, "Wilson's interval: resamples of equal values are equal.")
    return _estimate(who, key, interval)


def _floor(values: xr.Dataset, key: MetricKey, clusters: Sequence[str] | None) -> ConfidenceInterval | None:
    """Return a floor with its interval over images; None where no image has one."""
    _, partner, kind = key.metric.split("_")
    pairs = dict(by_layer(values, f"floor_{kind}"))[key.layer].sel(partner=partner)
    return baseline_interval(_pairs(pairs), _positions(values, partner), clusters)


def _pairs(pairs: xr.DataArray) -> NDArray[np.float64]:
    return pairs.transpose("image", "other").values


def _positions(values: xr.Dataset, partner: str) -> NDArray[np.int64]:
    places = values["partner_image"].sel(partner=partner).transpose("image", "other").values
    return np.where(np.isnan(places), -1, places).astype(np.int64)


def _above_floor(who: str, kind: str, layer: str, values: xr.Dataset, clusters: Sequence[str] | None) -> list[Estimate]:
    """Return the share of the ceiling above the floors of other categories."""
    found = {name: dict(by_layer(values, f"{name}_{kind}")) for name in ("rho", "ceiling", "floor", "people_floor")}
    if not all(layer in one for one in found.values()):
        return []
    rho, ceiling, floor, people_floor = (one[layer] for one in found.values())
    result = fraction_above_baseline(
        rho.values,
        ceiling.values,
        _pairs(floor.sel(partner="different")),
        _pairs(people_floor.sel(partner="different")),
        _positions(values, "different"),
        clusters,
    )
    key = MetricKey(f"fraction_above_floor_{kind}", layer)
    return [_estimate(who, key, _percent(result.fraction) if result.fraction else None, result.why_none)]


def _explained(
    who: str, kind: str, layer: str, rho: xr.DataArray, values: xr.Dataset, spec: EvaluationSpec
) -> list[Estimate]:
    names = ("fraction_of_ceiling", "explained_variance", "corrected_rho")
    keys = [MetricKey(f"{name}_{kind}", layer) for name in names]
    ceilings = dict(by_layer(values, f"ceiling_{kind}"))
    if layer not in ceilings:
        return [_estimate(who, key, None, "there is no ceiling.") for key in keys]
    plain = [part.drop_vars(part.coords.keys() - {"image"}) for part in (rho, ceilings[layer])]
    try:
        found = fraction_explained(
            *plain,
            clusters=values["category"] if spec.over == "categories" else None,
            share_product=float(values["share_product"]) if "share_product" in values else 0.25,
            n_resamples=spec.n_resamples,
            seed=spec.seed,
        )
    except ValueError as error:
        return [_estimate(who, key, None, str(error)) for key in keys]
    intervals = (_percent(found.fraction), _percent(found.explained_variance), found.corrected_rho)
    notes = ("", "", found.why_not_corrected)
    return [_estimate(who, *one) for one in zip(keys, intervals, notes, strict=True)]


def _percent(interval: ConfidenceInterval) -> ConfidenceInterval:
    return replace(interval, mean=100 * interval.mean, low=100 * interval.low, high=100 * interval.high)


def add_spread_over_seeds(estimates: Sequence[Estimate], single: Sequence[Sequence[Estimate]]) -> list[Estimate]:
    """Return the estimates of a mean over seeds, each with the standard deviation (n - 1) of the seeds' own means."""
    own = [{estimate.key: estimate.interval for estimate in one} for one in single]

    def spread(key: MetricKey) -> float | None:
        means = [one[key].mean for one in own if one.get(key) is not None]
        return float(np.std(means, ddof=1)) if len(means) > 1 else None

    return [replace(estimate, sd_over_seeds=spread(estimate.key)) for estimate in estimates]


def people_estimates(people: People, spec: EvaluationSpec, who: str = "people") -> list[Estimate]:
    """Ceilings, with intervals over images and over participants, floors and centre-only maps, on each grid; shares."""
    found = []
    clusters = list(map(str, people.categories)) if spec.over == "categories" else None
    for grid, ceiling in people.ceilings.items():
        cells = f"{grid[0]} x {grid[1]}"
        if ceiling is None:
            note = "no image has maps of two participants that are known one by one."
            found.append(_estimate(who, MetricKey("ceiling", cells=cells), None, note))
        else:
            over = _mean(ceiling.per_image.values, _categories_of(people, ceiling, spec), spec)
            found += _ceiling_estimates(who, cells, replace(ceiling, interval=over or ceiling.interval))
        if grid in people.floors:
            for partner, pairs, of in zip(PARTNER_KINDS, people.floors[grid].values, people.positions, strict=True):
                floor = baseline_interval(pairs, of, clusters)
                alone = f"there are no pairs of images of {partner} categories."
                note = "maps of all participants; the ceiling's are of halves." if floor else alone
                found.append(_estimate(who, MetricKey(f"floor_{partner}_category", cells=cells), floor, note))
        human = people.maps[grid]
        rhos = spearman(human, human.copy(data=np.broadcast_to(centre_map(grid, extent_px(human)), human.shape)))
        centre = _mean(rhos.values, clusters, spec)
        found.append(_estimate(who, MetricKey("centre_rho", cells=cells), centre, "with maps of all participants."))
    if people.shares is not None:
        found += region_estimates(people.shares, spec, who, "share_people", clusters)
    return found


def _categories_of(people: People, ceiling: NoiseCeiling, spec: EvaluationSpec) -> list[str] | None:
    known = dict(zip(people.images, map(str, people.categories), strict=True))
    images = ceiling.per_image["image"].values
    return [known[str(image)] for image in images] if spec.over == "categories" else None


def _mean(
    values: NDArray[np.float64], clusters: Sequence[str] | None, spec: EvaluationSpec
) -> ConfidenceInterval | None:
    """Return a mean over images with its interval; None where no image has a value."""
    return bootstrap_intervals(values[:, None], clusters=clusters, n_resamples=spec.n_resamples, seed=spec.seed)[0]


def _ceiling_estimates(who: str, cells: str, ceiling: NoiseCeiling) -> list[Estimate]:
    few, many = ceiling.n_participants
    number = few if few == many else f"{few} to {many}"
    noun = "participant" if few == many == 1 else "participants"
    note = f"{number} {noun} an image, {ceiling.spec.n_splits} splits."
    if ceiling.left_out:
        note += f" {counted(len(ceiling.left_out), 'image')} without a ceiling."
    if ceiling.n_blank:
        note += (
            f" {counted(ceiling.n_blank, 'map')} of single participants the same everywhere in the frame and left out: "
            "the ceiling is of the others, and the higher for it."
        )
    if ceiling.spec.over_participants and ceiling.participant_interval is None:
        note += " Over participants there is no interval: the same two marked every image."
    if ceiling.participant_interval is not None and ceiling.n_pairs:
        note += (
            " Over participants the interval is wider than it need be: of "
            f"{counted(ceiling.n_pairs, 'image')} with two of them, what people and what the image contributes cannot "
            "be told apart."
        )
    over_images, over_people = ceiling.interval, ceiling.participant_interval
    plain = _estimate(who, MetricKey("ceiling", cells=cells), over_images, note, over_people)
    whole = _estimate(
        who,
        MetricKey("ceiling_spearman_brown", cells=cells),
        _spearman_brown(over_images, ceiling.share_product),
        "of the ceiling and of its bounds; odd numbers of participants by Horst's formula.",
        over_people and _spearman_brown(over_people, ceiling.share_product),
    )
    return [plain, whole]


def _spearman_brown(interval: ConfidenceInterval, share_product: float) -> ConfidenceInterval:
    """Return the corrected mean and bounds: the correction rises with rho, so it keeps the order of bounds."""
    bounds = {name: spearman_brown(getattr(interval, name), share_product) for name in ("mean", "low", "high")}
    return replace(interval, **bounds)


def region_estimates(
    shares: xr.DataArray, spec: EvaluationSpec, who: str, metric: str, clusters: Sequence[str] | None = None
) -> list[Estimate]:
    """Return the mean share of each region, in per cent.

    Parameters
    ----------
    shares : DataArray, (image, region)
        Of the frame's pixels, or of the human maps' mass.
    spec : EvaluationSpec
        Resamples and seed.
    who : str
        Whose they are.
    metric : str
        Name in ``METRICS``.
    clusters : sequence of str, optional
        Category of each image where intervals are over categories.

    Returns
    -------
    list of Estimate
        One for each region that any image has.
    """
    return [
        _estimate(
            who,
            MetricKey(metric, region=str(region)),
            _mean(100 * shares.sel(region=region).values, clusters, spec),
        )
        for region in shares["region"].values
        if shares.sel(region=region).notnull().any()
    ]
