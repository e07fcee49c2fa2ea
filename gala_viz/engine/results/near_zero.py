"""Whether a signed map says more than chance: its expectation against zero, over all cells, and in the largest one.

Two questions are asked of the groups of samples, each at half of ``FALSE_ALARM``. *Over all cells:* the share of each
value's squares that its mean has, averaged over cells, among those with the groups' signs flipped at will: exact for
noise that is smooth or equal in all channels, whose share beyond an error scatters as that of few independent values.
*In the largest cell:* its Student's t against Bonferroni's bound over all cells, for a signal in few of them.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.special import stdtrit

from gala_viz.engine.results.reliability import ERRORS, chance_beyond_error

NEGLIGIBLE_LOGITS = 1e-3
"""A map whose values together stand for no more than this change of a logit is about zero."""

FALSE_ALARM = 0.05
"""Of maps of noise alone at most this share is not told to be about zero."""

MIN_GROUPS = 10
"""Groups of samples from which on "within its error" is asked: with fewer than seven, flips cannot tell anything."""

FAR_ERRORS = 4.0
"""Standard errors beyond which the share of a map is told where few pixels stand out."""

FEW = 0.05
"""Share of a map beyond ``ERRORS`` standard errors, less that by chance, up to which it is called a few pixels."""

SUBJECT = "the signed map of each colour channel, unsmoothed,"


def near_zero_message(
    values: np.ndarray,
    *,
    group_sums: np.ndarray | None = None,
    counts: np.ndarray | None = None,
    input_range: float = 1.0,
) -> str:
    """Return a sentence where a signed map says nothing, or little, else "".

    It says nothing where the sum of the absolute values times ``input_range`` does not exceed ``NEGLIGIBLE_LOGITS``;
    and where neither all values together nor the largest of them lie further from zero than chance puts them. Where the
    largest does, and ``FEW`` others do, the sentence says that a few pixels stand out.

    Parameters
    ----------
    values : ndarray, (..., y, x)
        Signed map.
    group_sums : ndarray, (group, ..., y, x), optional
        Sum of the samples of each group; without them, or with fewer than ``MIN_GROUPS``, chance is not asked about.
    counts : ndarray, (group,), int, optional
        Samples of each group.
    input_range : float
        Range of the input for a map in logits per input unit, 1 for a map in logits.

    Returns
    -------
    str
        A sentence without its end, or "".
    """
    if not np.nansum(np.abs(values), dtype=np.float64) * input_range > NEGLIGIBLE_LOGITS:
        return "the signed map is about zero"
    if group_sums is None or counts is None or (counts > 0).sum() < MIN_GROUPS or not np.isfinite(group_sums).all():
        return ""
    freedom = int((counts > 0).sum()) - 1
    shares, flipped = _mean_shares(group_sums[counts > 0], counts[counts > 0])
    sizes = np.sqrt(freedom * shares / np.maximum(1 - shares, np.finfo(np.float64).eps))  # |t| of each value
    is_spread = np.mean(flipped >= flipped[0] * (1 - 1e-9)) <= FALSE_ALARM / 2
    largest, bound = sizes.max(initial=0), _t_bound(FALSE_ALARM / 2 / max(sizes.size, 1), freedom)
    beyond, of_noise = float(np.mean(sizes > ERRORS)), chance_beyond_error(freedom)
    if not is_spread and largest <= bound:
        return (
            f"{SUBJECT} is about zero within its error: {100 * beyond:.0f} % of it beyond {ERRORS:g} standard errors "
            f"(noise alone: {100 * of_noise:.0f} %); draw more samples"
        )
    if largest > bound and beyond - of_noise <= FEW:
        far, of_noise = float(np.mean(sizes > FAR_ERRORS)), chance_beyond_error(freedom, FAR_ERRORS)
        return (
            f"{SUBJECT} is within its error but for a few pixels: {100 * far:.1f} % of it beyond {FAR_ERRORS:g} "
            f"standard errors (noise alone: {100 * of_noise:.1f} %), the largest {largest:.0f} "
            f"(noise alone: up to {bound:.0f})"
        )
    return ""


def _t_bound(chance: float, degrees_of_freedom: int) -> float:
    """Return what Student's |t| exceeds with probability ``chance``."""
    return float(-stdtrit(degrees_of_freedom, chance / 2))


def _mean_shares(group_sums: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each cell's share of squares that its mean has, and their mean with all signs of the groups.

    The share is t² / (t² + groups - 1), from 0 to 1, for groups of any sizes. Flipped signs do not change the squares,
    so that a matrix of groups by groups tells the mean share of all flips; the first of them flips none.
    """
    sums = group_sums.reshape(len(group_sums), -1).astype(np.float64)
    squares = counts.sum() * (sums**2 / counts[:, None]).sum(axis=0)
    scaled = sums / np.sqrt(np.where(squares > 0, squares, np.inf))
    signs = _signs(len(counts))
    means = np.einsum("fg,gh,fh->f", signs, scaled @ scaled.T, signs) / max(scaled.shape[1], 1)
    return np.minimum(scaled.sum(axis=0) ** 2, 1.0), means


@cache
def _signs(n_groups: int) -> np.ndarray:
    """Return all ways (flip, group) to flip signs, without their mirror images; the first flips none."""
    bits = np.arange(2 ** (n_groups - 1))[:, None] >> np.arange(n_groups - 1) & 1
    return np.hstack([np.ones((len(bits), 1)), 1.0 - 2.0 * bits])
