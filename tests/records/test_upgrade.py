"""Databases of former revisions when they are opened, on SQLite and PostgreSQL.

``former/`` holds records as the program wrote them before revisions were kept: ten rounds (won, lost, skipped, in play,
practice, a catch trial, one of a simulated participant), two sittings, a note and a saved view, in either database.
"""

import json
import logging
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, create_engine, func, inspect, select, text

from gala_viz.records import database as database_module
from gala_viz.records import migrations, upgrade
from gala_viz.records.database import Database, DatabaseError
from gala_viz.records.finished_rounds import finished_rounds
from gala_viz.records.notes import Notes
from gala_viz.records.pause import is_paused
from gala_viz.records.tables import Base, ExperimentSession, Participant, Round, RoundPoint, Setting, TrialRecord

FORMER = Path(__file__).parent / "former"
LAST = migrations.revisions()[-1]
NUMBERS = {"participants": 6, "visits": 4, "rounds": 10, "points": 55, "guesses": 15, "sittings": 2, "trials": 8}


@pytest.fixture
def former(where):
    """Where records of the first version are."""
    if isinstance(where, Path):
        shutil.copy(FORMER / "version1.sqlite", where)
        return where
    with engine_of(where) as engine, engine.begin() as connection:
        connection.exec_driver_sql((FORMER / "version1.postgresql.sql").read_text(encoding="utf-8"))
    return where


@contextmanager
def engine_of(where):
    url = f"sqlite:///{where}" if isinstance(where, Path) else where.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(url)
    yield engine
    engine.dispose()


class closing_engine:
    def __init__(self, engine):
        self.engine = engine

    def __enter__(self):
        return self.engine

    def __exit__(self, *_):
        self.engine.dispose()


def content(where):
    """Table -> its rows, each column -> value, as they are stored, without what tells the revision."""
    with engine_of(where) as engine, engine.connect() as connection:
        there = MetaData()
        there.reflect(connection)
        found = {}
        for name, table in there.tables.items():
            if name != "alembic_version":
                rows = [dict(row._mapping) for row in connection.execute(select(table))]
                rows = [row for row in rows if row.get("name") != "version"]
                found[name] = sorted(json.dumps(row, sort_keys=True, default=str) for row in rows)
        return found


def of_columns(rows, columns):
    told = [{key: value for key, value in json.loads(row).items() if key in columns} for row in rows]
    return sorted(json.dumps(row, sort_keys=True) for row in told)


def differences(connection):
    """What Alembic would change to bring the tables to those of the classes."""
    found = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    return [one for one in found if "alembic_version" not in str(one)]


def test_the_tables_of_the_last_revision_are_those_of_the_classes(database):
    with database.read_connection() as connection:
        found = differences(connection)
        version = connection.scalar(select(Setting.value).where(Setting.name == "version"))
    assert found == []
    assert version == str(int(LAST))


def test_revisions_are_one_row_in_the_order_of_their_numbers():
    config = Config()
    config.set_main_option("script_location", str(migrations.FOLDER))
    script = ScriptDirectory.from_config(config)
    assert tuple(one.revision for one in script.walk_revisions())[::-1] == migrations.revisions()
    assert all(Path(one.path).name.startswith(f"{one.revision}_") for one in script.walk_revisions())


def test_records_of_the_first_version_are_all_there_after_the_upgrade(former):
    before = content(former)
    database = Database(former)
    database.close()
    after = content(former)
    assert after.keys() == before.keys() | {"painted_maps"}, "which later revisions added"
    for table, rows in before.items():
        columns = json.loads(rows[0]).keys() if rows else set()
        assert of_columns(after[table], columns) == rows, table
    assert {table: len(after[table]) for table in NUMBERS} == NUMBERS
    new = [json.loads(row) for row in after["rounds"]]
    assert {(row["surface_rule"], row["software"]) for row in new} == {(None, None)}
    assert {json.loads(row)["address_ids"] for row in after["sittings"]} == {None}


