"""The judge: what counts, what is refused, how a round ends. No message can make a score."""

import contextlib
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gala_viz.game.game_spec import GameSpec
from gala_viz.game.judge import InvalidPointsError, Judge
from gala_viz.game.scoring import score_points
from gala_viz.records.round_updates import Outcome

SPEC = GameSpec()


def begun(at=1000.0, x=100.0, y=100.0):
    judge = Judge(SPEC)
    judge.paint([(x, y, 5.0)], at)
    return judge


def test_the_curve_falls_from_100_to_0_as_published():
    assert score_points(0, 7000) == 100
    assert score_points(7000, 7000) == 0
    assert score_points(3500, 7000) == pytest.approx(12.5)
    assert score_points(8000, 7000) == 0
    assert score_points(-5, 7000) == 100


def test_the_first_point_starts_the_servers_clock():
    judge = Judge(SPEC)
    assert judge.elapsed_at_ms(10.0) == 0
    judge.paint([(10, 20, 123456.0)], 50.0)
    assert judge.began_ms == 50.0
    assert judge.elapsed_at_ms(80.0) == 30.0
    assert judge.points[0].at_ms == 0


def test_what_is_uncovered_is_the_players_own_square_of_14_px():
    judge = begun(x=100.0, y=50.0)
    rows, columns = np.nonzero(judge.mask)
    assert judge.mask.sum() == 14 * 14
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (43, 56, 93, 106)


def test_squares_at_the_edge_are_cut_not_moved():
    judge = Judge(SPEC)
    judge.paint([(0.0, 255.9, 0.0)], 0.0)
    rows, columns = np.nonzero(judge.mask)
    assert columns.max() < 14 / 2 + 1
    assert rows.min() >= 255.9 - 8
    assert judge.mask.sum() < 14 * 14 / 2


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ((256.0, 10.0, 60.0), "outside of the canvas"),
        ((-0.1, 10.0, 60.0), "outside of the canvas"),
        ((math.nan, 10.0, 60.0), "finite"),
        ((100.0, 100.0, math.inf), "finite"),
        ((108.0, 100.0, 60.0), "a step of 8.00 px"),
        ((105.0, 105.0, 60.0), "a step of 7.07 px"),
        ((101.0, 100.0, 5.0), "backwards"),
        ((101.0, 100.0, 4.0), "backwards"),
        ((101.0, 100.0, 20.0), "one every 50 ms"),
        ((101.0, 100.0, 1000.0), "ahead of the server's clock"),
    ],
)
def test_points_that_cannot_be_are_refused_and_change_nothing(point, words):
    judge = begun()
    mask, points = judge.mask.copy(), list(judge.points)
    with pytest.raises(InvalidPointsError, match=words):
        judge.paint([point], 1060.0)
    np.testing.assert_array_equal(judge.mask, mask)
    assert judge.points == points
    assert not judge.is_over


def test_a_long_list_at_once_cannot_uncover_what_time_did_not_allow():
    judge = Judge(SPEC)
    many = [(100.0 + i, 100.0, 50.0 * i) for i in range(8)]
    with pytest.raises(InvalidPointsError, match=r"one every 50 ms|ahead"):
        judge.paint(many, 0.0)
    assert judge.began_ms is None
    assert not judge.mask.any()


def test_a_slightly_fast_clock_cannot_gain_points_over_the_round():
    judge, taken, refused = begun(at=0.0), 1, 0
    for number in range(1, 200):
        try:
            judge.paint([(100.0 + number % 2, 100.0, 5.0 + 31.0 * number)], 31.0 * number)
            taken += 1
        except InvalidPointsError:
            refused += 1
    assert refused
    assert taken <= 31.0 * 199 / 50 + 8


def test_after_the_end_nothing_counts():
    for end in (lambda j: j.judge_guess(1, 500.0), lambda j: j.skip(1500.0), lambda j: j.apply_time_limit(9000.0)):
        judge = begun()
        end(judge)
        assert judge.is_over
        outcome, score, elapsed = judge.outcome, judge.score, judge.elapsed_ms
        with pytest.raises(InvalidPointsError, match="over"):
            judge.paint([(101, 100, 60.0)], 1600.0)
        assert not judge.judge_guess(1, 10.0)
        judge.skip(1700.0)
        judge.interrupt(1800.0)
        assert (judge.outcome, judge.score, judge.elapsed_ms) == (outcome, score, elapsed)


def test_the_time_is_up_by_the_servers_clock_alone():
    judge = begun(at=0.0)
    assert not judge.apply_time_limit(6999.0)
    with pytest.raises(InvalidPointsError, match="time is up"):
        judge.paint([(101, 100, 60.0)], 7000.0)
    assert judge.apply_time_limit(7000.0)
    assert (judge.outcome, judge.score, judge.elapsed_ms) == (Outcome.LOST, 0.0, 7000.0)


def test_a_guess_wins_within_the_top_five_and_pays_for_the_time_of_its_points():
    judge = begun(at=0.0)
    assert not judge.judge_guess(6, 700.0)
    assert judge.judge_guess(5, 700.0)
    assert judge.score == pytest.approx(100 * 0.9**3)
    assert judge.elapsed_ms == 700.0


def test_a_round_that_was_not_begun_cannot_time_out():
    assert not Judge(SPEC).apply_time_limit(1e9)


messages = st.lists(
    st.tuples(
        st.floats(-300, 600) | st.just(math.nan),
        st.floats(-300, 600),
        st.floats(-1e5, 1e5) | st.just(math.inf),
    ),
    max_size=12,
)


@given(st.lists(st.tuples(messages, st.floats(0, 2000)), max_size=8))
def test_no_messages_whatever_make_a_score_or_an_impossible_trail(told):
    judge, now = Judge(SPEC), 0.0
    for points, later in told:
        now += later
        with contextlib.suppress(InvalidPointsError):
            judge.paint(points, now)
    assert judge.score == 0
    steps = [math.hypot(b.x_px - a.x_px, b.y_px - a.y_px) for a, b in zip(judge.points, judge.points[1:], strict=False)]
    assert all(step <= 7.011 for step in steps)
    assert all(b.t_ms > a.t_ms for a, b in zip(judge.points, judge.points[1:], strict=False))
    assert judge.mask.sum() <= 14 * 14 * len(judge.points)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"bubble_px": 0}, "bubble_px"),
        ({"limit_ms": 0}, "above 0"),
        ({"top": 0}, "top"),
        ({"fill": "pink"}, "'grey' or 'noise'"),
        ({"catch_share": 1.0}, "catch_share"),
    ],
)
def test_settings_that_cannot_be_are_told(values, words):
    with pytest.raises(ValueError, match=words):
        GameSpec(**values)
