"""Results of worker threads reach a page in its own turn, the newest of each key."""

import asyncio
import threading
import weakref
from types import SimpleNamespace

from bokeh.document import Document

from gala_viz.panels.document_queue import DocumentQueue, hold_updates, release_updates, send_page_first
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


def test_what_may_wait_comes_with_what_may_not_and_by_itself_in_the_end():
    async def served():
        document, delivered = SlowDocument(), []
        queue = DocumentQueue(document, lambda key, value: delivered.append(key), lambda: delivered.append("turn"))
        queue.put("info", 1, within_s=0.2)
        queue.put("photo", 1, within_s=0.2)
        await asyncio.sleep(0.01)
        assert document.turns == []
        queue.put("maps", 1)
        document.turns.pop()()
        assert delivered == ["info", "photo", "maps", "turn"]
        await asyncio.sleep(0.3)
        assert document.turns == [], "what waited has come already"
        queue.put("info", 2, within_s=0.05)
        await asyncio.sleep(0.2)
        document.turns.pop()()
        assert delivered[4:] == ["info", "turn"]

    in_own_loop(served())


def test_a_closed_queue_delivers_nothing():
    document, delivered = SlowDocument(), []
    queue = DocumentQueue(document, lambda key, value: delivered.append(key))
    queue.put("maps", 1)
    queue.close()
    document.turns.pop()()
    queue.put("maps", 2)
    assert delivered == []
    assert document.turns == []


class Context:
    """What a document knows of its session."""


def served_document(connections):
    """A document of a session to which so many browsers have connected."""
    document = Document()
    session, context = SimpleNamespace(connection_count=connections), Context()
    context.session = session
    document._session_context, document.context = weakref.ref(context), context
    return document, session


def run_callbacks(document):
    for callback in list(document.session_callbacks):
        document.remove_next_tick_callback(callback)
        callback.callback()


def test_news_between_the_browsers_copy_and_the_page_that_stands_waits():
    document, _ = served_document(1)
    delivered = []
    hold_updates(document)
    queue = DocumentQueue(document, lambda key, value: delivered.append((key, value)))
    queue.put("maps", 1)
    queue.put("maps", 2)
    run_callbacks(document)
    assert delivered == []
    release_updates(document)
    run_callbacks(document)
    assert delivered == [("maps", 2)]


def test_news_before_a_browser_connects_is_in_its_first_copy():
    document, session = served_document(0)
    delivered = []
    hold_updates(document)
    queue = DocumentQueue(document, lambda key, value: delivered.append((key, value)))
    queue.put("maps", 1)
    run_callbacks(document)
    assert delivered == [("maps", 1)]
    queue.put("maps", 2)  # on its way when the browser connects
    session.connection_count = 1
    run_callbacks(document)
    assert delivered == [("maps", 1)]
    release_updates(document)
    run_callbacks(document)
    assert delivered == [("maps", 1), ("maps", 2)]


def test_over_another_line_the_page_comes_before_all_results():
    document, _ = served_document(0)
    delivered = []
    send_page_first(document)
    hold_updates(document)
    DocumentQueue(document, lambda key, value: delivered.append(key)).put("maps", 1)
    run_callbacks(document)
    assert delivered == []
