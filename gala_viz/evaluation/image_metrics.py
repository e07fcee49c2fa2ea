"""Everything measured of one network, one value an image: what means, intervals and paired tests are made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from gala_viz.alignment import centre_map, partial_rho, spearman
from gala_viz.collections.collection import Collection
from gala_viz.engine.results.human_maps import Grid
from gala_viz.evaluation.network_results import N_CHOICES, PIXELS, SMOOTHGRAD, NetworkResults
from gala_viz.evaluation.people import People
from gala_viz.imagenet import label_index
from gala_viz.networks.network import Network
from gala_viz.schema import extent_px, labelled_map

AT_CELLS = "at_cells"
"""Dim of SmoothGrad's further resolutions, labelled by cells a side as text."""
MEAN_OF_LAYERS = "mean of layers"
"""The layer label of an image's mean over all layers, each compared at its own grid first."""


def comparison_grids(results: NetworkResults) -> list[Grid]:
    """Return the grids on which people's maps are needed: each layer's, and SmoothGrad's cells."""
    maps = [*results.norms.values(), *([] if results.smoothgrad is None else [results.smoothgrad])]
    maps += results.at_cells.values()
    return list(dict.fromkeys((values.shape[1], values.shape[2]) for values in maps))


def is_correct(network: Network, collection: Collection, results: NetworkResults) -> xr.DataArray:
    """1 where the first choice is the true category, 0 where not, NaN where the network does not know it: (image,)."""
    return _is_among(network, collection, results, 1).rename("correct")


def is_correct_in_five(network: Network, collection: Collection, results: NetworkResults) -> xr.DataArray | None:
    """1 where the true category is among the five of the largest logits, as ``is_correct``: (image,).

    None for a network of five categories or fewer, of which every image would be right.
    """
    if len(network.categories) <= N_CHOICES:
        return None
    return _is_among(network, collection, results, N_CHOICES).rename("correct_top5")


def _is_among(network: Network, collection: Collection, results: NetworkResults, n_best: int) -> xr.DataArray:
    labels = [
        label_index(network.categories, collection.category(image), collection.target(image))
        for image in results.images
    ]
    known = [
        np.nan if label is None else float(label in choices[:n_best])
        for choices, label in zip(results.choices, labels, strict=True)
    ]
    return xr.DataArray(known, dims="image", coords={"image": list(results.images)})


def image_metrics(
    network: Network,
    collection: Collection,
    results: NetworkResults,
    people: People | None,
) -> xr.Dataset:
    """Return everything measured of a network, one value an image.

    Parameters
    ----------
    network : Network
        Whose categories count.
    collection : Collection
        Where labels are read.
    results : NetworkResults
        Predictions, attention norms and SmoothGrad of some images.
    people : People, optional
        Human maps of these images; None: likeness to people is left out.

    Returns
    -------
    Dataset, (image,)
        ``correct`` and ``correct_top5``; ``rho_smoothgrad`` and ``rho_attention`` (layer) with the human map;
        ``partial_rho_...``, the same with the centre of the frame held constant; ``ceiling_...`` of the same images on
        the same grids; ``floor_...`` (partner, other), rho with human maps of other images, where ``people`` has
        partners, ``people_floor_...`` the human map's own, and ``partner_image`` (partner, image, other) the places of
        those images; ``share_product``, what ``spearman_brown`` takes; ``share_...`` (region). The coordinate
        ``category`` is "" where it is not known; ``rho_at_cells`` and ``ceiling_at_cells`` (at_cells) are SmoothGrad at
        further resolutions. NaN where an image has no value. A variable is
        absent where the network has no attention or at most five categories, SmoothGrad was left out, or the collection
        has no labels, maps or regions. Attention also has the layer ``MEAN_OF_LAYERS``.
    """
    found: dict[str, xr.DataArray] = {}
    right = is_correct(network, collection, results)
    if right.notnull().any():
        found["correct"] = right
        in_five = is_correct_in_five(network, collection, results)
        if in_five is not None:
            found["correct_top5"] = in_five
    for kind, maps in (("attention", results.norms), ("smoothgrad", _smoothgrad(results))):
        if not maps:
            continue
        if people is not None and people.images:
            for name, rows in _with_people(network, results, people, maps).items():
                found[f"{name}_{kind}"] = _over_layers(rows, kind)
        if results.regions:
            rows = [
                xr.DataArray(
                    results.shares[of],
                    dims=("image", "region"),
                    coords={"image": list(results.images), "region": list(results.regions)},
                )
                for of in maps
            ]
            found[f"share_{kind}"] = _over_layers(dict(zip(maps, rows, strict=True)), kind)
    if people is not None and any(name.startswith("floor_") for name in found):
        rows = np.array(_places(results, people))
        places = np.where(people.positions < 0, np.nan, rows[people.positions].astype(float))
        own = found[next(name for name in found if name.startswith("floor_"))]
        found["partner_image"] = xr.DataArray(
            places, dims=("partner", "image", "other"), coords={dim: own[dim] for dim in ("partner", "image")}
        )
    if results.at_cells and people is not None and people.images:
        for name, rows in _with_people(network, results, people, _by_cells(results)).items():
            if name in ("rho", "ceiling"):
                found[f"{name}_{AT_CELLS}"] = _stacked(rows, AT_CELLS)
    aligned = {name: values.reindex(image=list(results.images)) for name, values in found.items()}
    shares = [one.share_product for one in people.ceilings.values() if one is not None] if people is not None else []
    if shares:
        aligned["share_product"] = xr.DataArray(shares[0])
    categories = [collection.category(image) or "" for image in results.images]
    return xr.Dataset(aligned, coords={"image": list(results.images), "category": ("image", categories)})


