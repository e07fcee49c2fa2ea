"""The attention norms of every layer of two networks, as small multiples in one plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import holoviews as hv
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from gala_viz.engine.results.delta import delta
from gala_viz.plots.colour_maps import DEFAULT_SEQUENTIAL, SEQUENTIAL
from gala_viz.plots.colour_scale import ColourScale, colour_limits
from gala_viz.plots.map_overlays import overlay
from gala_viz.schema import extent_px, labelled_map, norm_title
from gala_viz.specs import Normalisation

GAP_FRACTION = 0.05
"""Space between two small multiples, as a share of one's width."""


def layer_colour_limits(
    norms: Sequence[Mapping[str, xr.DataArray]], layer: str, scale: ColourScale
) -> list[tuple[float, float]]:
    """Return the colour limits (low, high) of one ``layer``, for each network that has it.

    ``norms`` are, for each network, layer -> attention norm (y, x). They begin at 0 on every scale, since norms do.
    Layers differ in range: no scale spans two of them.
    """
    limits = [colour_limits(np.asarray(one[layer])[None], scale, from_zero=True)[0] for one in norms if layer in one]
    if scale == "per map":
        return limits
    return [(min(low for low, _ in limits), max(high for _, high in limits))] * len(limits)


def attention_layers(
    view: NDArray[np.uint8],
    norms: Sequence[Mapping[str, xr.DataArray]],
    titles: Sequence[str],
    *,
    scale: ColourScale = "shared",
    palette: tuple[str, ...] = SEQUENTIAL[DEFAULT_SEQUENTIAL],
    opacity: float = 0.8,
) -> hv.Layout:
    """Draw the attention norms over the photograph: a row for each network, a column for each layer.

    Each norm has its own resolution, and layers that networks share have one scale unless ``scale`` is "per map".

    Parameters
    ----------
    view : ndarray, (y, x, 3), uint8
        The photograph in the frame, origin top left.
    norms : sequence of mapping of str to DataArray, (y, x)
        For each network, layer -> attention norm.
    titles : sequence of str
        One for each network.
    scale : {"shared", "per map", "raw"}
        As for ``colour_limits``.
    palette : tuple of str
        Colours from the lowest value to the highest.
    opacity : float
        Of the norms over the photograph, from 0 to 1.

    Returns
    -------
    holoviews.Layout
        One overlay for each network and layer.

    Raises
    ------
    ValueError
        ``scale`` is unknown.
    """
    plots = []
    for row, (one, title) in enumerate(zip(norms, titles, strict=True)):
        for layer, norm in one.items():
            having = [number for number, of_one in enumerate(norms) if layer in of_one]
            limits = layer_colour_limits(norms, layer, scale)[having.index(row)]
            plots.append(
                overlay(
                    view,
                    norm,
                    limits=limits,
                    palette=palette,
                    opacity=opacity,
                    title=f"{title}, {layer}",
                    unit=norm_title(norm),
                )
            )
    return hv.Layout(plots).cols(max((len(one) for one in norms), default=1))


def attention_delta(first: xr.DataArray, second: xr.DataArray, normalise: Normalisation = "maximum") -> xr.DataArray:
    """Return the difference (y, x) of two attention norms of one layer: ``second`` minus ``first``.

    Each norm is normalised before, as maps are before their delta. Both must lie on one grid, as they do for two
    networks of one architecture; raises ``ValueError`` otherwise.
    """
    if first.shape != second.shape:
        raise ValueError(
            f"two attention norms on one grid were expected; got {first.shape} and {second.shape}. "
            "Compare layers of equal resolution."
        )
    values = delta(np.asarray(first), np.asarray(second), normalise).astype(np.float32)
    attrs = {"normalise": normalise}
    return labelled_map(values, name="attention_delta", extent_px=extent_px(first), attrs=attrs)
