"""Why rows or files of a source are left out: reasons, each once, with how many and the first of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from gala_viz.counts import counted

MAX_KINDS = 100
"""Reasons that are told; of the others the rows are counted."""
MAX_NAMED = 3
MAX_LISTED = 5
"""Reasons in an error, where nothing else is there."""
_NUMBER = re.compile(r"\d+")


@dataclass
class _Kind:
    first_text: str
    places: list[int | str] = field(default_factory=list)
    n_rows: int = 0


class RowReasons:
    """Reasons by row. Those that differ in what came alone (after "; got", or in a number) are one kind of reason.

    Parameters
    ----------
    noun : str
        What a row is called: "line" of a text, "round" of arrays; "" for files, which are named as they are.
    plural : str, optional
        Its plural; None: ``noun`` with an "s".
    """

    def __init__(self, noun: str = "", plural: str | None = None) -> None:
        self._noun, self._plural = noun, plural
        self._kinds: dict[str, _Kind] = {}

    def add(self, place: int | str, reason: str, n_rows: int = 1) -> None:
        """Note the reason, a sentence, of the row of this number or name.

        ``n_rows`` counts it and others of the same reason.
        """
        name = _NUMBER.sub("#", reason.partition("; got")[0])
        if name not in self._kinds:
            name = name if len(self._kinds) < MAX_KINDS else ""
            self._kinds.setdefault(name, _Kind(reason if name else "for other reasons."))
        kind = self._kinds[name]
        kind.n_rows += n_rows
        if len(kind.places) < MAX_NAMED:
            kind.places.append(place)

    def listed(self) -> list[tuple[str, str]]:
        """Return (rows, reason) of each kind, the most frequent first."""
        kinds = sorted(self._kinds.values(), key=lambda kind: -kind.n_rows)
        return [(self._rows(kind), kind.first_text) for kind in kinds]

    def _rows(self, kind: _Kind) -> str:
        named = ", ".join(map(str, kind.places))
        more = kind.n_rows - len(kind.places)
        noun = counted(kind.n_rows, self._noun, self._plural).partition(" ")[2] if self._noun else ""
        return f"{noun} {named}{f' and {more:,} more' if more else ''}".lstrip()


def reasons_text(listed: Sequence[tuple[str, str]]) -> str:
    """Return the first reasons as the end of a sentence, for example "lines 2, 3: there is no x."; "" for none."""
    text = "; ".join(f"{rows}: {reason.rstrip('.')}" for rows, reason in listed[:MAX_LISTED])
    return f"{text}." if text else ""
