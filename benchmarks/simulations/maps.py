"""Standard errors of SmoothGrad maps and their deltas, and what is said of maps of noise alone."""

from __future__ import annotations

from functools import cache, partial

import numpy as np
from scipy.special import ndtr

from benchmarks.simulations.row import Row
from gala_viz.alignment.jackknife import interval_of_error
from gala_viz.attribution.map_state import N_GROUPS, MapState
from gala_viz.engine.results.delta import delta
from gala_viz.engine.results.half_samples import POOLING_PX, half_sample_error
from gala_viz.engine.results.jackknife import monte_carlo_error
from gala_viz.engine.results.reduction import reduce_channels, smooth

SIDE, CHANNELS, SMOOTHING_PX = 48, 3, 2.0
Z = 1.959964


def counts_of(n: int) -> np.ndarray:
    return (n - np.arange(N_GROUPS) + N_GROUPS - 1) // N_GROUPS


@cache
def signals() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two networks' maps of infinitely many samples (channel, y, x), and the noise's standard deviation at each cell.

    Half of the cells have no signal in any channel; in the others it is that of one sample's noise or less.
    """
    rng = np.random.default_rng(11)
    shape = (2, CHANNELS, SIDE, SIDE)
    maps = 0.6 * smooth_noise(rng, shape, 3.0) * (smooth_noise(rng, (1, 1, SIDE, SIDE), 4.0) > 0)
    maps[1] = 0.6 * maps[0] + 0.8 * maps[1]
    return maps[0], maps[1], np.exp(0.5 * smooth_noise(rng, (SIDE, SIDE), 3.0))


def smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], width: float = 1.0) -> np.ndarray:
    """Gaussian noise of variance 1, smooth over the last two axes."""
    values = smooth(rng.standard_normal(shape), width)
    return values / values.std()


def noise(rng: np.random.Generator, n: int) -> np.ndarray:
    """Noise of ``n`` samples (sample, channel, y, x): half of its variance is the same in all channels."""
    shared, own = (smooth_noise(rng, (n, channels, SIDE, SIDE)) for channels in (1, CHANNELS))
    return (shared + own) / np.sqrt(2) * signals()[2]


def states(n: int, rng: np.random.Generator) -> list[MapState]:
    """Two networks' maps after ``n`` samples with the same noise; the sums of groups are drawn at once."""
    counts = counts_of(n)
    size = np.sqrt(counts)[:, None, None, None]
    shared, found = noise(rng, N_GROUPS), []
    for signal in signals()[:2]:
        own = (0.8 * shared + 0.6 * noise(rng, N_GROUPS)) * size
        sums = (own + counts[:, None, None, None] * signal).astype(np.float32)
        found.append(MapState((sums.sum(axis=0) / n).astype(np.float32), n, n, 0, 1.0, sums))
    return found


def reduced(mean: np.ndarray, kind: str) -> np.ndarray:
    """What is shown of a signed mean (..., channel, y, x)."""
    if kind == "smoothed":
        return smooth(reduce_channels(mean, "absolute"), SMOOTHING_PX)
    return reduce_channels(mean, kind)


@cache
def expected(kind: str, n: int) -> np.ndarray:
    """The mean over all that chance can do of a map of ``n`` samples; n = 0: the map of infinitely many."""
    signal, _, scale = signals()
    if n == 0 or kind == "signed":
        return reduced(signal, kind)
    error = scale / np.sqrt(n)
    size = error * np.sqrt(2 / np.pi) * np.exp(-(signal**2) / (2 * error**2)) + signal * (1 - 2 * ndtr(-signal / error))
    return reduced(size, kind)  # the mean of the absolute value of a normal one


def within(estimate: np.ndarray, error: np.ndarray, n: int, truth: np.ndarray) -> float:
    """Share of cells whose interval, by t for the groups that the error is from, holds the truth."""
    reach = interval_of_error(0.0, 1.0, int((counts_of(n) > 0).sum()))[1]
    return float(np.mean(np.abs(estimate - truth) <= reach * error))


