"""The game over real websockets: rounds won and lost, what is recorded of them, and everything that is refused."""

import asyncio
import json
from collections import Counter
from http.cookies import SimpleCookie
from types import SimpleNamespace
from urllib.parse import urlsplit

import numpy as np
import pytest
from sqlalchemy import select
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.web import HTTPError
from tornado.websocket import websocket_connect

from gala_viz.game import handlers
from gala_viz.game.client import GameClient, play_rounds
from gala_viz.game.handlers import GameSocketHandler
from gala_viz.game.next_round import MAX_UNREADABLE
from gala_viz.game.pointer_paths import pointer_path
from gala_viz.records.image_counts import register_images
from gala_viz.records.pause import set_paused
from gala_viz.records.rate_limits import RateLimits
from gala_viz.records.round_updates import Outcome
from gala_viz.records.tables import CATCH, GameSession, Guess, ImageCount, Participant, Round, RoundPoint
from gala_viz.wire import PARTICIPANT_COOKIE
from tests.game import shapes
from tests.loops import in_own_loop

PATCH = ((60, 40), (100, 60), (60, 100), (100, 110))
"""Where the colour lies on the canvas."""
ELSEWHERE = ((200, 200), (240, 240), (200, 240))


def rows(game, table):
    with game.database.read_connection() as connection:
        return connection.execute(select(table.__table__)).all()


def test_painting_the_telling_part_wins_and_is_recorded(playing):
    async def script(url, game):
        player = GameClient(url)
        welcome = await player.connect()
        shown = await player.request_round()
        played = await player.play_round(shown, pointer_path(PATCH, game.spec))
        await player.close()
        return (
            welcome,
            shown,
            played,
            rows(game, Round),
            rows(game, RoundPoint),
            rows(game, Guess),
            rows(game, GameSession),
        )

    welcome, shown, played, (row,), points, guesses, (visit,) = playing(script)
    assert welcome["spec"]["bubble_px"] == 14
    assert "image" not in shown.__slots__
    assert played.end["outcome"] == "won"
    assert 0 < played.end["score"] <= 100
    assert played.end["own"]
    assert row.outcome == "won"
    assert row.score == pytest.approx(played.end["score"], abs=0.06)
    assert row.box == [16.0, 0.0, 80.0, 64.0]
    assert row.settings["network"] == "colours"
    assert [point.number for point in points] == list(range(len(points)))
    assert guesses[-1].place == 1
    assert visit.device == {"pointer": "mouse", "screen_px": [1280, 720]}


def test_painting_elsewhere_loses_when_the_servers_time_is_up(playing):
    async def script(url, game):
        player = GameClient(url)
        await player.connect()
        played = await player.play_round(await player.request_round(), pointer_path(ELSEWHERE, game.spec))
        return played, rows(game, Round)

    played, (row,) = playing(script)
    assert (played.end["outcome"], row.outcome, row.score) == ("lost", "lost", 0)
    assert row.elapsed_ms == 1200
    assert played.guesses[-1]["guesses"][0][0] == "nothing"


def test_a_lost_round_pays_nothing_and_ends_a_combo(playing):
    async def script(url, game):
        player = GameClient(url)
        await player.connect()
        ends = []
        for points in (PATCH, PATCH, None, PATCH):
            shown = await player.request_round()
            if points is None:
                await player.send({"type": "skip", "round": shown.round, "reason": "cannot see it"})
                ends.append(await player.receive("end"))
            else:
                ends.append((await player.play_round(shown, pointer_path(points, game.spec))).end)
        return ends, rows(game, Round)

    ends, found = playing(script)
    assert [end["combo"] for end in ends] == [1, 2, 0, 1]
    assert ends[2]["outcome"] == "skipped"
    assert ends[2]["score"] == 0
    assert next(row for row in found if row.outcome == "skipped").skip_reason == "cannot see it"


