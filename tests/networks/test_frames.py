"""Maps brought from one network's frame into another's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gala_viz.alignment import area_average
from gala_viz.networks.frames import CommonFrame, common_frame, common_part_text, cut_to_frame, resample_to_frame
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.schema import labelled_map

PHOTO = (90, 120)


def ramp(preprocessing, along):
    """A map whose value is its own position in the photograph, in the photograph's pixels."""
    x0, y0, x1, y1 = preprocessing.frame(*PHOTO)
    size = preprocessing.crop_px
    low, high = (y0, y1) if along == 0 else (x0, x1)
    values = low + (np.arange(size) + 0.5) * (high - low) / size
    return np.broadcast_to(values[:, None] if along == 0 else values[None], (size, size)).astype(np.float32)


@pytest.mark.parametrize("along", [0, 1])
@pytest.mark.parametrize(
    ("own", "frame"),
    [((64, 56), (60, 40)), ((60, 40), (64, 56)), ((100, 90), (40, 30)), ((40, 30), (100, 90)), ((64, 64), (64, 40))],
)
def test_positions_in_the_photograph_stay_where_they_are(own, frame, along):
    own, frame = (Preprocessing(short_px=short, crop_px=crop) for short, crop in (own, frame))
    moved = resample_to_frame(ramp(own, along), own, frame, PHOTO, frame.input_px)
    expected = ramp(frame, along)
    seen = np.isfinite(moved)
    inner = np.zeros_like(seen)
    inner[4:-4, 4:-4] = True
    inner &= seen
    assert inner.any()
    rim = np.ptp(ramp(own, along)) / own.crop_px
    np.testing.assert_allclose(moved[inner], expected[inner], atol=rim)
    centre = slice(frame.crop_px // 3, -frame.crop_px // 3)
    np.testing.assert_allclose(moved[centre, centre], expected[centre, centre], atol=0.05)


def test_what_the_network_does_not_see_is_nan_and_nothing_else():
    own, frame = Preprocessing(short_px=64, crop_px=32), Preprocessing(short_px=64, crop_px=64)
    moved = resample_to_frame(np.ones((2, 32, 32), np.float32), own, frame, PHOTO, frame.input_px)
    assert moved.shape == (2, 64, 64)
    assert np.isnan(moved).sum() == 2 * (64 * 64 - 32 * 32)
    assert (moved[:, 16:48, 16:48] == 1).all()


def test_equal_frames_return_the_values_themselves():
    own = Preprocessing(short_px=64, crop_px=32)
    values = np.ones((32, 32), np.float32)
    assert resample_to_frame(values, own, Preprocessing(short_px=64, crop_px=32), PHOTO, (32, 32)) is values


def test_networks_that_cut_alike_share_their_frame_whatever_they_do_to_pixels():
    first = Preprocessing(short_px=64, crop_px=32)
    other = Preprocessing(short_px=64, crop_px=32, interpolation="bilinear", mean=(0.0,) * 3, std=(1.0,) * 3)
    assert common_frame([first, other]) is first
    assert common_part_text(["a", "b"], [first, other]) == ""
    values = np.random.default_rng(0).random((32, 32), np.float32)
    assert resample_to_frame(values, other, first, PHOTO, (32, 32)) is values


crops = st.tuples(st.integers(1, 300), st.integers(0, 60)).map(lambda one: (one[0] + one[1], one[0]))


@given(st.lists(crops, min_size=1, max_size=4), st.integers(8, 500), st.integers(8, 500))
def test_the_common_frame_is_what_lies_in_every_frame(cuts, height, width):
    frames = [Preprocessing(short_px=short, crop_px=crop) for short, crop in cuts]
    x0, y0, x1, y1 = common_frame(frames).frame(height, width)
    assert x0 < x1
    assert y0 < y1
    for place in ((x0, y0), (x1, y1)):
        assert all(
            left <= place[0] <= right and top <= place[1] <= bottom
            for left, top, right, bottom in (frame.frame(height, width) for frame in frames)
        )
    for at, which in enumerate((max, max, min, min)):
        assert (x0, y0, x1, y1)[at] == which(frame.frame(height, width)[at] for frame in frames)


def test_maps_of_networks_and_people_over_the_common_frame_lie_on_each_other():
    """All hold their own position in the photograph, so that area averages of any of them are equal."""
    frames = [Preprocessing(short_px=96, crop_px=64), Preprocessing(short_px=80, crop_px=72)]
    common = common_frame(frames)
    assert common == CommonFrame(((80, 72), (96, 64)))
    along = np.broadcast_to((np.arange(120) + 0.5)[None], PHOTO).astype(np.float32)
    human = common.map_to_frame(labelled_map(along, name="human_map", extent_px=PHOTO))
    assert human.shape == common.input_px == (64, 64)
    expected = area_average(human.values, (8, 8))
    for frame in frames:
        cut = cut_to_frame(ramp(frame, 1), frame, common, PHOTO, (8, 8))
        np.testing.assert_allclose(cut[:, 1:-1], expected[:, 1:-1], atol=0.3)
    np.testing.assert_allclose(np.diff(expected[0])[1:-1], 60 / 8, atol=0.1)  # two thirds of the 90 rows in eight cells


def test_shares_of_the_common_part_are_told_by_network():
    frames = [Preprocessing(short_px=256, crop_px=224), Preprocessing(short_px=224, crop_px=224)]
    said = "maps are compared over the part of a photograph that all see: 100 % of what a sees, 77 % of what b sees"
    assert common_part_text(["a", "b"], frames) == said


def test_maps_of_one_size_share_no_attrs():
    values = np.arange(12.0).reshape(3, 4)
    one, other = (labelled_map(values, name=name, extent_px=(6, 8), attrs={"kind": name}) for name in ("a", "b"))
    one.x.attrs["units"] = one.attrs["kind"] = "other"
    one.coords["y"] = [1, 2, 3]
    again = labelled_map(values, name="b", extent_px=(6, 8), attrs={"kind": "b"})
    assert other.identical(again)
    assert other.x.attrs["units"] == "px"
    assert other.y.values.tolist() == [1, 3, 5]
    leading = labelled_map(values[None], name="b", extent_px=(6, 8), leading={"image": ["i"]}, attrs={"kind": "b"})
    assert leading[0].drop_vars("image").identical(again)
