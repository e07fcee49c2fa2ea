"""What stands where a photograph is hidden."""

import numpy as np
import pytest
from scipy import ndimage

from gala_viz.collections.fills import BLUR_FRACTION, FILLS, GREY, fill_photo, image_seed, scramble_phases
from gala_viz.registry import UnknownNameError


def photo(height=40, width=56):
    return np.random.default_rng(2).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("fill", FILLS)
def test_a_fill_has_the_photographs_size_and_leaves_it_as_it_is(fill):
    before = photo()
    filled = fill_photo(before, fill, 3)
    assert (filled.shape, filled.dtype) == (before.shape, np.uint8)
    np.testing.assert_array_equal(before, photo())
    np.testing.assert_array_equal(filled, fill_photo(before, fill, 3))


def test_grey_is_one_grey_whatever_the_photograph():
    assert (fill_photo(photo(), "grey", 0) == GREY).all()


def test_the_blur_is_a_gaussian_of_a_share_of_the_shorter_side():
    expected = ndimage.gaussian_filter(
        photo().astype(float), (BLUR_FRACTION * 40, BLUR_FRACTION * 40, 0), mode="nearest"
    )
    assert np.abs(fill_photo(photo(), "blurred", 0) - expected).max() <= 0.51
    even = np.full((30, 20, 3), 200, np.uint8)
    np.testing.assert_array_equal(fill_photo(even, "blurred", 0), even)


def test_scrambled_phases_are_by_the_seed_of_the_image():
    assert image_seed("a") != image_seed("b")
    one, other = (fill_photo(photo(), "phase", image_seed(image)) for image in "ab")
    assert not np.array_equal(one, other)
    np.testing.assert_array_equal(one, scramble_phases(photo(), image_seed("a")))


def test_an_unknown_fill_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'blurred'"):
        fill_photo(photo(), "blured", 0)
