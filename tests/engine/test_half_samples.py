"""Errors and reliability from two halves are those that many repeats have."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from gala_viz.engine.results.half_samples import half_sample_error, split_half_reliability
from gala_viz.engine.results.reduction import smooth

RNG_SEED, SIDE = 5, 96


def halves_of(rng, truth, n):
    """The means of the even and of the odd of ``n`` samples: the truth and noise that neighbours share."""
    noise = rng.normal(size=(2, *truth.shape))
    correlated = gaussian_filter(noise, 1.5, axes=(-2, -1))
    return (truth + correlated / correlated.std() / np.sqrt(n / 2)).astype(np.float32)


@pytest.mark.parametrize("smoothing_px", [0.0, 2.0])
def test_the_error_of_a_mean_is_its_scatter_over_repeats(smoothing_px):
    rng = np.random.default_rng(RNG_SEED)
    truth = gaussian_filter(rng.normal(size=(SIDE, SIDE)), 6) * 20
    repeats = [smooth(halves_of(rng, truth, 50), smoothing_px) for _ in range(60)]
    scatter = np.std([halves.mean(axis=0) for halves in repeats], axis=0, ddof=1)
    told = np.sqrt(np.mean([half_sample_error(halves, 8 + smoothing_px) ** 2 for halves in repeats], axis=0))
    assert np.median(told / scatter) == pytest.approx(1, abs=0.1)
    beyond = np.mean(
        [np.abs(h.mean(axis=0) - smooth(truth, smoothing_px)) > 1.96 * half_sample_error(h) for h in repeats]
    )
    assert 0.03 < beyond < 0.1, "of a mean and its own error"


def test_the_error_is_nan_where_a_half_is_and_equal_halves_have_none():
    halves = np.ones((2, 20, 20), np.float32)
    halves[0, :4] = np.nan
    error = half_sample_error(halves)
    assert np.isnan(error[:4]).all()
    assert not error[4:].any()


@pytest.mark.parametrize(("signal", "expected"), [(0.0, 0.0), (1.0, 0.5), (3.0, 0.9)])
def test_reliability_is_the_share_of_the_variance_that_is_no_chance(signal, expected):
    rng = np.random.default_rng(RNG_SEED)
    truth = signal * rng.normal(size=(200, 200))
    halves = truth + rng.normal(size=(2, 200, 200)) * np.sqrt(2)  # the noise of all samples has variance 1
    assert split_half_reliability(halves) == pytest.approx(expected, abs=0.03)


def test_halves_without_a_common_cell_or_variance_have_no_reliability():
    halves = np.random.default_rng(0).normal(size=(2, 8, 8))
    assert np.isnan(split_half_reliability(np.stack([halves[0], np.ones((8, 8))])))
    halves[0, :4], halves[1, 4:] = np.nan, np.nan
    assert np.isnan(split_half_reliability(halves))
    assert split_half_reliability(np.stack([halves[0]] * 2)) == pytest.approx(1)


def test_opposite_halves_are_not_more_reliable_than_minus_one():
    one = np.random.default_rng(0).normal(size=(8, 8))
    assert split_half_reliability(np.stack([one, -one])) == pytest.approx(-1)
