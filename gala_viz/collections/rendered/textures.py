"""Textures: smooth noise in three dimensions, compiled, and 1/f pictures in two."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, inline="always")
def _corner(x, y, z):
    mixed = (x * 73856093) ^ (y * 19349663) ^ (z * 83492791)
    mixed = (mixed ^ (mixed >> 13)) * 1274126177
    return ((mixed ^ (mixed >> 16)) & 0xFFFF) / 65535.0


@njit(cache=True)
def value_noise(x, y, z):
    """Return smooth noise between 0 and 1 whose features are about 1 wide."""
    fx, fy, fz = math.floor(x), math.floor(y), math.floor(z)
    ix, iy, iz = int(fx), int(fy), int(fz)
    x, y, z = x - fx, y - fy, z - fz
    x, y, z = x * x * (3 - 2 * x), y * y * (3 - 2 * y), z * z * (3 - 2 * z)
    total = 0.0
    for i in range(2):
        for j in range(2):
            for k in range(2):
                weight = (x if i else 1 - x) * (y if j else 1 - y) * (z if k else 1 - z)
                total += weight * _corner(ix + i, iy + j, iz + k)
    return total


@njit(cache=True)
def fractal_noise(x, y, z):
    """Return three octaves of noise, between 0 and 1."""
    return (
        0.57 * value_noise(x, y, z)
        + 0.29 * value_noise(2.03 * x + 7.1, 2.03 * y + 3.3, 2.03 * z + 5.7)
        + 0.14 * value_noise(4.1 * x + 1.9, 4.1 * y + 8.2, 4.1 * z + 2.4)
    )


def one_over_f_noise(rng: np.random.Generator, size: tuple[int, int], slope: float = 1.0) -> NDArray[np.float32]:
    """Draw a random picture (y, x) with amplitude 1 / f**slope, which repeats at its borders.

    Its mean is 0, its standard deviation 1. Natural images have such spectra with a slope near 1 (Field 1987).
    """
    rows, columns = size
    frequency = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns)[None, :])
    frequency[0, 0] = 1.0
    white = np.fft.rfft2(rng.standard_normal(size))
    white[0, 0] = 0.0
    picture = np.fft.irfft2(white / frequency**slope, size)
    return (picture / picture.std()).astype(np.float32)
