import gc
import threading
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
