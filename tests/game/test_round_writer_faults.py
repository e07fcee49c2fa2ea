"""Nothing that somebody painted is lost: two windows, a deletion, an old connection, a database that is away."""

import asyncio
import errno
import math
import os
import sqlite3
import time
from collections import Counter
from contextlib import closing, suppress

import pytest
from sqlalchemy import select
from tornado.websocket import WebSocketClosedError

from gala_viz.game.client import GameClient
from gala_viz.game.round_image import RoundImage
from gala_viz.game.server import CLOSE_S
from gala_viz.records import journal
from gala_viz.records.journal import journal_folder, refused_entries
from gala_viz.records.participants import Participants
from gala_viz.records.round_updates import CanvasPoint, RoundKey, RoundUpdate
from gala_viz.records.round_writer import RoundWriter
from gala_viz.records.tables import Guess, ImageCount, Round
from tests.game import faults, shapes
from tests.game.conftest import served
from tests.game.test_server import rows
from tests.loops import in_own_loop

N_POINTS = 36


@pytest.fixture
def account(monkeypatch):
    return faults.Account(monkeypatch)


@pytest.fixture
def playing_on(tmp_path):
    """``run(script, n_servers)``: ``script(urls, games)`` with so many servers on one database."""

    def run(script, n_servers=1, **spec):
        async def whole():
            settings = {"limit_ms": 2500.0, **spec}
            games = [
                shapes.game(tmp_path / "photos", tmp_path / "records.sqlite", 24, **settings) for _ in range(n_servers)
            ]
            async with served(games[0]) as first:
                if n_servers == 1:
                    return await script([first], games)
                async with served(games[1]) as second:
                    return await script([first, second], games)

        return in_own_loop(whole(), 120)

    return run


async def entered(url, cookie=None):
    player = GameClient(url, cookie=cookie)
    await player.connect()
    return player, await player.request_round()


async def painting(url, count):
    """Players who do nothing wrong, each painting a whole round."""
    each = [await entered(url) for _ in range(count)]
    return [asyncio.ensure_future(faults.paint(player, shown, count=N_POINTS)) for player, shown in each]


async def all_written(*games):
    await faults.until(lambda: not any(game.writer._pending for game in games))


def n_points(entries):
    return sum(len(entry["points"]) for entry in entries)


def test_a_round_shown_in_two_windows_is_recorded_from_one_and_costs_nobody_else_a_point(playing_on, account):
    """The second window, on another server, shows the round before the first has begun it; then both paint."""

    async def script(urls, games):
        first, shown = await entered(urls[0])
        second, again = await entered(urls[1], first.cookie)
        assert again.round == shown.round
        others = [*await painting(urls[0], 2), *await painting(urls[1], 2)]
        mine = asyncio.ensure_future(faults.paint(second, again, count=N_POINTS))
        with suppress(WebSocketClosedError):  # it may be told before it has sent all three
            await faults.paint(first, shown, count=3)
        told = await first.receive("elsewhere")
        await asyncio.gather(mine, *others)
        await all_written(*games)
        database = games[0].database
        here, there = account.by_round()[shown.round]
        return told, account.received(), faults.stored(database), here, there, refused_entries(database), games

    told, received, kept, first, second, refused, games = playing_on(script, 2)
    assert told == {"type": "elsewhere"}
    assert 1 <= len(first.judge.points) <= 3
    assert len(second.judge.points) > 3
    theirs = Counter((first.id, number, point.x_px, point.y_px) for number, point in enumerate(first.judge.points))
    assert Counter(kept) == Counter(received) - theirs
    assert n_points(refused) == len(first.judge.points) == games[0].writer.counts.n_refused.total()
    assert {entry["refused"] for entry in refused} == {"the round went on in another window"}


def test_a_second_window_on_another_server_ends_the_round_of_the_first_and_keeps_its_points(playing_on, account):
    async def script(urls, games):
        first, shown = await entered(urls[0])
        others = [*await painting(urls[0], 1), *await painting(urls[1], 1)]
        await faults.paint(first, shown, count=8)
        await all_written(games[0])
        second, again = await entered(urls[1], first.cookie)
        assert again.round != shown.round
        mine = asyncio.ensure_future(faults.paint(second, again, count=N_POINTS))
        (here,) = account.by_round()[shown.round]
        x, y, t = here.judge.points[-1].x_px, here.judge.points[-1].y_px, here.judge.points[-1].t_ms
        await first.send({"type": "paint", "round": shown.round, "points": [[x + 1, y, t + 100]]})
        told = await first.receive("elsewhere")
        await asyncio.gather(mine, *others)
        await all_written(*games)
        return told, account.received(), faults.stored(games[0].database), games[0].rounds.get_round(shown.round)

    told, received, kept, row = playing_on(script, 2, limit_ms=8000.0)
    assert told == {"type": "elsewhere"}
    assert kept == received
    assert len(kept) > 9
    assert row.outcome == "interrupted"
    assert row.elapsed_ms > 0, "by its judge, and not by a guess"


