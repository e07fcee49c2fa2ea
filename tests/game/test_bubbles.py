"""The canvas: what is shown, what the network sees, where a point lies in the photograph."""

import numpy as np
import pytest

from gala_viz.game.bubbles import bubble_mask, darken_with_noise, masked_canvas
from gala_viz.game.game_spec import GameSpec
from gala_viz.game.pointer_paths import pointer_path, random_pointer_path
from gala_viz.records.canvas import canvas_to_photo, centre_crop_box, crop_to_canvas

SPEC = GameSpec()


def photo(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_the_centre_square_is_as_large_as_the_short_side():
    assert centre_crop_box(300, 400) == (50.0, 0.0, 350.0, 300.0)
    assert centre_crop_box(401, 300) == (0.0, 50.5, 300.0, 350.5)


def test_points_return_to_the_photographs_own_pixels():
    box = centre_crop_box(300, 400)
    x, y = canvas_to_photo(np.array([0.0, 128.0, 255.9]), np.array([0.0, 128.0, 10.0]), box, 256)
    np.testing.assert_allclose(x, [50, 200, 50 + 255.9 * 300 / 256])
    np.testing.assert_allclose(y, [0, 150, 10 * 300 / 256])


def test_a_square_photograph_of_the_canvas_size_is_shown_as_it_is():
    picture = photo(256, 256)
    np.testing.assert_array_equal(crop_to_canvas(picture, 256), picture)


def test_the_network_sees_the_squares_and_nothing_else():
    canvas = photo(256, 256)
    mask = bubble_mask([(30.0, 40.0), (200.0, 220.0)], SPEC)
    view = masked_canvas(canvas, mask, SPEC)
    np.testing.assert_array_equal(view[mask], canvas[mask])
    assert (view[~mask] == 127).all()
    other = np.where(mask[..., None], canvas, photo(256, 256)[::-1])
    np.testing.assert_array_equal(masked_canvas(other, mask, SPEC), view)


def test_the_published_fill_darkens_and_is_the_same_for_a_seed():
    canvas = photo(64, 64)
    spec = GameSpec(fill="noise", canvas_px=64)
    mask = np.zeros((64, 64), bool)
    view = masked_canvas(canvas, mask, spec, seed=3)
    np.testing.assert_array_equal(view, darken_with_noise(canvas, 3))
    assert view.mean() < canvas.mean()
    assert not np.array_equal(view, darken_with_noise(canvas, 4))


def test_a_trail_reaches_its_waypoints_in_steps_that_the_judge_takes():
    points = list(pointer_path([(10, 10), (40, 50), (40, 50), (300, 50)], SPEC))
    steps = np.linalg.norm(np.diff(np.array(points), axis=0), axis=1)
    assert steps.max() <= 7 + 1e-9
    assert any(np.allclose(point, (40, 50)) for point in points)
    assert points[-1][0] == pytest.approx(256, abs=1e-6)
    assert all(0 <= value < 256 for point in points for value in point)


def test_a_wandering_pointer_fills_a_round():
    points = list(random_pointer_path(SPEC, np.random.default_rng(1)))
    assert len(points) == SPEC.max_points
