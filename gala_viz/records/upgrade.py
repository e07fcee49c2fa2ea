"""Upgrade of a database's tables to the latest revision when it is opened; other files are refused unchanged."""

from __future__ import annotations

import logging
import os
import re
import shutil
import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, MetaData, NullPool, create_engine, delete, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError

from gala_viz.records.migrations import FOLDER, revisions
from gala_viz.records.tables import Setting

if TYPE_CHECKING:
    from alembic.config import Config

UNVERSIONED = "unmarked"
"""The revision of tables without a revision number; their columns are those of the first."""
REQUIRED_TABLES = frozenset({"settings", "participants", "rounds"})
"""Every database of records has these tables, of whatever revision it is."""
LOCK_KEY = 0x67616C61
"""Key of the lock that PostgreSQL gives to one server at a time."""
LOCK_TIMEOUT_S = 30
"""How long an upgrade waits in PostgreSQL for a table that somebody else uses."""

_log = logging.getLogger(__name__)
_one_at_a_time = threading.Lock()  # Alembic keeps the running migration in variables of its modules


class DatabaseError(ValueError):
    """A database that cannot be opened or is not one of these records; the message says why and what to do."""


def check_database_file(file: Path, name: str) -> None:
    """Raise ``DatabaseError`` if ``file`` holds anything else than records, without changing a byte of it."""
    if not file.is_file() or not file.stat().st_size:
        return
    try:
        try:
            _revision_at_rest(file, name)
        except DBAPIError:  # somebody began to write between the check for other files and the reading
            _revision_of_file(file, name, "mode=ro")
        except DatabaseError:  # another server's upgrade may have been committed between two reads
            _revision_at_rest(file, name)
    except DBAPIError as error:
        raise DatabaseError(
            f"{name}: cannot be opened ({error.orig}). A file of records, or a new name, was expected; it was left as "
            "it is."
        ) from None


def upgrade(engine: Engine, name: str, file: Path | None = None) -> None:
    """Bring the tables behind ``engine`` to the latest revision, in one transaction, one server at a time.

    Before an upgrade the SQLite database in ``file`` is copied beside it. Messages call the database ``name``.

    Raises
    ------
    DatabaseError
        The database holds other tables, was made by a newer program, or its tables are not as their revision has them.
    """
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        try:
            revision = database_revision(connection, name)
        except DatabaseError:  # another server's upgrade may have been committed between two reads
            revision = database_revision(connection, name)
    if revision == revisions()[-1]:
        return
    with _one_at_a_time, engine.connect() as connection:
        sqlite = engine.dialect.name == "sqlite"
        if sqlite:  # while a table is copied and dropped, rows of others that refer to it must stay
            _pragma(connection, "foreign_keys=OFF")
        try:
            with connection.begin():
                _upgrade_locked(connection, name, file)
        finally:
            if sqlite:
                _pragma(connection, "foreign_keys=ON")


def database_revision(connection: Connection, name: str) -> str | None:
    """Return the number of the database's revision: None where it is empty, ``UNVERSIONED`` for tables without one."""
    inspector = inspect(connection)
    tables = set(inspector.get_table_names())
    if not tables:
        return None
    if not tables >= REQUIRED_TABLES or _columns(inspector, "settings") != {"name", "value"}:
        listed = ", ".join(sorted(tables)[:5]) + (", …" if len(tables) > 5 else "")
        raise DatabaseError(
            f"{name}: it holds other tables ({listed}), and not all of these records; it was left as it is. Name "
            "another file, or an empty database."
        )
    if "alembic_version" not in tables:
        version = connection.scalar(select(Setting.value).where(Setting.name == "version"))
        if version != "1":
            raise DatabaseError(
                f"{name}: these records are of version {version or 'none'}; records of version 1, or with a revision "
                "among " + ", ".join(revisions()) + ", were expected. Export them with the program that made them."
            )
        return UNVERSIONED
    marked = connection.scalars(text("SELECT version_num FROM alembic_version")).all()
    if len(marked) != 1 or marked[0] not in revisions():
        raise DatabaseError(
            f"{name}: its tables are of revision {', '.join(marked) or 'none'}, this program knows those up to "
            f"{revisions()[-1]}; it was left as it is. A newer gala_viz has opened it: use that one, or restore the "
            "copy that was made before the upgrade."
        )
    return marked[0]


def backup_files(file: Path) -> list[Path]:
    """Return the copies that upgrades of ``file`` have left beside it, the oldest first."""
    return sorted(_copies(file), key=lambda one: one.name.partition("-at-")[2])


