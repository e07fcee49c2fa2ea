"""Why rows of a table are no rounds: reasons, each once, with how many rows and the first of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MAX_KINDS = 100
"""Reasons that are told; of the others the rows are counted."""
MAX_NAMED = 3
_NUMBER = re.compile(r"\d+")


@dataclass
class _Kind:
    first_text: str
    numbers: list[int] = field(default_factory=list)
    n_rows: int = 0


class RowReasons:
    """Reasons by row. Those that differ in what came alone (after "; got", or in a number) are one kind of reason.

    Parameters
    ----------
    noun : str
        What a row is called: "line" of a text, "round" of arrays.
    """

    def __init__(self, noun: str) -> None:
        self._noun = noun
        self._kinds: dict[str, _Kind] = {}
        self.n_rows = 0

    def add(self, number: int, reason: str, n_rows: int = 1) -> None:
        """Note the reason of the row with this number; ``n_rows`` counts it and others of the same reason."""
        self.n_rows += n_rows
        name = _NUMBER.sub("#", reason.partition("; got")[0])
        if name not in self._kinds:
            name = name if len(self._kinds) < MAX_KINDS else ""
            self._kinds.setdefault(name, _Kind(reason if name else "for other reasons."))
        kind = self._kinds[name]
        kind.n_rows += n_rows
        if len(kind.numbers) < MAX_NAMED:
            kind.numbers.append(number)

    def listed(self) -> list[tuple[str, str]]:
        """Return (rows, reason) of each kind, in the order in which they came."""
        return [(self._rows(kind), kind.first_text) for kind in self._kinds.values()]

    def _rows(self, kind: _Kind) -> str:
        more = kind.n_rows - len(kind.numbers)
        named = ", ".join(map(str, kind.numbers))
        return f"{self._noun}{'s' if kind.n_rows > 1 else ''} {named}{f' and {more:,} more' if more else ''}"
