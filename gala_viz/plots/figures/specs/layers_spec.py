"""Kind "layers": attention norms of every layer, of all networks or of one, image by image."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import pandas as pd
import xarray as xr

from gala_viz.plots.figures.layers_figure import SCALE_PERCENTILE, LayersRow, layer_scale_maxima, layers_figure
from gala_viz.plots.figures.specs.caption_text import caption_markdown, images_text, listed
from gala_viz.plots.figures.specs.figure_result import (
    FigureResult,
    ProgressCallback,
    ignore_progress,
)
from gala_viz.plots.figures.specs.figure_spec import FigureSpec, check_images, check_texts
from gala_viz.plots.figures.specs.network_sources import networks_of, pair_sources
from gala_viz.registry import UnknownNameError, unknown_name
from gala_viz.schema import name_pixels, netcdf_name, pixel_centres
from gala_viz.specs import settings
from gala_viz.store.source import MapSource, NetworkInfo

NetworkRows = Literal["both", "first", "second"]
MAX_LAYERS = 24


@dataclass(frozen=True, kw_only=True, slots=True)
class LayersSpec(FigureSpec):
    """Attention norms of chosen images: a row for each network shown, a column for each layer.

    Parameters
    ----------
    shown : {"both", "first", "second"}
        Networks that are shown; "both": all, where there are more than two.
    layers : tuple of str
        In the order of the columns; default: all that the networks shown have.
    **common
        Those of ``FigureSpec``.

    Examples
    --------
    >>> import gala_viz as gv
    >>> gv.LayersSpec(images=("a",), shown="second").shown
    'second'
    """

    kind: ClassVar[str] = "layers"
    n_images_range: ClassVar[tuple[int, int]] = (1, 20)

    shown: NetworkRows = "both"
    layers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        FigureSpec.__post_init__(self)
        if self.shown not in get_args(NetworkRows):
            raise ValueError(f"shown is one of {', '.join(get_args(NetworkRows))}; got {self.shown!r}.")
        check_texts("layers", self.layers, (0, MAX_LAYERS))


def draw_layers(source: MapSource, spec: LayersSpec, progress: ProgressCallback = ignore_progress) -> FigureResult:
    """Draw attention norms of every layer as ``spec`` says, with caption and data.

    Parameters
    ----------
    source : MapSource
        Attention norms come from its forward passes.
    spec : LayersSpec
        Images, networks and layers.
    progress : callable
        Called as ``progress(done, total)`` after each image.

    Returns
    -------
    FigureResult
        With the norms as maps, and a table of the values of each.

    Raises
    ------
    UnknownNameError
        The source does not have an image, or no network shown has a layer.
    ValueError
        No network shown has layers, or there are more than ``MAX_LAYERS``.
    """
    check_images(source, spec)
    sources = pair_sources(source, spec)
    source, every = sources[0], networks_of(sources)
    places = {"both": range(len(every)), "first": (0,), "second": (1,)}[spec.shown]
    networks = [every[place] for place in places]
    layers = _layers(networks, spec)
    rows: list[LayersRow] = []
    units: dict[str, str] = {}
    for done, image in enumerate(spec.images):
        forwards = [one.forward(image).attention_norms for one in sources]
        attention = [*forwards[0], *(one[1] for one in forwards[1:])]
        norms = [{layer: norm.values for layer, norm in attention[place].items()} for place in places]
        units |= {layer: norm.attrs.get("units", "1") for place in places for layer, norm in attention[place].items()}
        title = source.info(image).category or image
        rows.append(LayersRow(title=title, view=source.view(image), norms=norms))
        progress(done + 1, len(spec.images))
    titles = [network.title for network in networks]
    ends = layer_scale_maxima(rows, layers)
    values = [
        _norm_row(image, title, layer, norms.get(layer), ends[layer])
        for image, row in zip(spec.images, rows, strict=True)
        for title, norms in zip([network.name for network in networks], row.norms, strict=True)
        for layer in layers
    ]
    return FigureResult(
        figure=layers_figure(rows, titles, layers, width_inches=spec.width_inches),
        caption=_caption(source, spec, titles, ends, units),
        maps=_labelled(source, spec, networks, layers, rows, units),
        table=pd.DataFrame(values),
    )


def _layers(networks: list[NetworkInfo], spec: LayersSpec) -> list[str]:
    """Return the layers of ``spec``, or all that ``networks`` have, after checking them."""
    known = list(dict.fromkeys(layer for network in networks for layer in network.layers))
    for layer in spec.layers:
        if layer not in known:
            raise UnknownNameError(unknown_name("layer of the networks shown", layer, known))
    if not known:
        raise ValueError("the networks shown have no attention blocks; name layers of theirs with --layers.")
    chosen = list(spec.layers) or known
    if len(chosen) > MAX_LAYERS:
        raise ValueError(f"at most {MAX_LAYERS} layers stand side by side; choose some of the {len(chosen)} there are.")
    return chosen


def _norm_row(image: str, network: str, layer: str, norm: np.ndarray | None, end: float) -> dict:
    """Return one map in numbers: its grid, its values, the end of its colour scale and the share of cells beyond it."""
    row = {"image": image, "network": network, "layer": layer}
    if norm is None:
        return row
    return {
        **row,
        "cells": f"{norm.shape[0]} x {norm.shape[1]}",
        "smallest": float(np.nanmin(norm)),
        "mean": float(np.nanmean(norm)),
        "largest": float(np.nanmax(norm)),
        "scale_end": end,
        "share_beyond": float(np.mean(norm[np.isfinite(norm)] > end)),
    }


def _labelled(
    source: MapSource,
    spec: LayersSpec,
    networks: list[NetworkInfo],
    layers: list[str],
    rows: list[LayersRow],
    units: dict[str, str],
) -> xr.Dataset:
    """Return the norms (image, y, x) of each network and layer; each has dims of its own, as resolutions differ."""
    variables: dict[str, xr.Variable] = {}
    coords: dict[str, Any] = {"image": list(spec.images)}
    for place, network in enumerate(networks):
        for layer in layers:
            maps = [row.norms[place].get(layer) for row in rows]
            if any(one is None for one in maps):
                continue
            name = netcdf_name(network.name, layer)
            values = np.stack(maps).astype(np.float32)
            attrs = {"network": network.name, "layer": layer, "units": units[layer]}
            attrs["long_name"] = (
                f"{'attention' if units[layer] == '1' else 'activity'} norm of {layer}, {network.title}"
            )
            dims = ("image", f"y_{name}", f"x_{name}")
            variables[f"attention_norm_{name}"] = xr.Variable(dims, values, attrs)
            for dim, size, extent in zip(dims[1:], values.shape[1:], network.input_px, strict=True):
                coords[dim] = (dim, pixel_centres(size, extent))
    attrs = {"collection": source.title, "settings": json.dumps(settings(spec))}
    maps = xr.Dataset(variables, coords=coords, attrs=attrs)
    name_pixels(maps)
    return maps


def _caption(
    source: MapSource, spec: LayersSpec, titles: list[str], ends: dict[str, float], units: dict[str, str]
) -> str:
    """Return the caption: images, what the maps are, and each layer's colour scale."""
    kinds = dict.fromkeys(
        "attention, unitless" if units[layer] == "1" else "activity, in its own unit" for layer in ends
    )
    scales = ", ".join(f"{layer} 0 to {end:.3g}" for layer, end in ends.items())
    return caption_markdown(
        f"{source.title}: attention norms of {listed(titles)}",
        [
            images_text(spec.images),
            f"Each map is the L2 norm over channels of a layer's {', or '.join(kinds)}, at the layer's own resolution, "
            "over the frame of the photograph.",
            "One colour scale for each layer, shared by all images and networks, from 0 to the "
            f"{SCALE_PERCENTILE:g}th percentile of all its values here: {scales}. Values beyond are drawn in the last "
            "colour. Scales differ between layers, so colours compare within a column, not along a row. The CSV file "
            "tells the values of each map.",
        ],
    )
