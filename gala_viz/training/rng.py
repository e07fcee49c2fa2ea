"""Random numbers that depend on names and image ids alone, so that a training can be stopped, resumed and compared."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

_STEP = np.uint64(0x9E3779B97F4A7C15)


def named_rng(*names: object) -> np.random.Generator:
    """Return a generator seeded by ``names``, whatever was drawn before."""
    return np.random.default_rng(int.from_bytes(_digest(names)[:16], "big"))


def image_keys(images: Sequence[str]) -> np.ndarray:
    """Return one number for each image id, (image,) uint64, for ``uniform_numbers``."""
    return np.array([_number((image,)) for image in images], dtype=np.uint64)


def uniform_numbers(keys: np.ndarray, count: int, *names: object) -> np.ndarray:
    """Return ``count`` uniform numbers in [0, 1) for each image: float64 (image, ``count``).

    An image's numbers depend on its entry of ``keys`` (image,) and on ``names`` (a seed, an epoch), not on the other
    images. Source: the generator splitmix64 (Steele, Lea, Flood 2014), each image being a stream of its own.
    """
    streams = _mixed(keys.astype(np.uint64) ^ np.uint64(_number(names)))
    steps = np.arange(1, count + 1, dtype=np.uint64) * _STEP
    return (_mixed(streams[:, None] + steps) >> np.uint64(11)) * 2.0**-53


def _mixed(values: np.ndarray) -> np.ndarray:
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _number(names: Sequence[object]) -> int:
    return int.from_bytes(_digest(names)[:8], "big")


def _digest(names: Sequence[object]) -> bytes:
    return hashlib.sha256(":".join(map(str, names)).encode()).digest()
