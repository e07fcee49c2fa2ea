"""Who computes next."""

from __future__ import annotations

import threading
import time

import pytest

from gala_viz.live.turns import LOOKING, SURVEY, Turns


def never():
    return False


def start(turns, log, name, priority, times, cancelled=never):
    def work():
        for _ in range(times):
            with turns.taken(priority, cancelled) as granted:
                if granted:
                    log.append(name)
                    time.sleep(0.005)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def wait_until_waiting(turns, count):
    end = time.monotonic() + 5
    while len(turns._waiting) < count:
        assert time.monotonic() < end
        time.sleep(0.001)


def test_sessions_alternate_and_people_go_before_surveys():
    turns, log, threads = Turns(grace_s=0), [], []
    with turns.taken(LOOKING, never):
        for count, (name, priority) in enumerate([("survey", SURVEY), ("a", LOOKING), ("b", LOOKING)], start=1):
            threads.append(start(turns, log, name, priority, 3))
            wait_until_waiting(turns, count)
    for thread in threads:
        thread.join(10)
    assert log == ["a", "b", "a", "b", "a", "b", "survey", "survey", "survey"]


def test_one_turn_at_a_time():
    turns, inside, most = Turns(grace_s=0), [], []

    def work():
        for _ in range(20):
            with turns.taken(LOOKING, never):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert max(most) == 1
    assert len(most) == 80


def test_whoever_cancels_while_waiting_gets_no_turn_and_holds_nobody_up():
    turns, log, gone = Turns(grace_s=0), [], threading.Event()
    with turns.taken(LOOKING, never):
        cancelled = start(turns, log, "cancelled", LOOKING, 1, gone.is_set)
        wait_until_waiting(turns, 1)
        other = start(turns, log, "other", LOOKING, 1)
        gone.set()
        cancelled.join(5)
    other.join(5)
    assert log == ["other"]


def test_a_turn_comes_back_after_an_error():
    turns = Turns(grace_s=0)
    with pytest.raises(ZeroDivisionError), turns.taken(LOOKING, never):
        raise ZeroDivisionError
    with turns.taken(SURVEY, never) as granted:
        assert granted


def test_a_survey_does_not_slip_in_between_two_chunks_of_a_person():
    turns, log = Turns(grace_s=0.3), []
    with turns.taken(LOOKING, never):
        survey = start(turns, log, "survey", SURVEY, 1)
        wait_until_waiting(turns, 1)
    time.sleep(0.05)
    with turns.taken(LOOKING, never):
        log.append("person")
    survey.join(5)
    assert log == ["person", "survey"]
