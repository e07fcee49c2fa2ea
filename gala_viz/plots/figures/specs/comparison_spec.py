"""Kind "comparison", figure 2: photographs, human maps, maps of two networks, their delta and attention norms."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import xarray as xr

from gala_viz.plots.figures.comparison_figure import (
    COLOUR_SCALES_TEXT,
    ComparisonRow,
    check_columns,
    comparison_figure,
    nonempty_columns,
)
from gala_viz.plots.figures.specs.caption_text import (
    attribution_text,
    caption_markdown,
    human_maps_text,
    images_text,
    method_title,
)
from gala_viz.plots.figures.specs.figure_result import FigureResult, ProgressCallback, ignore_progress, netcdf_name
from gala_viz.plots.figures.specs.figure_spec import FigureSpec, check_images
from gala_viz.registry import UnknownNameError, unknown_name
from gala_viz.schema import norm_title
from gala_viz.specs import settings
from gala_viz.store.source import ForwardResults, MapSource, MapUpdate

METRICS = ("rho", "dice", "iou")


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonSpec(FigureSpec):
    """Figure 2 of chosen images and two networks.

    Parameters
    ----------
    columns : tuple of str
        Some of ``COLUMNS``, in the order in which they are drawn; default: all that are not empty for every image.
    layer : str, optional
        Of the attention norms; default: the last one of the second network, or of the first where it has none.
    **common
        Those of ``FigureSpec``.

    Examples
    --------
    >>> import gala_viz as gv
    >>> gv.ComparisonSpec(collection="photos", images=("imagenet_00_243",)).kind
    'comparison'
    """

    kind: ClassVar[str] = "comparison"

    columns: tuple[str, ...] = ()
    layer: str | None = None

    def __post_init__(self) -> None:
        FigureSpec.__post_init__(self)
        if self.columns:
            check_columns(self.columns)


def draw_comparison(
    source: MapSource, spec: ComparisonSpec, progress: ProgressCallback = ignore_progress
) -> FigureResult:
    """Draw figure 2 as ``spec`` says, with its caption and data.

    Parameters
    ----------
    source : MapSource
        Maps that it does not have at hand are computed.
    spec : ComparisonSpec
        Images, layer, columns and settings of the maps.
    progress : callable
        Called as ``progress(done, total)`` after each image.

    Returns
    -------
    FigureResult
        With the maps, and a table of scores and predictions.

    Raises
    ------
    UnknownNameError
        The source does not have an image, or no network has the layer.
    ValueError
        The maps of an image could not be finished.
    """
    check_images(source, spec)
    layer = _layer(source, spec)
    rows, parts, scores, simulated = [], [], [], False
    for done, image in enumerate(spec.images):
        forward_results, update, human = source.forward(image), _finished(source, image, spec), source.human_map(image)
        norms = [by_layer.get(layer) for by_layer in forward_results.attention_norms]
        simulated |= human is not None and bool(human.attrs.get("simulated"))
        rows.append(
            ComparisonRow(
                title=source.info(image).category or image,
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
        scores += _scored(source, image, forward_results, update)
        progress(done + 1, len(spec.images))
    maps = xr.concat(parts, dim=pd.Index(spec.images, name="image"), join="outer", combine_attrs="drop_conflicts")
    maps.attrs = {"collection": source.title, "layer": layer or "", "settings": json.dumps(settings(spec))}
    figure = comparison_figure(
        rows,
        tuple(network.title for network in source.networks),
        layer or "no layer",
        "simulated people" if simulated else "people",
        columns=spec.columns or nonempty_columns(rows),
        method_title=method_title(source, spec.request),
        width_inches=spec.width_inches,
    )
    caption = _caption(source, spec, layer, norms, simulated)
    return FigureResult(figure=figure, caption=caption, maps=maps, table=pd.DataFrame(scores))


def _layer(source: MapSource, spec: ComparisonSpec) -> str | None:
    known = [layer for network in source.networks[::-1] for layer in network.layers]
    if spec.layer is not None and spec.layer not in known:
        raise UnknownNameError(unknown_name("layer of the two networks", spec.layer, list(dict.fromkeys(known))))
    last = next((network.layers[-1] for network in source.networks[::-1] if network.layers), None)
    return spec.layer or last


def _finished(source: MapSource, image: str, spec: ComparisonSpec) -> MapUpdate:
    update = source.cached(image, spec.request)
    if update is None:
        *_, update = source.maps(image, spec.request, lambda: False)
    if update is None or not update.done:
        raise ValueError(f"{image}: its maps could not be finished.")
    return update


def _labelled(source: MapSource, update: MapUpdate, human: xr.DataArray | None, norms: list) -> xr.Dataset:
    """Return the maps of one image, without the photograph; attention norms have dims of their own, at their grid."""
    maps = {"saliency": update.maps, "delta": update.delta}
    if update.standard_error is not None:
        maps["standard_error"] = update.standard_error
    variables = {name: xr.Variable(one.dims, np.asarray(one.values, np.float32)) for name, one in maps.items()}
    if human is not None:
        variables["human_map"] = xr.Variable(human.dims, np.asarray(human.values, np.float32))
    for network, norm in zip(source.networks, norms, strict=True):
        if norm is not None:
            dims = tuple(netcdf_name(str(dim), network.name) for dim in norm.dims)
            name = netcdf_name("attention_norm", network.name)
            variables[name] = xr.Variable(
                dims, np.asarray(norm.values, np.float32), {"units": norm.attrs.get("units", "1")}
            )
    return xr.Dataset(variables, coords={"network": [network.name for network in source.networks]})


def _scored(source: MapSource, image: str, forward_results: ForwardResults, update: MapUpdate) -> list[dict]:
    rows = []
    for number, (network, prediction) in enumerate(zip(source.networks, forward_results.predictions, strict=True)):
        values = {name: float(update.scores[name].values[number]) for name in METRICS if name in update.scores}
        explained = network.categories[update.targets[number]]
        row = {"image": image, "category": source.info(image).category, "network": network.name}
        row |= {"explained": explained, "prediction": prediction.categories[0]}
        row |= {"probability": prediction.probabilities[0], "correct": prediction.correct}
        rows.append({**row, **values})
    return rows


def _caption(
    source: MapSource, spec: ComparisonSpec, layer: str | None, norms: list[xr.DataArray | None], simulated: bool
) -> str:
    """Return the caption; ``norms`` are those of one image."""
    first, second = source.networks
    shown = next((norm_title(norm) for norm in norms if norm is not None), "attention norm").capitalize()
    paragraphs = [
        images_text(spec.images),
        attribution_text(source, spec.request),
        f"{shown}s of {layer}." if layer else "Neither network has attention blocks.",
        human_maps_text(source, simulated),
        COLOUR_SCALES_TEXT,
    ]
    return caption_markdown(f"{source.title}: {first.title} and {second.title}", paragraphs)
