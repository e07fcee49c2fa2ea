"""The noise of one sample of one image: the same alone, in a batch, after a resume, on any device.

Philox 4x32-10 makes four random integers of a counter and a key. The key is of seed and image, the counter of the
sample and of the place in it; nothing is drawn one after the other. Box and Muller make two normal values of two
integers. On a CPU a compiled loop does so, on other devices integer operations of tensors; integers are the same on
all, and normal values differ by rounding alone.

Sources: Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"; Box and Muller 1958.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
import torch
from numba import njit
from torch import Tensor

_MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
_WEYL = 0x9E3779B9, 0xBB67AE85
_ROUNDS = 10
_MASK = 0xFFFFFFFF
_INVERSE_RANGE = 2.0**-32
_TURN = 2 * math.pi * _INVERSE_RANGE
"""Radians of one step of an integer that stands for a full turn."""

_LOG_2 = 0.693359375, -2.12194440e-4
"""log 2 in two parts, of which the first has few digits, so that its multiples are exact."""
_A8, _A7, _A6 = np.float32(0.06915368), np.float32(-0.11789808), np.float32(0.11872976)
_A5, _A4, _A3 = np.float32(-0.12384348), np.float32(0.14218658), np.float32(-0.16669251)
_A2, _A1, _A0 = np.float32(0.20002227), np.float32(-0.24999987), np.float32(0.33333310)
"""(log(1 + x) - x + x^2 / 2) / x^3 where 1 + x lies between sqrt(1/2) and sqrt(2), as a polynomial of x. This one and
the next two have the least maximal error of their degree, by reweighted least squares; each was fitted for this."""
_S3, _S2, _S1, _S0 = np.float32(2.7183078e-6), np.float32(-1.9839345e-4), np.float32(8.3333291e-3), np.float32(-1 / 6)
"""(sin(t) / t - 1) / t^2 up to an eighth of a turn, as a polynomial of t^2."""
_C2, _C1, _C0 = np.float32(2.4438414e-5), np.float32(-1.3887368e-3), np.float32(0.041666646)
"""(cos(t) - 1 + t^2 / 2) / t^4, likewise."""

NoiseKey = tuple[int, int]


def noise_key(seed: int, image: str) -> NoiseKey:
    """Return the key of an image's noise: two integers below 2^32, from a checksum of seed and id.

    Parameters
    ----------
    seed : int
        Seed of the map.
    image : str
        Id of the image.

    Returns
    -------
    tuple of int
        The two words of Philox' key.
    """
    digest = hashlib.sha256(f"{seed}\n{image}".encode()).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:8], "little")


def write_standard_normal(samples: Tensor, key: NoiseKey, first: int) -> None:
    """Write standard normal values that depend on the key, each sample's number and the place in it alone.

    Parameters
    ----------
    samples : Tensor, (sample, ...), float32
        Where they are written, contiguous, on any device.
    key : tuple of int
        See ``noise_key``.
    first : int
        Number of the first sample.
    """
    if samples.device.type == "cpu":
        flat = samples.view(len(samples), -1).numpy()
        for row, values in enumerate(flat):
            _write_normal(values, first + row, np.uint32(key[0]), np.uint32(key[1]))
    else:
        samples.copy_(standard_normal(key, range(first, first + len(samples)), samples.shape[1:], samples.device))


def standard_normal(key: NoiseKey, samples: range, shape: tuple[int, ...], device: torch.device | str) -> Tensor:
    """Return the values that ``write_standard_normal`` writes, by operations of tensors, as devices other than CPUs do.

    Parameters
    ----------
    key : tuple of int
        See ``noise_key``.
    samples : range
        Numbers of samples.
    shape : tuple of int
        Shape of one sample.
    device : torch.device or str
        Where they are computed.

    Returns
    -------
    Tensor, (sample, *shape), float32
        Unitless, within 1e-6 of a CPU's.
    """
    count = math.prod(shape)
    place = torch.arange(-(-count // 4), device=device)
    number = torch.arange(samples.start, samples.stop, samples.step, device=device)[:, None]
    zero = torch.zeros_like(place)[None]
    words = philox((place[None].expand(len(samples), -1), number.expand(-1, len(place)), zero, zero), key)
    pairs = [_box_muller(words[0], words[1]), _box_muller(words[2], words[3])]
    values = torch.cat([value for pair in pairs for value in pair], dim=1)
    return values[:, :count].reshape(len(samples), *shape)


def philox(counter: tuple[Tensor, Tensor, Tensor, Tensor], key: NoiseKey) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return four random integers for each counter: Philox 4x32-10.

    Parameters
    ----------
    counter : tuple of Tensor, int64
        Four words below 2^32, of shapes that broadcast.
    key : tuple of int
        Two words below 2^32.

    Returns
    -------
    tuple of Tensor, int64
        Four words below 2^32.

    References
    ----------
    Salmon et al. 2011, section 3.3.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(_ROUNDS):
        # A product of two words has 64 bits; as a signed integer it wraps around, and its bits stay.
        first, second = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        c0, c1 = ((second >> 32) & _MASK) ^ c1 ^ k0, second & _MASK
        c2, c3 = ((first >> 32) & _MASK) ^ c3 ^ k1, first & _MASK
        k0, k1 = (k0 + _WEYL[0]) & _MASK, (k1 + _WEYL[1]) & _MASK
    return c0, c1, c2, c3


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


def _box_muller(radial: Tensor, angular: Tensor) -> tuple[Tensor, Tensor]:
    """Return two normal values of two words; as ``_normal_pair``, by operations of tensors."""
    uniform = (radial.to(torch.float32) + 0.5) * _INVERSE_RANGE
    radius = torch.sqrt(-2.0 * torch.log(uniform))
    quadrant = ((angular + 0x20000000) & _MASK) >> 30
    within = angular - (quadrant << 30)
    within = torch.where(within > 0x7FFFFFFF, within - 0x100000000, within)
    angle = within.to(torch.float32) * _TURN
    cosine, sine = torch.cos(angle), torch.sin(angle)
    odd = (quadrant & 1).bool()
    across, up = torch.where(odd, sine, cosine), torch.where(odd, cosine, sine)
    across = torch.where((quadrant == 1) | (quadrant == 2), -across, across)
    up = torch.where(quadrant >= 2, -up, up)
    return radius * across, radius * up


@njit(cache=True, inline="always")
def _philox_words(c0, c1, k0, k1):
    """Compute the four words of the counter (c0, c1, 0, 0); see ``philox``."""
    c2, c3 = np.uint32(0), np.uint32(0)
    for _ in range(_ROUNDS):
        first = np.uint64(_MULTIPLIERS[0]) * np.uint64(c0)
        second = np.uint64(_MULTIPLIERS[1]) * np.uint64(c2)
        c0, c1 = np.uint32(np.uint32(second >> np.uint64(32)) ^ c1 ^ k0), np.uint32(second)
        c2, c3 = np.uint32(np.uint32(first >> np.uint64(32)) ^ c3 ^ k1), np.uint32(first)
        k0, k1 = np.uint32(k0 + np.uint32(_WEYL[0])), np.uint32(k1 + np.uint32(_WEYL[1]))
    return c0, c1, c2, c3


@njit(cache=True, inline="always")
def _log_uniform(word):
    """Compute log((word + 1/2) / 2^32) without a branch or a call, so that it becomes a loop over vectors."""
    value = np.float32(np.float32(word) + np.float32(0.5))
    bits = value.view(np.uint32)
    mantissa = np.uint32((bits & np.uint32(0x7FFFFF)) | np.uint32(0x3F800000)).view(np.float32)
    above = mantissa > np.float32(math.sqrt(2))
    mantissa = mantissa * np.float32(0.5) if above else mantissa
    exponent = np.int32(bits >> np.uint32(23)) - np.int32(127 + 32)
    power = np.float32(exponent + (np.int32(1) if above else np.int32(0)))
    x = mantissa - np.float32(1.0)
    series = _A8
    series = series * x + _A7
    series = series * x + _A6
    series = series * x + _A5
    series = series * x + _A4
    series = series * x + _A3
    series = series * x + _A2
    series = series * x + _A1
    series = series * x + _A0
    square = x * x
    low = series * x * square - np.float32(0.5) * square + power * np.float32(_LOG_2[1])
    return power * np.float32(_LOG_2[0]) + (x + low)


@njit(cache=True, inline="always")
def _normal_pair(radial, angular):
    """Compute two normal values of two words by Box and Muller, in float32."""
    radius = np.sqrt(np.float32(-2.0) * _log_uniform(radial))
    quadrant = np.uint32(angular + np.uint32(0x20000000)) >> np.uint32(30)
    within = np.int32(np.uint32(angular - np.uint32(quadrant << np.uint32(30))))
    angle = np.float32(within) * np.float32(_TURN)
    square = angle * angle
    sine = ((_S3 * square + _S2) * square + _S1) * square + _S0
    cosine = (_C2 * square + _C1) * square + _C0
    sine = angle + sine * square * angle
    cosine = np.float32(1.0) - np.float32(0.5) * square + cosine * square * square
    odd = (quadrant & np.uint32(1)) != 0
    across = sine if odd else cosine
    up = cosine if odd else sine
    across = -across if (quadrant == 1) | (quadrant == 2) else across
    up = -up if quadrant >= 2 else up
    return radius * across, radius * up


@njit(cache=True, nogil=True)
def _write_normal(values, sample, k0, k1):
    """Write normal values (place,) of one sample: word w of block b goes to place w * blocks + b."""
    blocks = (len(values) + 3) // 4
    filled = values if 4 * blocks == len(values) else np.empty(4 * blocks, np.float32)
    first, second = filled[:blocks], filled[blocks : 2 * blocks]
    third, fourth = filled[2 * blocks : 3 * blocks], filled[3 * blocks :]
    for block in range(blocks):
        w0, w1, w2, w3 = _philox_words(np.uint32(block), np.uint32(sample), k0, k1)
        first[block], second[block] = _normal_pair(w0, w1)
        third[block], fourth[block] = _normal_pair(w2, w3)
    if len(filled) > len(values):
        values[:] = filled[: len(values)]
