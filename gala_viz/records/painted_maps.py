"""Maps that researchers paint on pages and keep beside their notes, each of one person."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

import numpy as np
from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from gala_viz.records.database import Database
from gala_viz.records.note_tables import PaintedMapRecord
from gala_viz.records.notes import ReadOnlyError
from gala_viz.records.tables import now_ms

MAX_NAME_LENGTH, MIN_POINTS, MAX_POINTS, MAX_MAPS_OF_IMAGE = 60, 2, 20_000, 50
"""Tables of clicks with fewer points are no maps."""
_SIGNS = frozenset(" .,'’()-_")
CLICK_COLUMNS = ("image_path", "clicks", "user_id", "timestamp")
"""Of the table that ``click_table`` writes, which ``gala_viz.collections.clickme.click_csv`` reads."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PaintedMap:
    """One person's painting on one photograph.

    Parameters
    ----------
    image : str
        Id of the image.
    name : str
        Of the person: letters, digits, spaces, dots and dashes, at most ``MAX_NAME_LENGTH``.
    points_px : tuple of (float, float)
        x and y of the brush in the photograph's pixels, in the order of painting; 2 to ``MAX_POINTS``.
    size_px : tuple of int
        (height, width) of the photograph in pixels.
    painted_ms : int
        When it was kept, in ms since 1970; 0 before.

    Raises
    ------
    ValueError
        One of these is not so.
    """

    image: str
    name: str
    points_px: tuple[tuple[float, float], ...]
    size_px: tuple[int, int]
    painted_ms: int = 0

    def __post_init__(self) -> None:
        if not _is_name(self.name):
            raise ValueError(
                f"a name of letters, digits, spaces, dots and dashes, at most {MAX_NAME_LENGTH}, was expected; "
                f"got “{self.name[:MAX_NAME_LENGTH]}”."
            )
        if not MIN_POINTS <= len(self.points_px) <= MAX_POINTS:
            raise ValueError(
                f"a painted map has {MIN_POINTS} to {MAX_POINTS:,} points; this one has {len(self.points_px):,}."
            )
        if not np.isfinite(np.array(self.points_px, dtype=float).reshape(-1)).all():
            raise ValueError("the points of a painted map are finite numbers.")


def clean_name(name: str) -> str:
    """Return a name with one space between words and accents in letters, as ``PaintedMap`` takes it."""
    return unicodedata.normalize("NFC", " ".join(name.split()))


def _is_name(name: str) -> bool:
    """Return whether a name begins with a letter or digit of any script, and holds these and few signs alone."""
    kinds = [unicodedata.category(one)[0] for one in name]
    fits = all(kind in "LMN" or one in _SIGNS for one, kind in zip(name, kinds, strict=True))
    return bool(name) and len(name) <= MAX_NAME_LENGTH and kinds[0] in "LN" and fits and name == clean_name(name)


class PaintedMaps:
    """The painted maps of ``owner`` on the images of ``collection``. Each call is one transaction, from any thread.

    With ``read_only`` every call that would change something raises ``ReadOnlyError``.
    """

    def __init__(self, database: Database, collection: str, owner: str = "", *, read_only: bool = False) -> None:
        self._database, self.collection, self.owner = database, collection, owner
        self.read_only = read_only
        table = PaintedMapRecord
        self._mine = (table.owner == owner, table.collection == collection)

    def all(self) -> list[PaintedMap]:
        """Return all of them, by image and name."""
        return self._select()

    def of_image(self, image: str) -> list[PaintedMap]:
        """Return those on one image, by name."""
        return self._select(PaintedMapRecord.image == image)

    def save(self, painted: PaintedMap) -> PaintedMap:
        """Store a map and return it with its time; the same map sent twice is stored once.

        Raises ``ValueError`` where another one of this name is kept on this image, or too many are.
        """
        self._check_writing()
        known = self.of_image(painted.image)
        for one in known:
            if (one.name, one.points_px) == (painted.name, painted.points_px):
                return one
        if len(known) >= MAX_MAPS_OF_IMAGE:
            raise ValueError(f"at most {MAX_MAPS_OF_IMAGE} maps are kept on a photograph: delete some first.")
        stored = replace(painted, painted_ms=now_ms())
        values = {**asdict(stored), "points_px": [list(p) for p in stored.points_px], "size_px": list(stored.size_px)}
        try:
            with self._database.write_transaction() as connection:
                connection.execute(
                    insert(PaintedMapRecord).values(owner=self.owner, collection=self.collection, **values)
                )
        except IntegrityError:
            raise ValueError(
                f"a map by “{painted.name}” is kept on this photograph already: take another name, or delete it first."
            ) from None
        return stored

    def delete(self, image: str, name: str) -> None:
        """Delete the map of this name on this image, if there is one."""
        self._check_writing()
        this = (*self._mine, PaintedMapRecord.image == image, PaintedMapRecord.name == name)
        with self._database.write_transaction() as connection:
            connection.execute(delete(PaintedMapRecord).where(*this))

    def _check_writing(self) -> None:
        if self.read_only:
            raise ReadOnlyError

    def _select(self, *conditions) -> list[PaintedMap]:
        query = select(PaintedMapRecord.__table__).where(*self._mine, *conditions)
        with self._database.read_connection() as connection:
            rows = connection.execute(query.order_by(PaintedMapRecord.image, PaintedMapRecord.name)).all()
        return [
            PaintedMap(
                image=row.image,
                name=row.name,
                points_px=tuple((float(x), float(y)) for x, y in row.points_px),
                size_px=(int(row.size_px[0]), int(row.size_px[1])),
                painted_ms=row.painted_ms,
            )
            for row in rows
        ]


def click_table(painted: Iterable[PaintedMap]) -> str:
    """Return painted maps as a table of clicks (CSV), one map a row, which opens as human maps of a folder.

    Parameters
    ----------
    painted : iterable of PaintedMap
        The maps; each is one participant's.

    Returns
    -------
    str
        Columns ``CLICK_COLUMNS``; the time is UTC.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CLICK_COLUMNS)
    for one in painted:
        clicks = ", ".join(f"({x:.2f}, {y:.2f})" for x, y in one.points_px)
        when = datetime.fromtimestamp(one.painted_ms / 1000, UTC).isoformat() if one.painted_ms else ""
        writer.writerow((one.image, f"[{clicks}]", one.name, when))
    return text.getvalue()
