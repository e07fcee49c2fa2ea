"""Numbers with their nouns."""

from __future__ import annotations


def counted(n: int, noun: str, plural: str | None = None) -> str:
    """For example "1 round", "2,000 rounds", "1 entry": ``noun`` in the singular or, of any other number, ``plural``
    (default: with an "s").
    """
    return f"{n:,} {noun if n == 1 else plural or f'{noun}s'}"
