"""What is said of signed maps of noise alone, and catch scores of few trials."""

from __future__ import annotations

from functools import cache, partial

import numpy as np

from benchmarks.simulations.maps import counts_of, smooth_noise
from benchmarks.simulations.row import Row
from gala_viz.attribution.map_state import N_GROUPS
from gala_viz.collections.clickme.catch_score import CatchScore
from gala_viz.engine.results.near_zero import near_zero_message

SIDE = 64


def about_zero(width: float, signal: float, n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    """Whether each map of noise is told to be about zero; a ``signal`` of so many errors is in 1.2 % of its pixels."""
    counts, found = counts_of(n)[:, None, None, None], []
    strong = np.zeros((SIDE, SIDE))
    strong[20:27, 20:27] = signal / np.sqrt(n)
    for _ in range(repeats):
        sums = np.sqrt(counts) * smooth_noise(rng, (N_GROUPS, 3, SIDE, SIDE), width) + counts * strong
        told = near_zero_message(sums.sum(axis=0) / n, group_sums=sums, counts=counts_of(n))
        found.append([float("about zero" in told)])
    return np.array(found)


@cache
def score(n_passed: int, n_trials: int) -> tuple[float, float, float]:
    one = CatchScore(n_passed, n_trials)
    return one.score, *one.interval


def catch(p: float, n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    return np.array([score(int(passed), n) for passed in rng.binomial(n, p, repeats)])


ROWS: tuple[Row, ...] = (
    *(
        Row(
            key=f"about-zero-{name}",
            what="a signed map is about zero within its error",
            over="samples (n counts them)",
            world=f"noise alone, {name}; power: how often a signal of 35 errors in 1.2 % of the pixels is called zero",
            kind="rate",
            simulate=partial(about_zero, width, 0.0),
            power=partial(about_zero, width, 35.0),
            sizes=(10, 20, 100),
            repeats=200,
            block=20,
        )
        for name, width in (("white", 0.0), ("smooth over 3 px", 3.0))
    ),
    *(
        Row(
            key=f"catch-{p:g}",
            what="catch score (Clopper and Pearson)",
            over="trials (n counts them)",
            world=f"a participant who passes {100 * p:g} %",
            simulate=partial(catch, p),
            truth=p,
            sizes=(5, 20, 100),
            repeats=20_000,
            block=10_000,
            words=dict.fromkeys(few, "Exact for any score, so that 95 % or more are held."),
        )
        for p, few in ((0.5, (5,)), (0.97, (5, 20, 100)))
    ),
)
