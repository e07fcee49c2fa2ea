"""Results of worker threads reach a page in its own turn, the newest of each key."""

import asyncio
import threading

from bokeh.document import Document

from gala_viz.panels.document_queue import DocumentQueue, hold_updates, release_updates
from tests.loops import in_own_loop


class SlowDocument(Document):
    """A document whose turn comes only when the test says so."""

    def __init__(self):
        super().__init__()
        self.turns = []

    def add_next_tick_callback(self, callback):
        self.turns.append(callback)


def test_news_gathers_while_the_page_is_busy_and_only_the_newest_is_delivered():
    document, delivered = SlowDocument(), []
    queue = DocumentQueue(document, lambda key, value: delivered.append((key, value)))
    for n in range(100):
        queue.put("maps", n)
    queue.put("scores", "all")
    assert len(document.turns) == 1
    document.turns.pop()()
    assert delivered == [("maps", 99), ("scores", "all")]
    queue.put("maps", 100)
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
        queue = DocumentQueue(Held(), lambda key, value: delivered.append(value))
        await asyncio.to_thread(queue.put, "maps", 1)
        await asyncio.sleep(0)
        return threading.get_ident(), delivered

    loop, delivered = in_own_loop(page())
    assert asked == [loop]
    assert delivered == [1]


def test_a_closed_queue_delivers_nothing():
    document, delivered = SlowDocument(), []
    queue = DocumentQueue(document, lambda key, value: delivered.append(key))
    queue.put("maps", 1)
    queue.close()
    document.turns.pop()()
    queue.put("maps", 2)
    assert delivered == []
    assert document.turns == []


def test_news_waits_until_the_browser_has_built_the_page():
    document, delivered = Document(), []
    hold_updates(document)
    queue = DocumentQueue(document, lambda key, value: delivered.append((key, value)))
    queue.put("maps", 1)
    queue.put("maps", 2)
    assert not document.session_callbacks
    release_updates(document)
    (callback,) = document.session_callbacks
    callback.callback()
    assert delivered == [("maps", 2)]
