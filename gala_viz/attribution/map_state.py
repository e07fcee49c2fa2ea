"""Running sums of signed maps: n so far, and sums of groups of samples for the Monte-Carlo error.

Samples are dealt to ``N_GROUPS`` groups by their number. The error of anything that is computed from a map follows from
leaving out one group after the other (``gala_viz.engine.results.jackknife``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gala_viz.deprecated_paths import deprecated_getattr

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
        counts = self.group_counts
        filled = counts > 0
        rest = (self.n - counts[filled]).astype(np.float32)[:, None, None, None]
        return (self.mean * np.float32(self.n) - self.group_sums[filled]) / rest


__getattr__ = deprecated_getattr(__name__)
