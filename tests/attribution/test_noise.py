"""Chance as an argument."""

import time

import numpy as np
import pytest

from gala_viz.attribution.noise import noise_sigma, standard_normal

SHAPE = (3, 64, 64)


def test_noise_of_a_sample_is_the_same_whatever_was_drawn_before():
    alone = standard_normal(3, "cat", 7, SHAPE).copy()
    standard_normal.cache_clear()
    for sample in (0, 9, 7):
        again = standard_normal(3, "cat", sample, SHAPE)
    assert np.array_equal(alone, again)


@pytest.mark.parametrize("other", [(4, "cat", 7), (3, "dog", 7), (3, "cat", 8), (37, "cat", 0), (3, "7cat", 0)])
def test_noise_differs_between_seeds_images_and_samples(other):
    correlation = np.corrcoef(standard_normal(3, "cat", 7, SHAPE).ravel(), standard_normal(*other, SHAPE).ravel())[0, 1]
    assert abs(correlation) < 5 / np.sqrt(np.prod(SHAPE))


def test_noise_is_standard_normal():
    values = standard_normal(0, "image", 0, (3, 224, 224)).astype(np.float64)
    n = values.size
    assert abs(values.mean()) < 5 / np.sqrt(n)
    assert abs(values.var() - 1) < 5 * np.sqrt(2 / n)
    assert abs((values**4).mean() - 3) < 5 * np.sqrt(96 / n)


def test_noise_cannot_be_changed_by_one_of_its_users():
    with pytest.raises(ValueError, match="read-only"):
        standard_normal(0, "image", 0, SHAPE)[0] = 1


def test_sigma_is_a_fraction_of_the_range_of_the_input():
    values = np.float32([[-1.0, 0.5], [3.0, 2.0]])
    assert noise_sigma(values, 0.15) == pytest.approx(0.6)


def test_fifty_samples_of_noise_cost_little():
    start = time.perf_counter()
    for sample in range(50):
        standard_normal(12345, "timing", sample, (3, 224, 224))
    assert time.perf_counter() - start < 1.5
