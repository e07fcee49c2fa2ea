"""Numbers with their nouns."""

from __future__ import annotations


def counted(n: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun, for example "1 round", "2,000 rounds" or "1 entry".

    ``noun`` is the singular; of any other number than 1 it is ``plural`` (default: ``noun`` with an "s").
    """
    return f"{n:,} {noun if n == 1 else plural or f'{noun}s'}"
