"""Views of pages saved by name: a short link to exactly what somebody saw."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from gala_viz.records.database import Database
from gala_viz.records.note_tables import SavedViewRecord
from gala_viz.records.notes import ReadOnlyError
from gala_viz.records.tables import now_ms
from gala_viz.registry import UnknownNameError, unknown_name

MAX_NAME_LENGTH, MAX_QUERY_LENGTH = 60, 8000
_NAME = re.compile(r"[\w][\w .-]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedView:
    """``page`` (compare, explore) as it was; ``query`` is that of its address."""

    name: str
    page: str
    query: str


class SavedViews:
    """Saved views of ``collection``. An ``owner`` makes and deletes their own; whoever knows a name can open it.

    With ``read_only`` every call that would change something raises ``ReadOnlyError``.
    """

    def __init__(self, database: Database, collection: str, owner: str = "", *, read_only: bool = False) -> None:
        self._database, self.collection, self.owner = database, collection, owner
        self.read_only = read_only

    def own_views(self) -> list[SavedView]:
        """Return the views of this owner, sorted by name."""
        mine = (SavedViewRecord.owner == self.owner, SavedViewRecord.collection == self.collection)
        with self._database.read_connection() as connection:
            rows = connection.execute(
                select(SavedViewRecord.__table__).where(*mine).order_by(SavedViewRecord.name)
            ).all()
        return [SavedView(name=row.name, page=row.page, query=row.query) for row in rows]

    def save(self, view: SavedView) -> None:
        """Store a view.

        Raises ``ValueError`` for a name that anybody has taken or that no link can hold, and for a query that is too
        long.
        """
        self._check_writing()
        name = " ".join(view.name.split())
        if not _NAME.fullmatch(name) or len(name) > MAX_NAME_LENGTH:
            raise ValueError(
                f"a name of letters, digits, spaces, dots and dashes, at most {MAX_NAME_LENGTH}, was expected; "
                f"got “{name[:MAX_NAME_LENGTH]}”{f', of {len(name):,}' if len(name) > MAX_NAME_LENGTH else ''}."
            )
        if len(view.query) > MAX_QUERY_LENGTH:
            raise ValueError("this view is too long to be kept; a lasso with fewer corners helps.")
        values = {"name": name, "owner": self.owner, "collection": self.collection, "made_ms": now_ms()}
        try:
            with self._database.write_transaction() as connection:
                connection.execute(insert(SavedViewRecord).values(**values, page=view.page, query=view.query))
        except IntegrityError:
            raise ValueError(
                f"there is a view called “{name}” already: choose another name, or delete it first."
            ) from None

    def delete(self, name: str) -> None:
        """Delete the view ``name`` of this owner, if there is one."""
        self._check_writing()
        with self._database.write_transaction() as connection:
            connection.execute(
                delete(SavedViewRecord).where(SavedViewRecord.name == name, SavedViewRecord.owner == self.owner)
            )

    def _check_writing(self) -> None:
        if self.read_only:
            raise ReadOnlyError

    def load_query(self, name: str, page: str) -> str:
        """Return the query of the view ``name`` of ``page``. Raises ``UnknownNameError`` with names that are near."""
        with self._database.read_connection() as connection:
            this = (SavedViewRecord.collection == self.collection, SavedViewRecord.page == page)
            row = connection.execute(
                select(SavedViewRecord.__table__).where(*this, SavedViewRecord.name == name)
            ).first()
        if row is None:
            mine = [view.name for view in self.own_views() if view.page == page]
            raise UnknownNameError(unknown_name("saved view", name, mine))
        return row.query
