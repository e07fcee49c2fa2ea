"""Uncovering by importance: contiguous, nested, the same for the same seed, and honest about how much is shown."""

import itertools

import numpy as np
import pytest
from scipy import ndimage

from gala_viz.collections.fills import scramble_phases
from gala_viz.experiment.revelation import (
    LEVELS,
    RevelationSpec,
    count_important,
    fill_image,
    revelation_mask,
    revelation_order,
)

SIDE = 64
SPEC = RevelationSpec()


def importance(seed=0):
    """Two hills, the larger at the left."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    chance = np.random.default_rng(seed)
    hills = 2 * np.exp(-((y - 20) ** 2 + (x - 16) ** 2) / 60) + np.exp(-((y - 44) ** 2 + (x - 48) ** 2) / 60)
    return hills + 0.01 * chance.random((SIDE, SIDE))


def photo():
    return np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


def test_levels_are_the_published_ones():
    assert len(LEVELS) == 11
    np.testing.assert_allclose(LEVELS, np.logspace(0, 2, 11), rtol=0.02)


@pytest.mark.parametrize("temperature", [0.0, 0.5, 3.0])
@pytest.mark.parametrize("level", LEVELS)
def test_what_is_revealed_is_one_piece_of_the_right_size_and_holds_the_most_important_pixel(temperature, level):
    values, spec = importance(), RevelationSpec(temperature=temperature)
    shown = revelation_mask(revelation_order(values, spec, 3), values.shape, level)
    assert ndimage.label(shown)[1] == 1
    assert shown.ravel()[values.argmax()]
    assert shown.sum() == max(1, round(round(0.15 * values.size) * level / 100))


def test_every_level_holds_the_one_before():
    order = revelation_order(importance(), SPEC, 0)
    masks = [revelation_mask(order, (SIDE, SIDE), level) for level in LEVELS]
    for fewer, more in itertools.pairwise(masks):
        assert (more | ~fewer).all()
    assert len(set(order.tolist())) == len(order)


RANKED = RevelationSpec(order="ranked")


def important(values):
    """The 15 % largest, by sorting."""
    mask = np.zeros(values.size, bool)
    mask[np.argsort(values, axis=None)[-round(0.15 * values.size) :]] = True
    return mask.reshape(values.shape)


def test_in_ranked_order_100_percent_are_just_the_important_pixels_and_fewer_the_most_important_of_them():
    values = importance()
    order = revelation_order(values, RANKED, 0)
    np.testing.assert_array_equal(revelation_mask(order, values.shape, 100), important(values))
    assert (np.diff(values.ravel()[order]) <= 0).all()
    for level in LEVELS:
        shown = revelation_mask(order, values.shape, level)
        assert values[shown].min() >= values[~shown].max()
    np.testing.assert_array_equal(count_important(values, order), np.arange(1, len(order) + 1))


def test_equals_come_by_chance_in_ranked_order_and_count_as_important_until_there_are_enough():
    values = np.zeros((40, 40))
    values[10:20, 10:20] = 1 + np.arange(100).reshape(10, 10)  # 100 of 240 important pixels have a value
    first, again, other = (revelation_order(values, RANKED, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first[:100], other[:100])
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(count_important(values, first), np.arange(1, 241))
    assert count_important(values, revelation_order(values, SPEC, 0))[-1] == 240


@pytest.mark.parametrize("temperature", [0.0, 0.5])
def test_the_important_pixels_in_contiguous_order_are_counted_as_by_sorting(temperature):
    values, spec = importance(), RevelationSpec(temperature=temperature)
    order = revelation_order(values, spec, 2)
    counted = count_important(values, order)
    for level in LEVELS:
        shown = revelation_mask(order, values.shape, level)
        assert counted[shown.sum() - 1] == (shown & important(values)).sum()
    assert counted[-1] < len(order), "one piece misses some of the second hill"


def test_a_specification_without_an_order_is_contiguous():
    values = importance()
    before = revelation_order(values, RevelationSpec(order=None), 4)
    np.testing.assert_array_equal(before, revelation_order(values, RevelationSpec(order="contiguous"), 4))
    assert not np.array_equal(before, revelation_order(values, RANKED, 4))


def test_without_chance_the_next_pixel_is_the_most_important_at_the_edge():
    values = importance()
    order = revelation_order(values, RevelationSpec(temperature=0.0), 5)
    shown = np.zeros(values.shape, bool)
    shown.ravel()[order[0]] = True
    for place in order[1:200]:
        edge = ndimage.binary_dilation(shown) & ~shown
        assert values.ravel()[place] == values[edge].max()
        shown.ravel()[place] = True


def test_the_same_seed_gives_the_same_pixels_and_another_one_others():
    values = importance()
    np.testing.assert_array_equal(revelation_order(values, SPEC, 7), revelation_order(values.copy(), SPEC, 7))
    assert not np.array_equal(revelation_order(values, SPEC, 7), revelation_order(values, SPEC, 8))


def test_scale_of_the_map_does_not_matter():
    np.testing.assert_array_equal(
        revelation_order(importance(), SPEC, 7), revelation_order(1000 * importance(), SPEC, 7)
    )


def test_important_pixels_come_first_on_the_whole():
    values = importance()
    order = revelation_order(values, SPEC, 0)
    assert values.ravel()[order[:100]].mean() > 3 * values.ravel()[order[-100:]].mean()
    assert values.ravel()[order].mean() > 2 * values.mean()


def test_what_is_hidden_is_grey_or_the_scrambled_photograph():
    picture = photo()
    assert (fill_image(picture, RevelationSpec(fill="grey"), 0) == 127).all()
    np.testing.assert_array_equal(fill_image(picture, RevelationSpec(fill="phase"), 3), scramble_phases(picture, 3))


def test_scrambling_keeps_the_mean_colour_and_the_amplitudes():
    waves = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(64, 64, 3)), (4, 4, 0))
    smooth = (127 + 160 * waves).clip(0, 255).astype(np.uint8)
    found = scramble_phases(smooth, 3)
    np.testing.assert_allclose(found.mean(axis=(0, 1)), smooth.mean(axis=(0, 1)), atol=0.6)
    before, after = (np.abs(np.fft.fft2(one.astype(float), axes=(0, 1))) for one in (smooth, found))
    strong = before > before.mean()
    np.testing.assert_allclose(after[strong], before[strong], rtol=0.1)
    np.testing.assert_array_equal(found, scramble_phases(smooth, 3))
    assert np.abs(found.astype(int) - smooth).mean() > 5


def test_the_whole_frame_can_be_important():
    order = revelation_order(importance(), RevelationSpec(important_fraction=1.0), 0)
    assert sorted(order.tolist()) == list(range(SIDE * SIDE))


@pytest.mark.parametrize("values", [np.zeros((4, 4)), -np.ones((4, 4)), np.full((4, 4), np.nan), np.ones(4)])
def test_maps_without_importance_are_refused(values):
    with pytest.raises(ValueError, match="finite values"):
        revelation_order(values, SPEC, 0)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"important_fraction": 0}, "important_fraction"),
        ({"levels": (10.0, 5.0)}, "rise"),
        ({"levels": (0.0,)}, "per cents"),
        ({"temperature": -1}, "temperature"),
        ({"fill": "pink"}, "'phase' or 'grey'"),
        ({"order": "spiral"}, "'contiguous' or 'ranked'"),
    ],
)
def test_settings_that_cannot_be_are_told(told, words):
    with pytest.raises(ValueError, match=words):
        RevelationSpec(**told)
