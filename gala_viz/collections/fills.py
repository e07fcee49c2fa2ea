"""Fills: what stands where a photograph is hidden, by name, the same in the experiment, on pages and in notebooks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from gala_viz.registry import Registry

GREY = 127
"""The grey of hidden pixels, of 0..255, whatever the photograph: its mean colour would tell something of it."""
BLUR_FRACTION = 0.05
"""Standard deviation of the blur as a share of the picture's shorter side: 11 px at 224 px."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fill:
    """One way to fill what is hidden.

    Parameters
    ----------
    title : str
        What pages call it.
    description : str
        What is filled in, a sentence without its end.
    make : callable
        From a photograph (y, x, 3) uint8 and a seed to a picture of the same shape and type.
    """

    title: str
    description: str
    make: Callable[[NDArray[np.uint8], int], NDArray[np.uint8]]


def fill_photo(photo: NDArray[np.uint8], fill: str, seed: int) -> NDArray[np.uint8]:
    """Return the picture that stands where a photograph is hidden.

    Parameters
    ----------
    photo : ndarray, (y, x, 3), uint8
        RGB.
    fill : {"grey", "blurred", "phase"}
        Name in ``FILLS``.
    seed : int
        Determines what is by chance, see ``image_seed``.

    Returns
    -------
    ndarray, (y, x, 3), uint8
        Of the same size.

    Raises
    ------
    UnknownNameError
        No fill is called so.
    """
    return FILLS[fill].make(photo, seed)


def image_seed(image: str) -> int:
    """Return the 64-bit seed that the image's id alone determines."""
    return int.from_bytes(hashlib.sha256(image.encode("utf-8", "surrogatepass")).digest()[:8], "little")


def blur_photo(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Blur ``photo`` (y, x, 3) by a Gaussian of ``BLUR_FRACTION`` of its shorter side; the edge's colours go on."""
    sigma = BLUR_FRACTION * min(photo.shape[:2])
    return np.rint(gaussian_filter(photo.astype(np.float32), sigma, mode="nearest", axes=(0, 1))).astype(np.uint8)


def scramble_phases(photo: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """Scramble the phases of a photograph, alike for all colours; amplitude spectrum and mean colour nearly stay.

    Values that leave 0..255 are cut, 1 to 11 % of them in five photographs: amplitudes then differ by 5 to 20 % (sum of
    differences over sum), the mean colour by up to 2.5 of 255, and contrast is lower by 1 to 10 %.

    Parameters
    ----------
    photo : ndarray, (y, x, 3), uint8
        RGB.
    seed : int
        Determines the new phases.

    Returns
    -------
    ndarray, (y, x, 3), uint8
        Of the same size.
    """
    noise = np.random.default_rng(seed).normal(size=photo.shape[:2])
    turn = np.exp(1j * np.angle(np.fft.fft2(noise)))
    turn[0, 0] = 1.0
    spectrum = np.fft.fft2(photo.astype(np.float64), axes=(0, 1)) * turn[..., None]
    return np.fft.ifft2(spectrum, axes=(0, 1)).real.round().clip(0, 255).astype(np.uint8)


FILLS: Registry[Fill] = Registry(
    "fill",
    {
        "grey": Fill(title="Grey", description=f"grey, {GREY} of 255", make=lambda photo, _: np.full_like(photo, GREY)),
        "blurred": Fill(
            title="Blurred",
            description=f"the photograph blurred by a Gaussian of {100 * BLUR_FRACTION:g} % of its shorter side",
            make=lambda photo, _: blur_photo(photo),
        ),
        "phase": Fill(
            title="Phase-scrambled",
            description="the photograph with its phases scrambled: nearly the same amplitude spectrum and mean colour",
            make=scramble_phases,
        ),
    },
)
"""Name -> how hidden places are filled."""