def test_nobody_plays_before_they_agree(playing):
    async def script(url, game):
        told = []
        for headers in ({}, {"Cookie": f"{PARTICIPANT_COOKIE}=made-up"}):
            with pytest.raises(HTTPClientError) as error:
                await websocket_connect(HTTPRequest(url.replace("http", "ws") + "/play/socket", headers=headers))
            told.append(error.value.code)
        about = json.loads((await AsyncHTTPClient().fetch(f"{url}/play/about")).body)
        return told, about, rows(game, Participant)

    told, about, participants = playing(script)
    assert told == [403, 403]
    assert about["consented"] is False
    assert len(about["privacy"]) >= 4
    assert participants == [], "looking at the page records nothing"


@pytest.mark.parametrize(
    "body",
    [
        "[" * 100_000,
        "[" * 4000,
        '{"agreed": true, "a": "\\ud800"}',
        "",
        "null",
        "[]",
        '{"agreed": "yes"}',
        '{"agreed": false}',
        "x" * 5000,
    ],
)
def test_consent_is_a_clear_yes(playing, body):
    async def script(url, game):
        with pytest.raises(HTTPClientError) as error:
            await AsyncHTTPClient().fetch(HTTPRequest(f"{url}/play/consent", "POST", body=body))
        return error.value.code, rows(game, Participant)

    assert playing(script) == (400, [])


def test_other_sites_can_neither_consent_nor_play_for_somebody(playing):
    async def script(url, game):
        player = GameClient(url)
        await player.connect()
        told = []
        for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
            with pytest.raises(HTTPClientError) as error:
                await AsyncHTTPClient().fetch(
                    HTTPRequest(f"{url}/play/consent", "POST", body='{"agreed": true}', headers={"Origin": origin})
                )
            told.append(error.value.code)
            headers = {"Cookie": f"{PARTICIPANT_COOKIE}={player.cookie}", "Origin": origin}
            with pytest.raises(HTTPClientError) as error:
                await websocket_connect(HTTPRequest(url.replace("http", "ws") + "/play/socket", headers=headers))
            told.append(error.value.code)
        own = url.split("/lab")[0]
        headers = {"Cookie": f"{PARTICIPANT_COOKIE}={player.cookie}", "Origin": own}
        await websocket_connect(HTTPRequest(url.replace("http", "ws") + "/play/socket", headers=headers))
        return told

    assert set(playing(script)) == {403}


def test_the_cookie_is_a_secret_that_scripts_of_a_page_cannot_read(playing):
    async def script(url, game):
        request = HTTPRequest(f"{url}/play/consent", "POST", body='{"agreed": true}')
        answer = await AsyncHTTPClient().fetch(request)
        return SimpleCookie(answer.headers["Set-Cookie"])[PARTICIPANT_COOKIE], rows(game, Participant)

    cookie, (participant,) = playing(script, simulated=False)
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie.value not in str(participant)
    assert participant.id != cookie.value
    assert not participant.simulated


def test_who_is_simulated_is_the_servers_word_and_no_clients(playing):
    """A script that says so among people is refused; where all are simulated nobody can say otherwise."""

    async def script(url, game):
        codes = []
        for body in ('{"agreed": true, "simulated": true}', '{"agreed": true, "simulated": false}'):
            request = HTTPRequest(f"{url}/play/consent", "POST", body=body)
            codes.append((await AsyncHTTPClient().fetch(request, raise_error=False)).code)
        return codes, [one.simulated for one in rows(game, Participant)]

    assert playing(script, simulated=False) == ([403, 200], [False])


