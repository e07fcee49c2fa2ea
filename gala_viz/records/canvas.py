"""Geometry of the game's canvas: the photograph's centre square, and its points in the photograph's pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Box = tuple[float, float, float, float]
"""Left, top, right, bottom of what the canvas shows, in the photograph's pixels."""


def centre_crop_box(height: int, width: int) -> Box:
    """The largest square in the middle of a photograph of ``height`` x ``width`` pixels."""
    side = min(height, width)
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def crop_to_canvas(photo: NDArray, side_px: int, box: Box | None = None) -> NDArray[np.uint8]:
    """The part ``box`` (default: the centre square) of ``photo`` (y, x, 3) uint8 as (``side_px``, ``side_px``, 3)."""
    box = box or centre_crop_box(*photo.shape[:2])
    picture = Image.fromarray(np.ascontiguousarray(photo))
    return np.asarray(picture.resize((side_px, side_px), Image.Resampling.BICUBIC, box=box)).copy()


def canvas_to_photo(x_px: NDArray, y_px: NDArray, box: Box, side_px: int) -> tuple[NDArray, NDArray]:
    """Points on the canvas as points of the photograph, in its pixels."""
    left, top, right, bottom = box
    return left + np.asarray(x_px) * (right - left) / side_px, top + np.asarray(y_px) * (bottom - top) / side_px
