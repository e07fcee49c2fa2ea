"""Distances against independent references, rays against distances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gala_viz.collections.rendered import solids
from gala_viz.collections.rendered.shape import box, capsule, cylinder, ellipsoid, rotation, solid_rows, transform

SOLIDS = {
    "ball": ellipsoid("p", (0.2, -0.1, 0.3), (0.5, 0.5, 0.5)),
    "ellipsoid": ellipsoid("p", (0, 0, 0), (0.6, 0.3, 0.2), angles=(10, 40, 70)),
    "capsule": capsule("p", (0, 0, 0), (0.6, 0.4, -0.2), 0.2, 0.1),
    "box": box("p", (0.1, 0, 0), (0.5, 0.3, 0.2), rounding=0.05, angles=(30, 0, 15)),
    "cylinder": cylinder("p", (0, 0.1, 0), 0.4, 0.2, angles=(0, 50, 0)),
}


def array(*shape):
    return solid_rows(shape, 1, {"skin": 0})


def distance(solid, point):
    return solids.signed_distance(array(solid)[0], *map(float, point))


def test_the_distance_to_a_ball_is_that_to_its_centre_less_its_radius():
    points = np.random.default_rng(0).normal(0, 1, (50, 3))
    found = [distance(SOLIDS["ball"], point) for point in points]
    np.testing.assert_allclose(found, np.linalg.norm(points - (0.2, -0.1, 0.3), axis=1) - 0.5, atol=1e-12)


def test_the_distance_to_a_capsule_is_that_to_the_nearest_of_the_balls_along_it():
    start, end = np.zeros(3), np.array([0.6, 0.4, -0.2])
    shares = np.linspace(0, 1, 4001)[:, None]
    centres, radii = start + shares * (end - start), 0.2 + shares[:, 0] * (0.1 - 0.2)
    for point in np.random.default_rng(1).normal(0, 1, (50, 3)):
        expected = (np.linalg.norm(point - centres, axis=1) - radii).min()
        assert distance(SOLIDS["capsule"], point) == pytest.approx(expected, abs=1e-5)


def test_the_distance_to_a_box_is_that_to_its_nearest_point():
    plain = box("p", (0, 0, 0), (0.5, 0.3, 0.2), rounding=0.0)
    for point in np.random.default_rng(2).normal(0, 1, (100, 3)):
        nearest = np.clip(point, (-0.5, -0.3, -0.2), (0.5, 0.3, 0.2))
        if not np.array_equal(nearest, point):
            assert distance(plain, point) == pytest.approx(np.linalg.norm(point - nearest), abs=1e-9)


@pytest.mark.parametrize("name", SOLIDS)
@settings(max_examples=40)
@given(turn=st.tuples(*[st.floats(-180, 180)] * 3), at=st.tuples(*[st.floats(-3, 3)] * 3), scale=st.floats(0.2, 4))
def test_moving_turning_and_scaling_move_turn_and_scale_the_distance(name, turn, at, scale):
    point, matrix = np.array([0.7, 0.5, -0.4]), rotation(*turn)
    moved = transform([SOLIDS[name]], scale=scale, rotation_matrix=matrix, offset=at)
    found = solids.signed_distance(solid_rows(moved, 1, {"skin": 0})[0], *(matrix @ (point * scale) + at))
    assert found == pytest.approx(scale * distance(SOLIDS[name], point), abs=1e-8)


@pytest.mark.parametrize("name", SOLIDS)
def test_a_solid_lies_within_its_bound(name):
    row = array(SOLIDS[name])[0]
    directions = np.random.default_rng(3).normal(size=(400, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    for direction in directions:
        x, y, z = row[solids.CENTRE : solids.CENTRE + 3] + direction * row[solids.BOUND] * 1.0001
        assert solids.signed_distance(row, x, y, z) >= -1e-9


@pytest.mark.parametrize("name", SOLIDS)
def test_a_ray_ends_on_the_surface_and_the_normal_looks_back(name):
    table, active, normal = array(SOLIDS[name]), np.zeros(solids.MAX_ACTIVE, np.int64), np.zeros(3)
    eye = np.array([2.0, 1.5, 2.5])
    way = table[0, solids.CENTRE : solids.CENTRE + 3] - eye
    if name == "capsule":
        way = np.array([0.3, 0.2, -0.1]) - eye
    way /= np.linalg.norm(way)
    along, row = solids.intersect(table, 0, 1, *eye, *way, 100.0, active)
    assert row == 0
    at = eye + along * way
    assert abs(solids.signed_distance(table[0], *at)) < 0.006
    solids.surface_normal(table, 0, 1, *at, active, normal)
    assert np.linalg.norm(normal) == pytest.approx(1)
    assert normal @ way < 0
    assert solids.signed_distance(table[0], *(at + 0.05 * normal)) > 0.02


def test_a_smooth_union_is_the_union_away_from_the_seam_and_fuller_in_it():
    apart = [ellipsoid("p", (x, 0, 0), (0.5, 0.5, 0.5), blend=0.2) for x in (-0.45, 0.45)]
    table, active = array(*apart), np.arange(solids.MAX_ACTIVE)
    far, row = solids.smooth_union(table, active, 2, -1.2, 0.0, 0.0)
    assert far == pytest.approx(0.25)
    assert row == 0
    seam, _ = solids.smooth_union(table, active, 2, 0.0, 0.4, 0.0)
    assert seam < min(solids.signed_distance(one, 0.0, 0.4, 0.0) for one in table)
    assert seam == pytest.approx(solids.smooth_union(table, np.array([1, 0]), 2, 0.0, 0.4, 0.0)[0])


def test_light_is_blocked_behind_a_solid_and_free_beside_it():
    table, active = array(SOLIDS["ball"]), np.zeros(solids.MAX_ACTIVE, np.int64)
    up = (0.0, 1.0, 0.0)
    assert solids.soft_shadow(table, 0, 1, 0.2, -2.0, 0.3, *up, 10.0, active) == 0
    assert solids.soft_shadow(table, 0, 1, 3.0, -2.0, 0.3, *up, 10.0, active) == 1
    edge = solids.soft_shadow(table, 0, 1, 0.2 + 0.55, -2.0, 0.3, *up, 10.0, active)
    assert 0 < edge < 1
