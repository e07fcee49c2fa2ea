"""The labelled map: its dims, its coordinates at pixel centres, its attrs, and the checks of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import xarray as xr

DIMS = ("network", "layer", "image", "channel", "y", "x")
PIXEL_ATTRS = {
    "y": {"units": "px", "long_name": "centre of the row, from the top"},
    "x": {"units": "px", "long_name": "centre of the column, from the left"},
}
"""Attrs of the coordinates of maps, here and in files."""
HUMAN_MAP_ATTRS = {"units": "arbitrary", "long_name": "human map, in the unit of its collection"}
"""Attrs of human maps in files, where their collection tells no other: how they were made decides on their unit."""
ATTRS_OF_MAPS = ("method", "reduction", "smoothing_px", "normalise", "percentile")
"""Settings that each map of a file tells of itself, where it has them."""


def pixel_centres(size: int, extent_px: float | None = None) -> np.ndarray:
    """Return the centres of ``size`` equal cells over ``extent_px`` pixels (default: ``size``).

    The first is at half a cell. A 14-cell layer over a 224 px input has its first centre at 8.0 px: layers and pixels
    share one frame.
    """
    extent = float(size if extent_px is None else extent_px)
    return (np.arange(size) + 0.5) * (extent / size)


def pixel_coordinate(axis: str, size: int, extent_px: float | None = None, dim: str | None = None) -> xr.Variable:
    """Return the coordinate of a map's rows or columns, with unit and name.

    Parameters
    ----------
    axis : {"y", "x"}
        Rows or columns.
    size : int
        How many they are.
    extent_px : float, optional
        Pixels that they cover together; default: ``size``.
    dim : str, optional
        Their dim, where it has another name than ``axis``.

    Returns
    -------
    Variable, (dim,), float64
        See ``pixel_centres``.
    """
    return xr.Variable((dim or axis,), pixel_centres(size, extent_px), PIXEL_ATTRS[axis])


def labelled_map(
    values: np.ndarray,
    *,
    name: str,
    extent_px: tuple[float, float] | None = None,
    leading: Mapping[str, Sequence[Any]] | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> xr.DataArray:
    """Label maps with pixel-centre coordinates.

    Parameters
    ----------
    values : ndarray, (..., y, x)
        Numbers of any unit.
    name : str
        Name of the array.
    extent_px : tuple of float, optional
        (height, width) in pixels of the frame that the map covers; default: one cell is one pixel.
    leading : mapping of str to sequence, optional
        Dims before (y, x) with their coordinates, in order.
    attrs : mapping of str to object, optional
        Attrs; ``extent_px`` is added where it is missing.

    Returns
    -------
    DataArray, (..., y, x)
        Coordinates y and x in pixels, origin top left.

    Raises
    ------
    ValueError
        A dim is not in the schema, the order is wrong, or sizes do not fit.
    """
    leading = dict(leading or {})
    dims = (*leading, "y", "x")
    if values.ndim != len(dims):
        raise ValueError(f"{name}: {len(dims)} dims {dims} were expected; the array has shape {values.shape}.")
    height, width = values.shape[-2:]
    extent = extent_px or (height, width)
    blank = _blank_map(height, width, float(extent[0]), float(extent[1]))
    if leading:
        coords = {**{dim: list(labels) for dim, labels in leading.items()}, **blank.coords}
        array = xr.DataArray(values, dims=dims, coords=coords, name=name)
    else:
        array = blank.copy(deep=False, data=values)
        array.name = name
    array.attrs = dict(attrs or {})
    array.attrs.setdefault("extent_px", [float(extent[0]), float(extent[1])])
    return check_map(array)


@lru_cache(maxsize=64)
def _blank_map(height: int, width: int, height_px: float, width_px: float) -> xr.DataArray:
    """Return a map without values of its own, whose coordinates its copies have: making them anew takes most time."""
    coords = {"y": pixel_coordinate("y", height, height_px), "x": pixel_coordinate("x", width, width_px)}
    return xr.DataArray(np.broadcast_to(np.float32(0), (height, width)), coords, ("y", "x"))


def check_map(array: xr.DataArray) -> xr.DataArray:
    """Return ``array`` if it is a map: known dims in the order of ``DIMS``, the last two (y, x), and numbers as values.

    Raises ``ValueError`` otherwise.
    """
    dims = tuple(str(dim) for dim in array.dims)
    known = (*DIMS, "participant", "half", "group")
    unknown = [dim for dim in dims if dim not in known]
    if unknown:
        raise ValueError(f"a map has dims among {known}; got {unknown} in {dims}.")
    if dims[-2:] != ("y", "x"):
        raise ValueError(f"a map ends in the dims ('y', 'x'); got {dims}.")
    ordered = tuple(dim for dim in DIMS if dim in dims)
    if tuple(dim for dim in dims if dim in DIMS) != ordered:
        raise ValueError(f"a map's dims stand in the order {ordered}; got {dims}.")
    if not np.issubdtype(array.dtype, np.number):
        raise ValueError(f"a map holds numbers; got {array.dtype}.")
    return array


def count_participants(human_map: xr.DataArray, participants: Sequence[str]) -> int | None:
    """Return over how many participants a human map is the mean; None where that is not known.

    It is the number of ``participants`` where they are known one by one, else ``n_participants`` in the map's attrs.
    """
    n_participants = human_map.attrs.get("n_participants")
    if participants:
        return len(participants)
    return int(n_participants) if isinstance(n_participants, (int, np.integer)) else None


def extent_px(array: xr.DataArray) -> tuple[float, float]:
    """Return height and width, in pixels, of the frame that a map covers."""
    height, width = array.attrs.get("extent_px", array.shape[-2:])
    return float(height), float(width)


def norm_title(norm: xr.DataArray) -> str:
    """Return what a layer's norm is called: "attention norm", or "activity norm" where its ``units`` say so."""
    return "activity norm" if norm.attrs.get("units") == "activity" else "attention norm"


def is_simulated_kind(kind: str) -> bool:
    """Return whether a kind of human maps is of simulated participants, as its name says."""
    return "simulated" in kind.lower()


def netcdf_name(*parts: str) -> str:
    """Return ``parts`` joined to a name that NetCDF allows; slashes, as in names of networks, become underscores."""
    return "_".join(parts).replace("/", "_")


def labelled_variable(labelled: xr.DataArray, long_name: str, units: str = "arbitrary") -> xr.Variable:
    """Return a map as a file has it: float32, with a name, a unit and the settings that it tells of itself.

    Parameters
    ----------
    labelled : DataArray
        The map, in its own unit.
    long_name : str
        What it is, in words.
    units : str
        Its unit, where it does not tell one itself.

    Returns
    -------
    Variable
        Dims as in ``labelled``.
    """
    about = {key: labelled.attrs[key] for key in ATTRS_OF_MAPS if key in labelled.attrs}
    attrs = {"long_name": long_name, "units": str(labelled.attrs.get("units", units)), **about}
    return xr.Variable(labelled.dims, np.asarray(labelled.values, np.float32), attrs)


def name_pixels(maps: xr.Dataset) -> None:
    """Write units and names into the coordinates y, x, y_NAME and x_NAME of ``maps``: pixels of a network's input."""
    for name in map(str, maps.coords):
        if name.partition("_")[0] in PIXEL_ATTRS:
            maps[name].attrs = {**PIXEL_ATTRS[name[0]], "frame": "the input of the network"}
