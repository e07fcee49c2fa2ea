"""Outages of the database, as distinct from rows that it will never take."""

from __future__ import annotations

from sqlalchemy.exc import DataError, DBAPIError, DisconnectionError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoConnectionError


class NotStoredError(RuntimeError):
    """Something that came before is not in the database yet, and has to be."""


def is_outage(error: BaseException) -> bool:
    """Return whether the same statement may succeed later: no connection, a full disk, a lock, a missing table.

    A row that breaks a constraint or holds an impossible value is no outage.
    """
    away = (DBAPIError, DisconnectionError, NoConnectionError, NotStoredError)
    return isinstance(error, away) and not isinstance(error, IntegrityError | DataError)
