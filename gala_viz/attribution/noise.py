"""The noise of one sample of one image: the same alone, in a batch, after a resume, on any device."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np


@lru_cache(maxsize=32)
def standard_normal(seed: int, image: str, sample: int, shape: tuple[int, ...]) -> np.ndarray:
    """Independent standard normal values, float32, read-only, that depend on the arguments and on nothing else.

    Each (seed, image, sample) has its own stream, so samples may be drawn in any order and number. Values are made on
    the CPU whatever the network's device. The last few are kept, a GPU's chunk at least, since two networks that are
    compared see the same noise. NumPy may change its way from bits to normal values in a new version; maps carry its
    version therefore.
    """
    key = hashlib.sha256(f"{seed}\n{sample}\n{image}".encode()).digest()
    stream = np.random.Generator(np.random.SFC64(np.random.SeedSequence(int.from_bytes(key, "little"))))
    values = stream.standard_normal(shape, dtype=np.float32)
    values.setflags(write=False)
    return values


def noise_sigma(network_input: np.ndarray, noise_fraction: float) -> float:
    """The noise's standard deviation, in units of ``network_input``: a fraction of its largest minus smallest value."""
    return float(noise_fraction) * float(network_input.max() - network_input.min())
