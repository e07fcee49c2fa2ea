"""How far something has come, told on the terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LOG_INTERVAL_S = 1.0
"""Between two lines of progress where no terminal shows them, at least."""


def progress_printer(
    what: str, *, quiet: bool = False, clock: Callable[[], float] = time.monotonic
) -> Callable[[int, int], None]:
    """A ``progress(done, total)`` that keeps one line of standard error up to date; in a log it tells every tenth, at
    most one a second: nothing of what is done within the first second.
    """
    shown, told_at = -1, clock()

    def tell(done: int, total: int) -> None:
        nonlocal shown, told_at
        live, now = sys.stderr.isatty(), clock()
        part = 100 * done // max(1, total) // (1 if live else 10)
        if quiet or part == shown or (not live and now - told_at < LOG_INTERVAL_S):
            return
        shown, told_at = part, now
        ends = "\n" if not live or done >= total else ""
        sys.stderr.write(f"{chr(13) if live else ''}{what}: {done} of {total}{ends}")
        sys.stderr.flush()

    return tell


@contextmanager
def step_printer() -> Iterator[Callable[[str], None]]:
    """Give a ``say(step)`` that shows what is under way: on a terminal in one line, which is gone at the end, elsewhere
    one line for each step.
    """
    live = sys.stderr.isatty()

    def say(step: str) -> None:
        sys.stderr.write(f"\r\x1b[K{step}" if live else f"{step}\n")
        sys.stderr.flush()

    try:
        yield say
    finally:
        if live:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
