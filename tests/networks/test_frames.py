"""Maps brought from one network's frame into another's."""

import numpy as np
import pytest

from gala_viz.networks.frames import resample_to_frame
from gala_viz.networks.preprocessing import Preprocessing

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
