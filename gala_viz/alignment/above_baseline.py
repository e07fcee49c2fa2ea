"""The fraction above the shuffled-image baseline: how much of what people share beyond any image a network has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gala_viz.alignment.baseline import (
    baseline_without_each,
    concerned_units,
    interval_over_images,
    mean_over_partners,
    mean_without_each,
    unit_codes,
)
from gala_viz.alignment.bootstrap import ConfidenceInterval


@dataclass(frozen=True, kw_only=True, slots=True)
class FractionAboveBaseline:
    """A network's rho above its baseline over the ceiling above people's baseline; None where ``why_none`` says why."""

    fraction: ConfidenceInterval | None = None
    why_none: str = ""


def fraction_above_baseline(
    rho: np.ndarray,
    ceiling: np.ndarray,
    pairs: np.ndarray,
    people_pairs: np.ndarray,
    positions: np.ndarray,
    clusters: Sequence[str] | None = None,
    *,
    confidence: float = 0.95,
) -> FractionAboveBaseline:
    """Return (rho - baseline) / (ceiling - people's baseline), of means over images.

    Maps of people and networks lie in the middle of most images, so that maps of other images reach much of the
    ceiling; of that nothing is counted here.

    Parameters
    ----------
    rho : ndarray, (image,)
        rho of the network's map with the human map; NaN where it is not known.
    ceiling : ndarray, (image,)
        Noise ceiling; NaN where it is not known. Images without rho or ceiling are left out.
    pairs, people_pairs : ndarray, (image, other)
        rho of the network's map, and of the human map, with the human maps of partner images.
    positions : ndarray, (image, other), int
        Which image each partner is.
    clusters : sequence of str, optional
        Category of each image: the interval is over categories then; default: over images.
    confidence : float
        Nominal confidence, between 0 and 1.

    Returns
    -------
    FractionAboveBaseline
        A share of 1, with its interval by delete-one jackknife; NaN bounds below ``MIN_IMAGES_FOR_INTERVAL`` images.
    """
    both = np.isfinite(rho) & np.isfinite(ceiling)
    rho, ceiling = np.where(both, rho, np.nan), np.where(both, ceiling, np.nan)
    pairs, people_pairs = (np.where(both[:, None], one, np.nan) for one in (pairs, people_pairs))
    if not both.any() or not np.isfinite(pairs).any():
        return FractionAboveBaseline(why_none="no image has rho, a ceiling and partner images.")
    units = unit_codes(len(rho), clusters)
    whole = [np.nanmean(rho), np.nanmean(ceiling), *(np.nanmean(mean_over_partners(p)) for p in (pairs, people_pairs))]
    without = np.stack(
        [
            *(mean_without_each(values, units) for values in (rho, ceiling)),
            *(baseline_without_each(some, positions, units) for some in (pairs, people_pairs)),
        ]
    )
    concerned, n_units = concerned_units(pairs, positions, units), len(np.unique(units[both]))
    room, room_without = float(whole[1] - whole[3]), (without[1] - without[3])[concerned]

    def interval(estimate: float, without_each: np.ndarray) -> ConfidenceInterval:
        return interval_over_images(
            estimate,
            without_each,
            n_images=int(both.sum()),
            n_units=n_units,
            over_categories=clusters is not None,
            confidence=confidence,
        )

    lowest = interval(room, room_without).low
    if not (room if np.isnan(lowest) else lowest) > 0:
        return FractionAboveBaseline(
            why_none=f"the mean ceiling less people's baseline, {room:.3f}, is not surely above 0: nothing to share."
        )
    value = float((whole[0] - whole[2]) / room)
    shares = (without[0] - without[2])[concerned] / room_without
    return FractionAboveBaseline(fraction=interval(value, shares))
