"""From metrics of single images to estimates with intervals: means, shares of the ceiling, and what people reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from gala_viz.alignment import (
    MIN_IMAGES_FOR_INTERVAL,
    ConfidenceInterval,
    NoiseCeiling,
    bootstrap_interval,
    bootstrap_intervals,
    fraction_explained,
    spearman_brown,
)
from gala_viz.alignment.bootstrap import wilson_interval
from gala_viz.counts import counted
from gala_viz.evaluation.metrics import ERRORS, MetricKey, by_layer, metric_columns
from gala_viz.evaluation.people import People
from gala_viz.evaluation.spec import EvaluationSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """The mean over images of a metric, ``key``, for ``who``, "people" or a network, with its interval over images.

    The interval is by bootstrap; of an error of 0 or 100 % it is Wilson's, which a ``note`` says. Its bounds are NaN
    where there are fewer than ``MIN_IMAGES_FOR_INTERVAL`` images, which a ``note`` says, too.
    ``participants`` bounds a ceiling over people. ``sd_over_seeds`` is the standard deviation of the seeds' own means
    where ``who`` stands for several. ``interval`` None means that the number could not be had; ``note`` says why.
    """

    who: str
    key: MetricKey
    interval: ConfidenceInterval | None
    participants: ConfidenceInterval | None = None
    sd_over_seeds: float | None = None
    note: str = ""


def without_few(interval: ConfidenceInterval) -> ConfidenceInterval:
    """Return an interval over images, with bounds that are NaN where it is of too few of them."""
    if interval.n >= MIN_IMAGES_FOR_INTERVAL:
        return interval
    return replace(interval, low=float("nan"), high=float("nan"))


def few_images_text(n: int) -> str:
    """For example "n = 3, no interval below 6 images."; "" where there are enough."""
    return f"n = {n}, no interval below {MIN_IMAGES_FOR_INTERVAL} images." if n < MIN_IMAGES_FOR_INTERVAL else ""


def _estimate(
    who: str,
    key: MetricKey,
    interval: ConfidenceInterval | None,
    note: str = "",
    participants: ConfidenceInterval | None = None,
) -> Estimate:
    """Return an estimate, without bounds where it is of too few images."""
    if interval is None:
        return Estimate(who=who, key=key, interval=None, note=note)
    few = few_images_text(interval.n)
    return Estimate(
        who=who,
        key=key,
        interval=without_few(interval),
        participants=None if few else participants,
        note=" ".join(part for part in (few, note) if part),
    )


def estimate_metrics(who: str, values: xr.Dataset, spec: EvaluationSpec) -> list[Estimate]:
    """Return all estimates of one network (or of the mean of several), with intervals over images."""
    keys, table = metric_columns(values)
    intervals = bootstrap_intervals(table, n_resamples=spec.n_resamples, seed=spec.seed)
    found = [_of_metric(who, key, interval) for key, interval in zip(keys, intervals, strict=True)]
    for kind in ("attention", "smoothgrad"):
        for layer, rho in by_layer(values, f"rho_{kind}"):
            found += _explained(who, kind, layer, rho, values, spec)
    return found


def _of_metric(who: str, key: MetricKey, interval: ConfidenceInterval | None) -> Estimate:
    if interval is None:
        return _estimate(who, key, None, "no image has a value.")
    if key.metric in ERRORS and interval.n >= MIN_IMAGES_FOR_INTERVAL and interval.mean in (0.0, 100.0):
        low, high = wilson_interval(interval.mean / 100, interval.n)
        bounded = replace(interval, low=100 * low, high=100 * high)
        return _estimate(who, key, bounded, "Wilson's interval: resamples of equal values are equal.")
    return _estimate(who, key, interval)


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
        found = fraction_explained(*plain, n_resamples=spec.n_resamples, seed=spec.seed)
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
    """Ceilings, with intervals over images and over participants, and floors, on each grid; the maps' shares."""
    found = []
    for grid, ceiling in people.ceilings.items():
        cells = f"{grid[0]} x {grid[1]}"
        if ceiling is None:
            note = "no image has maps of two participants that are known one by one."
            found.append(_estimate(who, MetricKey("ceiling", cells=cells), None, note))
        else:
            found += _ceiling_estimates(who, cells, ceiling)
        for partner, rhos in zip(("same", "different"), people.floors.get(grid, ()), strict=False):
            interval = bootstrap_intervals(rhos.values[:, None], n_resamples=spec.n_resamples, seed=spec.seed)[0]
            alone = f"there are no pairs of images of {partner} categories."
            note = "maps of all participants; the ceiling's are of halves." if interval else alone
            key = MetricKey(f"floor_{partner}_category", cells=cells)
            found.append(_estimate(who, key, interval, note))
    if people.shares is not None:
        found += region_estimates(people.shares, spec, who, "share_people")
    return found


def _ceiling_estimates(who: str, cells: str, ceiling: NoiseCeiling) -> list[Estimate]:
    few, many = ceiling.n_participants
    number = few if few == many else f"{few} to {many}"
    noun = "participant" if few == many == 1 else "participants"
    note = f"{number} {noun} an image, {ceiling.spec.n_splits} splits."
    if ceiling.left_out:
        note += f" {counted(len(ceiling.left_out), 'image')} without a ceiling."
    over_images, over_people = ceiling.interval, ceiling.participant_interval
    plain = _estimate(who, MetricKey("ceiling", cells=cells), over_images, note, over_people)
    whole = _estimate(
        who,
        MetricKey("ceiling_spearman_brown", cells=cells),
        _spearman_brown(over_images),
        "2 rho / (1 + rho) of the ceiling and of its bounds.",
        over_people and _spearman_brown(over_people),
    )
    return [plain, whole]


def _spearman_brown(interval: ConfidenceInterval) -> ConfidenceInterval:
    """Return the corrected mean and bounds: the correction rises with rho, so it keeps the order of bounds."""
    bounds = {name: spearman_brown(getattr(interval, name)) for name in ("mean", "low", "high")}
    return replace(interval, **bounds)


def region_estimates(shares: xr.DataArray, spec: EvaluationSpec, who: str, metric: str) -> list[Estimate]:
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

    Returns
    -------
    list of Estimate
        One for each region that any image has.
    """
    return [
        _estimate(
            who,
            MetricKey(metric, region=str(region)),
            bootstrap_interval(100 * shares.sel(region=region), n_resamples=spec.n_resamples, seed=spec.seed),
        )
        for region in shares["region"].values
        if shares.sel(region=region).notnull().any()
    ]