def test_a_participant_who_is_deleted_while_playing_takes_no_point_of_others_along(playing_on, account):
    async def script(urls, games):
        player, shown = await entered(urls[0])
        others = await painting(urls[0], 3)
        mine = asyncio.ensure_future(faults.paint(player, shown))
        (here,) = account.by_round()[shown.round]
        await faults.until(lambda: len(here.judge.points) >= 15 and games[0].writer.counts.n_stored > 0)
        before = games[0].writer.counts.n_stored
        forget = Participants(games[0].database).withdraw_participant
        await asyncio.get_running_loop().run_in_executor(None, forget, here.player.participant)
        told = await player.receive("deleted")
        mine.cancel()
        await asyncio.gather(*others)
        await all_written(games[0])
        counts, who = games[0].writer.counts, here.player.participant
        with pytest.raises(Exception, match="403"):
            await GameClient(urls[0], cookie=player.cookie).connect()
        journals = games[0].writer.journal.folder
        await faults.until(lambda: not any(who.encode() in path.read_bytes() for path in journals.iterdir()))
        return told, account.received(without=who), faults.stored(games[0].database), counts, before

    told, received, kept, counts, before = playing_on(script, limit_ms=6000.0)
    assert told == {"type": "deleted"}
    assert kept == received
    assert len(kept) > 0
    assert before > 0
    assert counts.n_dropped > 0
    assert counts.n_received == counts.n_stored + counts.n_dropped
    assert counts.n_refused == {}


@pytest.mark.parametrize("preparing_s", [0.0, 0.3])
def test_an_old_connection_is_closed_and_says_nothing_more(playing_on, account, monkeypatch, preparing_s):
    """It asks for a round at the moment at which a new window opens, and the round may be ready only afterwards."""
    data_url, asked = RoundImage.data_url, []

    def slowly(round_image):
        asked.append(round_image)
        time.sleep(preparing_s if len(asked) == 4 else 0)  # the first three are those of the players before
        return data_url(round_image)

    monkeypatch.setattr(RoundImage, "data_url", slowly)

    async def script(urls, games):
        old, shown = await entered(urls[0])
        others = await painting(urls[0], 2)
        await old.send({"type": "skip", "round": shown.round, "reason": "other"})
        await old.receive("end")
        (session,) = [one.player for one in account.by_round()[shown.round]]
        await old.send({"type": "next"})
        new, again = await entered(urls[0], old.cookie)
        await faults.until(lambda: session.is_closed)
        told = []
        session._send_to_page = lambda message: asyncio.sleep(0, told.append(message))
        point = {"type": "paint", "round": again.round, "points": [[9, 9, 1]]}
        for message in ({"type": "next"}, point, {"type": "skip", "round": again.round, "reason": "other"}):
            await session.receive(str(message))
        mine = asyncio.ensure_future(faults.paint(new, again, count=N_POINTS))
        with pytest.raises(ConnectionError):
            await old.receive("nothing more")
        await asyncio.gather(mine, *others)
        await all_written(games[0])
        return told, account.received(), faults.stored(games[0].database)

    told, received, kept = playing_on(script)
    assert told == 3 * [{"type": "elsewhere"}]
    assert kept == received
    assert len(kept) > 0


def test_while_the_database_is_away_play_goes_on_and_everything_is_stored_afterwards(playing_on, account):
    """Rounds go on, end and are summed up; who wants another one waits until the database is back."""

    async def script(urls, games):
        others = await painting(urls[0], 3)
        player, shown = await entered(urls[0])
        with faults.away(games[0].database):
            await faults.paint(player, shown, count=12)
            await player.send({"type": "skip", "round": shown.round, "reason": "other"})
            end = await player.receive("end")
            await player.send({"type": "leaders", "span": "all"})
            await player.send({"type": "next"})
            waiting = await player.receive("waiting")
            await asyncio.gather(*others)
            assert games[0].writer._pending
        came = [await player.receive("round", "leaders") for _ in range(2)]
        (following,) = [one for one in came if one["type"] == "round"]
        await all_written(games[0])
        return end, waiting, following["round"], shown.round, rows(games[0], Round), games[0].database

    end, waiting, following, shown, found, database = playing_on(script)
    received, kept = account.received(), faults.stored(database)
    assert kept == received
    assert len(kept) > 12
    assert waiting == {"type": "waiting"}
    assert end["outcome"] == "skipped"
    assert end["others_known"] is False, "nobody says that there are none"
    outcome = {row.id: row.outcome for row in found}
    assert outcome[shown] == "skipped"
    assert outcome[following] is None


