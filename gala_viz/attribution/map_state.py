"""Running means of signed maps: n so far, per channel and pixel, with what is needed for their Monte-Carlo error.

The error of anything computed from a map (reduced over colour, smoothed, normalised, a difference of two networks)
comes from the delete-one-group jackknife: samples are dealt to ``N_GROUPS`` groups by their index, the quantity is
computed again without each group, and the error follows from the scatter. It needs no assumption on how channels,
pixels or the two networks' errors are correlated; networks with the same noise are compared group by group.
Source: Busing, Meijer, van der Leeden 1999, "Delete-m jackknife for unequal m" (Statistics and Computing 9).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

N_GROUPS = 10
"""Groups of samples for the jackknife; sample k belongs to group k mod N_GROUPS."""


@dataclass(frozen=True, slots=True, eq=False)
class MapState:
    """The map of one image by one network after ``n`` of ``n_samples`` samples, steps or windows.

    Parameters
    ----------
    mean : ndarray, (channel, y, x), float32
        The signed map.
    n : int
        Samples so far.
    n_samples : int
        Samples of the finished map.
    target : int
        Category index that is explained.
    sigma : float
        Standard deviation of the noise in input units; 0: no noise.
    group_sums : ndarray, (group, channel, y, x), float32, optional
        Sum of the samples of each group; None for methods that are not stochastic.
    note : str
        A sentence for whoever reads the map, for example that chunks were halved.
    """

    mean: np.ndarray
    n: int
    n_samples: int
    target: int
    sigma: float = 0.0
    group_sums: np.ndarray | None = None
    note: str = ""

    @property
    def done(self) -> bool:
        """Whether nothing is left to compute."""
        return self.n >= self.n_samples

    @property
    def group_counts(self) -> np.ndarray:
        """Samples of each group (group,), int64."""
        return (self.n - np.arange(N_GROUPS) + N_GROUPS - 1) // N_GROUPS

    @property
    def standard_error(self) -> np.ndarray | None:
        """Monte-Carlo standard error of ``mean`` (channel, y, x), float32.

        NaN for one sample, None for methods that are not stochastic.
        """
        if self.group_sums is None:
            return None
        error = monte_carlo_error(lambda mean: mean, self)
        return np.full(self.mean.shape, np.nan, np.float32) if error is None else error

    def delete_group_means(self) -> np.ndarray | None:
        """Return the means without each group.

        Returns
        -------
        ndarray, (group, channel, y, x), float32, or None
            One mean for each group that has samples; None with fewer than two samples, or for methods that are not
            stochastic.
        """
        if self.group_sums is None or self.n < 2:
            return None
        counts = self.group_counts
        filled = counts > 0
        rest = (self.n - counts[filled]).astype(np.float32)[:, None, None, None]
        return (self.mean * np.float32(self.n) - self.group_sums[filled]) / rest


def jackknife_error(estimate: np.ndarray, delete_group_estimates: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the standard error of an estimate by the delete-one-group jackknife.

    It is exact for a mean with groups of one sample each; unequal groups are weighted.

    Parameters
    ----------
    estimate : ndarray, (...)
        The estimate from all samples.
    delete_group_estimates : ndarray, (group, ...)
        The estimate without each group of samples.
    counts : ndarray, (group,), int
        Samples of each group.

    Returns
    -------
    ndarray, (...), float32
        Standard error in the unit of ``estimate``.

    References
    ----------
    Busing, Meijer, van der Leeden 1999.
    """
    groups, n = len(counts), int(counts.sum())
    share = (counts / n).reshape(groups, *([1] * estimate.ndim))
    inflation = 1 / share
    centre = groups * estimate - ((1 - share) * delete_group_estimates).sum(axis=0)
    pseudo = inflation * estimate - (inflation - 1) * delete_group_estimates
    return np.sqrt(((pseudo - centre) ** 2 / (inflation - 1)).mean(axis=0)).astype(np.float32)


def monte_carlo_error(quantity: Callable[..., np.ndarray], *states: MapState) -> np.ndarray | None:
    """Return the Monte-Carlo standard error of a quantity of one or several maps.

    Groups of samples are left out of all states together, so that what the networks share cancels.

    Parameters
    ----------
    quantity : callable
        Takes one mean (channel, y, x) for each state, and returns an array.
    *states : MapState
        States of the same samples: one seed, one image, one n.

    Returns
    -------
    ndarray or None
        Standard error of ``quantity(*means)``, float32; None where it is not known.

    Raises
    ------
    ValueError
        The states have different numbers of samples.
    """
    if len({state.n for state in states}) != 1:
        raise ValueError(f"states with the same samples were expected; they have n = {[state.n for state in states]}.")
    leave_out = [state.delete_group_means() for state in states]
    if any(rest is None for rest in leave_out):
        return None
    counts = states[0].group_counts
    counts = counts[counts > 0]
    whole = quantity(*(state.mean for state in states))
    without = np.stack([quantity(*rest) for rest in zip(*leave_out, strict=True)])
    return jackknife_error(whole, without, counts)
