"""Errors of maps: the jackknife against formulas and against repeated experiments."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gala_viz.attribution.map_state import N_GROUPS, MapState
from gala_viz.engine.attribution_maps import attribution_maps
from gala_viz.engine.results.jackknife import jackknife_error, monte_carlo_error
from gala_viz.engine.results.reduction import reduce_channels
from tests.reports.small import SPEC, network, own_resnet, photographs


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


@pytest.mark.parametrize("exponent", [-110, -83, -40, 0, 40, 90])
@pytest.mark.parametrize("as_tensors", [False, True])
def test_the_error_scales_with_the_map_to_the_last_bit_for_powers_of_two(exponent, as_tensors):
    samples = np.random.default_rng(5).normal(size=(23, 3, 4, 5)).astype(np.float32)

    def error(factor):
        state = state_of(samples * np.float32(factor))
        if as_tensors:
            state = replace(state, mean=torch.from_numpy(state.mean), group_sums=torch.from_numpy(state.group_sums))
        return np.asarray(monte_carlo_error(reduce_channels, state))

    np.testing.assert_array_equal(error(2.0**exponent), error(1.0) * np.float32(2.0**exponent))


def test_scaling_changes_no_error_of_a_map_whose_squares_float32_holds():
    rng = np.random.default_rng(6)
    whole, without = rng.normal(size=(6, 7)).astype(np.float32), rng.normal(size=(4, 6, 7)).astype(np.float32)
    counts = np.array([2, 3, 3, 5])
    shares = (counts / counts.sum()).tolist()
    deviations = [one - whole for one in without]
    centre = sum((1 - share) * one for share, one in zip(shares, deviations, strict=True))
    parts = [(centre - (1 / s - 1) * one) ** 2 / (1 / s - 1) for s, one in zip(shares, deviations, strict=True)]
    np.testing.assert_array_equal(jackknife_error(whole, without, counts), np.sqrt(sum(parts) / len(parts)))
    whole[0, 0] = np.nan
    found = jackknife_error(whole, without, counts)
    assert np.isnan(found[0, 0])
    assert np.isfinite(found).sum() == found.size - 1


def test_a_network_with_gradients_of_ten_to_the_minus_25_has_errors_of_that_size():
    collection, images = photographs()
    errors, maps = [], []
    for scale in (1.0, 1e-25):
        module = own_resnet(scale)
        found = attribution_maps(network(module), collection, "smoothgrad", SPEC, images, 0, return_error=True)
        errors.append(found["standard_error"].values)
        maps.append(found["map"].values)
    assert (errors[0] > 0).mean() > 0.9
    np.testing.assert_allclose(maps[1] * 1e25, maps[0], rtol=1e-3, atol=1e-6 * maps[0].max())
    np.testing.assert_allclose(errors[1] * 1e25, errors[0], rtol=1e-3, atol=1e-6 * errors[0].max())
