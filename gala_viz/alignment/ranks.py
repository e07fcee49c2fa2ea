"""Ranks and rank correlations of many rows at once, by a compiled radix sort."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

_DIGIT_BITS = 11
_BUCKETS = 1 << _DIGIT_BITS
_TOP_DIGITS, _ALL_DIGITS = 2, 6
"""Digits that are sorted by: the upper 22 bits of a short row, whose rest is put in order by insertion; or all 64."""
SHORT_ROW = 8192


def rank_rows(values: np.ndarray) -> np.ndarray:
    """Return ranks along each row, ties averaged; equal to SciPy's ``rankdata``.

    Parameters
    ----------
    values : ndarray, (row, value), float64
        Without NaN.

    Returns
    -------
    ndarray, (row, value), float64
        Ranks from 1 on.
    """
    ranks = np.empty(values.shape)
    _rank_rows(_bits(values), ranks, _n_digits(values))
    return ranks


def rank_correlations(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return Spearman's rho of each row of two arrays.

    Parameters
    ----------
    first, second : ndarray, (row, value), float64
        Without NaN.

    Returns
    -------
    ndarray, (row,), float64
        rho in [-1, 1]; NaN where a row is constant.
    """
    rhos = np.empty(len(first))
    _correlate_rows(_bits(first), _bits(second), rhos, _n_digits(first))
    return rhos


def _bits(values: np.ndarray) -> np.ndarray:
    """Return float64 as their bits; -0.0 becomes 0.0, which is the same value."""
    return np.ascontiguousarray(values + 0.0, dtype=np.float64).view(np.uint64)


def _n_digits(values: np.ndarray) -> int:
    return _TOP_DIGITS if values.shape[1] <= SHORT_ROW else _ALL_DIGITS


@njit(cache=True, nogil=True)
def _rank_rows(bits, ranks, n_digits):
    room = _room(bits.shape[1], n_digits)
    for row in range(bits.shape[0]):
        _rank(bits[row], ranks[row], room)


@njit(cache=True, nogil=True)
def _correlate_rows(first, second, rhos, n_digits):
    n = first.shape[1]
    room = _room(n, n_digits)
    one, other = np.empty(n), np.empty(n)
    mean = (n + 1) / 2
    for row in range(first.shape[0]):
        _rank(first[row], one, room)
        _rank(second[row], other, room)
        both = size = other_size = 0.0
        for place in range(n):
            a, b = one[place] - mean, other[place] - mean
            both += a * b
            size += a * a
            other_size += b * b
        norm = math.sqrt(size * other_size)
        rhos[row] = min(1.0, max(-1.0, both / norm)) if norm > 0 else math.nan


@njit(cache=True, inline="always")
def _room(n, n_digits):
    """Return arrays to sort a row of ``n`` values in."""
    counts = np.empty((n_digits, _BUCKETS), np.int32)
    return np.empty(n, np.uint64), np.empty(n, np.uint64), np.empty(n, np.int32), np.empty(n, np.int32), counts


@njit(cache=True, nogil=True)
def _rank(bits, ranks, room):
    """Rank one row of float64, given as its bits."""
    keys, moved, order, moved_order, counts = room
    n, n_digits = len(bits), len(counts)
    counts[:] = 0
    for place in range(n):
        word = bits[place]
        negative = word >> np.uint64(63)
        key = ~word if negative else word | np.uint64(0x8000000000000000)  # in the order of the numbers
        keys[place], order[place] = key, place
        for digit in range(n_digits):
            counts[digit, _digit(key, digit, n_digits)] += 1
    for digit in range(n_digits):
        total = 0
        for bucket in range(_BUCKETS):
            count = counts[digit, bucket]
            counts[digit, bucket] = total
            total += count
        for place in range(n):
            key = keys[place]
            bucket = _digit(key, digit, n_digits)
            to = counts[digit, bucket]
            counts[digit, bucket] = to + 1
            moved[to], moved_order[to] = key, order[place]
        keys, moved = moved, keys
        order, moved_order = moved_order, order
    for place in range(1, n):
        key, at = keys[place], order[place]
        to = place
        while to > 0 and keys[to - 1] > key:
            keys[to], order[to] = keys[to - 1], order[to - 1]
            to -= 1
        keys[to], order[to] = key, at
    start = 0
    while start < n:
        end = start + 1
        while end < n and keys[end] == keys[start]:
            end += 1
        rank = (start + 1 + end) / 2
        for place in range(start, end):
            ranks[order[place]] = rank
        start = end


@njit(cache=True, inline="always")
def _digit(key, digit, n_digits):
    """Return one digit of a key, the least significant first; the last ones are the upper bits of the key."""
    shift = 64 - _DIGIT_BITS * (n_digits - digit)
    if shift >= 0:
        return np.int64((key >> np.uint64(shift)) & np.uint64(_BUCKETS - 1))
    return np.int64(key & np.uint64((1 << (_DIGIT_BITS + shift)) - 1))
