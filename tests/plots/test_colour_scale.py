import numpy as np
import pytest

from gala_viz.plots.colour_scale import colour_limits, delta_limit, finite_percentile, percentile_rank

RNG = np.random.default_rng(3)
PAIR = np.stack([RNG.random((20, 30)), 3 * RNG.random((20, 30))]).astype(np.float32)


def test_a_shared_scale_is_the_same_for_both_maps_and_starts_at_zero():
    first, second = colour_limits(PAIR, "shared")
    assert first == second
    assert first[0] == 0
    assert first[1] == pytest.approx(np.percentile(PAIR[1], 99.5))


def test_a_scale_per_map_does_not_know_the_other_map():
    alone = [colour_limits(one[None], "per map")[0] for one in PAIR]
    assert colour_limits(PAIR, "per map") == alone
    assert alone[0] != alone[1]


def test_a_raw_scale_clamps_nothing():
    low, high = colour_limits(PAIR, "raw")[0]
    assert (low, high) == (PAIR.min(), PAIR.max())


def test_a_raw_scale_of_norms_begins_at_zero():
    assert PAIR.min() > 0
    assert colour_limits(PAIR, "raw", from_zero=True) == [(0, PAIR.max())] * 2
    assert colour_limits(PAIR - 0.5, "raw", from_zero=True) == colour_limits(PAIR - 0.5, "raw"), (
        "signed stays symmetric"
    )


@pytest.mark.parametrize("scale", ["shared", "per map", "raw"])
def test_signed_maps_get_scales_symmetric_about_zero(scale):
    for low, high in colour_limits(PAIR - 0.5, scale):
        assert low == -high


@pytest.mark.parametrize("scale", ["shared", "per map", "raw"])
def test_a_map_of_zeros_is_not_amplified(scale):
    assert colour_limits(np.zeros((1, 4, 4)), scale) == [(0.0, 1.0)]


def test_nan_takes_no_part():
    holed = PAIR.copy()
    holed[:, 0] = np.nan
    assert colour_limits(holed) == colour_limits(PAIR[:, 1:])
    assert colour_limits(np.full((1, 3, 3), np.nan)) == [(0.0, 1.0)]


def test_an_unknown_scale_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"no scale called 'share'. Did you mean 'shared'"):
        colour_limits(PAIR, "share")


def test_a_delta_and_its_negative_have_one_limit():
    delta = PAIR[1] - PAIR[0]
    assert delta_limit(delta) == delta_limit(-delta)
    assert delta_limit(delta, "raw") == np.abs(delta).max()


def test_the_percentile_of_a_quantile_is_that_percentile():
    values = np.arange(1, 1001, dtype=float)
    for percentile in (1, 50, 97.3):
        assert percentile_rank(values, finite_percentile(values, percentile)) == pytest.approx(percentile, abs=0.1)
    assert percentile_rank(values, 1000) == 100
    assert np.isnan(percentile_rank(np.array([np.nan]), 0))
