"""The database of records: SQLite in a file by default, PostgreSQL by URL."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import platformdirs
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from gala_viz.records.upgrade import DatabaseError, check_database_file, upgrade

BUSY_TIMEOUT_S = 30
"""How long SQLite waits for another writer."""


DATA_FOLDER_VARIABLE = "GALA_VIZ_DATA"


def default_records_path() -> Path:
    """The file of this account's own records: in the user's data folder, or in the one that ``GALA_VIZ_DATA`` names."""
    chosen = os.environ.get(DATA_FOLDER_VARIABLE)
    folder = Path(chosen).expanduser() if chosen else Path(platformdirs.user_data_dir("gala_viz"))
    return folder / "records.sqlite"


class Database:
    """Connections to the records at ``where``: a file, or a URL such as postgresql+psycopg://user@host/name.

    The tables are made where there are none, and those of a former revision are brought to the latest one
    (``gala_viz.records.upgrade``). Several processes may share one database.

    Raises ``DatabaseError`` for what is no database of records, or one of a newer program, and leaves it as it is.
    """

    def __init__(self, location: str | Path) -> None:
        url = _url(location)
        self.name = url.render_as_string(hide_password=True)
        self.file = _file(url)
        if self.file is not None:
            check_database_file(self.file, self.name)
        self._engine = _engine(url)
        self._plain = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        try:
            upgrade(self._engine, self.name, self.file)
        except DBAPIError as error:
            self.close()
            raise DatabaseError(f"{self.name}: cannot be opened ({' '.join(str(error.orig).split())}).") from None
        except DatabaseError:
            self.close()
            raise

    @property
    def dialect(self) -> str:
        """sqlite or postgresql."""
        return self._engine.dialect.name

    @contextlib.contextmanager
    def write_transaction(self) -> Iterator[Connection]:
        """One transaction: all of it, or nothing."""
        with self._engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def read_connection(self) -> Iterator[Connection]:
        """A connection that only reads, and keeps no writer waiting."""
        with self._plain.connect() as connection:
            yield connection

    def truncate_log(self) -> None:
        """Let nothing of what was deleted remain in SQLite's log; in the file it was overwritten."""
        if self.dialect == "sqlite":
            with self.read_connection() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()


def _url(where: str | Path) -> URL:
    text = str(where)
    if "://" not in text:
        path = Path(text).expanduser()
        path.parent.mkdir(parents=True, exist_ok=True)
        return URL.create("sqlite", database=str(path.resolve()))
    try:
        url = make_url(text)
    except ArgumentError:
        raise DatabaseError(f"a file, or a URL like postgresql://user@host/name, was expected; got {text!r}.") from None
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    return url


def _file(url: URL) -> Path | None:
    """The file of an SQLite database; None for one in memory, and for others."""
    if url.get_backend_name() != "sqlite" or url.query or url.database in (None, "", ":memory:"):
        return None
    return Path(url.database).resolve()


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() != "sqlite":
            return create_engine(url, pool_size=8, max_overflow=8, pool_pre_ping=True)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise DatabaseError(
            f"{url.render_as_string()}: no driver for it is installed ({error}); for PostgreSQL: "
            "pip install 'gala_viz[postgresql]'."
        ) from None
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})

    @event.listens_for(engine, "connect")
    def settings(connection, _record) -> None:
        connection.isolation_level = None  # transactions begin below, not by the driver's guess
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # a writer waits here, and never finds itself too late

    return engine