def test_records_of_the_first_version_are_read_and_written_on(former):
    database = Database(former)
    with database.read_connection() as connection:
        found = differences(connection)
        assert connection.scalar(select(func.count()).select_from(TrialRecord).where(TrialRecord.ended_ms > 0)) == 7
        assert (
            connection.scalar(
                select(func.count()).select_from(ExperimentSession).where(ExperimentSession.finished_ms > 0)
            )
            == 1
        )
    assert found == []
    rounds = list(finished_rounds(database, "shapes"))
    assert len(rounds) == 4
    assert {one.is_mobile for one in rounds} == {True, False}
    assert Notes(database, "shapes", "ann").get("image 1").text == "long ears"
    assert not is_paused(database)
    database.close()
    Database(former).close()


def test_a_copy_as_it_was_stands_beside_the_file_and_is_told(tmp_path, caplog):
    path = tmp_path / "rec%ords #1.sqlite"
    shutil.copy(FORMER / "version1.sqlite", path)
    before = content(path)
    with caplog.at_level(logging.WARNING):
        Database(path).close()
    (copy,) = upgrade.backup_files(path)
    assert copy.name.startswith("rec%ords #1.revision-0001-at-2")
    assert copy.suffix == ".sqlite"
    assert content(copy) == before
    (told,) = [one.getMessage() for one in caplog.records if "revision" in one.getMessage()]
    assert str(copy) in told
    assert f"from revision 0001 to {LAST}" in told
    caplog.clear()
    Database(path).close()
    assert upgrade.backup_files(path) == [copy]
    assert not caplog.records


def test_the_copy_holds_what_was_committed_a_moment_ago(tmp_path):
    path = tmp_path / "records.sqlite"
    shutil.copy(FORMER / "version1.sqlite", path)
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("UPDATE participants SET nickname = 'new' WHERE nickname IS NOT NULL")
        writer.commit()
        assert path.with_name("records.sqlite-wal").stat().st_size
        Database(path).close()
        (copy,) = upgrade.backup_files(path)
        with closing(sqlite3.connect(copy)) as reader:
            assert reader.execute("SELECT nickname FROM participants WHERE nickname IS NOT NULL").fetchall() == [
                ("new",)
            ]


def test_copies_are_found_whatever_the_file_is_called_and_not_those_of_its_neighbours(tmp_path):
    found = {}
    for each in ("records", "records.sqlite", "re.cords.db"):
        shutil.copy(FORMER / "version1.sqlite", tmp_path / each)
        Database(tmp_path / each).close()
        found[each] = upgrade.backup_files(tmp_path / each)
    assert [len(copies) for copies in found.values()] == [1, 1, 1]
    assert len({copy for copies in found.values() for copy in copies}) == 3


def test_what_a_killed_upgrade_left_of_its_copy_goes_away_with_the_next(tmp_path):
    path = tmp_path / "records"
    shutil.copy(FORMER / "version1.sqlite", path)
    left = [tmp_path / f"records.revision-0001-at-20261128T220843.956877Z.part{end}" for end in ("", "-journal")]
    for one in left:
        one.write_bytes(path.read_bytes())
    assert upgrade.backup_files(path) == []
    Database(path).close()
    assert not any(one.exists() for one in left)
    assert len(upgrade.backup_files(path)) == 1


