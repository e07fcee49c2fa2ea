"""Which places are shown, in which order, and what is left of the photograph."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from gala_viz.engine.results.perturbation import (
    check_mask,
    check_percents,
    perturb_pixels,
    reveal_mask,
    reveal_order,
    shown_percent,
)

levels = st.sampled_from([np.nan, -1.0, 0.0, 0.25, 3.0])
maps = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=levels).filter(
    lambda values: len(np.unique(values[np.isfinite(values)])) > 1
)
percents = st.floats(0, 100)


@given(maps, percents, percents)
def test_exactly_the_most_important_per_cent_is_shown_and_more_holds_less(values, one, other):
    order = reveal_order(values)
    assert sorted(order.tolist()) == list(range(values.size))
    ranked = np.where(np.isnan(values), -np.inf, values).ravel()[order]
    assert (ranked[:-1] >= ranked[1:]).all(), "the largest come first, what is not known last"
    np.testing.assert_array_equal(order, reveal_order(values.copy()))
    less, more = (reveal_mask(order, values.shape, percent) for percent in sorted((one, other)))
    assert (more | ~less).all()
    assert less.sum() == max(int(min(one, other) > 0), round(min(one, other) / 100 * values.size))
    assert shown_percent(less) == pytest.approx(100 * less.sum() / values.size)
    erased = reveal_mask(order, values.shape, max(one, other), erase=True)
    np.testing.assert_array_equal(erased, ~more)


def test_the_ends_show_nothing_and_all():
    order = reveal_order(np.eye(4))
    assert not reveal_mask(order, (4, 4), 0).any()
    assert reveal_mask(order, (4, 4), 100).all()
    assert reveal_mask(order, (4, 4), 0, erase=True).all()
    assert reveal_mask(order, (4, 4), 0.001).sum() == 1


def test_a_painted_region_grows_from_its_middle_and_then_around_itself():
    painted = np.zeros((21, 21))
    painted[3:10, 3:10] = 1
    order = reveal_order(painted)
    assert order[0] == 6 * 21 + 6
    rows, columns = np.unravel_index(order, painted.shape)
    outside = np.maximum(np.abs(rows - 6), np.abs(columns - 6))[49:] - 3
    assert (outside[:24] == 1).all(), "of equal ones those beside the region come first"
    assert order[-1] == 20 * 21 + 20


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((4, 4)), "the same everywhere"),
        (np.full((4, 4), np.nan), "the same everywhere"),
        (np.array([[1.0, np.inf]]), "infinite"),
        (np.ones(4), "shape"),
        (np.ones((0, 4)), "shape"),
    ],
)
def test_maps_that_rank_nothing_are_refused(values, words):
    with pytest.raises(ValueError, match=words):
        reveal_order(values)


@pytest.mark.parametrize(("percent", "words"), [(-1, "0 and 100"), (101, "0 and 100"), (np.nan, "0 and 100")])
def test_per_cents_out_of_range_are_refused(percent, words):
    with pytest.raises(ValueError, match=words):
        reveal_mask(reveal_order(np.eye(2)), (2, 2), percent)
    with pytest.raises(ValueError, match="rise, from 0 to 100"):
        check_percents([percent])


def test_a_mask_of_another_size_than_the_order_and_curves_that_do_not_rise_are_refused():
    with pytest.raises(ValueError, match="3 x 2 pixels"):
        reveal_mask(reveal_order(np.eye(2)), (3, 2), 5)
    for refused in ([2, 1], [1, 1]):
        with pytest.raises(ValueError, match="rise"):
            check_percents(refused)
    for refused in ([], range(300)):
        with pytest.raises(ValueError, match="1 to 201"):
            check_percents(refused)


def pictures(seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (2, 6, 7, 3), dtype=np.uint8)


def test_all_kept_is_the_photograph_and_nothing_kept_the_fill_alone():
    photo, filled = pictures()
    np.testing.assert_array_equal(perturb_pixels(photo, filled, np.ones((6, 7), bool)), photo)
    np.testing.assert_array_equal(perturb_pixels(photo, filled, np.zeros((6, 7), np.float32)), filled)


@given(arrays(np.float32, (6, 7), elements=st.floats(0, 1, width=32)))
def test_each_pixel_lies_between_photograph_and_fill_and_comes_nearer_the_more_is_kept(mask):
    photo, filled = pictures()
    less, more = (perturb_pixels(photo, filled, one).astype(int) for one in (mask / 2, mask))
    assert (np.abs(more - photo) <= np.abs(less - photo)).all()
    assert (more >= np.minimum(photo, filled)).all()
    assert (more <= np.maximum(photo, filled)).all()


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.ones((3, 3)), "2 x 3 pixels.*got shape \\(3, 3\\)"),
        (np.ones(6), "2 x 3 pixels"),
        (np.full((2, 3), 1.01), "from 0 \\(hidden\\) to 1 \\(kept\\); got values from 1.01"),
        (np.full((2, 3), -0.1), "0 \\(hidden\\)"),
        (np.full((2, 3), np.nan), "got values from nan"),
        (np.full((2, 3), "1"), "of type"),
        (np.full((2, 3), 1j), "of type"),
    ],
)
def test_masks_that_cannot_be_are_told(mask, words):
    with pytest.raises(ValueError, match=words):
        check_mask(mask, (2, 3))
