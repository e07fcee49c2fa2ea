"""Running sums of signed maps: n so far, and sums of groups of samples for the Monte-Carlo error.

Arrays are of NumPy, or tensors on the device where they were computed; what follows from them is computed there by the
same functions. Samples are dealt to ``N_GROUPS`` groups by their number. The error of anything that is computed from a
map follows from leaving out one group after the other (``gala_viz.engine.results.jackknife``).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gala_viz.deprecated_paths import deprecated_getattr

N_GROUPS = 10
"""Groups of samples for the jackknife; sample k belongs to group k mod N_GROUPS."""


def array_functions(values: Any) -> Any:
    """Return the module whose functions take ``values``: NumPy, or PyTorch for a tensor.

    ``abs``, ``sqrt``, ``stack``, ``sum`` and ``amax`` with ``axis``, and ``full_like`` have one meaning in both.
    """
    return np if isinstance(values, np.ndarray | np.generic) else sys.modules["torch"]


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
        A sentence for whoever reads the map, for example that batches were made smaller.
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
        total, groups = self.mean * float(self.n), zip(self.group_sums, self.group_counts.tolist(), strict=True)
        return array_functions(total).stack(
            [(total - group) / float(self.n - count) for group, count in groups if count > 0]
        )

    def half_means(self) -> np.ndarray | None:
        """Return the means of the samples with even and with odd numbers.

        Returns
        -------
        ndarray, (half, channel, y, x), float32, or None
            None with fewer than two samples, or for methods that are not stochastic.
        """
        if self.group_sums is None or self.n < 2:
            return None
        counts = self.group_counts
        halves = [self.group_sums[half::2].sum(axis=0) / float(counts[half::2].sum()) for half in (0, 1)]
        return array_functions(self.mean).stack(halves)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return plain arrays for a file; groups are deviations from the mean, in float16 of the largest of them."""
        arrays = {
            "mean": self.mean,
            "numbers": np.array([self.n, self.n_samples, self.target], np.int64),
            "sigma": np.array(self.sigma, np.float64),
            "note": np.array(self.note),
        }
        if self.group_sums is not None:
            counts = self.group_counts
            filled = counts > 0
            means = self.group_sums[filled] / counts[filled].astype(np.float32)[:, None, None, None]
            deviations = means - self.mean
            scale = np.abs(deviations).max(initial=0) or np.float32(1)
            arrays |= {"deviations": (deviations / scale).astype(np.float16), "scale": np.float32(scale)}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> MapState | None:
        """Return the state that ``to_arrays`` wrote; None where an array is missing or has a wrong shape."""
        try:
            mean = arrays["mean"].astype(np.float32)
            n, n_samples, target = (int(value) for value in arrays["numbers"])
            state = cls(mean, n, n_samples, target, float(arrays["sigma"]), note=str(arrays["note"]))
            if mean.ndim != 3:
                return None
            if "deviations" not in arrays:
                return state
            counts = state.group_counts
            means = arrays["deviations"].astype(np.float32) * arrays["scale"] + mean
            sums = np.zeros((len(counts), *mean.shape), np.float32)
            sums[counts > 0] = means * counts[counts > 0].astype(np.float32)[:, None, None, None]
            return replace(state, group_sums=sums)
        except (KeyError, ValueError, TypeError):
            return None


__getattr__ = deprecated_getattr(__name__)
