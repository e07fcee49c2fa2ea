"""Revelation of an image by importance, from the most important pixel on, at fixed levels: contiguous, or by rank.

Source of the rule: Linsley et al. 2019, section 4 and figure 1B, where important pixels are revealed from 1 to 100 % in
steps of a logarithm. The generator of the published stimuli is not public; here growth is a flood fill whose next pixel
is drawn at the edge of what is revealed, the more important the more likely. A level is a number of pixels, in per cent
of the number of important ones; contiguous growth does not reveal just these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numba
import numpy as np
from numpy.typing import NDArray

from gala_viz.collections.fills import fill_photo
from gala_viz.deprecated_paths import deprecated_getattr
from gala_viz.specs import check_finite

LEVELS = (1.0, 1.6, 2.5, 4.0, 6.3, 10.0, 15.8, 25.1, 39.8, 63.1, 100.0)
"""Pixels revealed, in per cent of the number of important ones, log-spaced; the twelfth level is the full image."""
FULL = "full"
CONTIGUOUS, RANKED = "contiguous", "ranked"


@dataclass(frozen=True, kw_only=True, slots=True)
class RevelationSpec:
    """How images are revealed.

    Parameters
    ----------
    levels : tuple of float
        Number of pixels that are revealed, in per cent of the number of important ones, rising, above 0 to 100.
    important_fraction : float
        Share of an image's pixels, those with the largest values, that are important: with 0.15, 40 % of them are 6 %
        of all pixels, as published.
    temperature : float
        0 always reveals the most important pixel at the edge; the higher, the more often chance reveals another. It
        scales the Gumbel noise that is added to the logarithm of importance. Pixels by rank know no temperature.
    fill : {"phase", "grey"}
        What stands at hidden pixels: the image with its phases scrambled, or grey.
    seed : int
        With an image's seed it determines the growth.
    order : {"contiguous", "ranked"}, optional
        "contiguous" grows one piece, which at 100 % holds a part of the important pixels alone; "ranked" reveals the
        pixels by their importance, so that 100 % are the important ones. None means that the experiment's file does not
        have the setting, since it was made before there was one: contiguous.

    References
    ----------
    Linsley et al. 2019, section 4 and figure 1B.
    """

    levels: tuple[float, ...] = LEVELS
    important_fraction: float = 0.15
    temperature: float = 0.5
    fill: Literal["phase", "grey"] = "phase"
    seed: int = 0
    order: Literal["contiguous", "ranked"] | None = CONTIGUOUS

    def __post_init__(self) -> None:
        check_finite(self)
        if not 0 < self.important_fraction <= 1:
            raise ValueError(f"important_fraction is a share, above 0 and at most 1; got {self.important_fraction}.")
        if not self.levels or not all(0 < level <= 100 for level in self.levels):
            raise ValueError(f"levels are per cents of a number of pixels, above 0 to 100; got {self.levels}.")
        if list(self.levels) != sorted(set(self.levels)):
            raise ValueError(f"levels rise; got {self.levels}.")
        if self.temperature < 0:
            raise ValueError(f"temperature is 0 or more; got {self.temperature}.")
        if self.fill not in ("phase", "grey"):
            raise ValueError(f"fill is 'phase' or 'grey'; got {self.fill!r}.")
        if self.order not in (CONTIGUOUS, RANKED, None):
            raise ValueError(f"order is 'contiguous' or 'ranked'; got {self.order!r}.")


def revelation_order(importance: NDArray, spec: RevelationSpec, seed: int) -> NDArray[np.int32]:
    """Return the pixels of ``importance`` (y, x) in the order in which they are revealed, as indices of the flat map.

    There are as many as are important. The first is the most important. In contiguous order each further one touches
    an earlier one by a side; in ranked order each is the next most important, and chance decides among equals. The same
    map, spec and ``seed`` give the same order. Raises ``ValueError`` for a map with a value that is negative or not
    finite, or without a positive one.
    """
    values = np.asarray(importance, np.float64)
    if values.ndim != 2 or not np.isfinite(values).all() or values.min() < 0 or not values.max() > 0:
        raise ValueError("a map (y, x) of finite values, none below 0 and one above, was expected.")
    count = max(1, round(spec.important_fraction * values.size))
    rng = np.random.default_rng([spec.seed, seed])
    if spec.order == RANKED:
        return np.lexsort((rng.random(values.size), -values.ravel()))[:count].astype(np.int32)
    noise = rng.gumbel(size=values.shape)
    floor = values[values > 0].min() * 1e-3
    priority = np.log(np.maximum(values, floor)) + spec.temperature * noise
    return _flood(priority, int(values.argmax()), count)


def revelation_mask(order: NDArray[np.int32], shape: tuple[int, int], level: float) -> NDArray[np.bool_]:
    """Return the mask, bool ``shape``, that ``level`` per cent of the pixels of ``order`` reveal; levels are nested."""
    mask = np.zeros(shape[0] * shape[1], dtype=bool)
    mask[order[: max(1, round(len(order) * level / 100))]] = True
    return mask.reshape(shape)


def count_important(importance: NDArray, order: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return how many important pixels are among the first k + 1 of ``order``, (pixel,).

    The important pixels of ``importance`` (y, x) are the largest, as many as ``order`` has. Where the least of them has
    equals, those that come first in ``order`` count, until there are as many as are important.
    """
    values = np.asarray(importance, np.float64).ravel()
    least = np.partition(values, -len(order))[-len(order)]
    among_equals = len(order) - int((values > least).sum())
    along = values[order]
    counts = np.cumsum(along > least) + np.minimum(np.cumsum(along == least), among_equals)
    return counts.astype(np.int32)


def fill_image(photo: NDArray[np.uint8], spec: RevelationSpec, seed: int) -> NDArray[np.uint8]:
    """Return what stands where ``photo`` (y, x, 3) is hidden: its phase-scrambled copy, or grey."""
    return fill_photo(photo, spec.fill, seed)


@numba.njit(cache=True)
def _flood(priority: NDArray[np.float64], first: int, count: int) -> NDArray[np.int32]:
    """Grow best-first over the four neighbours, with a binary heap; return ``count`` indices of the flat map."""
    height, width = priority.shape
    flat = priority.ravel()
    state = np.zeros(flat.size, np.uint8)  # 1: waits at the edge or was taken
    heap = np.empty(4 * count + 8, np.int32)
    size = 1
    heap[0] = first
    state[first] = 1
    order = np.empty(count, np.int32)
    for number in range(count):
        place = heap[0]
        size -= 1
        last = heap[size]
        at = 0
        while True:  # let the last one sink from the top
            child = 2 * at + 1
            if child >= size:
                break
            if child + 1 < size and flat[heap[child + 1]] > flat[heap[child]]:
                child += 1
            if flat[heap[child]] <= flat[last]:
                break
            heap[at] = heap[child]
            at = child
        heap[at] = last
        order[number] = place
        y, x = place // width, place % width
        for step in range(4):
            row, column = y + (step == 0) - (step == 1), x + (step == 2) - (step == 3)
            if row < 0 or column < 0 or row >= height or column >= width:
                continue
            other = row * width + column
            if state[other]:
                continue
            state[other] = 1
            at = size
            size += 1
            while at > 0 and flat[heap[(at - 1) // 2]] < flat[other]:
                heap[at] = heap[(at - 1) // 2]
                at = (at - 1) // 2
            heap[at] = other
    return order


__getattr__ = deprecated_getattr(__name__)
