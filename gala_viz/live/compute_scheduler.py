"""Who computes next: one batch at a time, people before surveys, and sessions in turn."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

INTERACTIVE, SURVEY = 0, 1
"""Priorities: somebody waits for this image; a pass over many images that nobody looks at."""

GRACE_S = 0.4
"""A survey waits until nobody has computed interactively for this long, so that it does not slip in between a person's
batches."""


class ComputeScheduler:
    """One turn at a time. Those who wait are served by priority, then in the order in which they came.

    Whoever had a turn queues again behind the others, so sessions that ask for batch after batch alternate.
    """

    def __init__(self, grace_s: float = GRACE_S) -> None:
        self._grace_s = grace_s
        self._changed = threading.Condition()
        self._tickets = itertools.count()
        self._waiting: list[tuple[int, int]] = []
        self._busy = False
        self._last_interactive = float("-inf")

    @contextmanager
    def turn(self, priority: int, cancelled: Callable[[], bool]) -> Iterator[bool]:
        """Wait for a turn and hold it within the block: True, or False where ``cancelled()`` came first."""
        granted = self._wait(priority, cancelled)
        try:
            yield granted
        finally:
            if granted:
                with self._changed:
                    self._busy = False
                    if priority == INTERACTIVE:
                        self._last_interactive = time.monotonic()
                    self._changed.notify_all()

    def _wait(self, priority: int, cancelled: Callable[[], bool]) -> bool:
        with self._changed:
            ticket = (priority, next(self._tickets))
            heapq.heappush(self._waiting, ticket)
            try:
                while not self._may_start(ticket):
                    if cancelled():
                        return False
                    self._changed.wait(timeout=0.05)
                if cancelled():
                    return False
                self._busy = True
                return True
            finally:
                self._waiting.remove(ticket)
                heapq.heapify(self._waiting)
                self._changed.notify_all()

    def _may_start(self, ticket: tuple[int, int]) -> bool:
        quiet = ticket[0] == INTERACTIVE or time.monotonic() - self._last_interactive >= self._grace_s
        return not self._busy and self._waiting[0] == ticket and quiet


SCHEDULER = ComputeScheduler()
"""The one of this process: all sources and sessions share its processors."""
