"""Maps over the photograph that they explain: what the page shows side by side, and notebooks one by one."""

from __future__ import annotations

import holoviews as hv
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from gala_viz.plots.colour_maps import DEFAULT_SEQUENTIAL, DIVERGING, SEQUENTIAL
from gala_viz.plots.colour_scale import colour_limits, delta_limit
from gala_viz.schema import check_map, extent_px

if "bokeh" not in hv.Store.renderers:  # hv.extension would also send scripts from a network into a notebook's cell
    import holoviews.plotting.bokeh

    hv.Store.set_current_backend("bokeh")

SALIENCY_UNIT = "logit / input unit"
"""Unit of a saliency map: change of the explained logit per unit of the network's normalised input."""

UNIT_TEXTS = {
    "logits per input unit": "by how much the explained logit would change where the pixel's value in the network's "
    "normalised input rises by one; one number for the three colours",
    "logits": "which part of the explained logit the pixel stands for",
    "logits times activity": "the gradient of the explained logit times the layer's activity; sizes are comparable "
    "within one layer of one network alone",
}
"""Unit of a map -> what it means."""
UNIT_TEXTS[SALIENCY_UNIT] = UNIT_TEXTS["logits per input unit"]


def unit_text(unit: str) -> str:
    """Return a unit of maps and what it means, for example "Logits per input unit: by how much …"; "" for others."""
    meaning = UNIT_TEXTS.get(unit)
    return f"{unit[0].upper()}{unit[1:]}: {meaning}" if meaning else ""


_BARE = {
    "xaxis": None,
    "yaxis": None,
    "invert_yaxis": True,
    "active_tools": [],
    "default_tools": ["pan", "wheel_zoom", "reset"],
}


def _centres(size: int, extent: float) -> NDArray[np.float64]:
    return (np.arange(size) + 0.5) * (extent / size)


def photograph(view: NDArray[np.uint8], *, title: str = "") -> hv.RGB:
    """Draw the photograph in its frame; ``view`` is uint8 (y, x, 3), origin top left."""
    height, width = view.shape[:2]
    channels = [view[..., c] for c in range(3)]
    picture = hv.RGB((_centres(width, width), _centres(height, height), *channels), kdims=["x", "y"])
    return picture.opts(title=title, **_BARE)


def overlay(
    view: NDArray[np.uint8],
    values: xr.DataArray,
    *,
    limits: tuple[float, float],
    palette: tuple[str, ...] = SEQUENTIAL[DEFAULT_SEQUENTIAL],
    title: str = "",
    unit: str = SALIENCY_UNIT,
    opacity: float = 0.8,
) -> hv.Overlay:
    """Draw a map (y, x) over the photograph, with a colour bar in ``unit``.

    Parameters
    ----------
    view : ndarray, (y, x, 3), uint8
        The photograph in the frame, origin top left.
    values : DataArray, (y, x)
        The map, at any resolution: its ``extent_px`` says how far it reaches. NaN is transparent, 0 is a value.
    limits : tuple of two float
        Values at the ends of the colour bar; what lies outside is drawn in the end's colour.
    palette : tuple of str
        Colours from the lowest value to the highest.
    title : str
        Above the plot.
    unit : str
        Label of the colour bar.
    opacity : float
        Of the map, from 0 to 1.

    Returns
    -------
    holoviews.Overlay
        The map over the photograph.

    Raises
    ------
    ValueError
        ``values`` are no map (y, x).
    """
    check_map(values)
    height, width = extent_px(values)
    rows, columns = values.shape
    coordinates = (_centres(columns, width), _centres(rows, height))
    image = hv.Image((*coordinates, np.asarray(values, dtype=np.float32)), kdims=["x", "y"], vdims=["value"], rtol=1e-3)
    image = image.opts(
        cmap=list(palette),
        clim=limits,
        alpha=opacity,
        colorbar=True,
        colorbar_position="bottom",
        clabel=unit,
        colorbar_opts={"height": 8, "padding": 2},
        clipping_colors={"NaN": "#00000000"},
        **_BARE,
    )
    return (photograph(view) * image).opts(title=title)


def saliency(view: NDArray[np.uint8], values: xr.DataArray, *, title: str = "", **options) -> hv.Overlay:
    """Draw one network's saliency map (y, x) over the photograph.

    Without ``limits`` the map gets its own scale. A signed map gets diverging colours and a range symmetric about 0.

    Parameters
    ----------
    view : ndarray, (y, x, 3), uint8
        The photograph in the frame, origin top left.
    values : DataArray, (y, x)
        The saliency map, in logits per input unit unless ``unit`` says otherwise.
    title : str
        Above the plot.
    **options
        Those of ``overlay``.

    Returns
    -------
    holoviews.Overlay
        The map over the photograph.
    """
    limits = options.pop("limits", None) or colour_limits(np.asarray(values)[None], "per map")[0]
    options.setdefault("palette", DIVERGING if limits[0] < 0 else SEQUENTIAL[DEFAULT_SEQUENTIAL])
    return overlay(view, values, limits=limits, title=title, **options)


def human_map(view: NDArray[np.uint8], values: xr.DataArray, *, title: str = "People", **options) -> hv.Overlay:
    """Draw a human map (y, x) over the photograph: how densely people marked, or looked, after smoothing.

    Parameters
    ----------
    view : ndarray, (y, x, 3), uint8
        The photograph in the frame, origin top left.
    values : DataArray, (y, x)
        The human map; without ``limits`` it gets its own scale.
    title : str
        Above the plot.
    **options
        Those of ``overlay``.

    Returns
    -------
    holoviews.Overlay
        The map over the photograph.
    """
    limits = options.pop("limits", None) or colour_limits(np.asarray(values)[None], "per map")[0]
    return overlay(view, values, limits=limits, title=title, unit=options.pop("unit", "density of marks"), **options)


def delta(view: NDArray[np.uint8], values: xr.DataArray, *, title: str = "Delta", **options) -> hv.Overlay:
    """Draw the difference (y, x) of two normalised maps: red where the second relies more, blue where the first does.

    Parameters
    ----------
    view : ndarray, (y, x, 3), uint8
        The photograph in the frame, origin top left.
    values : DataArray, (y, x)
        The delta, second minus first; without ``limits`` its range is symmetric about 0.
    title : str
        Above the plot.
    **options
        Those of ``overlay``.

    Returns
    -------
    holoviews.Overlay
        The delta over the photograph.
    """
    end = delta_limit(np.asarray(values))
    options = {"limits": (-end, end), "palette": DIVERGING, "unit": "difference of normalised maps", **options}
    return overlay(view, values, title=title, **options)


def pack_rgba(view: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return the opaque packed RGBA pixels (y, x) of ``view``, uint8 (y, x, 3), as ``photograph``'s glyph takes them.

    They update its data source in place.
    """
    height, width = view.shape[:2]
    packed = np.full((height, width, 4), 255, dtype=np.uint8)
    packed[..., :3] = view
    return packed.view(np.uint32).reshape(height, width)


def image_source_data(values: xr.DataArray | NDArray, height: float, width: float) -> dict[str, list]:
    """Return the columns of a data source that holds one image over a frame of ``height`` and ``width``, in pixels."""
    return {"image": [np.ascontiguousarray(values)], "x": [0.0], "y": [0.0], "dw": [width], "dh": [height]}