def test_a_point_that_no_database_takes_is_refused_alone(playing_on, account, caplog):
    async def script(urls, games):
        player, shown = await entered(urls[0])
        others = await painting(urls[0], 2)
        mine = asyncio.ensure_future(faults.paint(player, shown, count=N_POINTS))
        (here,) = account.by_round()[shown.round]
        await faults.until(lambda: len(here.judge.points) >= 5)
        bad = RoundUpdate(first=900, points=[CanvasPoint(1.0, 2.0, 3.0, 4.0), CanvasPoint(math.nan, 2.0, 3.0, 4.0)])
        games[0].writer.add(here._key, bad)
        await asyncio.gather(mine, *others)
        await all_written(games[0])
        return account.received(), faults.stored(games[0].database), refused_entries(games[0].database), here.id

    received, kept, (refused,), bad = playing_on(script)
    assert sorted(kept) == sorted([*received, (bad, 900, 1.0, 2.0)])
    assert (refused["round"], refused["first"], len(refused["points"])) == (bad, 901, 1)
    assert "NOT NULL" in refused["refused"]
    assert "1 point and" in caplog.text


def test_a_game_that_ends_while_the_database_is_locked_tells_in_time_what_waits(tmp_path, caplog):
    async def script():
        game = shapes.game(tmp_path / "photos", tmp_path / "records.sqlite", limit_ms=60_000.0)
        with closing(sqlite3.connect(tmp_path / "records.sqlite", isolation_level=None)) as lock:
            async with served(game) as url:
                player, shown = await entered(url)
                lock.execute("BEGIN IMMEDIATE")
                await faults.paint(player, shown, count=5)
                release = asyncio.get_running_loop().call_later(CLOSE_S + 0.5, lock.rollback)
                began = time.monotonic()
                await game.close()
                took = time.monotonic() - began
                release.cancel()
                lock.rollback()
        return took

    took = in_own_loop(script(), 60)
    assert took < CLOSE_S + 0.3
    assert "points could not be stored yet" in caplog.text


def test_what_a_server_received_before_it_died_is_stored_once_by_the_next(tmp_path, account):
    """It dies with the database away; its successor is started twice."""

    async def first():
        game = shapes.game(tmp_path / "photos", tmp_path / "records.sqlite", 24, limit_ms=2500.0)
        async with served(game) as url:
            player, shown = await entered(url)
            (here,) = account.by_round()[shown.round]
            with faults.away(game.database):
                await faults.paint(player, shown, count=20)
                await player.send({"type": "skip", "round": shown.round, "reason": "other"})
                await player.receive("end")
                content = game.writer.journal.path.read_bytes()
                path = game.writer.journal.path
                game.writer._database = None
                game.writer._pending.clear()  # as if the process were gone
        path.write_bytes(content)
        return game.database, here

    database, here = in_own_loop(first(), 60)
    assert faults.stored(database) == []
    for _ in range(2):
        game = shapes.game(tmp_path / "photos", tmp_path / "records.sqlite", 24)
        in_own_loop(game.close())
    assert faults.stored(database) == account.received()
    assert len(account.received()) == 20
    with database.read_connection() as connection:
        (row,) = connection.execute(select(Round.__table__)).all()
        counts = connection.execute(select(ImageCount.image, ImageCount.n_rounds)).all()
        n_guesses = len(connection.execute(select(Guess.__table__)).all())
    assert (row.outcome, row.skip_reason) == ("skipped", "other")
    assert row.elapsed_ms == pytest.approx(here.judge.elapsed_ms)
    assert n_guesses > 0
    assert {n for _, n in counts} == {0}, "a skipped round does not count, and is taken back once"
    assert not any(journal_folder(database).iterdir())


def test_a_journal_that_cannot_be_written_is_told_and_costs_no_point(playing_on, account, monkeypatch, caplog):
    async def script(urls, games):
        def full(entry):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(games[0].writer.journal, "append", full)
        await asyncio.gather(*await painting(urls[0], 2))
        await all_written(games[0])
        return account.received(), faults.stored(games[0].database)

    received, kept = playing_on(script)
    assert kept == received
    assert len(kept) > 0
    assert caplog.text.count("No space left on device") == 1


