"""What is measured: metrics with their units, and one column of values of single images for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import xarray as xr

from gala_viz.alignment.baseline import mean_over_partners
from gala_viz.registry import Registry


@dataclass(frozen=True)
class Metric:
    """A metric: how it is called in a table, in which unit, and whether human maps have a part in it."""

    title: str
    unit: str
    with_people: bool = True


CORRECTED_RHO = "rho corrected for the reliability of the maps of all participants (Spearman-Brown)"
"""Mean rho over the root of the mean ceiling after Spearman-Brown."""

ABOVE_FLOOR = "share of the ceiling above the floors of other categories: rho and ceiling each less its floor"
PARTIAL_RHO = "rho with the human map, the distance from the centre held constant"

METRICS: Registry[Metric] = Registry(
    "metric",
    {
        "top1_error": Metric("top-1 error", "%", False),
        "top5_error": Metric("top-5 error", "%", False),
        "rho_attention": Metric("rho of the attention norm with the human map", "1"),
        "corrected_rho_attention": Metric(f"attention norm: {CORRECTED_RHO}", "1"),
        "fraction_of_ceiling_attention": Metric("attention norm: fraction of the ceiling", "%"),
        "explained_variance_attention": Metric("attention norm: fraction of the ceiling squared", "%"),
        "fraction_above_floor_attention": Metric(f"attention norm: {ABOVE_FLOOR}", "%"),
        "partial_rho_attention": Metric(f"attention norm: {PARTIAL_RHO}", "1"),
        "floor_same_attention": Metric("attention norm: floor, map of another image, same category", "1"),
        "floor_different_attention": Metric("attention norm: floor, map of another image, different category", "1"),
        "rho_smoothgrad": Metric("rho of SmoothGrad with the human map", "1"),
        "corrected_rho_smoothgrad": Metric(f"SmoothGrad: {CORRECTED_RHO}", "1"),
        "fraction_of_ceiling_smoothgrad": Metric("SmoothGrad: fraction of the ceiling", "%"),
        "explained_variance_smoothgrad": Metric("SmoothGrad: fraction of the ceiling squared", "%"),
        "fraction_above_floor_smoothgrad": Metric(f"SmoothGrad: {ABOVE_FLOOR}", "%"),
        "partial_rho_smoothgrad": Metric(f"SmoothGrad: {PARTIAL_RHO}", "1"),
        "floor_same_smoothgrad": Metric("SmoothGrad: floor, map of another image, same category", "1"),
        "floor_different_smoothgrad": Metric("SmoothGrad: floor, map of another image, different category", "1"),
        "share_smoothgrad": Metric("share of SmoothGrad's mass", "%", False),
        "share_attention": Metric("share of the attention norm's mass", "%", False),
        "ceiling": Metric("split-half ceiling, rho", "1"),
        "ceiling_spearman_brown": Metric("the ceiling after Spearman-Brown", "1"),
        "floor_same_category": Metric("floor, rho with the map of another image, same category", "1"),
        "floor_different_category": Metric("floor, rho with the map of another image, different category", "1"),
        "centre_rho": Metric("rho of a map that is largest in the centre of every image", "1"),
        "share_people": Metric("share of the human maps' mass", "%"),
        "region_pixels": Metric("share of the pixels", "%", False),
    },
)
"""Name -> metric, in the order of tables."""

ERRORS = {"top1_error": "correct", "top5_error": "correct_top5"}
"""Metric -> the variable of single images of which it is 100 times the share of 0."""


class MetricKey(NamedTuple):
    """What an estimate is of: the metric and, where it has them, layer, region, and cells of the comparison."""

    metric: str
    layer: str = ""
    region: str = ""
    cells: str = ""


def is_told(key: MetricKey) -> bool:
    """Return whether a reader is told why nobody has the metric; of others that nobody has no row is shown."""
    return key.metric.startswith(("corrected_rho_", "fraction_above_floor_"))


def title(key: MetricKey) -> str:
    """Return what a reader sees: the metric, of which layer, region or cells, in which unit."""
    metric = METRICS[key.metric]
    where = ", ".join(part for part in (key.layer, key.region, key.cells) if part)
    unit = "" if metric.unit == "1" else f", {metric.unit}"
    return f"{metric.title}{f' ({where})' if where else ''}{unit}"


def digits(key: MetricKey) -> int:
    """Return the places behind the point."""
    return 3 if METRICS[key.metric].unit == "1" else 1


def metric_columns(values: xr.Dataset) -> tuple[list[MetricKey], np.ndarray]:
    """Return the metrics of ``values`` as keys and one array (image, key), in their own units."""
    found = dict(_columns(values))
    stacked = np.stack(list(found.values()), axis=1) if found else np.empty((values.sizes.get("image", 0), 0))
    return list(found), stacked


def _columns(values: xr.Dataset) -> Iterator[tuple[MetricKey, np.ndarray]]:
    for metric, name in ERRORS.items():
        if name in values:
            yield MetricKey(metric), 100 * (1 - values[name].values)
    for kind in ("attention", "smoothgrad"):
        for layer, part in by_layer(values, f"rho_{kind}"):
            yield MetricKey(f"rho_{kind}", layer), part.values
        for layer, part in by_layer(values, f"partial_rho_{kind}"):
            yield MetricKey(f"partial_rho_{kind}", layer), part.values
        for layer, part in by_layer(values, f"floor_{kind}"):
            for partner in part["partner"].values:
                pairs = part.sel(partner=partner).transpose("image", "other").values
                yield MetricKey(f"floor_{partner}_{kind}", layer), mean_over_partners(pairs)
        for layer, part in by_layer(values, f"share_{kind}"):
            for region in part["region"].values:
                yield MetricKey(f"share_{kind}", layer, str(region)), 100 * part.sel(region=region).values


def by_layer(values: xr.Dataset, name: str) -> Iterator[tuple[str, xr.DataArray]]:
    """Yield (layer, values) of one variable; the layer is "" where it has none; nothing where it is absent."""
    if name not in values:
        return
    array = values[name]
    if "layer" not in array.dims:
        yield "", array
        return
    for layer in array["layer"].values:
        yield str(layer), array.sel(layer=layer)
