"""From photograph to input, and maps in the same frame."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.schema import labelled_map

LITE0 = Preprocessing(short_px=256, crop_px=224)
EXACT = Preprocessing(short_px=64, crop_px=32, mean=(10.0, 20.0, 30.0), std=(2.0, 4.0, 5.0))


def photo(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * 1000 + width).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_a_photograph_of_the_right_size_is_only_cut_and_scaled():
    picture = photo(64, 80)
    cut = picture[16:48, 24:56]
    np.testing.assert_array_equal(EXACT.resize_and_crop(picture), cut)
    expected = np.stack([(cut[..., 0] - 10.0) / 2, (cut[..., 1] - 20.0) / 4, (cut[..., 2] - 30.0) / 5])
    np.testing.assert_allclose(EXACT.to_input(picture), expected, rtol=1e-6)
    assert EXACT.frame(64, 80) == (24, 16, 56, 48)


@given(height=st.integers(20, 400), width=st.integers(20, 400))
def test_the_frame_is_a_centred_square_inside_the_photograph(height, width):
    x0, y0, x1, y1 = LITE0.frame(height, width)
    tolerance = max(height, width) / 256 + 1e-9  # one pixel of the resized photograph
    assert x0 >= 0
    assert y0 >= 0
    assert x1 <= width + 1e-9
    assert y1 <= height + 1e-9
    assert abs((x1 - x0) - min(height, width) * 224 / 256) <= tolerance
    assert abs((y1 - y0) - (x1 - x0)) <= tolerance
    assert abs((x0 + x1) / 2 - width / 2) <= tolerance
    assert abs((y0 + y1) / 2 - height / 2) <= tolerance


@pytest.mark.parametrize("size", [(300, 300), (256, 1000), (999, 333), (30, 40)])
def test_every_photograph_becomes_an_input_of_one_size(size):
    assert LITE0.resize_and_crop(photo(*size)).shape == (224, 224, 3)
    assert LITE0.to_input(photo(*size)).shape == (3, 224, 224)


def test_the_pixel_127_is_zero_for_lite0():
    grey = np.full((256, 256, 3), 127, dtype=np.uint8)
    assert not LITE0.to_input(grey).any()


@pytest.mark.parametrize("size", [(300, 400), (400, 300), (600, 800), (240, 900)])
@pytest.mark.parametrize("share", [1.0, 0.5])
def test_a_map_and_its_photograph_land_at_the_same_place(size, share):
    height, width = size
    y, x = height * 0.45, width * 0.52
    rows, columns = np.mgrid[0:height, 0:width] + 0.5
    blob = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * 12.0**2))
    picture = np.repeat((blob * 255).astype(np.uint8)[..., None], 3, axis=2)
    step = round(1 / share)
    coarse = blob[: height // step * step, : width // step * step]
    coarse = coarse.reshape(height // step, step, width // step, step).mean((1, 3)).astype(np.float32)
    human = labelled_map(coarse, name="fixations", extent_px=size, attrs={"units": "1"})
    framed = LITE0.map_to_frame(human)
    view = LITE0.resize_and_crop(picture)[..., 0] / 255
    assert framed.shape == (224, 224)
    assert framed.attrs["extent_px"] == [224, 224]
    assert framed.attrs["units"] == "1"
    assert np.abs(centre_of_mass(framed.values) - centre_of_mass(view)).max() < 0.5
    np.testing.assert_allclose(framed.values, view, atol=0.03)


def centre_of_mass(values: np.ndarray) -> np.ndarray:
    weights = np.where(values > 0.1, values, 0)
    rows, columns = np.mgrid[0 : values.shape[0], 0 : values.shape[1]]
    return np.array([(rows * weights).sum(), (columns * weights).sum()]) / weights.sum()


def test_a_constant_map_stays_constant():
    human = labelled_map(np.full((30, 40), 2.5, dtype=np.float32), name="human", extent_px=(300, 400))
    np.testing.assert_allclose(LITE0.map_to_frame(human).values, 2.5, rtol=1e-6)


def test_settings_go_to_a_card_and_back():
    assert Preprocessing.from_settings(EXACT.settings()) == EXACT
    assert EXACT != LITE0
    with pytest.raises(ValueError, match=r"got \['crop'\]"):
        Preprocessing.from_settings({"crop": 224})


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"crop_px": 300}, r"between 1 and short_px \(256\); got 300"),
        ({"interpolation": "cubic"}, "got 'cubic'"),
        ({"std": (1.0, 0.0, 1.0)}, "std above 0"),
        ({"std": (1.0, 1.0, -2.0)}, "std above 0"),
        ({"std": (1.0, float("nan"), 1.0)}, "three finite values"),
        ({"std": (1.0, 1.0, float("inf"))}, "three finite values"),
        ({"mean": (float("nan"), 0.0, 0.0)}, "three finite values"),
        ({"crop_px": 224.5}, "a whole number of pixels; got 224.5"),
        ({"short_px": True}, "a whole number of pixels; got True"),
    ],
)
def test_settings_that_make_no_input_are_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        Preprocessing(**settings)


@pytest.mark.parametrize("picture", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 4), np.uint8), np.zeros((9, 9, 3))])
def test_what_is_no_photograph_is_refused(picture):
    with pytest.raises(ValueError, match=r"uint8 of shape \(y, x, 3\); got"):
        LITE0.resize_and_crop(picture)


def test_participants_are_framed_like_single_maps():
    values = np.random.default_rng(0).random((3, 40, 60)).astype(np.float32)
    people = labelled_map(values, name="human_map", extent_px=(400, 600), leading={"participant": ["a", "b", "c"]})
    framed = LITE0.map_to_frame(people)
    assert framed.dims == ("participant", "y", "x")
    assert framed["participant"].values.tolist() == ["a", "b", "c"]
    for one in ("a", "b", "c"):
        alone = people.sel(participant=one).assign_attrs(people.attrs)
        np.testing.assert_array_equal(framed.sel(participant=one), LITE0.map_to_frame(alone))


def test_what_does_not_end_in_y_and_x_is_no_map():
    people = xr.DataArray(np.zeros((4, 4, 2)), dims=("y", "x", "participant"))
    with pytest.raises(ValueError, match="ends in the dims"):
        LITE0.map_to_frame(people)


def test_a_squashed_photograph_is_seen_whole_and_its_map_with_it():
    squash = Preprocessing(short_px=64, crop_px=(32, 48), resize="squash")
    assert squash.input_px == (32, 48)
    assert squash.resize_and_crop(photo(300, 400)).shape == (32, 48, 3)
    whole = Preprocessing(short_px=(32, 48), crop_px=(32, 48), resize="squash")
    assert whole.frame(300, 400) == (0, 0, 400, 300)
    rows, columns = np.mgrid[0:300, 0:400] + 0.5
    blob = np.exp(-((rows - 90) ** 2 + (columns - 330) ** 2) / (2 * 20.0**2)).astype(np.float32)
    framed = whole.map_to_frame(labelled_map(blob, name="human", extent_px=(300, 400)))
    view = whole.resize_and_crop(np.repeat((blob * 255).astype(np.uint8)[..., None], 3, axis=2))[..., 0] / 255
    assert framed.shape == (32, 48)
    np.testing.assert_allclose(framed.values, view, atol=0.1)
    assert Preprocessing.from_settings(whole.settings()) == whole
    assert Preprocessing.of_cut(whole.cut).frame(30, 90) == whole.frame(30, 90)


def test_settings_of_before_say_nothing_of_what_they_do_not_use():
    assert sorted(LITE0.settings()) == ["crop_px", "interpolation", "mean", "short_px", "std"]


def test_resizing_without_antialiasing_is_bilinear_between_pixel_centres():
    picture = photo(50, 70)
    seen = Preprocessing(short_px=20, crop_px=20, resize="squash", interpolation="bilinear-no-antialias")
    y, x = ((np.arange(20) + 0.5) * side / 20 - 0.5 for side in (50, 70))
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    fy, fx = (y - top)[:, None, None], (x - left)[None, :, None]
    whole = picture.astype(float)
    upper = whole[top][:, left] * (1 - fx) + whole[top][:, left + 1] * fx
    lower = whole[top + 1][:, left] * (1 - fx) + whole[top + 1][:, left + 1] * fx
    assert np.abs(seen.resize_and_crop(picture) - (upper * (1 - fy) + lower * fy)).max() <= 1


@pytest.mark.parametrize(
    ("mean", "std", "told"),
    [
        ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "multiply both by 255"),
        ((0.0,) * 3, (1.0,) * 3, "multiply both by 255"),
        ((103.9, 116.8, 123.7), (1.0,) * 3, "most networks take -3 to 3"),
        ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), ""),
        ((0.0,) * 3, (255.0,) * 3, ""),
    ],
)
def test_mean_and_std_in_other_units_are_told(mean, std, told):
    warning = Preprocessing(mean=mean, std=std).unit_warning
    assert told in warning
    assert bool(warning) == bool(told)


def test_settings_that_are_missing_come_from_one_declared_source():
    found, note = Preprocessing.completed({"mean": (1.0, 2.0, 3.0)})
    assert found.mean == (1.0, 2.0, 3.0)
    assert found.std == Preprocessing.imagenet().std
    assert "has only mean" in note
    assert "gv.Preprocessing.imagenet(): short_px = 256" in note
    assert Preprocessing.completed(EXACT.settings()) == (EXACT, "")