@pytest.fixture
def full_disk(monkeypatch):
    """``full_disk(True)``: nothing more can be written to any journal, as on a full disk; ``False``: it can."""
    write, full = os.write, [False]

    def written(file, content):
        if full[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, content)

    monkeypatch.setattr(journal.os, "write", written)
    return lambda is_full: full.__setitem__(0, is_full)


def test_what_neither_database_nor_journal_took_is_told_as_lost_with_its_number(playing_on, account, full_disk, caplog):
    async def script(urls, games):
        (_, shown), writer = await entered(urls[0]), games[0].writer
        (here,) = account.by_round()[shown.round]
        key = RoundKey(round=shown.round, visit=here.player.session_id, participant=here.player.participant)
        with faults.away(games[0].database):
            writer.add(key, RoundUpdate(points=[CanvasPoint(1.0, 2.0, 3.0, 4.0)]))
            full_disk(True)
            for number in range(1, 5):
                writer.add(key, RoundUpdate(first=number, points=[CanvasPoint(1.0, 2.0, 3.0, 4.0)]))
            await asyncio.to_thread(writer.close, 0.3)
            kept = writer.journal.path.read_bytes().count(b"\n")
        full_disk(False)
        return writer.journal.path, kept

    path, kept = playing_on(script)
    assert f"1 point could not be stored yet: kept in {path}" in caplog.text
    assert "4 points, and what else came with them, are lost" in caplog.text
    assert kept == 1


def test_what_the_journal_could_not_take_is_in_it_as_soon_as_there_is_room_at_the_latest_at_the_end(
    playing_on, account, full_disk, caplog
):
    async def script(urls, games):
        (_, shown), writer = await entered(urls[0]), games[0].writer
        (here,) = account.by_round()[shown.round]
        key = RoundKey(round=shown.round, visit=here.player.session_id, participant=here.player.participant)
        with faults.away(games[0].database):
            full_disk(True)
            writer.add(key, RoundUpdate(points=[CanvasPoint(1.0, 2.0, 3.0, 4.0)]))
            full_disk(False)
            await faults.until(lambda: not writer._missing)
            full_disk(True)
            writer.add(key, RoundUpdate(first=1, points=[CanvasPoint(1.0, 2.0, 3.0, 4.0)]))
            full_disk(False)
            await asyncio.to_thread(writer.close, 0.3)
        return games[0].database

    database = playing_on(script)
    assert "2 points could not be stored yet: kept" in caplog.text
    assert "are lost" not in caplog.text
    adopting = RoundWriter(database)
    adopting.close()
    assert len(faults.stored(database)) == 2


def test_while_nothing_can_be_kept_points_are_refused_and_the_player_hears_it(playing_on, account, full_disk):
    async def script(urls, games):
        player, shown = await entered(urls[0])
        (here,) = account.by_round()[shown.round]
        with faults.away(games[0].database):
            full_disk(True)
            await player.send({"type": "paint", "round": shown.round, "points": [[9, 9, 1]]})
            await faults.until(lambda: games[0].writer._away_since is not None)
            await player.send({"type": "paint", "round": shown.round, "points": [[16, 9, 60]]})
            refused = await player.receive("refused")
            taken = len(here.judge.points)
            full_disk(False)
            await player.send({"type": "paint", "round": shown.round, "points": [[16, 9, 90]]})
            await faults.until(lambda: len(here.judge.points) > taken)
        await all_written(games[0])
        return refused, taken, account.received(), faults.stored(games[0].database)

    refused, taken, received, kept = playing_on(script, limit_ms=20_000.0)
    assert "the records cannot be reached" in refused["reason"]
    assert taken == 1
    assert kept == received
    assert len(kept) == 2


def test_a_part_of_an_unknown_round_is_kept_aside_with_its_reason(playing_on, account):
    async def script(urls, games):
        _, shown = await entered(urls[0])
        (here,) = account.by_round()[shown.round]
        key = RoundKey(round="never begun", visit=here.player.session_id, participant=here.player.participant)
        games[0].writer.add(key, RoundUpdate(points=[CanvasPoint(1.0, 2.0, 3.0, 4.0)]))
        await all_written(games[0])
        return refused_entries(games[0].database)

    (refused,) = playing_on(script)
    assert refused["refused"] == "there is no such round"
    assert refused["points"] == [[1.0, 2.0, 3.0, 4.0]]
