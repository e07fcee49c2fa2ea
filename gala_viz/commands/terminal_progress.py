"""Progress on the terminal."""

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
    """Return a ``progress(done, total)`` that keeps one line of standard error up to date.

    In a log it writes a line for every tenth, at most one a second, and none within the first second. The line begins
    with ``what``; a ``total`` of 0 is one that nobody knows; ``quiet`` writes nothing; ``clock`` gives the
    time in seconds.
    """
    last_part, written_at = -1, clock()

    def tell(done: int, total: int) -> None:
        nonlocal last_part, written_at
        live, now = sys.stderr.isatty(), clock()
        part = 100 * done // total // (1 if live else 10) if total else done
        if quiet or part == last_part or (not live and now - written_at < LOG_INTERVAL_S):
            return
        last_part, written_at = part, now
        ends = "\n" if not live or done >= total > 0 else ""
        amount = f"{done} of {total}" if total else f"{done}"
        sys.stderr.write(f"{chr(13) if live else ''}{what}: {amount}{ends}")
        sys.stderr.flush()

    return tell


@contextmanager
def step_printer() -> Iterator[Callable[[str], None]]:
    """Yield a ``say(step)`` that shows the present step of a longer work.

    On a terminal it is one line, which is removed at the end; elsewhere one line for each step.
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
