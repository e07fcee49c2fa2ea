import numpy as np
import pytest
import torch
from scipy.stats import kstest

from gala_viz.training.augmentation import N_UNIFORMS, add_noise, augment, standard_normal
from gala_viz.training.rng import image_keys, uniform_numbers

WHOLE = [1.0 - 1e-7, 0.5, 0.5, 0.9, 0.5, 0.5]
"""The whole frame, not mirrored, contrast and brightness as they are."""


def seen(pixels, marks, chances, **changes):
    settings = {"smallest_share": 0.5, "contrast": 0.0, "brightness": 0.0, "crop": "resized", **changes}
    settings = {"size": len(pixels[0]), **settings}
    return augment(torch.tensor(pixels), torch.tensor(marks), torch.tensor(chances), **settings)


def spots(count, side=40):
    """Black photographs with one white spot each, and maps that are the same spots."""
    chance = np.random.default_rng(0)
    y, x = np.mgrid[0:side, 0:side]
    centres = chance.uniform(0.4 * side, 0.6 * side, size=(count, 2))
    bumps = np.stack([np.exp(-((y - row) ** 2 + (x - column) ** 2) / 18) for row, column in centres])
    pixels = np.round(255 * bumps).astype(np.uint8)
    return np.repeat(pixels[..., None], 3, axis=-1), bumps.astype(np.float16)


def test_a_view_of_the_whole_frame_is_the_photograph():
    pixels, marks = spots(2)
    photos, maps = seen(pixels, marks, [WHOLE] * 2)
    np.testing.assert_allclose(photos.permute(0, 2, 3, 1).numpy(), pixels, atol=1e-2)
    np.testing.assert_allclose(maps.numpy(), marks, atol=1e-4)


def test_photograph_and_map_are_cut_and_mirrored_alike():
    pixels, marks = spots(64)
    chances = np.random.default_rng(1).uniform(size=(64, N_UNIFORMS)).astype(np.float32)
    photos, maps = seen(pixels, marks, chances)
    np.testing.assert_allclose(photos.mean(dim=1).numpy() / 255, maps.numpy(), atol=3e-3)
    assert (photos.mean(dim=1) / 255 - torch.tensor(marks).float()).abs().amax(dim=(1, 2)).median() > 0.5


def test_a_mirrored_view_is_the_mirror_image():
    pixels, marks = spots(1)
    mirrored = [*WHOLE[:3], 0.1, *WHOLE[4:]]
    _, maps = seen(pixels, marks, [mirrored])
    np.testing.assert_allclose(maps[0].numpy(), marks[0][:, ::-1], atol=1e-4)


def test_the_smallest_crop_is_the_share_asked_for_in_its_corner():
    side = 40
    ramp = np.tile(np.arange(side, dtype=np.uint8)[:, None, None], (1, side, 3))
    for top, first in ((0.0, 0), (1.0, side // 2)):
        photos, _ = seen(ramp[None], np.zeros((1, side, side), np.float16), [[0.0, 0.0, top, 0.9, 0.5, 0.5]])
        rows = photos[0, 0, :, 0].numpy()
        expected = np.clip(first + (np.arange(side) + 0.5) * 0.5 - 0.5, 0, side - 1)
        np.testing.assert_allclose(rows, expected, atol=1e-3)


def test_contrast_and_brightness_leave_the_map_alone():
    pixels, marks = spots(1)
    plain, maps = seen(pixels, marks, [WHOLE])
    bright, same = seen(pixels, marks, [[*WHOLE[:5], 0.999]], brightness=0.2)
    np.testing.assert_array_equal(maps.numpy(), same.numpy())
    assert bright.mean() == pytest.approx(1.2 * plain.mean().item(), rel=0.02)
    dull, same = seen(pixels, marks, [[*WHOLE[:4], 0.0, 0.5]], contrast=0.2)
    np.testing.assert_array_equal(maps.numpy(), same.numpy())
    assert dull.std() == pytest.approx(0.8 * plain.std().item(), rel=0.02)


def test_an_images_chances_depend_on_seed_epoch_and_id_alone():
    keys = image_keys(["a", "b", "c"])
    together = uniform_numbers(keys, 6, 0, "vary", 3)
    np.testing.assert_array_equal(uniform_numbers(keys[1:2], 6, 0, "vary", 3)[0], together[1])
    assert not np.isclose(together, uniform_numbers(keys, 6, 0, "vary", 4)).any()
    assert not np.isclose(together, uniform_numbers(keys, 6, 1, "vary", 3)).any()


def test_chances_are_uniform_and_unrelated():
    drawn = uniform_numbers(image_keys([f"image-{number}" for number in range(4000)]), 6, 0, "vary", 0)
    assert drawn.min() >= 0
    assert drawn.max() < 1
    np.testing.assert_allclose(np.histogram(drawn, bins=10, range=(0, 1))[0] / drawn.size, 0.1, atol=0.006)
    assert np.abs(np.corrcoef(drawn.T) - np.eye(6)).max() < 0.06


def test_noise_depends_on_the_pictures_own_seed_and_strength():
    photos = torch.zeros(3, 3, 20, 20)
    seeds, chances = torch.tensor([5, 6, 2**32 - 1]), torch.tensor([0.0, 0.5, 0.5])
    together = add_noise(photos, chances, seeds, 40.0)
    assert (together[0] == 0).all()
    assert together[1:].flatten(1).std(dim=1).numpy() == pytest.approx([20.0, 20.0], rel=0.05)
    torch.testing.assert_close(add_noise(photos[1:2], chances[1:2], seeds[1:2], 40.0)[0], together[1])
    assert not torch.isclose(together[1], together[2]).any()


def test_normal_numbers_are_normal_and_unrelated():
    drawn = standard_normal(torch.arange(8) * 977, 4001).numpy()
    assert drawn.shape == (8, 4001)
    assert kstest(drawn.ravel(), "norm").pvalue > 0.01
    assert np.abs(np.corrcoef(drawn) - np.eye(8)).max() < 0.06
    assert abs(np.corrcoef(drawn[:, :2000].ravel(), drawn[:, 2000:4000].ravel())[0, 1]) < 0.03
    assert abs(np.corrcoef(drawn[:, :-1].ravel(), drawn[:, 1:].ravel())[0, 1]) < 0.03