FORGED = [
    {"type": "end", "round": "ROUND", "score": 100},
    {"type": "score", "round": "ROUND", "score": 100},
    {"type": "guess", "round": "ROUND", "place": 1},
    {"type": "paint", "round": "ROUND", "points": [[300, 10, 1]], "score": 100},
    {"type": "paint", "round": "ROUND", "points": [[10, 10, 1], [200, 10, 60]]},
    {"type": "paint", "round": "ROUND", "points": [[10, 10, 100], [11, 10, 60]]},
    {"type": "paint", "round": "ROUND", "points": [[10, 10, 1], [11, 10, 5]]},
    {"type": "paint", "round": "ROUND", "points": [[10, 10, 50.0 * i] for i in range(100)]},
    {"type": "paint", "round": "another", "points": [[10, 10, 1]]},
    {"type": "paint", "round": "", "points": [[10, 10, 1]]},
    {"type": "skip", "round": "another", "reason": "other"},
    {"type": "next"},
    {"type": "next", "image": "../../../etc/passwd"},
    {"outcome": "won"},
    [],
]


@pytest.mark.parametrize("message", FORGED)
def test_a_forged_message_is_refused_and_never_changes_a_score(playing, message):
    async def script(url, game):
        player = GameClient(url)
        await player.connect()
        shown = await player.request_round()
        text = json.dumps(message).replace("ROUND", shown.round)
        await player._socket.write_message(text)
        refused = await player.receive()
        await player.send({"type": "skip", "round": shown.round, "reason": "other"})
        end = await player.receive("end")
        return refused, end, rows(game, Round), rows(game, RoundPoint)

    refused, end, (row,), points = playing(script)
    assert refused["type"] == "refused"
    assert end["score"] == row.score == 0
    assert points == []


@pytest.mark.parametrize("image", ["\ud800", "a\0b"])
def test_a_text_that_is_no_unicode_is_refused_and_the_connection_goes_on(playing, image):
    async def script(url, game):
        player = GameClient(url)
        await player.connect()
        await player.send({"type": "next", "image": image})
        return await player.receive("refused"), await player.request_round()

    refused, shown = playing(script)
    assert refused["reason"] == "a text is valid Unicode, without U+0000."
    assert shown is not None


def test_a_round_cannot_be_won_twice_or_painted_after_its_end(playing):
    async def script(url, game):
        player = GameClient(url)
        await player.connect()
        shown = await player.request_round()
        played = await player.play_round(shown, pointer_path(PATCH, game.spec))
        await player.send({"type": "paint", "round": shown.round, "points": [[100, 100, 1e7]]})
        late = await player.receive("late")
        await player.send({"type": "skip", "round": shown.round, "reason": "other"})
        await asyncio.sleep(0.2)
        return played, late, rows(game, Round)

    played, late, (row,) = playing(script)
    assert "over" in late["reason"]
    assert row.outcome == "won"
    assert row.score == pytest.approx(played.end["score"], abs=0.06)


def test_a_hurried_client_is_refused(playing):
    async def script(url, game):
        player = GameClient(url)
        await player.connect()
        shown = await player.request_round()
        with pytest.raises(ValueError, match="one every 50 ms"):
            await player.play_round(shown, pointer_path(ELSEWHERE, game.spec), pace=0.3)

    playing(script)


def test_a_second_window_takes_over(playing):
    async def script(url, game):
        first = GameClient(url)
        await first.connect()
        await first.request_round()
        second = GameClient(url, cookie=first.cookie)
        await second.connect()
        told = await first.receive("elsewhere")
        shown = await second.request_round()
        return told, shown, rows(game, Round)

    told, shown, found = playing(script)
    assert told["type"] == "elsewhere"
    assert [row.id for row in found] == [shown.round], "the round that was only shown is shown again"


def test_a_lost_connection_interrupts_a_begun_round_and_the_player_goes_on(playing):
    async def script(url, game):
        player = GameClient(url)
        await player.connect()
        shown = await player.request_round()
        await player.send({"type": "paint", "round": shown.round, "points": [[200, 200, 1]]})
        await asyncio.sleep(0.1)
        await player.close()
        await asyncio.sleep(0.3)
        again = GameClient(url, cookie=player.cookie)
        await again.connect()
        other = await again.request_round()
        return shown, other, rows(game, Round), rows(game, RoundPoint)

    shown, other, found, points = playing(script, limit_ms=3000.0)
    outcome = {row.id: row.outcome for row in found}
    assert shown.round != other.round
    assert outcome[shown.round] == "interrupted"
    assert len(points) == 1


