"""Area averages: the mean is kept, whatever the two sizes are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gala_viz.alignment import area_average, spearman, to_resolution
from gala_viz.schema import labelled_map, pixel_centres

sizes = st.integers(1, 23)


@settings(max_examples=60)
@given(sizes, sizes, sizes, sizes, st.integers(0, 100))
def test_the_mean_over_the_frame_is_kept_at_any_ratio(height, width, rows, columns, seed):
    values = np.random.default_rng(seed).normal(size=(2, height, width))
    smaller = area_average(values, (rows, columns))
    assert smaller.shape == (2, rows, columns)
    np.testing.assert_allclose(smaller.mean(axis=(1, 2)), values.mean(axis=(1, 2)), atol=1e-12)


kinds = st.sampled_from([np.float16, np.float32, np.float64, np.int64, np.uint8])


@settings(max_examples=100)
@given(sizes, sizes, sizes, sizes, kinds, st.floats(1e-3, 250), st.booleans())
def test_a_constant_map_stays_constant_to_the_last_bit(height, width, rows, columns, dtype, value, has_unseen):
    values = np.full((height, width), value).astype(dtype)
    constant = values[0, 0]
    if has_unseen and np.issubdtype(dtype, np.floating):
        values[: height // 2] = np.nan
    result = area_average(values, (rows, columns))
    known = result[~np.isnan(result)]
    assert known.size
    assert (known == known.dtype.type(constant)).all()


@settings(max_examples=60)
@given(sizes, sizes, sizes, sizes, st.integers(0, 100))
def test_averages_lie_within_what_they_average_also_on_plateaus(height, width, rows, columns, seed):
    rng = np.random.default_rng(seed)
    values = rng.choice([0.1, 0.7, 1 / 3], size=(2, height, width))
    values[:, : height // 2] = 0.1
    result = area_average(values, (rows, columns))
    assert result.min() >= values.min()
    assert result.max() <= values.max()
    on_plateau = (np.arange(1, rows + 1) / rows) * height <= height // 2
    assert (result[:, on_plateau] == 0.1).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_constant_map_has_no_rho_at_any_resolution(dtype):
    constant = area_average(np.full((200, 150), 0.1, dtype), (56, 56))
    other = np.random.default_rng(0).random((56, 56))
    assert np.isnan(spearman(constant, other))


def test_halving_a_map_takes_means_of_two_by_two_cells():
    values = np.arange(24.0).reshape(4, 6)
    np.testing.assert_allclose(area_average(values, (2, 3)), values.reshape(2, 2, 3, 2).mean(axis=(1, 3)))


def test_three_cells_into_two_by_hand():
    np.testing.assert_allclose(area_average(np.array([[0.0, 3.0, 9.0]]), (1, 2)), [[1.0, 7.0]])


@pytest.mark.parametrize(("old", "new"), [((13, 10), (7, 4)), ((5, 4), (8, 9))])
def test_any_ratio_equals_repeating_cells_to_a_common_grid(old, new):
    values = np.random.default_rng(0).normal(size=old)
    fine = np.repeat(np.repeat(values, new[0], axis=0), new[1], axis=1)
    expected = fine.reshape(new[0], old[0], new[1], old[1]).mean(axis=(1, 3))
    np.testing.assert_allclose(area_average(values, new), expected)


def test_unseen_parts_are_left_out_and_stay_unseen_only_where_nothing_was_seen():
    values = np.array([[1.0, np.nan, np.nan, np.nan], [3.0, 5.0, np.nan, np.nan]])
    np.testing.assert_allclose(area_average(values, (1, 2)), [[3.0, np.nan]])


def test_enlarging_and_shrinking_again_returns_the_map():
    values = np.random.default_rng(1).normal(size=(14, 14)).astype(np.float32)
    back = area_average(area_average(values, (56, 56)), (14, 14))
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, values, rtol=1e-6)


def test_a_labelled_map_keeps_its_frame_its_labels_and_its_settings():
    values = np.random.default_rng(2).random((3, 30, 40)).astype(np.float32)
    array = labelled_map(
        values,
        name="human_map",
        extent_px=(300, 400),
        leading={"participant": ["1", "2", "9"]},
        attrs={"kind": "mouse"},
    ).assign_coords(image="1001")
    small = to_resolution(array, (10, 8))
    assert small.dims == ("participant", "y", "x")
    assert small.name == "human_map"
    assert small.attrs["extent_px"] == [300.0, 400.0]
    assert small.attrs["kind"] == "mouse"
    assert small["image"].item() == "1001"
    np.testing.assert_array_equal(small["participant"], ["1", "2", "9"])
    np.testing.assert_allclose(small["x"], pixel_centres(8, 400))


def test_a_map_without_cells_or_with_other_dims_is_refused():
    with pytest.raises(ValueError, match="at least one row"):
        area_average(np.ones((3, 3)), (0, 3))
    with pytest.raises(ValueError, match="with cells"):
        area_average(np.ones((0, 3)), (2, 2))
    with pytest.raises(ValueError, match="ends in the dims"):
        to_resolution(labelled_map(np.ones((3, 3)), name="m").transpose("x", "y"))


def test_a_part_of_a_map_is_that_of_its_cells():
    values = np.random.default_rng(0).normal(size=(3, 20, 10))
    part = area_average(values, (4, 2), ((0.25, 0.75), (0.2, 0.6)))
    np.testing.assert_allclose(part, area_average(values[:, 5:15, 2:6], (4, 2)))
    whole = area_average(values, (7, 3), ((0.0, 1.0), (0.0, 1.0)))
    np.testing.assert_allclose(whole, area_average(values, (7, 3)))


@pytest.mark.parametrize("part", [((0, 1), (0.5, 0.5)), ((-0.1, 1), (0, 1)), ((0, 1), (0, 1.1))])
def test_what_is_no_part_of_a_map_is_refused(part):
    with pytest.raises(ValueError, match="part of a map, between 0 and 1"):
        area_average(np.ones((4, 4)), (2, 2), part)
