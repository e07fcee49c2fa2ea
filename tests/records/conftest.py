"""Records in both databases: SQLite in a file, and a real PostgreSQL server."""

import os

import pytest
from sqlalchemy import create_engine

from gala_viz.records import note_tables  # noqa: F401 (its tables are dropped too)
from gala_viz.records.database import Database
from gala_viz.records.tables import Base
from tests.records import postgresql


@pytest.fixture(scope="session")
def postgresql_url():
    told = os.environ.get("GALA_VIZ_POSTGRESQL")
    if told:
        yield told
        return
    if postgresql.program("initdb") is None:
        if os.environ.get("GALA_VIZ_REQUIRE_POSTGRESQL"):
            pytest.fail("PostgreSQL was asked for and is not installed.")
        pytest.skip("PostgreSQL is not installed; GALA_VIZ_POSTGRESQL may name a server's URL.")
    with postgresql.server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request, tmp_path):
    """A file or a URL of empty records."""
    if request.param == "sqlite":
        return tmp_path / "records.sqlite"
    url = request.getfixturevalue("postgresql_url")
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    Base.metadata.drop_all(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")
    engine.dispose()
    return url


@pytest.fixture
def database(where):
    opened = Database(where)
    yield opened
    opened.close()