def test_every_image_is_seen_once_and_then_it_is_said(playing):
    async def script(url, game):
        found = await play_rounds(url, 20, lambda shown: pointer_path(PATCH, game.spec))
        return found, rows(game, Round)

    found, recorded = playing(script)
    assert len(found) == 9
    assert len({row.image for row in recorded}) == 9


def test_practice_comes_first_and_does_not_count(playing):
    async def script(url, game):
        player = GameClient(url)
        await player.connect()
        kinds = []
        for _ in range(2):
            shown = await player.request_round()
            kinds.append((shown.practice, (await player.play_round(shown, pointer_path(PATCH, game.spec))).end))
        return kinds

    (first, begin), (second, then) = playing(script, n_practice=1)
    assert (first, second) == (True, False)
    assert begin["practice"]
    assert begin["combo"] == 0
    assert then["combo"] == 1


def test_catch_trials_have_a_known_answer(playing):
    async def script(url, game):
        player = GameClient(url)
        await player.connect()
        for number in range(8):
            shown = await player.request_round()
            near = np.abs(shown.canvas.astype(int) - shapes.COLOURS[shown.category]).sum(axis=2) < 60
            y, x = np.argwhere(near).mean(axis=0) if near.any() else (128, 128)
            x = x if number % 2 else 255 - x
            await player.play_round(shown, pointer_path([(x, y), (x, y + 5)], game.spec))
        return rows(game, Round)

    found = [row for row in playing(script, catch_share=0.9, count=12) if row.kind == CATCH]
    assert len(found) >= 3
    assert {row.answer for row in found} <= {"left", "right"}
    assert {True, False} & {row.passed for row in found}
    assert all(" | " in row.image for row in found)


def test_a_paused_game_says_so(playing):
    async def script(url, game):
        player = GameClient(url)
        await player.connect()
        set_paused(game.database, True)
        with pytest.raises(ValueError, match="paused"):
            await player.request_round()
        set_paused(game.database, False)
        return await player.request_round()

    assert playing(script) is not None


def test_limits_hold_for_messages_rounds_players_and_connections(playing):
    limits = RateLimits(messages_per_s=3.0, rounds_per_min=2.0, participants_per_hour=2.0, connections=2)

    async def script(url, game):
        first, second = GameClient(url), GameClient(url)
        await first.connect()
        await second.connect()
        with pytest.raises(HTTPClientError) as error:
            await GameClient(url).connect()
        codes = [error.value.code]
        with pytest.raises(HTTPClientError) as error:
            await GameClient(url, cookie=second.cookie).connect()
        codes.append(error.value.code)
        for _ in range(30):
            await first.send({"type": "leaders", "span": "all"})
        refused = await first.receive("refused")
        told = []
        for _ in range(3):
            await second.send({"type": "next"})
            told.append(await second.receive("round", "refused"))
            if told[-1]["type"] == "round":
                await second.send({"type": "skip", "round": told[-1]["round"], "reason": "other"})
                await second.receive("end")
        return codes, refused["reason"], told[-1]

    codes, reason, last = playing(script, limits=limits)
    assert codes == [429, 429]
    assert "too many messages" in reason
    assert "too many rounds" in last["reason"]


def test_nicknames_are_text_and_reach_the_leaderboard_as_such(playing):
    async def script(url, game):
        player = GameClient(url)
        await player.connect()
        await player.send({"type": "name", "nickname": "<img src=x onerror=alert(1)>"})
        named = await player.receive("named")
        await player.play_round(await player.request_round(), pointer_path(PATCH, game.spec))
        await player.send({"type": "leaders", "span": "today"})
        return named, await player.receive("leaders")

    named, board = playing(script)
    assert named["nickname"] == "<img src=x onerror=alert"
    assert board["rows"][0]["name"] == named["nickname"]
    assert board["best"]["n_won"] == 1


