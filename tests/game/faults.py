"""What goes wrong around a game, made to happen: a database that is away, and the account of every point received."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from contextlib import contextmanager

from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from gala_viz.game.active_round import ActiveRound
from gala_viz.game.pointer_paths import pointer_path
from gala_viz.records.tables import RoundPoint

AROUND = [(200.0, 200.0), (250.0, 250.0), (200.0, 250.0), (250.0, 200.0)] * 8
"""A stroke that reveals nothing and fills a round."""


class Account:
    """Every round that any game of this process plays, with the points that its judge took."""

    def __init__(self, monkeypatch) -> None:
        self.rounds: list[ActiveRound] = []
        make = ActiveRound.__init__

        def made(one, *arguments, **named):
            make(one, *arguments, **named)
            self.rounds.append(one)

        monkeypatch.setattr(ActiveRound, "__init__", made)

    def received(self, *, without: str | None = None) -> list[tuple[str, int, float, float]]:
        """(round, number, x, y) of all points that were taken, but for those of one participant."""
        return sorted(
            (one.id, number, point.x_px, point.y_px)
            for one in self.rounds
            if one.player.participant != without
            for number, point in enumerate(one.judge.points)
        )

    def by_round(self) -> dict[str, list[ActiveRound]]:
        found = defaultdict(list)
        for one in self.rounds:
            found[one.id].append(one)
        return found


def stored(database) -> list[tuple[str, int, float, float]]:
    """(round, number, x, y) of all points in the database."""
    with database.read_connection() as connection:
        rows = connection.execute(select(RoundPoint.__table__)).all()
    return sorted((row.round_id, row.number, row.x_px, row.y_px) for row in rows)


@contextmanager
def away(database):
    """Within it no connection to ``database`` can be made, as when its server is stopped."""

    @contextmanager
    def refuse():
        raise OperationalError("connect", {}, ConnectionRefusedError("the database is away"))
        yield

    database.write_transaction = database.read_connection = refuse
    try:
        yield
    finally:
        del database.write_transaction, database.read_connection


async def paint(player, shown, points=AROUND, count=None):
    """Paint as a page does until ``count`` points are sent or the server ends the round; what was sent."""
    sent, last = [], 0.0
    for x, y in list(pointer_path(points, player.spec))[:count]:
        await asyncio.sleep(max(0.0, last + player.spec.interval_ms / 1000 - time.monotonic()))
        last = time.monotonic()
        sent.append((x, y))
        await player.send({"type": "paint", "round": shown.round, "points": [[x, y, last * 1000]]})
    return sent


async def until(condition, seconds: float = 20.0):
    """Wait until ``condition()`` holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not come to hold"
        await asyncio.sleep(0.02)