def test_a_copy_that_cannot_be_written_leaves_everything_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "records.sqlite"
    shutil.copy(FORMER / "version1.sqlite", path)
    before = content(path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(upgrade.shutil, "copymode", full)
    with pytest.raises(DatabaseError, match=r"No space left on device.*nothing was changed"):
        Database(path)
    assert content(path) == before
    assert [one.name for one in tmp_path.iterdir() if not one.name.endswith(("-wal", "-shm"))] == ["records.sqlite"]


def test_an_upgrade_that_fails_halfway_changes_nothing(former, monkeypatch):
    before = content(former)
    run = upgrade._tell_former_programs

    def fails(connection, last):
        run(connection, last)
        raise RuntimeError("halfway")

    monkeypatch.setattr(upgrade, "_tell_former_programs", fails)
    with pytest.raises(RuntimeError, match="halfway"):
        Database(former)
    assert content(former) == before
    with engine_of(former) as engine, engine.connect() as connection:
        assert not inspect(connection).has_table("alembic_version")
    monkeypatch.undo()
    Database(former).close()
    assert {table: len(content(former)[table]) for table in NUMBERS} == NUMBERS


def test_a_program_that_knows_no_revisions_refuses_an_upgraded_database(former):
    """It reads the setting called version and opens nothing but 1."""
    Database(former).close()
    with engine_of(former) as engine, engine.connect() as connection:
        assert int(connection.scalar(text("SELECT value FROM settings WHERE name = 'version'"))) > 1


def test_tables_of_the_first_days_get_those_that_came_later(former):
    with engine_of(former) as engine, engine.begin() as connection:
        for table in ("trials", "sittings", "experiments", "notes", "views"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
    database = Database(former)
    with database.read_connection() as connection:
        found = differences(connection)
        assert connection.scalar(select(func.count()).select_from(RoundPoint)) == NUMBERS["points"]
    assert Notes(database, "photos").all() == {}
    database.close()
    assert found == []


@pytest.mark.parametrize("change", ["ALTER TABLE rounds DROP COLUMN combo", "ALTER TABLE points ADD COLUMN z REAL"])
def test_tables_that_are_not_those_of_the_first_version_are_not_taken_for_it(former, change):
    with engine_of(former) as engine, engine.begin() as connection:
        connection.exec_driver_sql(change)
    before = content(former)
    with pytest.raises(DatabaseError, match=r"columns that are missing: (combo|none); that are too many: (none|z)"):
        Database(former)
    assert content(former) == before


def test_a_database_of_a_newer_program_is_refused_and_left_as_it_is(former):
    Database(former).close()
    with engine_of(former) as engine, engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9042'")
    before = content(former)
    with pytest.raises(DatabaseError, match=f"revision 9042, this program knows those up to {LAST}; it was left"):
        Database(former)
    assert content(former) == before


def test_another_version_of_before_is_refused(former):
    with engine_of(former) as engine, engine.begin() as connection:
        connection.exec_driver_sql("UPDATE settings SET value = '99' WHERE name = 'version'")
    with pytest.raises(DatabaseError, match="version 99"):
        Database(former)


OTHERS = (
    "CREATE TABLE books (id INTEGER PRIMARY KEY, title VARCHAR)",
    "CREATE TABLE settings (key VARCHAR PRIMARY KEY, value VARCHAR)",
    "CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)",
    "INSERT INTO alembic_version VALUES ('0001')",
)


@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
@pytest.mark.parametrize("open_elsewhere", [False, True])
def test_a_file_with_other_tables_is_refused_without_changing_a_byte(tmp_path, journal, open_elsewhere):
    path = tmp_path / "library.sqlite"
    other = sqlite3.connect(path)
    other.execute(f"PRAGMA journal_mode={journal}")
    for one in OTHERS:
        other.execute(one)
    other.commit()
    if not open_elsewhere:
        other.close()
    before = {one.name: one.read_bytes() for one in tmp_path.iterdir() if not one.name.endswith("-shm")}
    with pytest.raises(DatabaseError, match=r"other tables \(alembic_version, books, settings\).*left as it is"):
        Database(path)
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir() if not one.name.endswith("-shm")} == before
    other.close()


def test_another_programs_database_on_postgresql_is_refused(postgresql_url):
    with engine_of(postgresql_url) as engine:
        Base.metadata.drop_all(engine)
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")
            for one in OTHERS:
                connection.exec_driver_sql(one)
        before = content(postgresql_url)
        try:
            with pytest.raises(DatabaseError, match=r"other tables.*empty database"):
                Database(postgresql_url)
            assert content(postgresql_url) == before
        finally:
            with engine.begin() as connection:
                connection.exec_driver_sql("DROP TABLE books, settings, alembic_version")


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\xff\xd8\xff" * 500)
    with pytest.raises(DatabaseError, match="left as it is"):
        Database(path)
    assert path.read_bytes() == b"\xff\xd8\xff" * 500
    assert [one.name for one in tmp_path.iterdir()] == ["photo.jpg"]


OPENING = """
import logging, sys
logging.basicConfig(level=logging.WARNING)
from gala_viz.records.database import Database
import alembic.command
print("ready", flush=True)
sys.stdin.readline()
Database(sys.argv[1]).close()
"""


@pytest.mark.parametrize("new", [False, True])
def test_of_servers_that_start_at_once_one_upgrades(request, where, new, repository):
    place = where if new else request.getfixturevalue("former")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", OPENING, str(place)]
    servers = [subprocess.Popen(command, cwd=repository, **pipes) for _ in range(3)]
    try:
        for one in servers:
            assert one.stdout.readline() == "ready\n", one.stderr.read()
        for one in servers:
            one.stdin.write("\n")
            one.stdin.flush()
        told = [one.communicate(timeout=120)[1] for one in servers]
    finally:
        for one in servers:
            one.kill()
            one.wait()
    assert [one.returncode for one in servers] == [0, 0, 0], told
    assert sum("were brought from revision" in one for one in told) == (0 if new else 1), told
    database = Database(place)
    with database.read_connection() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == LAST
        assert connection.scalar(select(func.count()).select_from(Round)) == (0 if new else NUMBERS["rounds"])
    database.close()
    if isinstance(place, Path):
        assert len(upgrade.backup_files(place)) == (0 if new else 1)


def test_a_new_file_that_another_server_prepares_is_waited_for():
    class Connection:
        n_asked = 0

        def execute(self, statement):
            assert statement == "PRAGMA journal_mode=WAL"
            self.n_asked += 1
            if self.n_asked < 3:
                raise sqlite3.OperationalError("database is locked")

    connection = Connection()
    database_module._use_log(connection)
    assert connection.n_asked == 3


def test_an_upgrade_that_another_server_commits_between_two_reads_is_no_other_program(former, monkeypatch):
    columns, looks = upgrade._columns, []

    def upgraded_meanwhile(inspector, table):
        looks.append(table)
        if looks == ["settings"]:
            monkeypatch.setattr(upgrade, "_columns", columns)
            Database(former).close()
            monkeypatch.setattr(upgrade, "_columns", upgraded_meanwhile)
        return columns(inspector, table)

    monkeypatch.setattr(upgrade, "_columns", upgraded_meanwhile)
    database = Database(former)
    with database.read_connection() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == LAST
    database.close()
    assert looks.count("settings") >= 2, "it looked again"


LATER = '''"""Nicknames become longer."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "9001", "{last}"


def upgrade():
    with op.batch_alter_table("participants") as batch:
        batch.alter_column("nickname", type_=sa.Text())
        batch.add_column(sa.Column("shoe_size", sa.Integer(), server_default="42", nullable=False))
'''


def test_a_table_that_is_copied_by_a_later_revision_takes_no_rows_of_others_along(former, tmp_path, monkeypatch):
    Database(former).close()
    before = content(former)
    folder = tmp_path / "later"
    shutil.copytree(migrations.FOLDER, folder)
    (folder / "versions" / "9001_longer.py").write_text(LATER.format(last=LAST))
    monkeypatch.setattr(upgrade, "FOLDER", folder)
    monkeypatch.setattr(upgrade, "revisions", lambda: (*migrations.revisions(), "9001"))
    database = Database(former)
    with database.read_connection() as connection:
        assert connection.scalar(text("SELECT min(shoe_size) FROM participants")) == 42
    with database.write_transaction() as connection:  # and foreign keys hold again
        connection.execute(Participant.__table__.delete())
        assert connection.scalar(select(func.count()).select_from(RoundPoint)) == 0
        connection.rollback()
    database.close()
    after = content(former)
    assert {table: len(rows) for table, rows in after.items()} == {table: len(rows) for table, rows in before.items()}
    monkeypatch.undo()
    with pytest.raises(DatabaseError, match="9001"):
        Database(former)


def test_a_server_of_before_that_still_runs_writes_on_into_upgraded_tables(former):
    """It names the columns that it knows, and no others."""
    config = Config()
    config.set_main_option("script_location", str(migrations.FOLDER))
    tables = ScriptDirectory.from_config(config).get_revision(migrations.revisions()[0]).module.TABLES.tables
    with engine_of(former) as engine:
        with engine.connect() as connection:
            rows = {
                name: [dict(row._mapping) for row in connection.execute(select(tables[name]))]
                for name in ("participants", "visits", "rounds", "points", "sittings", "trials")
            }
        Database(former).close()
        with engine.begin() as connection:
            connection.execute(tables["sittings"].delete())
            connection.execute(tables["trials"].delete())
            for name in ("points", "rounds", "visits", "participants"):
                connection.execute(tables[name].delete())
            for name, values in rows.items():
                connection.execute(tables[name].insert(), values)
    assert {table: len(found) for table, found in content(former).items() if table in rows} == {
        table: NUMBERS[table] for table in rows
    }
