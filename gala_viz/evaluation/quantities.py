"""What is measured: quantities with their units, and one column of values of single images for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import xarray as xr

from gala_viz.registry import Registry


@dataclass(frozen=True)
class Quantity:
    """A measured quantity: how it is called in a table, in which unit, and whether human maps have a part in it."""

    title: str
    unit: str
    with_people: bool = True


QUANTITIES: Registry[Quantity] = Registry(
    "quantity",
    {
        "top1_error": Quantity("top-1 error", "%", False),
        "rho_attention": Quantity("rho of the attention norm with the human map", "1"),
        "fraction_of_ceiling_attention": Quantity("attention norm: fraction of the ceiling", "%"),
        "explained_variance_attention": Quantity("attention norm: explained variance, the fraction squared", "%"),
        "floor_same_attention": Quantity("attention norm: floor, map of another image, same category", "1"),
        "floor_different_attention": Quantity("attention norm: floor, map of another image, different category", "1"),
        "rho_smoothgrad": Quantity("rho of SmoothGrad with the human map", "1"),
        "fraction_of_ceiling_smoothgrad": Quantity("SmoothGrad: fraction of the ceiling", "%"),
        "explained_variance_smoothgrad": Quantity("SmoothGrad: explained variance, the fraction squared", "%"),
        "floor_same_smoothgrad": Quantity("SmoothGrad: floor, map of another image, same category", "1"),
        "floor_different_smoothgrad": Quantity("SmoothGrad: floor, map of another image, different category", "1"),
        "share_smoothgrad": Quantity("share of SmoothGrad's mass", "%", False),
        "share_attention": Quantity("share of the attention norm's mass", "%", False),
        "ceiling": Quantity("split-half ceiling, rho", "1"),
        "ceiling_spearman_brown": Quantity("the ceiling after Spearman-Brown", "1"),
        "floor_same_category": Quantity("floor, rho with the map of another image, same category", "1"),
        "floor_different_category": Quantity("floor, rho with the map of another image, different category", "1"),
        "share_people": Quantity("share of the human maps' mass", "%"),
        "region_pixels": Quantity("share of the pixels", "%", False),
    },
)
"""Name -> quantity, in the order of tables."""


class Key(NamedTuple):
    """What a number is of: the quantity and, where it has them, layer, region, and cells of the comparison."""

    quantity: str
    layer: str = ""
    region: str = ""
    cells: str = ""


def title(key: Key) -> str:
    """What a reader sees: the quantity, of which layer, region or cells, in which unit."""
    quantity = QUANTITIES[key.quantity]
    where = ", ".join(part for part in (key.layer, key.region, key.cells) if part)
    unit = "" if quantity.unit == "1" else f", {quantity.unit}"
    return f"{quantity.title}{f' ({where})' if where else ''}{unit}"


def digits(key: Key) -> int:
    """Places behind the point."""
    return 3 if QUANTITIES[key.quantity].unit == "1" else 1


def columns(values: xr.Dataset) -> tuple[list[Key], np.ndarray]:
    """The tested quantities of ``values`` as keys and one array (image, key), in their quantities' units."""
    found = dict(_columns(values))
    stacked = np.stack(list(found.values()), axis=1) if found else np.empty((values.sizes.get("image", 0), 0))
    return list(found), stacked


def _columns(values: xr.Dataset) -> Iterator[tuple[Key, np.ndarray]]:
    if "correct" in values:
        yield Key("top1_error"), 100 * (1 - values["correct"].values)
    for kind in ("attention", "smoothgrad"):
        for layer, part in by_layer(values, f"rho_{kind}"):
            yield Key(f"rho_{kind}", layer), part.values
        for layer, part in by_layer(values, f"floor_{kind}"):
            for partner in part["partner"].values:
                yield Key(f"floor_{partner}_{kind}", layer), part.sel(partner=partner).values
        for layer, part in by_layer(values, f"share_{kind}"):
            for region in part["region"].values:
                yield Key(f"share_{kind}", layer, str(region)), 100 * part.sel(region=region).values


def by_layer(values: xr.Dataset, name: str) -> Iterator[tuple[str, xr.DataArray]]:
    """(layer, values) of one variable; the layer is "" where it has none; nothing where the variable is absent."""
    if name not in values:
        return
    array = values[name]
    if "layer" not in array.dims:
        yield "", array
        return
    for layer in array["layer"].values:
        yield str(layer), array.sel(layer=layer)
