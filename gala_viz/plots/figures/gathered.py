"""What a figure shows, asked of a MapSource: pages, notebooks and the command line draw by the same function."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from gala_viz.plots.figures.asked import FigureSpec
from gala_viz.plots.figures.comparison import SCALES, Compared, comparison_figure
from gala_viz.plots.figures.page import save
from gala_viz.registry import UnknownNameError, unknown_name
from gala_viz.specs import settings
from gala_viz.store.source import MapSource, MapUpdate, Passage

SCORES = ("rho", "dice", "iou")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Gathered:
    """``rows`` of the figure; ``maps``, labelled and in their own units; ``scores``, a row an image and network."""

    rows: list[Compared]
    maps: xr.Dataset
    scores: pd.DataFrame
    layer: str | None
    simulated: bool


def gathered(
    source: MapSource, spec: FigureSpec, progress: Callable[[int, int], None] = lambda done, total: None
) -> Gathered:
    """Everything that the figure of ``spec`` shows. Raises ``UnknownNameError`` for an image or a layer."""
    for image in spec.images:
        if image not in source.images:
            raise UnknownNameError(unknown_name(f"image of {source.name}", image, list(source.images)))
    layer = _layer(source, spec)
    rows, parts, scores, simulated = [], [], [], False
    for done, image in enumerate(spec.images):
        passage, update, human = source.passage(image), _finished(source, image, spec), source.human_map(image)
        norms = [found.get(layer) for found in passage.attention_norms]
        simulated |= human is not None and bool(human.attrs.get("simulated"))
        info = source.info(image)
        rows.append(
            Compared(
                title=info.category or image,
                view=source.view(image),
                human_map=None if human is None else human.values,
                first=update.maps.values[0],
                second=update.maps.values[1],
                delta=update.delta.values,
                first_norm=None if norms[0] is None else norms[0].values,
                second_norm=None if norms[1] is None else norms[1].values,
            )
        )
        parts.append(_labelled(source, update, human, norms))
        scores += _scored(source, image, passage, update)
        progress(done + 1, len(spec.images))
    images = pd.Index(spec.images, name="image")
    maps = xr.concat(parts, dim=images, join="outer", combine_attrs="drop_conflicts")
    maps.attrs = {"collection": source.title, "layer": layer or "", "settings": json.dumps(settings(spec))}
    return Gathered(rows=rows, maps=maps, scores=pd.DataFrame(scores), layer=layer, simulated=simulated)


def write_figure(source: MapSource, spec: FigureSpec, found: Gathered, folder: Path, name: str) -> list[Path]:
    """The figure as PNG, SVG and PDF with its caption; beside it ``name``.nc (maps), .csv (scores), .json (spec)."""
    titles = tuple(network.title for network in source.networks)
    people = "simulated people" if found.simulated else "people"
    figure = comparison_figure(
        found.rows,
        titles,
        found.layer or "no layer",
        people,
        columns=spec.columns,
        method=source.methods.get(spec.request.method, spec.request.method),
        width_inches=spec.width_inches,
    )
    paths = save(figure, folder, name, _caption(source, spec, found), dpi=spec.dpi)
    found.maps.to_netcdf(folder / f"{name}.nc", engine="scipy")
    found.scores.to_csv(folder / f"{name}.csv", index=False)
    spec.save(folder / f"{name}.json")
    return [*paths, *(folder / f"{name}.{ending}" for ending in ("nc", "csv", "json"))]


def _layer(source: MapSource, spec: FigureSpec) -> str | None:
    known = [layer for network in source.networks[::-1] for layer in network.layers]
    if spec.layer is not None and spec.layer not in known:
        raise UnknownNameError(unknown_name("layer of the two networks", spec.layer, list(dict.fromkeys(known))))
    last = next((network.layers[-1] for network in source.networks[::-1] if network.layers), None)
    return spec.layer or last


def _finished(source: MapSource, image: str, spec: FigureSpec) -> MapUpdate:
    update = source.cached(image, spec.request)
    if update is None:
        *_, update = source.maps(image, spec.request, lambda: False)
    if update is None or not update.done:
        raise ValueError(f"{image}: its maps could not be finished.")
    return update


def _labelled(source: MapSource, update: MapUpdate, human: xr.DataArray | None, norms: list) -> xr.Dataset:
    """Maps of one image; photographs are not among them. Attention norms have dims of their own, at their grid."""
    found = {"saliency": update.maps, "delta": update.delta}
    if update.standard_error is not None:
        found["standard_error"] = update.standard_error
    variables = {name: xr.Variable(one.dims, np.asarray(one.values, np.float32)) for name, one in found.items()}
    if human is not None:
        variables["human_map"] = xr.Variable(human.dims, np.asarray(human.values, np.float32))
    for network, norm in zip(source.networks, norms, strict=True):
        if norm is not None:
            dims = tuple(f"{dim}_{network.name}" for dim in norm.dims)
            variables[f"attention_norm_{network.name}"] = xr.Variable(dims, np.asarray(norm.values, np.float32))
    return xr.Dataset(variables, coords={"network": [network.name for network in source.networks]})


def _scored(source: MapSource, image: str, passage: Passage, update: MapUpdate) -> list[dict]:
    rows = []
    for number, (network, prediction) in enumerate(zip(source.networks, passage.predictions, strict=True)):
        values = {name: float(update.scores[name].values[number]) for name in SCORES if name in update.scores}
        explained = network.categories[update.targets[number]]
        told = {"image": image, "category": source.info(image).category, "network": network.name}
        told |= {"explained": explained, "prediction": prediction.categories[0]}
        told |= {"probability": prediction.probabilities[0], "correct": prediction.correct}
        rows.append({**told, **values})
    return rows


def _caption(source: MapSource, spec: FigureSpec, found: Gathered) -> str:
    first, second = source.networks
    request = spec.request
    method = source.methods.get(request.method, request.method)
    target = {"own": "each network's own first choice", "label": "the true category"}.get(str(request.target))
    sampled = (
        f"n = {request.smoothgrad.n_samples}, noise {request.smoothgrad.noise_fraction:g} of the range, seed "
        f"{request.smoothgrad.seed}; "
        if request.method == "smoothgrad"
        else ""
    )
    people = "The human maps are simulated, not of people: " if found.simulated else "Human maps: "
    kind = next(iter(source.map_kinds.values()), "")
    return "\n\n".join(
        [
            f"**{source.title}: {first.title} and {second.title}**",
            f"{len(spec.images)} images: {', '.join(spec.images)}.",
            f"{method}: {sampled}of {target or f'category {request.target}'}; reduction over colour: "
            f"{request.reduction}; smoothing {request.smoothing_px:g} px; normalised before the delta: "
            f"{request.normalise}.",
            f"Attention norms of {found.layer}." if found.layer else "Neither network has attention blocks.",
            f"{people}{kind}" if kind else "This collection has no human maps.",
            SCALES,
        ]
    )
