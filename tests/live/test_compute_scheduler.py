"""Who computes next."""

from __future__ import annotations

import threading
import time

import pytest

from gala_viz.live.compute_scheduler import INTERACTIVE, SURVEY, ComputeScheduler


def never():
    return False


def start(scheduler, log, name, priority, times, cancelled=never):
    def work():
        for _ in range(times):
            with scheduler.turn(priority, cancelled) as granted:
                if granted:
                    log.append(name)
                    time.sleep(0.005)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def wait_until_waiting(scheduler, count):
    end = time.monotonic() + 5
    while len(scheduler._waiting) < count:
        assert time.monotonic() < end
        time.sleep(0.001)


def test_sessions_alternate_and_people_go_before_surveys():
    scheduler, log, threads = ComputeScheduler(grace_s=0), [], []
    with scheduler.turn(INTERACTIVE, never):
        for count, (name, priority) in enumerate([("survey", SURVEY), ("a", INTERACTIVE), ("b", INTERACTIVE)], start=1):
            threads.append(start(scheduler, log, name, priority, 3))
            wait_until_waiting(scheduler, count)
    for thread in threads:
        thread.join(10)
    assert log == ["a", "b", "a", "b", "a", "b", "survey", "survey", "survey"]


def test_one_turn_at_a_time():
    scheduler, inside, most = ComputeScheduler(grace_s=0), [], []

    def work():
        for _ in range(20):
            with scheduler.turn(INTERACTIVE, never):
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
    scheduler, log, gone = ComputeScheduler(grace_s=0), [], threading.Event()
    with scheduler.turn(INTERACTIVE, never):
        cancelled = start(scheduler, log, "cancelled", INTERACTIVE, 1, gone.is_set)
        wait_until_waiting(scheduler, 1)
        other = start(scheduler, log, "other", INTERACTIVE, 1)
        gone.set()
        cancelled.join(5)
    other.join(5)
    assert log == ["other"]


def test_a_turn_comes_back_after_an_error():
    scheduler = ComputeScheduler(grace_s=0)
    with pytest.raises(ZeroDivisionError), scheduler.turn(INTERACTIVE, never):
        raise ZeroDivisionError
    with scheduler.turn(SURVEY, never) as granted:
        assert granted


def test_a_survey_does_not_slip_in_between_two_chunks_of_a_person():
    scheduler, log = ComputeScheduler(grace_s=0.3), []
    with scheduler.turn(INTERACTIVE, never):
        survey = start(scheduler, log, "survey", SURVEY, 1)
        wait_until_waiting(scheduler, 1)
    time.sleep(0.05)
    with scheduler.turn(INTERACTIVE, never):
        log.append("person")
    survey.join(5)
    assert log == ["person", "survey"]
