"""A thread per view: the newest job wins, an error is reported, closing ends it."""

import threading
import time

from gala_viz.panels.latest_job_worker import LatestJobWorker
from tests.panels.script import until


def test_the_newest_job_cancels_the_running_one_and_replaces_the_waiting_one():
    started, ran = threading.Event(), []

    def long(cancelled):
        started.set()
        until(cancelled)
        ran.append("long, cancelled")

    worker = LatestJobWorker("test", on_error=ran.append)
    worker.submit(long)
    started.wait(5)
    worker.submit(lambda _: ran.append("never"))
    worker.submit(lambda cancelled: ran.append(f"last, cancelled: {cancelled()}"))
    until(lambda: len(ran) >= 2)
    assert ran == ["long, cancelled", "last, cancelled: False"]
    worker.close()


def test_an_error_in_a_job_is_told_and_the_worker_goes_on():
    told, ran = [], threading.Event()
    worker = LatestJobWorker("test", on_error=told.append)
    worker.submit(lambda _: 1 / 0)
    until(lambda: told)
    worker.submit(lambda _: ran.set())
    assert ran.wait(5)
    assert isinstance(told[0], ZeroDivisionError)
    worker.close()


def test_closing_ends_the_thread_and_cancels_its_job():
    started, stopped = threading.Event(), threading.Event()

    def job(cancelled):
        started.set()
        until(cancelled)
        stopped.set()

    worker = LatestJobWorker("to be closed", on_error=print)
    worker.submit(job)
    started.wait(5)
    worker.close()
    assert stopped.wait(5)
    until(lambda: all(thread.name != "to be closed" for thread in threading.enumerate()))
    worker.submit(lambda _: stopped.clear())
    time.sleep(0.02)
    assert stopped.is_set()