def test_an_image_that_was_asked_for_comes_first(playing):
    async def script(url, game):
        player = GameClient(url)
        await player.connect()
        await player.request_round("sea/005.png")
        return rows(game, Round)

    assert playing(script)[0].image == "sea/005.png"


def test_an_unreadable_photograph_is_run_survey(playing, tmp_path):
    async def script(url, game):
        for image in game.images[1:]:
            game.collection.path(image).write_bytes(b"not a photograph")
        player = GameClient(url)
        await player.connect()
        shown = await player.request_round()
        return shown, rows(game, Round)

    shown, found = playing(script, count=4)
    assert shown is not None
    outcomes = [row.outcome for row in found]
    assert outcomes.count(None) == 1
    assert set(outcomes) <= {None, str(Outcome.INTERRUPTED)}


@pytest.mark.parametrize("count", [4, 24])
def test_a_player_whose_photographs_cannot_be_read_is_not_told_that_all_are_done(playing, caplog, count):
    async def script(url, game):
        for image in game.images:
            game.collection.path(image).write_bytes(b"not a photograph")
        kinds = []
        for _ in range(2):
            player = GameClient(url)
            await player.connect()
            await player.send({"type": "next"})
            kinds.append((await player.receive("round", "finished", "paused", "refused"))["type"])
        return kinds, rows(game, Round), rows(game, ImageCount)

    kinds, rounds, counts = playing(script, count=count)
    assert kinds == ["paused", "paused"]
    assert rounds == []
    assert {one.n_rounds for one in counts} == {0}
    assert caplog.text.count("is passed over") == 2 * min(count, MAX_UNREADABLE)
    assert "no photograph could be shown" in caplog.text


def test_photographs_that_can_be_read_again_are_shown_to_the_same_player(playing):
    async def script(url, game):
        contents = {image: game.collection.path(image).read_bytes() for image in game.images}
        for image in contents:
            game.collection.path(image).write_bytes(b"not a photograph")
        player = GameClient(url)
        await player.connect()
        await player.send({"type": "next"})
        paused = await player.receive("round", "finished", "paused", "refused")
        for image, content in contents.items():
            game.collection.path(image).write_bytes(content)
        return paused["type"], await player.request_round()

    kind, shown = playing(script, count=4)
    assert kind == "paused"
    assert shown is not None


def test_images_that_left_the_collection_do_not_make_its_end_a_pause(playing):
    async def script(url, game):
        register_images(game.database, game.collection.name, ["gone/001.png", "gone/002.png"])
        player = GameClient(url)
        await player.connect()
        for _ in game.images:
            shown = await player.request_round()
            await player.play_round(shown, pointer_path(PATCH, game.spec))
        await player.send({"type": "next"})
        return (await player.receive("round", "finished", "paused", "refused"))["type"]

    assert playing(script, count=2) == "finished"


def test_the_summary_shows_what_others_painted(playing):
    async def script(url, game):
        ends = []
        for _ in range(2):
            player = GameClient(url)
            await player.connect()
            shown = await player.request_round("cherry/000.png")
            ends.append((await player.play_round(shown, pointer_path(PATCH, game.spec))).end)
        return ends

    first, second = playing(script)
    assert first["others"] is None
    assert second["others"]["n"] == 1
    assert second["others"]["simulated"]


def test_points_are_written_within_half_a_second(playing):
    async def script(url, game):
        player = GameClient(url)
        await player.connect()
        shown = await player.request_round()
        points = pointer_path([(200, 200), (250, 250), (200, 250), (250, 200)], game.spec)
        painting = asyncio.ensure_future(player._paint(shown.round, points, {}, 1.0, asyncio.Event()))
        await asyncio.sleep(1.5)
        written = rows(game, RoundPoint)
        painting.cancel()
        return written

    points = playing(script, limit_ms=5000.0)
    assert len(points) * 50 >= 1500 - 500


