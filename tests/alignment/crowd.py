"""People whose agreement is known, because it was made."""

import numpy as np

from gala_viz.schema import labelled_map


def people(n, noise, seed=0, size=12, truth_seed=None):
    """Maps (participant, y, x): one truth and independent noise of a given strength for each of ``n`` people."""
    truth = np.random.default_rng(seed if truth_seed is None else truth_seed).normal(size=(size, size))
    marks = truth + noise * np.random.default_rng([seed, 99]).normal(size=(n, size, size))
    return labelled_map(marks, name="human_map", leading={"participant": [str(i) for i in range(n)]})
