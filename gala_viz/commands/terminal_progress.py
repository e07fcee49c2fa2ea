"""How far something has come, told on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def progress_printer(what: str, *, quiet: bool = False) -> Callable[[int, int], None]:
    """A ``progress(done, total)`` that keeps one line of standard error up to date, or tells every tenth in a log."""
    shown = -1

    def tell(done: int, total: int) -> None:
        nonlocal shown
        live = sys.stderr.isatty()
        part = 100 * done // max(1, total) // (1 if live else 10)
        if quiet or part == shown:
            return
        shown = part
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
