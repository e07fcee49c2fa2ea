"""Pause of the game, which the experimenter switches for all servers of a database at once."""

from __future__ import annotations

from sqlalchemy import insert, select, update

from gala_viz.records.database import Database
from gala_viz.records.tables import Setting

PAUSED_SETTING = "paused"


def is_paused(database: Database) -> bool:
    """Return whether the game is paused: servers start no new rounds."""
    with database.read_connection() as connection:
        return connection.scalar(select(Setting.value).where(Setting.name == PAUSED_SETTING)) == "1"


def set_paused(database: Database, paused: bool) -> None:
    """Pause the game, or resume it."""
    value = str(int(paused))
    with database.write_transaction() as connection:
        if not connection.execute(update(Setting).where(Setting.name == PAUSED_SETTING).values(value=value)).rowcount:
            connection.execute(insert(Setting).values(name=PAUSED_SETTING, value=value))