def test_a_game_without_known_categories_is_refused(tmp_path):
    from gala_viz.collections.open import open_collection
    from gala_viz.game.server import GameServer
    from gala_viz.live.recogniser import Recogniser
    from gala_viz.records.database import Database

    (tmp_path / "flat").mkdir()
    picture = shapes.encoded(np.zeros((40, 40, 3), np.uint8))
    (tmp_path / "flat" / "a.png").write_bytes(picture)
    with pytest.raises(ValueError, match="knows no category"):
        GameServer(open_collection(tmp_path / "flat"), Recogniser(shapes.network()), Database(tmp_path / "r.sqlite"))


def test_connections_are_counted_once_each_however_they_begin_and_end(playing):
    """Refused, broken off and simultaneous handshakes leave the number of open connections as it is."""

    async def script(url, game):
        players, opened = [GameClient(url) for _ in range(6)], []
        for player in players:
            await player.connect()
            if player is not players[0]:
                player._socket.close()  # another connection of the same player would close this one later
        await asyncio.sleep(0.3)
        socket_url, cookies = (
            url.replace("http", "ws") + "/play/socket",
            [f"{PARTICIPANT_COOKIE}={one.cookie}" for one in players],
        )
        host, path = urlsplit(url).netloc, urlsplit(url).path

        async def code(cookie, **headers):
            try:
                opened.append(await websocket_connect(HTTPRequest(socket_url, headers={"Cookie": cookie, **headers})))
            except HTTPClientError as error:
                return error.code
            return 101

        async def break_off(*lines):
            head = [f"GET {path}/play/socket HTTP/1.1", f"Host: {host}", f"Cookie: {cookies[1]}", *lines, "", ""]
            _reader, writer = await asyncio.open_connection(*host.split(":"))
            writer.write("\r\n".join(head).encode())
            await writer.drain()
            writer.close()

        upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: eA==")
        for lines in ((), upgrade[:2], upgrade, upgrade):
            await break_off(*lines)
        await asyncio.sleep(0.5)
        assert await code(cookies[1], Origin="https://evil.example") == 403
        return sorted(await asyncio.gather(*map(code, cookies[2:])))

    limits = RateLimits(messages_per_s=1000.0, rounds_per_min=1000.0, participants_per_hour=100.0, connections=3)
    assert playing(script, limits=limits) == [101, 101, 429, 429]


@pytest.mark.parametrize("refused", [False, True])
def test_the_number_of_connections_never_falls_below_the_truth(refused):
    """A page that is gone takes nothing off the count where it never counted: too many there, or gone too early."""
    handler = GameSocketHandler.__new__(GameSocketHandler)
    open_from, limits = Counter({"192.0.2.7": 2}), RateLimits(connections=2 if refused else 3)
    person = SimpleNamespace(consented=True)

    async def profile(*_):
        if not refused:
            handler.on_close()  # while its records are read
        return person

    async def participant():
        return "somebody"

    handler.game = SimpleNamespace(limits=limits, run_reader=profile, participants=SimpleNamespace(profile=None))
    handler.participant, handler.open_from = participant, open_from
    handler.request = SimpleNamespace(remote_ip="192.0.2.7", path="/play/socket")
    with pytest.raises(HTTPError, match="429" if refused else "400"):
        in_own_loop(handler.prepare())
    handler.on_close()
    assert open_from == {"192.0.2.7": 2}


def test_a_connection_that_answers_no_ping_is_closed_and_no_longer_counted(playing, monkeypatch):
    """A browser whose network is gone sends nothing, not even an end."""
    monkeypatch.setattr(handlers, "PING_S", 0.1)

    async def script(url, game):
        player = GameClient(url)
        await player.connect()
        await asyncio.sleep(0.5)  # pings are answered: it stays
        player._socket.protocol._handle_message = lambda *_: None  # reads on, answers nothing
        again = GameClient(url)
        for _ in range(50):
            try:
                await again.connect()
            except HTTPClientError:
                await asyncio.sleep(0.1)
            else:
                return
        raise AssertionError("the connection is still counted")

    playing(script, limits=RateLimits(participants_per_hour=100.0, connections=1))
