"""The database of records: SQLite in a file by default, PostgreSQL by URL."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import platformdirs
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from gala_viz.records.outages import is_outage
from gala_viz.records.upgrade import DatabaseError, check_database_file, upgrade

BUSY_TIMEOUT_S = 30
"""How long SQLite waits for another writer."""


DATA_FOLDER_VARIABLE = "GALA_VIZ_DATA"


def default_records_path() -> Path:
    """Return the file of this account's records, in the user's data folder or the one that ``GALA_VIZ_DATA`` names."""
    chosen = os.environ.get(DATA_FOLDER_VARIABLE)
    folder = Path(chosen).expanduser() if chosen else Path(platformdirs.user_data_dir("gala_viz"))
    return folder / "records.sqlite"


class Database:
    """Connections to the records at ``location``: a file, or a URL such as postgresql+psycopg://user@host/name.

    The tables are created where there are none, and those of a former revision are upgraded to the latest one
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
            raise DatabaseError(
                f"{self.name}: cannot be opened ({_reason(error)}).{_advice(self.file, error)}"
            ) from None
        except DatabaseError:
            self.close()
            raise

    @property
    def dialect(self) -> str:
        """Name of the database system: sqlite or postgresql."""
        return self._engine.dialect.name

    @contextlib.contextmanager
    def write_transaction(self) -> Iterator[Connection]:
        """Open a connection in one transaction, which is committed at the end or rolled back as a whole."""
        with self._engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def read_connection(self) -> Iterator[Connection]:
        """Open a connection for reading, which keeps no writer waiting."""
        with self._plain.connect() as connection:
            yield connection

    def truncate_log(self) -> None:
        """Truncate SQLite's log, so that nothing deleted remains there; in the file it was overwritten."""
        if self.dialect == "sqlite":
            with self.read_connection() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


@contextlib.contextmanager
def open_database(location: str | Path) -> Iterator[Database]:
    """Open the records at ``location`` for a command and close them at the end.

    Raises ``DatabaseError`` where they cannot be opened, and for an outage while they are open.
    """
    database = Database(location)
    try:
        yield database
    except SQLAlchemyError as error:
        if not is_outage(error):
            raise
        problem = f"cannot be read or written now ({_reason(error)}).{_advice(database.file, error)}"
        raise DatabaseError(f"{database.name}: {problem}") from None
    finally:
        database.close()


def _reason(error: SQLAlchemyError) -> str:
    return " ".join(str(getattr(error, "orig", None) or error).split())


def _advice(file: Path | None, error: SQLAlchemyError) -> str:
    """Return what to do where an SQLite file, or its folder, cannot be written; else an empty text."""
    if file is None or not any(word in _reason(error) for word in ("unable to open", "readonly", "read-only")):
        return ""
    return f" Make {file.parent} and the file writable for this account, or name a file in another folder."


def _url(location: str | Path) -> URL:
    """Return the URL of a file, whose folder is created, or of a database server."""
    text = str(location)
    if "://" not in text:
        path = Path(text).expanduser()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseError(
                f"{path}: its folder cannot be made ({error.strerror or error}). Name a file in a folder that this "
                "account can write."
            ) from None
        return URL.create("sqlite", database=str(path.resolve()))
    try:
        url = make_url(text)
    except ArgumentError:
        raise DatabaseError(f"a file, or a URL like postgresql://user@host/name, was expected; got {text!r}.") from None
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    return url


def _file(url: URL) -> Path | None:
    """Return the file of an SQLite database; None for one in memory, and for other systems."""
    if url.get_backend_name() != "sqlite" or url.query or url.database in (None, "", ":memory:"):
        return None
    return Path(url.database).resolve()


def _engine(url: URL) -> Engine:
    """Create the engine; in SQLite every transaction locks out other writers from its begin."""
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
        _use_log(connection)
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # a writer waits here, and never finds itself too late

    return engine


def _use_log(connection: sqlite3.Connection) -> None:
    """Let SQLite write into a log; while another server does so for a new file, SQLite refuses and does not wait."""
    end = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.02)
