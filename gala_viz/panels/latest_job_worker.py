"""Work beside the page: one thread per view, in which the newest job wins."""

from __future__ import annotations

import threading
from collections.abc import Callable

from gala_viz.threads import close_at_exit, start_thread

IsCancelled = Callable[[], bool]
Job = Callable[[IsCancelled], None]


class LatestJobWorker:
    """A thread that runs one job at a time; a new job cancels the running one and replaces a waiting one."""

    def __init__(self, name: str, on_error: Callable[[Exception], None]) -> None:
        self._name = name
        self._on_error = on_error
        self._wake = threading.Condition()
        self._waiting: tuple[Job, threading.Event] | None = None
        self._running: threading.Event | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        close_at_exit(self)

    def submit(self, job: Job) -> None:
        """Cancel the running job and run ``job(cancelled)`` once that has stopped; a waiting job is replaced."""
        with self._wake:
            if self._closed:
                return
            if self._running is not None:
                self._running.set()
            self._waiting = (job, threading.Event())
            if self._thread is None:
                self._thread = start_thread(self._work, self._name)
            self._wake.notify()

    def cancel(self) -> None:
        """Cancel the running job and drop a waiting one."""
        with self._wake:
            self._waiting = None
            if self._running is not None:
                self._running.set()

    def close(self) -> None:
        """Cancel all jobs and end the thread."""
        self.cancel()
        with self._wake:
            self._closed = True
            self._wake.notify()

    def _work(self) -> None:
        """Run one waiting job after the other until the worker is closed."""
        while True:
            with self._wake:
                while self._waiting is None and not self._closed:
                    self._wake.wait()
                if self._waiting is None:
                    return
                (job, stopped), self._waiting = self._waiting, None
                self._running = stopped
            try:
                job(stopped.is_set)
            except Exception as error:  # whatever a source raises becomes a sentence on the page
                if not stopped.is_set():
                    self._on_error(error)
            finally:
                with self._wake:
                    self._running = None
            del job
