"""Errors of maps: the jackknife against formulas and against repeated experiments."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gala_viz.attribution.map_state import N_GROUPS, MapState
from gala_viz.engine.results.jackknife import jackknife_error, monte_carlo_error
from gala_viz.engine.results.reduction import reduce_channels


def state_of(samples):
    n = len(samples)
    sums = np.stack([samples[group::N_GROUPS].sum(axis=0) for group in range(N_GROUPS)]).astype(np.float32)
    return MapState(mean=samples.mean(axis=0), n=n, n_samples=n, target=0, sigma=1.0, group_sums=sums)


@pytest.mark.parametrize("n", [0, 1, 9, 10, 11, 23])
def test_the_sizes_of_groups_follow_from_the_number_of_samples(n):
    state = MapState(mean=np.zeros((1, 2, 2), np.float32), n=n, n_samples=50, target=0)
    assert state.group_counts.tolist() == [len(range(group, n, N_GROUPS)) for group in range(N_GROUPS)]


def test_the_error_of_a_mean_with_groups_of_one_is_the_textbook_one():
    samples = np.random.default_rng(0).normal(size=(N_GROUPS, 3, 4, 5)).astype(np.float32)
    error = monte_carlo_error(lambda mean: mean, state_of(samples))
    np.testing.assert_allclose(error, samples.std(0, ddof=1) / np.sqrt(N_GROUPS), rtol=1e-4)


@pytest.mark.parametrize("n", [2, 7, 10, 23, 50])
def test_the_error_of_a_reduced_map_is_its_scatter_over_repeated_experiments(n):
    rng = np.random.default_rng(n)

    def reduced(mean):
        return np.abs(mean).sum(axis=-3)

    mixing = rng.normal(size=(3, 3))
    draws = 1.0 + np.einsum("cd,rndyx->rncyx", mixing, rng.normal(size=(300, n, 3, 2, 2))) * 0.2
    states = [state_of(draw.astype(np.float32)) for draw in draws]
    scatter = np.std([reduced(state.mean) for state in states], axis=0, ddof=1)
    estimated = np.sqrt(np.mean([monte_carlo_error(reduced, state) ** 2 for state in states], axis=0))
    np.testing.assert_allclose(estimated, scatter, rtol=0.25)


def test_noise_that_two_networks_share_cancels_in_the_error_of_their_difference():
    rng = np.random.default_rng(1)
    shared = rng.normal(size=(30, 1, 4, 4))
    first, second = shared + 1, shared + 0.01 * rng.normal(size=shared.shape)
    error = monte_carlo_error(
        lambda a, b: b - a, state_of(first.astype(np.float32)), state_of(second.astype(np.float32))
    )
    alone = monte_carlo_error(lambda a: a, state_of(first.astype(np.float32)))
    assert error.mean() < 0.05 * alone.mean()


def test_states_with_different_samples_have_no_common_error():
    samples = np.ones((4, 1, 2, 2), np.float32)
    with pytest.raises(ValueError, match="same samples"):
        monte_carlo_error(lambda a, b: a - b, state_of(samples), state_of(samples[:3]))


def test_one_sample_tells_nothing_about_the_error():
    assert monte_carlo_error(lambda a: a, state_of(np.ones((1, 1, 2, 2), np.float32))) is None


def test_unequal_groups_are_weighted():
    rng = np.random.default_rng(2)
    counts = np.array([1, 1, 4, 6])
    errors, estimates = [], []
    for _ in range(3000):
        samples = rng.normal(size=counts.sum())
        groups = np.split(samples, np.cumsum(counts)[:-1])
        whole = samples.mean()
        without = np.array([(samples.sum() - group.sum()) / (len(samples) - len(group)) for group in groups])
        errors.append(jackknife_error(np.asarray(whole), without, counts) ** 2)
        estimates.append(whole)
    assert np.mean(errors) == pytest.approx(np.var(estimates), rel=0.1)


@pytest.mark.parametrize("reduction", ["absolute", "maximum", "signed"])
def test_tensors_give_what_arrays_give(reduction):
    samples = np.random.default_rng(3).normal(size=(23, 3, 4, 5)).astype(np.float32)
    state = state_of(samples)
    on_device = replace(state, mean=torch.from_numpy(state.mean), group_sums=torch.from_numpy(state.group_sums))

    def shown(mean):
        return reduce_channels(mean, reduction)

    for quantity in (
        lambda one: monte_carlo_error(shown, one),
        lambda one: shown(one.half_means()),
        lambda one: shown(one.delete_group_means()),
    ):
        found = quantity(on_device)
        assert isinstance(found, torch.Tensor)
        np.testing.assert_allclose(found.numpy(), quantity(state), rtol=1e-5, atol=1e-6)


def test_the_error_of_a_large_number_with_a_small_scatter_is_found_in_float32():
    samples = (1000 + np.random.default_rng(4).normal(size=(50, 1, 3, 3)) * 0.1).astype(np.float32)
    exact = monte_carlo_error(lambda mean: mean.astype(np.float64), state_of(samples.astype(np.float64)))
    np.testing.assert_allclose(monte_carlo_error(lambda mean: mean, state_of(samples)), exact, rtol=0.02)
