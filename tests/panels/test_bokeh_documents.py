"""The document of a script: turns when the script looks, one after another, never while it changes something."""

import threading

from gala_viz.panels.bokeh_documents import ScriptDocument
from gala_viz.panels.document_queue import DocumentQueue
from tests.loops import in_own_loop


def test_what_threads_bring_waits_until_the_script_looks_and_comes_in_its_thread():
    document, heard = ScriptDocument(), []
    mailbox = DocumentQueue(document, lambda key, value: heard.append((value, threading.get_ident())))
    thread = threading.Thread(target=mailbox.put, args=("maps", 1))
    thread.start()
    thread.join()
    assert heard == []
    document.run_pending()
    assert heard == [(1, threading.get_ident())]
    document.run_pending()
    assert len(heard) == 1


def test_a_loop_that_happens_to_run_in_the_scripts_thread_does_not_matter():
    """A browser driven from a script, for one, leaves its own loop running there."""
    heard = []

    async def script():
        document = ScriptDocument()
        mailbox = DocumentQueue(document, lambda key, value: heard.append(value))
        thread = threading.Thread(target=mailbox.put, args=("maps", 1))
        thread.start()
        thread.join()
        document.run_pending()

    in_own_loop(script())
    assert heard == [1]


def test_a_change_comes_after_the_news_that_waits_and_none_comes_in_its_midst():
    document, happened = ScriptDocument(), []
    document.add_next_tick_callback(lambda: happened.append("news"))

    def change():
        happened.append("change begins")
        document.add_next_tick_callback(lambda: happened.append("later news"))
        document.run_pending()
        document.invoke(lambda: happened.append("what follows from it"))
        happened.append("change ends")

    document.invoke(change)
    assert happened == ["news", "change begins", "what follows from it", "change ends"]
    document.run_pending()
    assert happened[-1] == "later news"


def test_news_that_fails_is_told_once_and_the_rest_still_comes():
    document, heard = ScriptDocument(), []
    document.add_next_tick_callback(lambda: 1 / 0)
    document.add_next_tick_callback(lambda: heard.append("rest"))
    try:
        document.run_pending()
    except ZeroDivisionError:
        heard.append("told")
    document.run_pending()
    assert heard == ["told", "rest"]