def region_pixels(results: NetworkResults) -> xr.DataArray | None:
    """Return the share of the frame's pixels that each region has (image, region), or None."""
    if not results.regions:
        return None
    coords = {"image": list(results.images), "region": list(results.regions)}
    return xr.DataArray(results.shares[PIXELS], dims=("image", "region"), coords=coords, name="region_pixels")


def mean_over_seeds(values: Sequence[xr.Dataset]) -> xr.Dataset:
    """Return the mean over several networks, image by image; NaN where one of them is, absent where one lacks it."""
    shared = [name for name in values[0] if all(name in one for one in values)]
    stacked = xr.concat([one[shared] for one in values], dim="seed", join="exact", coords="minimal", compat="override")
    return stacked.mean("seed", skipna=False)


def _smoothgrad(results: NetworkResults) -> dict[str, np.ndarray]:
    return {} if results.smoothgrad is None else {SMOOTHGRAD: results.smoothgrad}


def _with_people(
    network: Network,
    results: NetworkResults,
    people: People,
    maps: dict[str, np.ndarray],
) -> dict[str, dict[str, xr.DataArray]]:
    """Metric -> layer -> values of the images that people marked."""
    rows = _places(results, people)
    found: dict[str, dict[str, xr.DataArray]] = {
        name: {} for name in ("rho", "partial_rho", "ceiling", "floor", "people_floor")
    }
    for layer, values in maps.items():
        grid = values.shape[1:]
        human = people.maps[grid]
        own = labelled_map(
            values[rows],
            name="map",
            extent_px=extent_px(human),
            leading={"image": list(people.images)},
        )
        found["rho"][layer] = rho = spearman(own, human)
        centre = centre_map(grid, extent_px(human))
        found["partial_rho"][layer] = rho.copy(data=partial_rho(own.values, human.values, centre))
        ceiling = people.ceilings[grid]
        if ceiling is not None:
            found["ceiling"][layer] = ceiling.per_image
        if people.floors:
            found["floor"][layer] = people.baseline(own)
            found["people_floor"][layer] = people.floors[grid]
    return {name: layers for name, layers in found.items() if layers}


def _places(results: NetworkResults, people: People) -> list[int]:
    """Return where the images that people marked stand among those of a network's results."""
    places = {image: place for place, image in enumerate(results.images)}
    return [places[image] for image in people.images]


def _by_cells(results: NetworkResults) -> dict[str, np.ndarray]:
    return {str(cells): maps for cells, maps in results.at_cells.items()}


def _stacked(rows: dict[str, xr.DataArray], dim: str) -> xr.DataArray:
    plain = [row.drop_vars([name for name in row.coords if name not in row.dims]) for row in rows.values()]
    return xr.concat(plain, dim=xr.Variable(dim, list(rows)), join="outer")


def _over_layers(rows: dict[str, xr.DataArray], kind: str) -> xr.DataArray:
    """With a dim layer for attention, its last label the mean; SmoothGrad's one row as it is."""
    if kind == "smoothgrad":
        return next(iter(rows.values()))
    stacked = _stacked(rows, "layer")
    mean = stacked.mean("layer", skipna=False).expand_dims(layer=[MEAN_OF_LAYERS])
    return xr.concat([stacked, mean], dim="layer")
