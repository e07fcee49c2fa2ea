"""Twenty players at once, and a database that goes away in the middle: every point is accounted for."""

import asyncio
from contextlib import contextmanager

import numpy as np
import pytest
from sqlalchemy import select

from gala_viz.game.client import GameClient
from gala_viz.game.pointer_paths import pointer_path, random_pointer_path
from gala_viz.records.database import Database
from gala_viz.records.journal import journal_folder
from gala_viz.records.tables import ImageCount, Round
from tests.game import faults, shapes
from tests.game.conftest import served
from tests.game.test_server import PATCH
from tests.loops import in_own_loop
from tests.records import postgresql

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
N_PLAYERS, AWAY_S = 20, 4.0


@contextmanager
def sqlite(tmp_path):
    """A file that cannot be reached for a while."""
    where, opened = tmp_path / "records.sqlite", {}

    @contextmanager
    def away():
        with faults.away(opened["database"]):
            yield

    yield where, opened, away


@contextmanager
def stopped_postgresql(tmp_path):
    """A server that is killed and started again."""
    if postgresql.program("initdb") is None:
        pytest.skip("PostgreSQL is not installed.")
    with postgresql.stoppable() as (url, stop, start):

        @contextmanager
        def away():
            stop()
            try:
                yield
            finally:
                start()

        yield url, {}, away


@pytest.mark.parametrize("place", [sqlite, stopped_postgresql])
def test_no_point_of_twenty_players_is_lost_when_the_database_goes_away(tmp_path, monkeypatch, place):
    """Rounds are won, lost and in play when it goes; players go on when it is back."""
    account = faults.Account(monkeypatch)

    async def play(url, number, until):
        player, ends = GameClient(url), {}
        await player.connect()
        while not until.is_set() and (shown := await player.request_round()) is not None:
            rng = np.random.default_rng(number)
            points = pointer_path(PATCH, player.spec) if len(ends) % 2 else random_pointer_path(player.spec, rng)
            try:
                ends[shown.round] = (await player.play_round(shown, points)).end
            except ValueError:  # a busy machine delivered points in a lump, and the judge refused them
                ends[shown.round] = await player.receive("end")
        await player.close()
        return ends

    async def whole(where, opened, away):
        opened["database"] = Database(where)
        game = shapes.game(tmp_path / "photos", where, 60, limit_ms=2500.0, database=opened["database"])
        until = asyncio.Event()
        async with served(game) as url:
            players = [asyncio.ensure_future(play(url, number, until)) for number in range(N_PLAYERS)]
            await faults.until(lambda: len(account.rounds) > 2 * N_PLAYERS, 60)
            context = away()
            await asyncio.get_running_loop().run_in_executor(None, context.__enter__)
            await asyncio.sleep(AWAY_S)
            n_waiting = len(game.writer._pending)
            await asyncio.get_running_loop().run_in_executor(None, context.__exit__, None, None, None)
            n_before = len(account.rounds)
            await faults.until(lambda: len(account.rounds) > n_before + N_PLAYERS, 90)
            until.set()
            ends = {name: end for each in await asyncio.gather(*players) for name, end in each.items()}
        return game, ends, n_waiting

    with place(tmp_path) as (where, opened, away):
        game, ends, n_waiting = in_own_loop(whole(where, opened, away), 300)
        database = opened["database"]
        kept, received, counts = faults.stored(database), account.received(), game.writer.counts
        with database.read_connection() as connection:
            rounds = {row.id: row for row in connection.execute(select(Round.__table__))}
            counted = sum(connection.scalars(select(ImageCount.n_rounds)))
        folder = journal_folder(database)
        left = list(folder.iterdir())
        database.close()
    print(f"{place.__name__}: {len(ends)} rounds, {len(received)} points received, {len(kept)} stored")
    assert n_waiting > 0, "something was on its way while the database was away"
    assert kept == received
    assert counts.n_received == counts.n_stored == len(received) > 500
    assert not counts.n_refused
    assert not counts.n_dropped
    assert {name: (rounds[name].outcome, round(rounds[name].score, 1)) for name in ends} == {
        name: (end["outcome"], end["score"]) for name, end in ends.items()
    }
    assert {"won", "lost"} <= {end["outcome"] for end in ends.values()}
    assert counted == sum(row.outcome in ("won", "lost", None) for row in rounds.values())
    assert left == []
