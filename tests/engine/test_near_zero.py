"""A map of noise is told to be about zero as often as is promised, one with a strong signal in few pixels never."""

import re

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from gala_viz.engine.results.near_zero import FALSE_ALARM, MIN_GROUPS, near_zero_message
from gala_viz.engine.results.reliability import chance_beyond_error

CELLS = (3, 64, 64)


def groups_of(rng, n, smoothing_px=0.0, signal=None, shape=CELLS):
    """Mean, sums of the ten groups and their counts for ``n`` samples of noise, with ``signal`` in standard errors."""
    samples = rng.standard_normal((n, *shape)).astype(np.float32)
    if smoothing_px:
        samples = gaussian_filter(samples, (0, 0, smoothing_px, smoothing_px))
        samples /= samples.std()
    if signal is not None:
        samples += (signal / np.sqrt(n)).astype(np.float32)
    sums = np.stack([samples[group::10].sum(axis=0) for group in range(10)])
    return samples.mean(axis=0), sums, (n - np.arange(10) + 9) // 10


def message(rng, n, *args, **options):
    mean, sums, counts = groups_of(rng, n, *args, **options)
    return near_zero_message(mean, group_sums=sums, counts=counts)


def in_few_pixels(errors, share):
    """A signal of so many standard errors in a share of the pixels, a square."""
    signal = np.zeros(CELLS)
    side = round(np.sqrt(share * CELLS[-1] * CELLS[-2]))
    signal[:, 20 : 20 + side, 20 : 20 + side] = errors
    return signal


@pytest.mark.parametrize("smoothing_px", [0, 3])
@pytest.mark.parametrize("n", [10, 15, 25, 50])
def test_noise_is_told_to_be_about_zero_as_often_as_is_promised(n, smoothing_px):
    rng = np.random.default_rng([n, smoothing_px])
    told = ["about zero within its error" in message(rng, n, smoothing_px) for _ in range(60)]
    assert np.mean(told) >= 1 - FALSE_ALARM - 2.6 * np.sqrt(FALSE_ALARM * (1 - FALSE_ALARM) / 60)


@pytest.mark.parametrize("smoothing_px", [0, 3])
@pytest.mark.parametrize("n", [10, 50])
def test_a_strong_signal_in_few_pixels_is_never_called_zero_and_told_for_what_it_is(n, smoothing_px):
    rng = np.random.default_rng([n, smoothing_px, 1])
    for _ in range(10):
        told = message(rng, n, smoothing_px, in_few_pixels(35, 0.012))
        assert "about zero" not in told
        assert "within its error but for a few pixels" in told


def test_a_signal_in_many_pixels_is_told_to_be_nothing_special_also_where_it_is_weak():
    rng = np.random.default_rng(0)
    assert message(rng, 50, signal=np.full(CELLS, 3.0)) == ""
    assert message(rng, 50, signal=np.full(CELLS, 0.5)) == "", "no pixel by itself lies beyond its error"
    assert message(rng, 50, signal=rng.normal(0, 8, CELLS)) == ""


def test_the_shares_that_are_told_are_those_beyond_the_errors_and_of_noise():
    rng = np.random.default_rng(1)
    told = re.search(r"(\d+) % of it beyond 2 standard errors \(noise alone: (\d+) %\)", message(rng, 20))
    assert float(told[1]) == pytest.approx(100 * chance_beyond_error(9), abs=1.5)
    assert float(told[2]) == pytest.approx(100 * chance_beyond_error(9), abs=0.5)
    told = message(rng, 50, signal=in_few_pixels(35, 0.012))
    share, of_noise, largest, bound = (
        float(one)
        for one in re.search(
            r"pixels: ([\d.]+) % of it beyond 4 standard errors \(noise alone: ([\d.]+) %\), "
            r"the largest (\d+) \(noise alone: up to (\d+)\)",
            told,
        ).groups()
    )
    assert of_noise == pytest.approx(100 * chance_beyond_error(9, 4.0), abs=0.05)
    assert share == pytest.approx(1.2 + of_noise, abs=0.15)
    assert largest > 35 > bound


def test_groups_of_two_sizes_are_weighted():
    """Noise whose groups hold two samples and one is as often beyond the bound as any."""
    rng = np.random.default_rng(2)
    mean, sums, counts = groups_of(rng, 15, shape=(3, 200, 200))
    assert set(counts) == {1, 2}
    t = (
        mean
        * np.sqrt(15)
        / np.sqrt(((sums / counts[:, None, None, None] - mean) ** 2 * counts[:, None, None, None]).sum(0) / 9)
    )
    told = near_zero_message(mean, group_sums=sums, counts=counts)
    assert f"{100 * np.mean(np.abs(t) > 2):.0f} % of it" in told
    assert np.mean(np.abs(t) > 2) == pytest.approx(chance_beyond_error(9), abs=0.003)


def test_nothing_is_said_of_chance_where_the_error_is_not_known():
    noise, sums, counts = groups_of(np.random.default_rng(3), 50)
    assert near_zero_message(noise) == ""
    few = MIN_GROUPS - 1
    assert near_zero_message(noise, group_sums=sums[:few], counts=counts[:few]) == ""
    assert near_zero_message(noise, group_sums=sums * np.nan, counts=counts) == ""


def test_a_map_that_moves_no_logit_is_about_zero_in_any_case():
    noise = np.random.default_rng(0).normal(size=CELLS).astype(np.float32)
    assert near_zero_message(np.zeros((4, 4))) == "the signed map is about zero"
    assert "about zero" in near_zero_message(np.full((4, 4), np.nan))
    assert "about zero" in near_zero_message(noise * 1e-9, input_range=2.0)
    assert near_zero_message(noise * 1e-9, input_range=1e9) == ""


def test_pixels_that_are_exactly_zero_in_all_samples_count_as_within_their_error():
    mean, sums, counts = groups_of(np.random.default_rng(4), 20)
    mean[:, :40], sums[:, :, :40] = 0, 0
    assert "about zero within its error" in near_zero_message(mean, group_sums=sums, counts=counts)
