"""Philox against its published answer, and noise that belongs to its image, sample and place alone."""

import hashlib
import math

import numpy as np
import pytest
import torch
from scipy import stats

from gala_viz.attribution.noise import noise_key, noise_sigma, philox, standard_normal, write_standard_normal

SHAPE = (3, 16, 17)
KEY = noise_key(3, "cat")


def drawn(first, count=1, key=KEY, shape=SHAPE):
    samples = torch.empty((count, *shape))
    write_standard_normal(samples, key, first)
    return samples.numpy()


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    ],
)
def test_philox_gives_the_published_answer(counter, key, expected):
    words = philox(tuple(torch.tensor([word]) for word in counter), key)
    assert tuple(int(word) for word in words) == expected


@pytest.mark.parametrize("shape", [(1,), (2,), (3,), (5,), (3, 7), SHAPE, (3, 224, 224)])
def test_the_compiled_loop_and_operations_of_tensors_draw_the_same(shape):
    ours = drawn(6, 3, shape=shape)
    tensors = standard_normal(KEY, range(6, 9), shape, "cpu").numpy()
    np.testing.assert_allclose(ours, tensors, rtol=0, atol=1e-6)


def test_values_are_those_of_box_and_muller_in_double_precision():
    blocks = 5000
    values = drawn(2, shape=(4 * blocks,))[0].astype(np.float64)
    place, zero = torch.arange(blocks), torch.zeros(blocks, dtype=torch.int64)
    words = [word.numpy() for word in philox((place, zero + 2, zero, zero), KEY)]
    for half, (radial, angular) in enumerate((words[:2], words[2:])):
        uniform = (radial.astype(np.float32) + np.float32(0.5)).astype(np.float64) / 2**32
        radius, angle = np.sqrt(-2 * np.log(uniform)), 2 * math.pi * angular / 2**32
        expected = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])
        np.testing.assert_allclose(values[2 * half * blocks :][: 2 * blocks], expected, rtol=0, atol=2e-6)


def test_a_sample_has_the_same_noise_whatever_is_drawn_with_it():
    together = drawn(0, 12)
    for number in (11, 0, 7):
        np.testing.assert_array_equal(drawn(number)[0], together[number])


@pytest.mark.parametrize("other", [(noise_key(4, "cat"), 7), (noise_key(3, "dog"), 7), (KEY, 8)])
def test_another_seed_image_or_sample_has_other_noise(other):
    key, sample = other
    correlation = np.corrcoef(drawn(7, shape=(20_000,)).ravel(), drawn(sample, key=key, shape=(20_000,)).ravel())[0, 1]
    assert abs(correlation) < 0.03


def test_noise_is_standard_normal():
    values = drawn(0, 8, shape=(3, 224, 224)).astype(np.float64)
    assert abs(values.mean()) < 4 / np.sqrt(values.size)
    assert values.std() == pytest.approx(1, abs=0.003)
    assert stats.kurtosis(values.ravel()) == pytest.approx(0, abs=0.02)
    assert stats.kstest(values[0].ravel(), "norm").pvalue > 0.001
    assert 4.5 < np.abs(values).max() < 6.7
    flat = values.reshape(8, -1)
    for lag in (1, 2, 224, flat.shape[1] // 4):
        assert abs(np.corrcoef(flat[0, :-lag], flat[0, lag:])[0, 1]) < 0.015
    assert np.abs(np.corrcoef(flat) - np.eye(8)).max() < 0.015


def test_a_key_is_of_seed_and_image():
    digest = hashlib.sha256(b"12\ncat/a.png").digest()
    assert noise_key(12, "cat/a.png") == tuple(int.from_bytes(digest[at : at + 4], "little") for at in (0, 4))
    assert noise_key(1, "2\ncat") != noise_key(12, "cat")


def test_sigma_is_a_share_of_the_range():
    values = np.array([-1.0, 3.0], np.float32)
    assert noise_sigma(values, 0.15) == pytest.approx(0.6)
