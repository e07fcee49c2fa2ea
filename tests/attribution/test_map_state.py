"""A map's state survives a file, with its errors and its halves."""

import numpy as np
import pytest

from gala_viz.attribution.map_state import N_GROUPS, MapState
from gala_viz.cache import ArrayCache
from gala_viz.engine.results.jackknife import monte_carlo_error


def samples_of(n):
    return np.random.default_rng(n).normal(3, 1, (n, 3, 8, 8)).astype(np.float32)


def state_of(n):
    samples = samples_of(n)
    sums = np.stack([samples[group::N_GROUPS].sum(axis=0) for group in range(N_GROUPS)])
    return MapState(mean=samples.mean(axis=0), n=n, n_samples=n, target=4, sigma=0.3, group_sums=sums)


@pytest.mark.parametrize("n", [1, 4, 10, 23])
def test_a_state_comes_back_from_a_file_with_its_errors(tmp_path, n):
    state, cache = state_of(n), ArrayCache(tmp_path)
    cache.write("key", state.to_arrays())
    back = MapState.from_arrays(cache.read("key"))
    assert (back.n, back.n_samples, back.target, back.sigma, back.note) == (n, n, 4, 0.3, "")
    np.testing.assert_array_equal(back.mean, state.mean)
    if n > 1:
        np.testing.assert_allclose(
            monte_carlo_error(lambda mean: mean.sum(0), back),
            monte_carlo_error(lambda mean: mean.sum(0), state),
            rtol=0.02,
        )


def test_a_map_without_chance_comes_back(tmp_path):
    state = MapState(mean=np.ones((1, 4, 4), np.float32), n=1, n_samples=1, target=0, note="näh")
    cache = ArrayCache(tmp_path)
    cache.write("key", state.to_arrays())
    back = MapState.from_arrays(cache.read("key"))
    assert back.note == "näh"
    assert back.group_sums is None


def test_what_is_not_a_state_is_not_taken_for_one():
    arrays = state_of(4).to_arrays()
    assert MapState.from_arrays({}) is None
    assert MapState.from_arrays({**arrays, "deviations": arrays["deviations"][:, :2]}) is None
    assert MapState.from_arrays({**arrays, "mean": arrays["mean"][0]}) is None
    assert MapState.from_arrays({**arrays, "numbers": np.array(["a", "b", "c"])}) is None


@pytest.mark.parametrize("n", [2, 7, 10, 25])
def test_halves_are_the_means_of_the_even_and_of_the_odd_samples(n):
    samples = samples_of(n)
    expected = np.stack([samples[0::2].mean(axis=0), samples[1::2].mean(axis=0)])
    np.testing.assert_allclose(state_of(n).half_means(), expected, rtol=1e-5, atol=1e-6)


def test_one_sample_has_no_halves():
    assert state_of(1).half_means() is None
