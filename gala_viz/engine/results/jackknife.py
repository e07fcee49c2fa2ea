"""The Monte-Carlo error of anything that is computed from maps: the delete-one-group jackknife.

Samples are dealt to groups by their number, the quantity is computed again without each group, and the error follows
from the scatter. It needs no assumption on how channels, pixels or the two networks' errors are correlated; networks
with the same noise are compared group by group.
Source: Busing, Meijer, van der Leeden 1999, "Delete-m jackknife for unequal m" (Statistics and Computing 9).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from gala_viz.attribution.map_state import MapState, array_functions

MIN_EXPONENT, MAX_EXPONENT = -126, 127
"""Powers of two that are normal numbers in float32."""


def jackknife_error(estimate: np.ndarray, delete_group_estimates: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the standard error of an estimate by the delete-one-group jackknife.

    It is exact for a mean with groups of one sample each; unequal groups are weighted.

    Parameters
    ----------
    estimate : ndarray or Tensor, (...)
        The estimate from all samples.
    delete_group_estimates : ndarray or Tensor, (group, ...)
        The estimate without each group of samples.
    counts : ndarray, (group,), int
        Samples of each group.

    Returns
    -------
    ndarray or Tensor, (...), float32
        Standard error in the unit of ``estimate``.

    References
    ----------
    Busing, Meijer, van der Leeden 1999.
    """
    xp = array_functions(estimate)
    shares = (np.asarray(counts) / counts.sum()).tolist()
    # A pseudo-value minus their centre, in deviations from the estimate: small numbers, of which float32 is enough.
    deviations = [without - estimate for without in delete_group_estimates]
    scale = _power_of_two(deviations)
    deviations = [one / scale for one in deviations]
    centre = sum((1 - share) * one for share, one in zip(shares, deviations, strict=True))
    squares = sum(
        (centre - (1 / share - 1) * one) ** 2 / (1 / share - 1) for share, one in zip(shares, deviations, strict=True)
    )
    error = xp.sqrt(squares / len(shares)) * scale
    return error.astype(np.float32) if xp is np else error


def _power_of_two(arrays: Sequence[np.ndarray]) -> float:
    """Return the power of two next above the largest finite absolute value of arrays, or tensors; 1 for zeros.

    Values divided by it have squares within float32's range, of networks with gradients of any size. Division by a
    power of two rounds nothing, so errors are the same to the last bit as without it, where float32 can square them.
    """
    xp = array_functions(arrays[0])
    sizes = [xp.where(xp.isfinite(one), xp.abs(one), xp.zeros_like(one)).max() for one in arrays]
    largest = float(xp.stack(sizes).max())  # one number from the device, once
    return math.ldexp(1.0, min(max(math.frexp(largest)[1], MIN_EXPONENT), MAX_EXPONENT))


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
    ndarray, Tensor or None
        Standard error of ``quantity(*means)``, float32, of the kind that ``quantity`` returns; None where it is not
        known.

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
    without = array_functions(whole).stack([quantity(*rest) for rest in zip(*leave_out, strict=True)])
    return jackknife_error(whole, without, counts)
