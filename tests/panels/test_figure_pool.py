"""Figures that are drawn before visitors come."""

import threading
import time

import pytest

from gala_viz.panels.compare import figure_pool
from gala_viz.panels.compare.figure_pool import FigurePool


@pytest.fixture
def drawn(monkeypatch):
    """Sets as numbers, and an event that lets each be drawn."""
    made, may_draw = [], threading.Event()
    may_draw.set()

    def draw(networks):
        assert may_draw.wait(10)
        made.append(networks)
        return len(made)

    monkeypatch.setattr(figure_pool, "draw_figure_set", draw)
    monkeypatch.setattr(figure_pool, "REFILL_DELAY_S", 0.0)
    monkeypatch.setattr(figure_pool, "PAUSE_S", 0.0)
    return made, may_draw


def eventually(holds):
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_after_the_first_visitor_several_sets_are_kept_and_no_more(drawn):
    made, _ = drawn
    pool = FigurePool(())
    pool.fill()
    assert len(made) == 1
    assert pool.take() == 1
    eventually(lambda: not pool._is_filling)
    assert len(made) == 1 + figure_pool.N_SPARE
    assert [pool.take() for _ in range(2)] == [2, 3]
    eventually(lambda: not pool._is_filling and len(pool._spare) == figure_pool.N_SPARE)


def test_a_visitor_does_not_wait_for_a_set_that_is_being_drawn(drawn):
    _, may_draw = drawn
    pool = FigurePool(())
    pool.fill()
    pool.fill()
    may_draw.clear()
    assert pool.take() == 1
    assert pool.take() == 2, "while another is drawn"
    may_draw.set()
    assert pool.take() >= 3
    eventually(lambda: not pool._is_filling)


def test_drawing_that_fails_once_is_tried_again_for_the_next_visitor(drawn, monkeypatch):
    pool = FigurePool(())
    draw = figure_pool.draw_figure_set
    faults = [OSError("no memory")]

    def draw_or_fail(networks):
        if threading.current_thread().name.startswith("gala-viz") and faults:
            raise faults.pop()
        return draw(networks)

    monkeypatch.setattr(figure_pool, "draw_figure_set", draw_or_fail)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    pool.take()
    eventually(lambda: not pool._is_filling)
    assert not pool._spare
    pool.take()
    eventually(lambda: len(pool._spare) == figure_pool.N_SPARE)
