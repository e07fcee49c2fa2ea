"""Points that a network delivers late, in lumps, or damaged: what was painted in time counts, and nothing else."""

import pytest

from gala_viz.game.game_spec import GameSpec
from gala_viz.game.judge import InvalidPointsError, Judge, LatePointsError

SPEC = GameSpec()
N_POINTS = 138
FIRST_MS = 12_345.0
"""The page's clock at its first point; the server's stands at 0 when that leaves."""


def stroke(count=N_POINTS):
    """Points as a page paints them: 5 px to and fro, one every 50 ms."""
    return [(60.0 + 5 * (number % 2), 80.0, FIRST_MS + 50.0 * number) for number in range(count)]


def packets(points, lump=4):
    """The first point by itself, then ``lump`` at a time, as while no guess has come: (leaves_ms, points)."""
    lumps = [points[:1], *(points[start : start + lump] for start in range(1, len(points), lump))]
    return [(each[-1][2] - FIRST_MS, each) for each in lumps]


def deliver(judge, sent, delay_ms):
    """Deliver in order, as TCP does, each ``delay_ms(number)`` after it left; return what was refused."""
    now, refused = 0.0, []
    for number, (leaves_ms, points) in enumerate(sent):
        now = max(now, leaves_ms + delay_ms(number))
        try:
            judge.paint(points, now)
        except InvalidPointsError as error:
            refused.append(error)
    return refused


@pytest.mark.parametrize("lump", [1, 4])
@pytest.mark.parametrize(
    "delay_ms",
    [
        lambda number: 20 + 320 * (number == 0),
        lambda number: 20 + 850 * (number == 0),
        lambda number: 20 + 700 * (number % 9 == 4),
        lambda number: 20 + 300 * (number in (0, 3, 7)),
        lambda number: 900 if number < 3 else 20,
    ],
    ids=["first stalls 320 ms", "first stalls 850 ms", "every ninth stalls", "three stall", "the beginning stalls"],
)
def test_all_points_count_whose_packets_stall(delay_ms, lump):
    judge, points = Judge(SPEC), stroke(120)
    refused = deliver(judge, packets(points, lump), delay_ms)
    assert [str(one) for one in refused] == []
    assert [(point.x_px, point.y_px, point.t_ms) for point in judge.points] == points


def test_a_round_whose_first_packet_stalled_began_when_it_was_painted():
    judge = Judge(SPEC)
    deliver(judge, packets(stroke(20)), lambda number: 20 + 320 * (number == 0))
    assert judge.began_ms == pytest.approx(20), "by the quickest packet, which took 20 ms"
    assert judge.points[-1].at_ms == pytest.approx(19 * 50)
    assert judge.points[0].at_ms == 0
    times = [point.at_ms for point in judge.points]
    assert times == sorted(times)


def test_nothing_counts_that_was_painted_after_the_end_although_the_first_packet_was_late():
    judge = Judge(SPEC)
    refused = deliver(judge, packets(stroke(160)), lambda number: 20 + 320 * (number == 0))
    assert len(judge.points) > N_POINTS - 4
    assert max(point.t_ms for point in judge.points) - FIRST_MS < SPEC.limit_ms
    assert all(isinstance(one, LatePointsError) for one in refused)


def test_the_valid_points_of_a_refused_message_count_and_those_behind_do_not():
    judge = Judge(SPEC)
    first, *rest = stroke(8)
    judge.paint([first], 0.0)
    rest[3] = (250.0, 80.0, rest[3][2])
    with pytest.raises(InvalidPointsError, match="a step of") as error:
        judge.paint(rest, 400.0)
    assert error.value.counted == judge.points[1:]
    assert [point.t_ms for point in judge.points] == [t for _, _, t in stroke(4)]


def test_a_longer_stall_costs_the_points_until_page_and_judge_are_in_step_again():
    """The page is told by how much its times run ahead, and holds them back."""
    judge, held_ms, n_refused = Judge(SPEC), 0.0, 0
    x, last_t = 60.0, FIRST_MS
    judge.paint([(x, 80.0, FIRST_MS)], 2000.0)
    for number in range(1, 100):
        sent_ms = 50.0 * number
        if sent_ms < 2000:
            continue
        try:
            judge.paint([(x, 80.0, FIRST_MS + sent_ms - held_ms)], sent_ms + 20)
        except InvalidPointsError as error:
            n_refused += 1
            held_ms += error.ahead_ms
    assert n_refused == 1
    assert len(judge.points) > 55
    assert last_t < judge.points[-1].t_ms


def test_claims_about_the_players_clock_win_no_time():
    """Times that run ahead by all that is allowed are paid for: the round began as much earlier."""
    hasty, fair = Judge(SPEC), Judge(SPEC)
    for judge, ahead in ((hasty, 800.0), (fair, 0.0)):
        judge.paint([(60.0, 80.0, 0.0)], 0.0)
        judge.paint([(65.0, 80.0, 100.0 + ahead)], 100.0)
    assert hasty.points[-1].at_ms == 900
    assert fair.points[-1].at_ms == 100
    assert hasty.elapsed_at_ms(7000.0 - 800) == 7000


def test_a_clock_that_runs_twice_as_fast_gains_no_more_than_one_stall():
    judge, taken = Judge(SPEC), 0
    for number in range(200):
        try:
            judge.paint([(60.0 + number % 2, 80.0, 50.0 * number)], 25.0 * number)
            taken += 1
        except InvalidPointsError:
            pass
    assert taken <= 200 * 25 / 50 + 25


def test_a_skip_after_the_time_is_up_changes_no_end():
    judge = Judge(SPEC)
    judge.paint([(60.0, 80.0, 0.0)], 0.0)
    judge.skip(SPEC.limit_ms)
    assert not judge.is_over
    assert judge.apply_time_limit(SPEC.limit_ms)