def _copies(file: Path, more: str = "") -> list[Path]:
    """Return files beside ``file`` that have a copy's name, followed by the regular expression ``more``."""
    name = rf"{re.escape(file.stem)}\.revision-\w+-at-[0-9TZ.]+{re.escape(file.suffix)}{more}"
    return [one for one in file.parent.iterdir() if re.fullmatch(name, one.name)]


def _upgrade_locked(connection: Connection, name: str, file: Path | None) -> None:
    """Copy the file and run all revisions that are missing, while no other server upgrades the database."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'"))
    before, last = database_revision(connection, name), revisions()[-1]  # another server may have been faster
    if before == last:
        return
    config = _config(connection)
    if before == UNVERSIONED:
        _check_first_tables(connection, config, name)
        before = revisions()[0]
    copy = _backed_up(file, before) if before is not None and file is not None else None
    from alembic import command

    command.upgrade(config, "head")
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if broken:
            raise DatabaseError(f"{name}: {len(broken)} rows refer to rows that are not there; nothing was changed.")
    _tell_former_programs(connection, last)
    if before is not None:
        how = f"a copy as it was is {copy}." if copy else "all in one transaction."
        _log.warning("%s: its tables were brought from revision %s to %s; %s", name, before, last, how)


def _tell_former_programs(connection: Connection, last: str) -> None:
    """Store ``last`` as the version: programs that know no revisions read it, and refuse any number but 1."""
    connection.execute(delete(Setting).where(Setting.name == "version"))
    connection.execute(insert(Setting).values(name="version", value=str(int(last))))


def _check_first_tables(connection: Connection, config: Config, name: str) -> None:
    """Raise ``DatabaseError`` unless tables without a revision have the columns of the first one."""
    from alembic.script import ScriptDirectory

    first: MetaData = ScriptDirectory.from_config(config).get_revision(revisions()[0]).module.TABLES
    inspector = inspect(connection)
    for table in set(inspector.get_table_names()) & set(first.tables):
        columns, expected = _columns(inspector, table), set(first.tables[table].columns.keys())
        if columns != expected:
            missing = ", ".join(sorted(expected - columns)) or "none"
            more = ", ".join(sorted(columns - expected)) or "none"
            raise DatabaseError(
                f"{name}: the table {table} is not as any version of these records has it (columns that are missing: "
                f"{missing}; that are too many: {more}); nothing was changed. Export it with the program that made it."
            )


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _backed_up(file: Path, revision: str) -> Path:
    """Copy ``file`` as it is committed and return the copy; the caller's transaction keeps other writers waiting."""
    for left in _copies(file, r"\.part(-\w+)?"):  # of a process that was killed while it copied
        left.unlink(missing_ok=True)
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
    copy = file.with_name(f"{file.stem}.revision-{revision}-at-{stamp}{file.suffix}")
    part = copy.with_name(f"{copy.name}.part")
    try:
        with (
            closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=LOCK_TIMEOUT_S)) as source,
            closing(sqlite3.connect(part)) as target,
        ):
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")  # one file, without others beside it
        shutil.copymode(file, part)
        with part.open("rb") as stream:
            os.fsync(stream.fileno())
        part.replace(copy)
    except (sqlite3.Error, OSError) as error:
        part.unlink(missing_ok=True)
        raise DatabaseError(
            f"{file}: it is of revision {revision} and must be upgraded, but a copy of it cannot be written beside it "
            f"({error}); nothing was changed. Make room, or the folder writable."
        ) from None
    return copy


def _revision_at_rest(file: Path, name: str) -> None:
    _revision_of_file(file, name, "immutable=1" if _rests(file) else "mode=ro")


def _revision_of_file(file: Path, name: str, how: str) -> None:
    uri = f"{file.as_uri()}?{how}"
    engine = create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(uri, uri=True, timeout=LOCK_TIMEOUT_S), poolclass=NullPool
    )
    with engine.connect() as connection:
        database_revision(connection, name)


def _rests(file: Path) -> bool:
    """Return whether all of a database is in its file, so that reading needs no other file beside it."""
    return not any(file.with_name(file.name + end).exists() for end in ("-wal", "-journal"))


def _columns(inspector, table: str) -> set[str]:
    return {column["name"] for column in inspector.get_columns(table)}


def _pragma(connection: Connection, setting: str) -> None:
    connection.connection.driver_connection.execute(f"PRAGMA {setting}")
