"""From points to maps, against a plain loop and a formula."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gala_viz.collections.human_maps.points import (
    PointMapSpec,
    Points,
    count_maps,
    gaussian,
    map_cells,
    participant_codes,
    point_maps,
)
from gala_viz.registry import UnknownNameError

UNSMOOTHED = PointMapSpec(smoothing="none", max_cells=40)
coordinate = st.floats(-10, 60, width=32) | st.just(float("nan")) | st.sampled_from([0.0, 30.0, 40.0])


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 2), coordinate, coordinate, st.floats(0, 500)), max_size=30), st.booleans())
def test_counts_are_a_plain_loops(points, weighted):
    frame, cells = (30, 40), (6, 10)
    expected = np.zeros((3, *cells))
    inside = []
    for participant, x, y, weight in points:
        inside.append(0 <= x < frame[1] and 0 <= y < frame[0])
        if inside[-1]:
            row, column = int(y * (cells[0] / frame[0])), int(x * (cells[1] / frame[1]))
            expected[participant, min(row, cells[0] - 1), min(column, cells[1] - 1)] += weight if weighted else 1
    codes, x, y, weights = (np.array([p[k] for p in points], dtype=float) for k in range(4))
    counts, found = count_maps(x, y, codes.astype(int), 3, frame, cells, weights if weighted else None)
    np.testing.assert_allclose(counts, expected)
    assert found.tolist() == inside


def test_a_point_lies_in_the_cell_that_holds_it():
    points = Points(np.array([1, 1, 2]), np.array([0.0, 39.99, 20.0]), np.array([0.0, 29.99, 15.0]))
    found = point_maps(points, (30, 40), UNSMOOTHED)
    assert found.participants == ("1", "2")
    assert found.maps[0, 0, 0] == found.maps[0, 29, 39] == found.maps[1, 15, 20] == 1
    assert found.maps.sum() == 3


def test_points_outside_are_dropped_and_counted_and_so_are_those_who_only_have_such():
    points = Points(np.array([1, 1, 2, 3]), np.array([5.0, -1, 40, np.nan]), np.array([5.0, 5, 5, 5]))
    found = point_maps(points, (30, 40), UNSMOOTHED)
    assert found.n_outside == 3
    assert found.participants == ("1",)


def test_the_mean_of_smoothed_maps_is_the_smoothed_mean():
    generator = np.random.default_rng(0)
    points = Points(generator.integers(0, 5, 60), generator.uniform(0, 40, 60), generator.uniform(0, 30, 60))
    smooth = point_maps(points, (30, 40), PointMapSpec(sigma_px=3, max_cells=40))
    counts = point_maps(points, (30, 40), UNSMOOTHED)
    np.testing.assert_allclose(
        smooth.maps.mean(axis=0), gaussian(counts.maps.mean(axis=0), (3, 3)), rtol=1e-4, atol=1e-6
    )


def test_one_point_becomes_a_gaussian_of_the_named_width():
    points = Points(np.array([1]), np.array([400.0 + 2]), np.array([300.0 + 2]))
    found = point_maps(points, (600, 800), PointMapSpec(sigma_px=24.0))
    assert found.maps.shape == (1, 150, 200)
    y, x = (np.arange(150) + 0.5) * 4, (np.arange(200) + 0.5) * 4
    expected = np.exp(-((y[:, None] - 302) ** 2 + (x - 402) ** 2) / (2 * 24**2)) * 16 / (2 * np.pi * 24**2)
    np.testing.assert_allclose(found.maps[0], expected, atol=expected.max() * 1e-3)


def test_smoothing_scales_with_the_cells():
    points = Points(np.array([1]), np.array([402.0]), np.array([302.0]))
    fine = point_maps(points, (600, 800), PointMapSpec(max_cells=800)).maps[0]
    coarse = point_maps(points, (600, 800), PointMapSpec(max_cells=200)).maps[0]
    pooled = fine.reshape(150, 4, 200, 4).sum(axis=(1, 3))
    np.testing.assert_allclose(pooled, coarse, atol=coarse.max() * 0.02)


def test_durations_weigh_and_shares_make_participants_equal():
    points = Points(np.array([1, 1, 2]), np.array([1.0, 9, 9]), np.array([1.0, 1, 1]), np.array([100.0, 300, 50]))
    weighted = point_maps(points, (30, 40), PointMapSpec(smoothing="none", weight="duration", max_cells=40))
    assert (weighted.maps[0, 1, 1], weighted.maps[0, 1, 9], weighted.maps[1, 1, 9]) == (100, 300, 50)
    share = PointMapSpec(smoothing="none", weight="duration", per_participant="share", max_cells=40)
    np.testing.assert_allclose(point_maps(points, (30, 40), share).maps.sum(axis=(1, 2)), 1)
    with pytest.raises(ValueError, match="needs the points' durations"):
        point_maps(Points(points.participant, points.x_px, points.y_px), (30, 40), share)


def test_maps_do_not_depend_on_the_order_of_the_points():
    generator = np.random.default_rng(3)
    columns = generator.integers(0, 4, 50), generator.uniform(0, 40, 50), generator.uniform(0, 30, 50)
    order = generator.permutation(50)
    one = point_maps(Points(*columns), (30, 40), UNSMOOTHED)
    other = point_maps(Points(*(column[order] for column in columns)), (30, 40), UNSMOOTHED)
    np.testing.assert_array_equal(one.maps, other.maps)


def test_participants_stand_in_the_order_of_their_numbers():
    ids, codes = participant_codes(np.array([10, 2, 2, 33]))
    assert ids == ("2", "10", "33")
    assert codes.tolist() == [1, 0, 0, 2]


def test_cells_keep_the_frames_proportions():
    assert map_cells((600, 800), 200) == (150, 200)
    assert map_cells((50, 20), 200) == (50, 20)
    assert map_cells((3000, 2), 200) == (200, 1)


def test_wrong_settings_are_answered():
    with pytest.raises(UnknownNameError, match="Did you mean 'gaussian'"):
        PointMapSpec(smoothing="gausian")
    for wrong in ({"sigma_px": 0}, {"weight": "ms"}, {"per_participant": "mean"}, {"max_cells": 1}):
        with pytest.raises(ValueError, match="got"):
            PointMapSpec(**wrong)
