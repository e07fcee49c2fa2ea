"""Reading of a table of clicks row by row, whatever its format, and what only the whole table tells of a row.

Three things are known at the end alone: whether catch scores are shares or percentages, whether two clicks were a list
of x beside a list of y, and whether one name stands for files in several places.
"""

from __future__ import annotations

import unicodedata
from array import array

import numpy as np

from gala_viz.collections.clickme.catch_score import catch_shares
from gala_viz.collections.clickme.click_notation import TIMES_NOTE, TWO_LISTS
from gala_viz.collections.clickme.round_table import Round, RoundColumns, RoundTable
from gala_viz.collections.human_maps.image_names import path_parts
from gala_viz.collections.row_reasons import RowReasons
from gala_viz.counts import counted

_TWO_CLICKS = (
    "in this table other rows are a list of x beside a list of y, and two clicks may be one too; got two clicks."
)


class RoundReading:
    """Rounds of a table as they are read.

    Parameters
    ----------
    noun : str
        What a row is called: "line" of a text, "round" of arrays.
    """

    def __init__(self, noun: str) -> None:
        self._columns = RoundColumns()
        self._numbers = array("q")
        self._reasons = RowReasons(noun)
        self._path_of: dict[str, str] = {}
        self._twins: dict[str, str] = {}
        self._has_times = self._has_two_lists = False

    def add(self, number: int, path: str, one: Round, *, has_times: bool = False) -> None:
        """Add a round.

        Parameters
        ----------
        number : int
            Number of its row.
        path : str
            How its image was written.
        one : Round
            The round.
        has_times : bool
            Whether its clicks have a third number.
        """
        known = self._path_of.setdefault(one.image, path)
        if known != path:
            self._twins.setdefault(one.image, path)
        self._has_times |= has_times
        self._columns.add(one)
        self._numbers.append(number)

    def refuse(self, number: int, reason: str) -> None:
        """Note why the row ``number`` is no round."""
        self._has_two_lists |= reason.startswith(TWO_LISTS)
        self._reasons.add(number, reason)

    def finish(self) -> tuple[RoundTable, list[tuple[str, str]]]:
        """Return the rounds, whose notes say how they were read, and (rows, reason) of those that are none."""
        table = self._columns.table()
        shares, is_wrong, note = catch_shares(table.catch_score)
        table.catch_score[:] = shares
        numbers = np.frombuffer(self._numbers, np.int64) if len(self._numbers) else np.empty(0, np.int64)
        unclear = table.n_clicks == 2 if self._has_two_lists else np.zeros(len(table), bool)
        for position in np.flatnonzero(is_wrong):
            score = float(table.catch_score[position])
            self._reasons.add(
                int(numbers[position]), f"user_catch_trial is a share of catch trials, 0 to 1; got {score:g}."
            )
        for position in np.flatnonzero(unclear & ~is_wrong):
            self._reasons.add(int(numbers[position]), _TWO_CLICKS)
        notes = [note, TIMES_NOTE if self._has_times else "", self._twin_note(), _unicode_note(table.participants)]
        table = table.select(~(is_wrong | unclear)).with_notes(tuple(text for text in notes if text))
        return table, self._reasons.listed()

    def _twin_note(self) -> str:
        if not self._twins:
            return ""
        name, other = next(iter(self._twins.items()))
        return (
            f"{counted(len(self._twins), 'image')} of the table {'is' if len(self._twins) == 1 else 'are'} written "
            f"with several paths that end alike, and taken for one, for example {self._path_of[name]!r} and {other!r}."
        )


def image_name(path: str) -> str:
    """Return the last two parts of a path, such as "n01440764/a.JPEG". Raises ``ValueError`` where there is none."""
    parts = path_parts(path)
    if not parts:
        raise ValueError("there is no image_path.")
    return "/".join(parts[-2:])


def _unicode_note(participants: tuple[str, ...]) -> str:
    """Say which participants differ in their names' Unicode form alone."""
    known: dict[str, str] = {}
    for name in participants:
        if not name.isascii() and known.setdefault(unicodedata.normalize("NFC", name), name) != name:
            return f"Participants {name!r} are two by the Unicode form of their name alone; are they one person?"
    return ""
