"""Pictures of maps over photographs, and small ones as data URLs: for pages that show many at once."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gala_viz.plots.colour_maps import DEFAULT_SEQUENTIAL, DIVERGING, SEQUENTIAL
from gala_viz.plots.colour_scale import colour_limits

OPACITY, QUALITY = 0.65, 82
"""Of a map over its photograph, and of WebP."""


def photo_picture(view: NDArray[np.uint8], side_px: int | None = None) -> str:
    """Return a photograph as a data URL of a WebP picture.

    Parameters
    ----------
    view : ndarray, (y, x, 3), uint8
        The photograph.
    side_px : int, optional
        Its longer side is made at most so long; default: as it is.

    Returns
    -------
    str
        The URL.
    """
    picture = Image.fromarray(view)
    if side_px is not None:
        picture.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    picture.save(content, "WEBP", quality=QUALITY)
    return "data:image/webp;base64," + base64.b64encode(content.getvalue()).decode()


def map_over_photo(
    view: NDArray[np.uint8], values: NDArray[np.floating], limits: tuple[float, float] | None = None
) -> NDArray[np.uint8]:
    """Return a map drawn over its photograph.

    Parameters
    ----------
    view : ndarray, (y, x, 3), uint8
        The photograph in the frame.
    values : ndarray, (row, column)
        The map over the same frame, of equal or coarser cells; NaN is transparent.
    limits : tuple of float, optional
        Values at the ends of the scale, which is diverging where the lower one is negative; default: the map's own.

    Returns
    -------
    ndarray, (y, x, 3), uint8
        A new picture.
    """
    low, high = colour_limits(values[None], "per map")[0] if limits is None else limits
    palette = DIVERGING if low < 0 else SEQUENTIAL[DEFAULT_SEQUENTIAL]
    colours = np.array([[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in palette], np.float32)
    rows, columns = (np.arange(side) * cells // side for side, cells in zip(view.shape[:2], values.shape, strict=True))
    values = values[rows[:, None], columns]
    known = np.isfinite(values)
    shares = np.clip((np.where(known, values, low) - low) / (high - low), 0, 1)
    drawn = colours[np.rint(shares * (len(colours) - 1)).astype(int)]
    opacity = np.where(known, OPACITY, 0)[..., None]
    return np.rint(view * (1 - opacity) + drawn * opacity).astype(np.uint8)
