"""A server that is killed in the middle of a round: what arrived is kept, what was finished stays, play goes on."""

import asyncio
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from gala_viz.game.client import GameClient, wait_until_ready
from gala_viz.game.pointer_paths import pointer_path
from gala_viz.records.database import Database
from gala_viz.records.tables import Round, RoundPoint
from tests.loops import in_own_loop

pytestmark = pytest.mark.timeout(300)
ELSEWHERE = [(200, 200), (250, 250), (200, 250), (250, 200)] * 4
REPOSITORY = Path(__file__).parents[2]


def started(port, folder):
    command = [sys.executable, "-m", "tests.game.serve", str(port), str(folder / "photos"), str(folder / "r.sqlite")]
    log = (folder / "log.txt").open("a")
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=log, stderr=log, start_new_session=True)


@pytest.mark.slow
def test_a_killed_server_loses_nothing_that_arrived_and_the_player_goes_on(tmp_path):
    """Its database is locked by another program at that moment: what arrived is in the journal alone."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url, sent = f"http://127.0.0.1:{port}", []

    async def before(server):
        await wait_until_ready(url)
        player = GameClient(url)
        await player.connect()
        won = await player.play_round(
            await player.request_round(), pointer_path([(60, 40), (100, 60), (60, 100)], player.spec)
        )
        shown = await player.request_round()
        last, points = 0.0, list(pointer_path(ELSEWHERE, player.spec))[:60]
        for number, (x, y) in enumerate(points):
            await asyncio.sleep(max(0.0, last + 0.05 - time.monotonic()))
            last = time.monotonic()
            sent.append((number, x, y))
            await player.send({"type": "paint", "round": shown.round, "points": [[x, y, last * 1000]]})
            if number == 20:
                locked.execute("BEGIN IMMEDIATE")
        while (await player.receive("guess"))["n_points"] < len(points):
            pass
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        locked.rollback()
        stored = locked.execute("SELECT count(*) FROM points WHERE round_id = ?", (shown.round,)).fetchone()[0]
        return player.cookie, won, shown.round, stored

    async def after(cookie):
        await wait_until_ready(url)
        player = GameClient(url, cookie=cookie)
        welcome = await player.connect()
        shown = await player.request_round()
        played = await player.play_round(shown, pointer_path([(60, 40), (100, 60), (60, 100)], player.spec))
        return welcome, shown.round, played

    server = started(port, tmp_path)
    locked = sqlite3.connect(tmp_path / "r.sqlite", isolation_level=None, check_same_thread=False, timeout=60)
    try:
        cookie, won, interrupted, stored = in_own_loop(before(server), 120)
        server = started(port, tmp_path)
        welcome, again, played = in_own_loop(after(cookie), 120)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    database = Database(tmp_path / "r.sqlite")
    with database.read_connection() as connection:
        rounds = {row.id: row for row in connection.execute(select(Round.__table__))}
        columns = (RoundPoint.number, RoundPoint.x_px, RoundPoint.y_px)
        kept = connection.execute(select(*columns).where(RoundPoint.round_id == interrupted)).all()
    locked.close()
    database.close()
    assert stored < len(sent), "the others were in the journal alone"
    assert won.end["outcome"] == played.end["outcome"] == "won"
    assert sorted(map(tuple, kept)) == sent
    assert rounds[interrupted].outcome == "interrupted"
    assert again != interrupted
    assert len({row.image for row in rounds.values()}) == 3
    assert welcome["n_rounds"] >= 1


@pytest.mark.slow
def test_a_server_that_is_ended_by_ctrl_c_keeps_every_point(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gala_viz", "game", "--collection", "photos", "--port", str(port), "--no-show"]
    command += ["--records", str(tmp_path / "r.sqlite"), "--catch-share", "0"]
    log = (tmp_path / "log.txt").open("w")
    server = subprocess.Popen(command, cwd=REPOSITORY, stdout=log, stderr=log, start_new_session=True)

    async def painted():
        url = f"http://127.0.0.1:{port}"
        await wait_until_ready(url, 200)  # it loads a real network
        player = GameClient(url)
        await player.connect()
        shown = await player.request_round()
        for x, y in list(pointer_path([(4, 4), (20, 4)], player.spec))[:4]:
            point = [x, y, time.monotonic() * 1000]
            await player.send({"type": "paint", "round": shown.round, "points": [point]})
            await asyncio.sleep(0.051)
        os.killpg(server.pid, signal.SIGINT)
        return shown.round

    try:
        interrupted = in_own_loop(painted(), 250)
        assert server.wait(30) in (0, 130)
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
    database = Database(tmp_path / "r.sqlite")
    with database.read_connection() as connection:
        kept = connection.scalars(select(RoundPoint.number).where(RoundPoint.round_id == interrupted)).all()
        outcome = connection.scalar(select(Round.outcome).where(Round.id == interrupted))
    database.close()
    assert sorted(kept) == [0, 1, 2, 3]
    assert outcome == "interrupted"