def map_error(kind: str, infinite: bool, n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    truth, found = expected(kind, 0 if infinite else n), []
    for _ in range(repeats):
        state = states(n, rng)[0]
        error = monte_carlo_error(lambda mean: reduced(mean, kind), state)
        assert error is not None
        found.append([within(reduced(state.mean, kind), error, n, truth)])
    return np.array(found)


@cache
def expected_delta(n: int) -> np.ndarray:
    """The mean delta of absolute maps of ``n`` samples, over many draws of their means at once."""
    rng, repeats = np.random.default_rng([13, n]), 400
    total = np.zeros((SIDE, SIDE))
    for _ in range(repeats // N_GROUPS):
        shared = noise(rng, N_GROUPS)
        pair = [signal + (0.8 * shared + 0.6 * noise(rng, N_GROUPS)) / np.sqrt(n) for signal in signals()[:2]]
        total += delta(*(reduced(means, "absolute") for means in pair)).sum(axis=0)
    return total / repeats


def delta_error(how: str, n: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    found = []
    for _ in range(repeats):
        pair = states(n, rng)
        estimate = delta(*(reduced(state.mean, "absolute") for state in pair))
        truth = expected_delta(n)
        if how == "jackknife":
            error = monte_carlo_error(
                lambda first, second: delta(reduced(first, "absolute"), reduced(second, "absolute")), *pair
            )
            assert error is not None
            found.append([within(estimate, error, n, truth)])
        else:
            halves = [state.half_means() for state in pair]
            shown = [reduced(one, "absolute") for one in halves if one is not None]
            error = half_sample_error(delta(*shown), POOLING_PX)
            found.append([np.mean(np.abs(estimate - truth) <= Z * error)])
    return np.array(found)


SIZES = (5, 10, 20, 100)


def _row(key: str, kind: str, what: str, *, infinite: bool = False, **settings: object) -> Row:
    about = "the map of infinitely many samples" if infinite else "maps of other n samples"
    return Row(
        key=key,
        what=what,
        over=f"samples (n counts them), for {about}",
        world=WORLD,
        kind="cells",
        simulate=partial(map_error, kind, infinite),
        sizes=SIZES,
        repeats=100,
        block=20,
        **settings,
    )


LIFTED = "Absolute values lift what has no signal; smoothing keeps the lift. Attribution, Its Monte-Carlo error."
WORLD = "signal in half of the cells, noise smooth over cells, shared in part by channels and networks"
ROWS: tuple[Row, ...] = (
    _row("smoothgrad-signed", "signed", "standard error of SmoothGrad, signed"),
    _row("smoothgrad-absolute", "absolute", "standard error of SmoothGrad, absolute"),
    _row("smoothgrad-smoothed", "smoothed", "standard error of SmoothGrad, absolute and smoothed"),
    _row(
        "smoothgrad-absolute-infinite",
        "absolute",
        "the same, absolute",
        infinite=True,
        words=dict.fromkeys(SIZES, LIFTED),
    ),
    _row(
        "smoothgrad-smoothed-infinite",
        "smoothed",
        "the same, absolute and smoothed",
        infinite=True,
        words=dict.fromkeys(SIZES, LIFTED),
    ),
    Row(
        key="delta-jackknife",
        what="standard error of the delta (jackknife), absolute maps",
        over="samples (n counts them), for deltas of other n samples",
        world=WORLD,
        kind="cells",
        simulate=partial(delta_error, "jackknife"),
        sizes=SIZES,
        repeats=100,
        block=20,
    ),
    Row(
        key="delta-halves",
        what="standard error of the delta in a store (two halves, neighbours pooled), absolute maps",
        over="samples (n counts them), for deltas of other n samples",
        world=WORLD,
        kind="cells",
        simulate=partial(delta_error, "halves"),
        sizes=SIZES,
        repeats=100,
        block=20,
        words={5: "Halves of three and two samples are no halves."},
    ),
)
