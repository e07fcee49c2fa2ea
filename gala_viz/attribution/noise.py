"""The noise of one sample of one image: the same alone, in a batch, after a resume, on any device."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np


@lru_cache(maxsize=32)
def standard_normal(seed: int, image: str, sample: int, shape: tuple[int, ...]) -> np.ndarray:
    """Draw independent standard normal values that depend on the arguments alone.

    Each (seed, image, sample) has its own stream, so that samples may be drawn in any order and number. Values are
    drawn on the CPU whatever the network's device. The last 32 arrays are cached, more than a GPU's chunk, since two
    networks that are compared take the same noise. NumPy may change how it makes normal values in a new version; maps
    therefore carry its version.

    Parameters
    ----------
    seed : int
        Seed of the map.
    image : str
        Id of the image.
    sample : int
        Number of the sample, from 0.
    shape : tuple of int
        Shape of the values, for example (channel, y, x).

    Returns
    -------
    ndarray, float32
        Of ``shape``, unitless, read-only.
    """
    key = hashlib.sha256(f"{seed}\n{sample}\n{image}".encode()).digest()
    stream = np.random.Generator(np.random.SFC64(np.random.SeedSequence(int.from_bytes(key, "little"))))
    values = stream.standard_normal(shape, dtype=np.float32)
    values.setflags(write=False)
    return values


def noise_sigma(network_input: np.ndarray, noise_fraction: float) -> float:
    """Return the standard deviation of the noise of one input.

    Parameters
    ----------
    network_input : ndarray
        One image in the network's input space.
    noise_fraction : float
        Share of the range of the input, its largest minus its smallest value.

    Returns
    -------
    float
        Standard deviation in units of ``network_input``.
    """
    return float(noise_fraction) * float(network_input.max() - network_input.min())
