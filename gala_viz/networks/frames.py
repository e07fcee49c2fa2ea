"""Networks that cut a photograph differently: the part that they all see, and maps of one in another's frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scipy.ndimage import gaussian_filter, map_coordinates

from gala_viz.alignment import area_average
from gala_viz.networks.preprocessing import Cut, Preprocessing, cut_maps

_PHOTO_PX = 750, 1000
"""The photograph of which shares are told where they depend on a photograph's aspect."""


@dataclass(frozen=True, slots=True)
class CommonFrame:
    """The part of a photograph that networks of several frames all see; ``common_frame`` makes it.

    Parameters
    ----------
    cuts : tuple of Cut
        ``Preprocessing.cut`` of each of the frames, at least one.
    """

    cuts: tuple[Cut, ...]

    @property
    def input_px(self) -> tuple[int, int]:
        """Rows and columns of human maps in it: those of the smallest of the inputs."""
        inputs = [Preprocessing.of_cut(cut).input_px for cut in self.cuts]
        return min(rows for rows, _ in inputs), min(columns for _, columns in inputs)

    def frame(self, height: int, width: int) -> tuple[float, float, float, float]:
        """Return the part of a photograph that all see, (x0, y0, x1, y1) in the photograph's pixels."""
        boxes = np.array([Preprocessing.of_cut(cut).frame(height, width) for cut in self.cuts])
        return (*boxes[:, :2].max(axis=0).tolist(), *boxes[:, 2:].min(axis=0).tolist())

    def map_to_frame(self, human_map: xr.DataArray) -> xr.DataArray:
        """Return maps cut and resized to this part; see ``Preprocessing.map_to_frame``."""
        return cut_maps(human_map, self.frame, self.input_px)

    def settings(self) -> dict[str, Any]:
        """Return plain values that name the part."""
        return {"cuts": [[list(one) if isinstance(one, tuple) else one for one in cut] for cut in self.cuts]}


Frame = Preprocessing | CommonFrame


def common_frame(preprocessings: Sequence[Preprocessing]) -> Frame:
    """Return the part of a photograph that networks with these ``preprocessings`` all see.

    Where all cut alike, whatever they do to the pixels, it is the first preprocessing itself.
    """
    cuts = tuple(dict.fromkeys(one.cut for one in preprocessings))
    return preprocessings[0] if len(cuts) == 1 else CommonFrame(tuple(sorted(cuts, key=_in_order)))


def _in_order(cut: Cut) -> tuple[tuple[int, int], tuple[int, int], tuple[str, ...]]:
    plain = Preprocessing.of_cut(cut)
    return plain.resize_px, plain.input_px, tuple(map(str, cut[2:]))


def is_same_cut(first: Frame, second: Frame) -> bool:
    """Return whether two frames are the same part of every photograph, in as many pixels."""
    return _cuts(first) == _cuts(second)


def cut_to_frame(
    values: np.ndarray, own: Preprocessing, frame: Frame, photo_px: tuple[int, int], size: tuple[int, int]
) -> np.ndarray:
    """Return area averages of a network's maps over equal cells of a frame that is part of its own.

    Parameters
    ----------
    values : ndarray, (..., y, x)
        Maps over what the network sees.
    own : Preprocessing
        That network's.
    frame : Preprocessing or CommonFrame
        The part, of ``common_frame``.
    photo_px : tuple of int
        Height and width of the photograph in pixels.
    size : tuple of int
        Rows and columns of the result.

    Returns
    -------
    ndarray, (..., *size)
        As of ``gala_viz.alignment.area_average``.
    """
    if is_same_cut(own, frame):
        return area_average(values, size)
    x0, y0, x1, y1 = own.frame(*photo_px)
    part = frame.frame(*photo_px)
    along_y = np.clip((np.array(part[1::2]) - y0) / (y1 - y0), 0.0, 1.0)
    along_x = np.clip((np.array(part[::2]) - x0) / (x1 - x0), 0.0, 1.0)
    return area_average(values, size, (tuple(along_y.tolist()), tuple(along_x.tolist())))


def common_part_text(names: Sequence[str], preprocessings: Sequence[Preprocessing]) -> str:
    """Return a sentence on how much of what each network sees all of them see; "" where they cut alike."""
    if isinstance(common_frame(preprocessings), Preprocessing):
        return ""
    squash = any(one.resize == "squash" for one in preprocessings)
    photo_px = _PHOTO_PX if squash else (1000, 1000)  # without squash shares are those of any photograph
    common = _area(common_frame(preprocessings).frame(*photo_px))
    shares = [
        f"{100 * common / _area(one.frame(*photo_px)):.0f} % of what {name} sees"
        for name, one in zip(names, preprocessings, strict=True)
    ]
    of = " (of photographs of 3 by 4)" if squash else ""
    return f"maps are compared over the part of a photograph that all see: {', '.join(shares)}{of}"


def _area(frame: tuple[float, float, float, float]) -> float:
    return (frame[2] - frame[0]) * (frame[3] - frame[1])


def _cuts(frame: Frame) -> tuple[Cut, ...]:
    return frame.cuts if isinstance(frame, CommonFrame) else (frame.cut,)


def resample_to_frame(
    values: np.ndarray, source: Preprocessing, target: Preprocessing, photo_px: tuple[int, int], size: tuple[int, int]
) -> np.ndarray:
    """Resample maps from the frame of one preprocessing to that of another.

    Parameters
    ----------
    values : ndarray, (..., y, x)
        Maps over the frame of ``source``.
    source : Preprocessing
        What the maps' network sees of the photograph.
    target : Preprocessing
        What the other network sees of it.
    photo_px : tuple of int
        Height and width of the photograph in pixels.
    size : tuple of int
        Rows and columns of the result.

    Returns
    -------
    ndarray, (..., *size), float32
        Bilinear between cell centres, blurred first where cells get larger; NaN where the frame of ``source`` does not
        reach. Where both cut alike, and of equal size, ``values`` themselves are returned.
    """
    if is_same_cut(source, target) and values.shape[-2:] == tuple(size):
        return values
    rows, columns = _positions(values.shape[-2:], source.frame(*photo_px), target.frame(*photo_px), size)
    ratio = [abs(axis[1] - axis[0]) if len(axis) > 1 else 1.0 for axis in (rows, columns)]
    blur = [0.4 * step if step > 1.2 else 0.0 for step in ratio]
    grid = np.meshgrid(rows, columns, indexing="ij")
    inside = _inside(rows, values.shape[-2])[:, None] & _inside(columns, values.shape[-1])[None]
    result = np.empty((*values.shape[:-2], *size), np.float32)
    for index in np.ndindex(values.shape[:-2]):
        one = gaussian_filter(values[index], blur, mode="nearest") if any(blur) else values[index]
        result[index] = np.where(inside, map_coordinates(one, grid, order=1, mode="nearest"), np.nan)
    return result


def _positions(
    cells: tuple[int, int],
    own: tuple[float, float, float, float],
    frame: tuple[float, float, float, float],
    size: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray]:
    """Return the centres of the new cells in indices of the old ones, along y and x; a frame is (x0, y0, x1, y1)."""
    axes = []
    for axis, first, last in ((0, 1, 3), (1, 0, 2)):
        centres = frame[first] + (np.arange(size[axis]) + 0.5) * (frame[last] - frame[first]) / size[axis]
        axes.append((centres - own[first]) / (own[last] - own[first]) * cells[axis] - 0.5)
    return axes[0], axes[1]


def _inside(positions: np.ndarray, cells: int) -> np.ndarray:
    return (positions >= -0.5 - 1e-6) & (positions <= cells - 0.5 + 1e-6)
