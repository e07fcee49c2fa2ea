"""How far a delta can be read: words, and shares beyond errors that are what chance gives where there is nothing."""

import numpy as np
import pytest
import xarray as xr

from gala_viz.attribution.map_state import MapState
from gala_viz.engine.results.half_samples import POOLING_PX, half_sample_error
from gala_viz.engine.results.jackknife import monte_carlo_error
from gala_viz.engine.results.reduction import reduce_channels, smooth
from gala_viz.engine.results.reliability import (
    POOLED_DEGREES_OF_FREEDOM,
    beyond_error_text,
    chance_beyond_error,
    reliability_text,
    share_beyond_error,
)


def test_of_noise_with_jackknife_errors_as_much_lies_beyond_as_chance_says():
    rng, n = np.random.default_rng(0), 50
    samples = rng.standard_normal((n, 1, 200, 200)).astype(np.float32)
    sums = np.stack([samples[group::10].sum(axis=0) for group in range(10)])
    state = MapState(samples.mean(axis=0), n, n, 0, group_sums=sums)
    error = monte_carlo_error(lambda mean: mean, state)
    share = share_beyond_error(state.mean[0], error[0])
    assert share == pytest.approx(chance_beyond_error(9), abs=0.004)
    assert share > 0.07, "a normal distribution would have 4.6 %"


def test_smoothed_absolute_maps_of_few_samples_are_lifted_by_more_than_their_error_and_signed_ones_are_not():
    """The error is of chance: it does not know that absolute values of noise are above those of infinite n."""
    rng, n, within = np.random.default_rng(0), 10, {}
    truth = rng.standard_normal((3, 64, 64)).astype(np.float32)
    samples = truth + 2 * rng.standard_normal((n, 3, 64, 64)).astype(np.float32)
    state = MapState(samples.mean(axis=0), n, n, 0, group_sums=samples)
    for reduction in ("absolute", "signed"):
        for smoothing in (0.0, 4.0):

            def shown(mean, reduction=reduction, smoothing=smoothing):
                return smooth(reduce_channels(mean, reduction), smoothing)

            off = shown(state.mean) - shown(truth)
            within[reduction, smoothing] = np.mean(np.abs(off) <= 2 * monte_carlo_error(shown, state))
            if reduction == "absolute" and smoothing:
                assert (off > 0).mean() > 0.99, "always upwards"
    assert within["absolute", 0.0] > 0.88
    assert within["absolute", 4.0] < 0.3
    assert within["signed", 0.0] > 0.88
    assert within["signed", 4.0] > 0.85


@pytest.mark.parametrize("smoothing", [0, 1, 2, 4])
def test_of_noise_with_pooled_errors_as_much_lies_beyond_as_chance_says(smoothing):
    rng, shares = np.random.default_rng(smoothing), []
    for _ in range(8):
        halves = smooth(rng.standard_normal((2, 128, 128)).astype(np.float32), smoothing)
        error = half_sample_error(halves, POOLING_PX + smoothing)
        shares.append(share_beyond_error(halves.mean(axis=0), error))
    assert np.mean(shares) == pytest.approx(chance_beyond_error(POOLED_DEGREES_OF_FREEDOM), abs=0.012)


def test_words_stand_beside_a_reliability_that_is_low():
    assert reliability_text(0.29) == "reliability 0.29, mostly noise"
    assert reliability_text(0.6) == "reliability 0.60, partly noise"
    assert reliability_text(0.75) == "reliability 0.75"
    assert reliability_text(-0.2) == "reliability -0.20, mostly noise"
    assert reliability_text(float("nan")) == ""


def test_the_share_beyond_its_error_stands_beside_that_by_chance():
    values = xr.DataArray(np.array([[3.0, -3.0], [1.0, np.nan]]), dims=("y", "x"))
    error = xr.ones_like(values).assign_attrs(degrees_of_freedom=9)
    assert beyond_error_text(values, error) == "67 % of its pixels beyond 2 standard errors (noise alone: 8 %)"
    assert beyond_error_text(values, error.drop_attrs()) == "67 % of its pixels beyond 2 standard errors"
    assert beyond_error_text(values, None) == ""
    assert np.isnan(share_beyond_error(values.values, np.full((2, 2), np.nan)))
