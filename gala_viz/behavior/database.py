"""The database of records: SQLite in a file by default, PostgreSQL by URL."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import platformdirs
from sqlalchemy import Connection, Engine, create_engine, event, insert, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from gala_viz.behavior import note_tables  # noqa: F401  whose tables are made too
from gala_viz.behavior.tables import VERSION, Setting, Table

BUSY_S = 30
"""How long SQLite waits for another writer."""


DATA_VARIABLE = "GALA_VIZ_DATA"


def own_records() -> Path:
    """The file of this account's own records: in the user's data folder, or in the one that ``GALA_VIZ_DATA`` names."""
    chosen = os.environ.get(DATA_VARIABLE)
    folder = Path(chosen).expanduser() if chosen else Path(platformdirs.user_data_dir("gala_viz"))
    return folder / "records.sqlite"


class DatabaseError(ValueError):
    """A database that cannot be opened or is not one of these records; the message says why and what to do."""


class Database:
    """Connections to the records at ``where``: a file, or a URL such as postgresql+psycopg://user@host/name.

    The tables are made where there are none. Several processes may share one database.
    """

    def __init__(self, where: str | Path) -> None:
        url = _url(where)
        self.name = url.render_as_string(hide_password=True)
        self._engine = _engine(url)
        self._plain = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        try:
            with self.writing() as connection:
                Table.metadata.create_all(connection)
                _check_version(connection)
        except DBAPIError as error:
            raise DatabaseError(f"{self.name}: cannot be opened ({error.orig}).") from None

    @property
    def kind(self) -> str:
        """sqlite or postgresql."""
        return self._engine.dialect.name

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: all of it, or nothing."""
        with self._engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that only reads, and keeps no writer waiting."""
        with self._plain.connect() as connection:
            yield connection

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


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() != "sqlite":
            return create_engine(url, pool_size=8, max_overflow=8, pool_pre_ping=True)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise DatabaseError(
            f"{url.render_as_string()}: no driver for it is installed ({error}); for PostgreSQL: "
            "pip install 'gala_viz[postgresql]'."
        ) from None
    engine = create_engine(url, connect_args={"timeout": BUSY_S})

    @event.listens_for(engine, "connect")
    def settings(connection, _record) -> None:
        connection.isolation_level = None  # transactions begin below, not by the driver's guess
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # a writer waits here, and never finds itself too late

    return engine


def _check_version(connection: Connection) -> None:
    found = connection.scalar(select(Setting.value).where(Setting.name == "version"))
    if found is None:
        connection.execute(insert(Setting).values(name="version", value=str(VERSION)))
    elif found != str(VERSION):
        raise DatabaseError(
            f"these records are of version {found}, this program reads version {VERSION}; export them with the "
            "program that made them."
        )
