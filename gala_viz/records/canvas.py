"""Geometry of the game's canvas: brush, part of the photograph that it shows, points in the photograph's pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CANVAS_PX, BUBBLE_PX, STEP_PX, INTERVAL_MS = 256, 14, 7.0, 50.0
"""Of the game (Linsley et al. 2019, section 4): side of the canvas, side of the square around a point, largest distance
of a point from the one before, and the time between them."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom of what the canvas shows, in the photograph's pixels."""


def centre_crop_box(height: int, width: int) -> Box:
    """Return the largest square in the middle of a photograph of ``height`` x ``width`` pixels."""
    side = min(height, width)
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def crop_to_canvas(photo: NDArray, side_px: int, box: Box | None = None) -> NDArray[np.uint8]:
    """Resize the part ``box`` (default: the centre square) of ``photo`` (y, x, 3) uint8 to ``side_px`` a side."""
    box = box or centre_crop_box(*photo.shape[:2])
    picture = Image.fromarray(np.ascontiguousarray(photo))
    return np.asarray(picture.resize((side_px, side_px), Image.Resampling.BICUBIC, box=box)).copy()


def canvas_to_photo(x_px: NDArray, y_px: NDArray, box: Box, side_px: int) -> tuple[NDArray, NDArray]:
    """Convert points on the canvas to points of the photograph.

    Parameters
    ----------
    x_px, y_px : ndarray, (point,)
        Points in canvas pixels, origin top left, y down.
    box : tuple of float
        Left, top, right and bottom of what the canvas shows, in the photograph's pixels.
    side_px : int
        Side of the canvas in pixels.

    Returns
    -------
    tuple of ndarray
        x and y (point,) in the photograph's pixels, float64.
    """
    left, top, right, bottom = box
    return left + np.asarray(x_px) * (right - left) / side_px, top + np.asarray(y_px) * (bottom - top) / side_px


def photo_to_canvas(x_px: NDArray, y_px: NDArray, box: Box, side_px: int) -> tuple[NDArray, NDArray]:
    """Convert points of the photograph to points on the canvas: the inverse of ``canvas_to_photo``.

    Parameters
    ----------
    x_px, y_px : ndarray, (point,)
        Points in the photograph's pixels, origin top left, y down.
    box : tuple of float
        Left, top, right and bottom of what the canvas shows, in the photograph's pixels.
    side_px : int
        Side of the canvas in pixels.

    Returns
    -------
    tuple of ndarray
        x and y (point,) in canvas pixels, float64; outside of the canvas for points that it does not show.
    """
    left, top, right, bottom = box
    return (np.asarray(x_px) - left) * side_px / (right - left), (np.asarray(y_px) - top) * side_px / (bottom - top)
