import asyncio
import threading
import time

from bokeh.document import Document

from gala_viz.panels.background import DocumentQueue, LatestJobWorker, hold_updates, release_updates
from tests.loops import in_own_loop
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


class SlowDocument(Document):
    """A document whose turn comes only when the test says so."""

    def __init__(self):
        super().__init__()
        self.turns = []

    def add_next_tick_callback(self, callback):
        self.turns.append(callback)


def test_news_gathers_while_the_page_is_busy_and_only_the_newest_is_delivered():
    document, delivered = SlowDocument(), []
    mailbox = DocumentQueue(document, lambda key, value: delivered.append((key, value)))
    for n in range(100):
        mailbox.put("maps", n)
    mailbox.put("scores", "all")
    assert len(document.turns) == 1
    document.turns.pop()()
    assert delivered == [("maps", 99), ("scores", "all")]
    mailbox.put("maps", 100)
    assert len(document.turns) == 1


def test_turns_are_asked_for_in_the_loop_of_the_document_whichever_thread_posts():
    """What another thread asks of a document while it is held is kept in a list that is not made for two threads."""
    asked = []

    class Held(Document):
        def add_next_tick_callback(self, callback):
            asked.append(threading.get_ident())
            callback()

    async def page():
        delivered = []
        mailbox = DocumentQueue(Held(), lambda key, value: delivered.append(value))
        await asyncio.to_thread(mailbox.put, "maps", 1)
        await asyncio.sleep(0)
        return threading.get_ident(), delivered

    loop, delivered = in_own_loop(page())
    assert asked == [loop]
    assert delivered == [1]


def test_a_closed_mailbox_delivers_nothing():
    document, delivered = SlowDocument(), []
    mailbox = DocumentQueue(document, lambda key, value: delivered.append(key))
    mailbox.put("maps", 1)
    mailbox.close()
    document.turns.pop()()
    mailbox.put("maps", 2)
    assert delivered == []
    assert document.turns == []


def test_news_waits_until_the_browser_has_built_the_page():
    document, delivered = Document(), []
    hold_updates(document)
    mailbox = DocumentQueue(document, lambda key, value: delivered.append((key, value)))
    mailbox.put("maps", 1)
    mailbox.put("maps", 2)
    assert not document.session_callbacks
    release_updates(document)
    (callback,) = document.session_callbacks
    callback.callback()
    assert delivered == [("maps", 2)]
