import gc
import subprocess
import sys
import threading
import time
import weakref

from gala_viz.panels import memory
from tests.panels.script import until


class Page:
    def __init__(self):
        self.itself = self


def test_what_refers_to_itself_is_freed_once_it_is_quiet_and_once_only(monkeypatch):
    freed = []
    free = memory.free_now
    monkeypatch.setattr(memory, "QUIET_S", 0.05)
    monkeypatch.setattr(memory, "EVERY_S", 0.0)
    monkeypatch.setattr(memory, "free_now", lambda: (free(), freed.append(threading.current_thread())))
    gc.disable()
    try:
        page = weakref.ref(Page())
        assert page() is not None
        for _ in range(5):
            memory.free_soon()
        until(lambda: page() is None)
        until(lambda: freed)
    finally:
        gc.enable()
    assert len(freed) == 1
    assert freed[0] is not threading.main_thread()


def test_between_two_collections_lies_some_time_however_many_sessions_end(monkeypatch):
    freed = []
    monkeypatch.setattr(memory, "QUIET_S", 0.01)
    monkeypatch.setattr(memory, "EVERY_S", 60.0)
    monkeypatch.setattr(memory, "free_now", lambda: freed.append(time.monotonic()))
    monkeypatch.setattr(memory, "_last_s", time.monotonic())
    memory.free_soon()
    time.sleep(0.1)
    assert not freed
    monkeypatch.setattr(memory, "_last_s", time.monotonic() - 60)
    memory.free_soon()
    until(lambda: freed)


FOUND = """
import gc
from tornado.httpserver import HTTPServer
from gala_viz.panels.memory import exempt_loaded_objects
from gala_viz.panels.panel_patches import listening_hosts
from panel.io import document

server = HTTPServer(lambda request: None)
server.listen(0, "127.0.0.1")
exempt_loaded_objects()
assert not any(one is server for one in gc.get_objects()), "no collection looks at it"
assert listening_hosts()[0] == {"127.0.0.1"}
frozen = gc.get_freeze_count()
assert frozen > 10_000

class Page:
    pass

page = Page()
exempt_loaded_objects()
assert any(one is page for one in gc.get_objects()), "pages that are open are still looked at"
document._garbage_collect()  # Panel's own does nothing
"""


def test_collections_pass_over_what_was_loaded_and_servers_are_found_all_the_same():
    subprocess.run([sys.executable, "-c", FOUND], check=True, timeout=60)
