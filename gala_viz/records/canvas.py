"""The game's canvas: the photograph's centre square, the squares that are uncovered, and what the network sees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gala_viz.game.game_spec import GameSpec

GREY = 127
NOISE_SIGMA, NOISE_SHIFT = 0.4, 0.5
"""The published game's noise, in shares of the pixels' range: clip(image + N(0, sigma) - shift, 0, 1)."""

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


def bubble_mask(points: Sequence[tuple[float, float]], spec: GameSpec) -> NDArray[np.bool_]:
    """Which pixels of the canvas the squares around ``points`` (x, y) uncover."""
    mask = np.zeros((spec.canvas_px, spec.canvas_px), dtype=bool)
    for x, y in points:
        uncover_bubble(mask, x, y, spec)
    return mask


def uncover_bubble(mask: NDArray, x: float, y: float, spec: GameSpec) -> None:
    """Uncover the square around one point, in place: what the player sees is what the network sees."""
    left, top = round(x - spec.bubble_px / 2), round(y - spec.bubble_px / 2)
    mask[max(0, top) : max(0, top + spec.bubble_px), max(0, left) : max(0, left + spec.bubble_px)] = True


def masked_canvas(canvas: NDArray, mask: NDArray, spec: GameSpec, seed: int = 0) -> NDArray[np.uint8]:
    """What the network sees: ``canvas`` where ``mask`` is uncovered, the spec's fill elsewhere."""
    hidden = np.full_like(canvas, GREY) if spec.fill == "grey" else darken_with_noise(canvas, seed)
    return np.where(mask[..., None], canvas, hidden)


def darken_with_noise(canvas: NDArray, seed: int) -> NDArray[np.uint8]:
    """The published game's fill: clip(image + N(0, 0.4) - 0.5, 0, 1)."""
    noise = np.random.default_rng(seed).normal(0.0, NOISE_SIGMA, canvas.shape)
    return (255 * np.clip(canvas / 255 + noise - NOISE_SHIFT, 0, 1)).round().astype(np.uint8)
