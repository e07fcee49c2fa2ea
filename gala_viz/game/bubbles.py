"""Bubbles: the squares that painted points uncover, for player and network alike, and the network's masked canvas."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gala_viz.collections.fills import GREY
from gala_viz.game.game_spec import GameSpec

NOISE_SIGMA, NOISE_SHIFT = 0.4, 0.5
"""The published game's noise, in shares of the pixels' range: clip(image + N(0, sigma) - shift, 0, 1)."""


def bubble_mask(points: Sequence[tuple[float, float]], spec: GameSpec) -> NDArray[np.bool_]:
    """Return the pixels, bool (y, x), that the squares around ``points`` (x, y) in canvas pixels uncover."""
    mask = np.zeros((spec.canvas_px, spec.canvas_px), dtype=bool)
    for x, y in points:
        uncover_bubble(mask, x, y, spec)
    return mask


def uncover_bubble(mask: NDArray, x: float, y: float, spec: GameSpec) -> None:
    """Uncover the square around one point, in place: player and network see the same.

    Parameters
    ----------
    mask : ndarray, (y, x), bool
        Pixels of the canvas; those of the square become True.
    x, y : float
        The point in canvas pixels, origin top left, y down.
    spec : GameSpec
        ``bubble_px`` is the side of the square, which is cut at the canvas's edge.

    References
    ----------
    Linsley et al. 2019, section 4; Gosselin and Schyns 2001 (bubbles).
    """
    left, top = round(x - spec.bubble_px / 2), round(y - spec.bubble_px / 2)
    mask[max(0, top) : max(0, top + spec.bubble_px), max(0, left) : max(0, left + spec.bubble_px)] = True


def masked_canvas(canvas: NDArray, mask: NDArray, spec: GameSpec, seed: int = 0) -> NDArray[np.uint8]:
    """Return the canvas as the network sees it: uncovered pixels as they are, the spec's fill elsewhere.

    Parameters
    ----------
    canvas : ndarray, (y, x, 3), uint8
        Picture of the round.
    mask : ndarray, (y, x), bool
        True where it is uncovered.
    spec : GameSpec
        ``fill`` is "grey" or "noise".
    seed : int
        Determines the noise.

    Returns
    -------
    ndarray, (y, x, 3), uint8
        A new picture.
    """
    hidden = np.full_like(canvas, GREY) if spec.fill == "grey" else darken_with_noise(canvas, seed)
    return np.where(mask[..., None], canvas, hidden)


def darken_with_noise(canvas: NDArray, seed: int) -> NDArray[np.uint8]:
    """Return the published game's fill of ``canvas``: clip(image + N(0, 0.4) - 0.5, 0, 1), uint8."""
    noise = np.random.default_rng(seed).normal(0.0, NOISE_SIGMA, canvas.shape)
    return (255 * np.clip(canvas / 255 + noise - NOISE_SHIFT, 0, 1)).round().astype(np.uint8)
