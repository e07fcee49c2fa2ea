"""Spearman's rho, Dice and IoU against SciPy, plain loops and cases done by hand."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from gala_viz.alignment import dice, iou, spearman, to_resolution
from gala_viz.alignment.similarity import average_ranks, dice_kernel, iou_kernel, spearman_kernel
from gala_viz.schema import labelled_map


def maps(*shape, seed=0, levels=None):
    values = np.random.default_rng(seed).normal(size=shape)
    return values if levels is None else np.round(values * levels)


@pytest.mark.parametrize("levels", [None, 2])
def test_rho_is_scipys_with_and_without_ties(levels):
    a, b = maps(7, 6, 9, seed=1, levels=levels), maps(7, 6, 9, seed=2, levels=levels)
    expected = [stats.spearmanr(x.ravel(), y.ravel()).statistic for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(spearman_kernel(a, b), expected, atol=1e-12)


@given(arrays(np.float64, (3, 17), elements=st.integers(-4, 4)))
def test_ranks_are_scipys_average_ranks(values):
    np.testing.assert_array_equal(average_ranks(values), stats.rankdata(values, axis=1))


def test_ranks_do_not_depend_on_how_maps_are_blocked(monkeypatch):
    values = maps(20, 50, levels=3)
    whole = average_ranks(values)
    monkeypatch.setattr("gala_viz.alignment.similarity._BLOCK_VALUES", 120)
    np.testing.assert_array_equal(average_ranks(values), whole)


def test_rho_of_four_pixels_by_hand():
    a, b = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[10.0, 30.0], [20.0, 40.0]])
    assert spearman_kernel(a, b) == pytest.approx(1 - 6 * 2 / (4 * 15))


def test_pixels_that_are_nan_in_either_map_are_left_out_of_both():
    a, b = maps(4, 5, 5, seed=3), maps(4, 5, 5, seed=4)
    a[0, 0, 0] = b[0, 1, 1] = b[2, 4, 4] = np.nan
    for i in range(4):
        kept = ~(np.isnan(a[i]) | np.isnan(b[i]))
        assert spearman_kernel(a, b)[i] == pytest.approx(stats.spearmanr(a[i][kept], b[i][kept]).statistic)


def test_rho_is_unchanged_by_any_increasing_change_of_values_and_flips_with_the_sign():
    a, b = maps(3, 8, 8, seed=5), maps(3, 8, 8, seed=6)
    np.testing.assert_allclose(spearman_kernel(np.exp(a), b**3), spearman_kernel(a, b), atol=1e-12)
    np.testing.assert_allclose(spearman_kernel(-a, b), -spearman_kernel(a, b), atol=1e-12)


def test_a_map_has_rho_one_with_itself_and_none_with_a_constant():
    a = maps(2, 6, 6)
    np.testing.assert_allclose(spearman_kernel(a, a), 1)
    assert np.isnan(spearman_kernel(a, np.ones((6, 6)))).all()
    assert np.isnan(spearman_kernel(a[0], np.full((6, 6), np.nan)))


def test_two_networks_broadcast_against_one_human_map_with_labels():
    networks = labelled_map(
        maps(2, 3, 4, 5), name="map", leading={"network": ["vanilla", "human"], "image": ["a", "b", "c"]}
    )
    human = labelled_map(maps(3, 4, 5, seed=9), name="human_map", leading={"image": ["a", "b", "c"]})
    rho = spearman(networks, human)
    assert rho.dims == ("network", "image")
    assert float(rho.sel(network="human", image="b")) == pytest.approx(
        stats.spearmanr(networks.values[1, 1].ravel(), human.values[1].ravel()).statistic
    )
    assert iou(networks, human).dims == dice(networks, human).dims == ("network", "image")


def test_labels_decide_which_images_are_compared():
    a = labelled_map(maps(2, 4, 4), name="a", leading={"image": ["p", "q"]})
    b = labelled_map(maps(2, 4, 4), name="b", leading={"image": ["q", "r"]})
    with pytest.raises(ValueError, match="image"):
        spearman(a, b)


def test_maps_of_two_resolutions_are_refused_and_told_what_to_do():
    a = labelled_map(maps(14, 14), name="a", extent_px=(224, 224))
    b = labelled_map(maps(56, 56), name="b", extent_px=(224, 224))
    with pytest.raises(ValueError, match="to_resolution"):
        spearman(a, b)
    with pytest.raises(ValueError, match="to_resolution"):
        spearman_kernel(a.values, b.values)
    assert np.isfinite(spearman(a, to_resolution(b, 14)))


def test_maps_of_two_frames_are_refused():
    a = labelled_map(maps(14, 14), name="a", extent_px=(224, 224))
    b = labelled_map(maps(14, 14), name="b", extent_px=(300, 400))
    with pytest.raises(ValueError, match="one frame"):
        spearman(a, b)
    with pytest.raises(TypeError, match="one of each"):
        spearman(a, b.values)


def overlap_by_loop(a, b, top_fraction):
    kept = ~(np.isnan(a) | np.isnan(b))
    tops = [np.where(kept, m, -np.inf) > np.quantile(m[kept], 1 - top_fraction) for m in (a, b)]
    both = len([1 for x, y in zip(tops[0].ravel(), tops[1].ravel(), strict=True) if x and y])
    sizes = [int(top.sum()) for top in tops]
    if min(sizes) == 0:
        return np.nan, np.nan
    return 2 * both / sum(sizes), both / (sum(sizes) - both)


@settings(max_examples=50)
@given(
    arrays(np.float64, (5, 6), elements=st.integers(0, 5) | st.just(np.nan)),
    arrays(np.float64, (5, 6), elements=st.integers(0, 5)),
    st.sampled_from([0.1, 0.25, 0.5]),
)
def test_dice_and_iou_are_a_plain_loops(a, b, top_fraction):
    if np.isnan(a).all():
        a[0, 0] = 1.0
    expected = overlap_by_loop(a, b, top_fraction)
    found = float(dice_kernel(a, b, top_fraction)), float(iou_kernel(a, b, top_fraction))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_top_pixels_are_strictly_above_the_ninetieth_percentile():
    a = np.arange(100.0).reshape(10, 10)
    b = a.copy()
    b[9, 5:] = -1  # half of the ten best go
    assert dice_kernel(a, a) == 1
    assert iou_kernel(a, a) == 1
    # a's best ten are 90 to 99, b's are 85 to 94: five are shared
    assert dice_kernel(a, b) == pytest.approx(2 * 5 / (10 + 10))
    assert iou_kernel(a, b) == pytest.approx(5 / 15)


def test_a_constant_map_has_no_overlap_with_any_other_instead_of_none_at_all():
    constant = np.ones((5, 5))
    for kernel in (dice_kernel, iou_kernel):
        assert np.isnan(kernel(constant, constant))
        assert np.isnan(kernel(constant, maps(5, 5)))
        assert np.isnan(kernel(maps(5, 5), np.zeros((5, 5))))
    different = maps(5, 5)
    assert dice_kernel(different, -different) == 0, "no overlap is a number, a missing map is none"


def test_a_saturated_map_has_no_top_pixels_and_no_overlap_also_with_itself():
    saturated = np.random.default_rng(0).integers(0, 200, (20, 20)).astype(np.uint8)
    saturated.ravel()[:41] = 255  # of 400: more than a tenth
    other = maps(20, 20)
    for kernel in (dice_kernel, iou_kernel):
        assert np.isnan(kernel(saturated, saturated))
        assert np.isnan(kernel(saturated, other))
        assert np.isnan(kernel(other, saturated))
        assert kernel(saturated, saturated, top_fraction=0.11) == 1
    saturated.ravel()[40] = 0  # exactly a tenth is above the quantile
    assert dice_kernel(saturated, saturated) == 1


@pytest.mark.parametrize("top_fraction", [0, 1, -0.1, 1.5])
def test_a_top_fraction_that_is_no_share_is_refused(top_fraction):
    with pytest.raises(ValueError, match="between 0 and 1"):
        dice(maps(4, 4), maps(4, 4), top_fraction=top_fraction)


def test_a_result_is_plain_for_plain_arrays_and_labelled_for_labelled_ones():
    labelled = xr.DataArray(maps(4, 4), dims=("y", "x"))
    assert isinstance(spearman(maps(3, 4, 4), maps(3, 4, 4)), np.ndarray)
    assert isinstance(spearman(labelled, labelled), xr.DataArray)
