"""Bubbles: the squares that painted points uncover, for player and network alike, and what the network sees of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gala_viz.game.game_spec import GameSpec

GREY = 127
NOISE_SIGMA, NOISE_SHIFT = 0.4, 0.5
"""The published game's noise, in shares of the pixels' range: clip(image + N(0, sigma) - shift, 0, 1)."""


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
