"""Running means of signed maps: n so far, per channel and pixel, with what is needed for their Monte-Carlo error.

The error of anything computed from a map (reduced over colour, smoothed, normalised, a difference of two networks)
comes from the delete-one-group jackknife: samples are dealt to ``N_GROUPS`` groups by their index, the quantity is
computed again without each group, and the scatter tells the error. It needs no assumption on how channels, pixels or
the two networks' errors hang together; networks that saw the same noise are compared group by group.
Source: Busing, Meijer, van der Leeden 1999, "Delete-m jackknife for unequal m" (Statistics and Computing 9).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

N_GROUPS = 10
"""Groups of samples for the jackknife; sample k belongs to group k mod GROUPS."""


@dataclass(frozen=True, slots=True, eq=False)
class MapState:
    """The map of one image by one network after ``n`` of ``n_samples`` samples, steps or windows.

    ``mean`` is the signed map (channel, y, x), float32. Methods with chance also have ``squares``, the sum of squared
    deviations from the mean (channel, y, x), float64, and ``group_sums`` (group, channel, y, x), float32, with
    ``group_counts`` samples each. ``sigma`` is the noise's standard deviation in input units (0: no noise), ``target``
    the category explained, ``note`` a sentence when something is worth saying.
    """

    mean: np.ndarray
    n: int
    n_samples: int
    target: int
    sigma: float = 0.0
    squares: np.ndarray | None = None
    group_sums: np.ndarray | None = None
    group_counts: np.ndarray | None = None
    note: str = ""

    @property
    def done(self) -> bool:
        """Whether nothing is left to compute."""
        return self.n >= self.n_samples

    @property
    def standard_error(self) -> np.ndarray | None:
        """Standard error of ``mean`` (channel, y, x) by chance; NaN for one sample, None for methods without chance."""
        if self.squares is None:
            return None
        if self.n < 2:
            return np.full(self.mean.shape, np.nan, np.float32)
        return np.sqrt(self.squares / (self.n - 1) / self.n).astype(np.float32)

    def delete_group_means(self) -> np.ndarray | None:
        """The mean without each group that has samples, (group, channel, y, x); None with fewer than two groups."""
        if self.group_sums is None or self.group_counts is None or self.n < 2:
            return None
        filled = self.group_counts > 0
        rest = (self.n - self.group_counts[filled]).astype(np.float32)[:, None, None, None]
        return (self.mean * np.float32(self.n) - self.group_sums[filled]) / rest


def initial_state(shape: tuple[int, int, int], *, n_samples: int, target: int, sigma: float) -> MapState:
    """The state before the first sample of a method with chance."""
    return MapState(
        mean=np.zeros(shape, np.float32),
        n=0,
        n_samples=n_samples,
        target=target,
        sigma=sigma,
        squares=np.zeros(shape, np.float64),
        group_sums=np.zeros((N_GROUPS, *shape), np.float32),
        group_counts=np.zeros(N_GROUPS, np.int64),
    )


def add_samples(state: MapState, samples: np.ndarray) -> MapState:
    """``state`` after the samples ``samples`` (sample, channel, y, x), which follow the ones it has.

    Sums are kept in float64 per chunk and merged by Chan's formula, so that the way samples are cut into chunks does
    not show. The old state is left as it was.
    """
    if state.squares is None or state.group_sums is None or state.group_counts is None:
        raise ValueError("samples can be added to the state of a method with chance, which has sums of groups.")
    added = samples.shape[0]
    n = state.n + added
    chunk_mean = samples.mean(axis=0, dtype=np.float64)
    deviations = samples - chunk_mean.astype(np.float32)
    chunk_squares = np.einsum("scyx,scyx->cyx", deviations, deviations, dtype=np.float64)
    sums, counts = state.group_sums.copy(), state.group_counts.copy()
    for offset in range(added):
        group = (state.n + offset) % N_GROUPS
        sums[group] += samples[offset]
        counts[group] += 1
    difference = chunk_mean - state.mean
    return replace(
        state,
        mean=(sums.sum(axis=0, dtype=np.float64) / n).astype(np.float32),
        n=n,
        squares=state.squares + chunk_squares + difference**2 * (state.n * added / n),
        group_sums=sums,
        group_counts=counts,
    )


def jackknife_error(estimate: np.ndarray, delete_group_estimates: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Standard error of an estimate ``estimate`` (...) from its values ``delete_group_estimates`` (group, ...) each
    group of samples.

    ``counts`` are the samples of each group. Exact for a mean with groups of one sample each; unequal groups are
    weighted as Busing et al. 1999 do.
    """
    groups, n = len(counts), int(counts.sum())
    share = (counts / n).reshape(groups, *([1] * estimate.ndim))
    inflation = 1 / share
    centre = groups * estimate - ((1 - share) * delete_group_estimates).sum(axis=0)
    pseudo = inflation * estimate - (inflation - 1) * delete_group_estimates
    return np.sqrt(((pseudo - centre) ** 2 / (inflation - 1)).mean(axis=0)).astype(np.float32)


def monte_carlo_error(quantity: Callable[..., np.ndarray], *states: MapState) -> np.ndarray | None:
    """Standard error of ``quantity(*means)`` where each mean is a state's (channel, y, x); None where it is not known.

    States of several networks must have the same samples (one seed, one image, one n): groups are left out together,
    so what the networks share cancels.
    """
    if len({state.n for state in states}) != 1:
        raise ValueError(f"states with the same samples were expected; they have n = {[state.n for state in states]}.")
    leave_out = [state.delete_group_means() for state in states]
    counts = states[0].group_counts
    if counts is None or any(rest is None for rest in leave_out):
        return None
    counts = counts[counts > 0]
    whole = quantity(*(state.mean for state in states))
    without = np.stack([quantity(*rest) for rest in zip(*leave_out, strict=True)])
    return jackknife_error(whole, without, counts)
