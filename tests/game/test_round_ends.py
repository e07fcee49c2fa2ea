"""How rounds end where the network, the database or the player is away: nothing is lost, and the player is told."""

import asyncio
import time

import pytest
import torch
from torch import nn

from gala_viz.game import active_round
from gala_viz.game.client import GameClient
from gala_viz.game.game_spec import GameSpec
from gala_viz.game.pointer_paths import pointer_path
from gala_viz.game.server import ABANDONED_S, GameServer, guesses_of_nothing
from gala_viz.live.recogniser import Recogniser
from gala_viz.networks.network import Network
from gala_viz.records.database import Database
from gala_viz.records.rate_limits import RateLimits
from gala_viz.records.tables import ImageCount, Round, RoundPoint, now_ms
from tests.game import faults, shapes
from tests.game.conftest import served
from tests.game.test_server import ELSEWHERE, PATCH, rows
from tests.loops import in_own_loop


def later(game, seconds):
    """Let every answer of the network come ``seconds`` late."""
    answer = game.recogniser._answer

    def slow(batch):
        time.sleep(seconds)
        answer(batch)

    game.recogniser._answer = slow


def test_a_round_is_won_by_a_guess_that_comes_seconds_after_the_time_is_up(playing):
    async def script(url, game):
        player = GameClient(url)
        await player.connect()
        shown = await player.request_round()
        later(game, 1.4)
        points = list(pointer_path(PATCH, game.spec))[:10]
        for number, (x, y) in enumerate(points):
            await player.send({"type": "paint", "round": shown.round, "points": [[x, y, 50.0 * number]]})
            await asyncio.sleep(0.05)
        kinds = []
        while not kinds or kinds[-1] != "end":
            message = await player.receive()
            kinds.append(message["type"])
            if kinds[-1] == "time_up":
                await player.send({"type": "skip", "round": shown.round, "reason": "other"})
                await player.send({"type": "paint", "round": shown.round, "points": [[*points[-1], 700.0]]})
        return message, kinds, rows(game, Round), rows(game, RoundPoint), len(points)

    end, kinds, (row,), points, n_points = playing(script, limit_ms=600.0)
    assert (end["outcome"], row.outcome) == ("won", "won")
    assert row.score > 0
    assert row.elapsed_ms < 600
    assert kinds.index("time_up") < kinds.index("late") < kinds.index("over") < kinds.index("end")
    assert len(points) == n_points, "nothing painted after the end counts"


def test_a_player_who_leaves_while_the_last_guess_is_under_way_has_played_the_round(playing):
    async def script(url, game):
        player = GameClient(url)
        await player.connect()
        shown = await player.request_round()
        later(game, 0.5)
        await faults.paint(player, shown, ELSEWHERE, 3)
        await player.receive("time_up")
        await player.close()
        await faults.until(lambda: rows(game, Round)[0].outcome is not None)
        return rows(game, Round)

    (row,) = playing(script, limit_ms=200.0)
    assert (row.outcome, row.elapsed_ms) == ("lost", 200)


def test_a_round_whose_network_fails_does_not_count_and_the_player_is_told(playing, caplog):
    async def script(url, game):
        player = GameClient(url)
        await player.connect()
        shown = await player.request_round()

        def fail(batch):
            for _, future in batch:
                future.set_exception(RuntimeError("out of memory"))

        answer, game.recogniser._answer = game.recogniser._answer, fail
        played = await player.play_round(shown, pointer_path(PATCH, game.spec))
        game.recogniser._answer = answer
        counts = {one.image: one.n_rounds for one in rows(game, ImageCount)}
        then = await player.play_round(await player.request_round(), pointer_path(PATCH, game.spec))
        return played.end, then.end, rows(game, Round), counts

    end, then, found, counts = playing(script)
    assert (end["outcome"], end["network_failed"], end["score"]) == ("interrupted", True, 0)
    assert (then["outcome"], then["network_failed"]) == ("won", False)
    failed = next(row for row in found if row.outcome == "interrupted")
    assert counts[failed.image] == 0, "the image is due again"
    assert "colours could not recognise what a player painted: RuntimeError: out of memory" in caplog.text


def test_a_page_that_is_refused_is_told_which_points_count_and_what_it_sent_meanwhile_is_passed_over(playing):
    async def script(url, game):
        player = GameClient(url)
        await player.connect()
        shown = await player.request_round()

        async def paint(points, n_refusals):
            await player.send({"type": "paint", "round": shown.round, "points": points, "n_refusals": n_refusals})

        await paint([[200, 200, 0]], 0)
        await asyncio.sleep(0.2)
        await paint([[205, 200, 50], [250, 200, 100], [255, 200, 150]], 0)
        refused = await player.receive("refused", "late")
        await paint([[255, 205, 200]], 0)
        await paint([[205, 205, 250]], 1)
        await player.receive("end")
        return refused, rows(game, RoundPoint)

    refused, points = playing(script)
    assert (refused["n_refusals"], refused["n_points"], refused["ahead_ms"]) == (1, 2, 0)
    assert [(one.x_px, one.y_px) for one in points] == [(200, 200), (205, 200), (205, 205)]


@pytest.mark.parametrize("blocked", [False, True])
def test_a_player_hears_at_once_that_a_round_is_over_although_the_database_is_away(playing, blocked, monkeypatch):
    monkeypatch.setattr(active_round, "SUMMARY_TIMEOUT_S", 0.3)

    async def script(url, game):
        player = GameClient(url)
        await player.connect()
        shown = await player.request_round()
        await faults.paint(player, shown, ELSEWHERE, 3)
        with faults.away(game.database):
            if blocked:
                game.database.read_connection = lambda: time.sleep(2)
            began = time.monotonic()
            await player.send({"type": "skip", "round": shown.round, "reason": "other"})
            await player.receive("over")
            over_s = time.monotonic() - began
            end = await player.receive("end")
            end_s = time.monotonic() - began
            await player.send({"type": "next"})
            told = None if blocked else await player.receive("waiting", "round", "refused")
        return over_s, end_s, end, told, await player.receive("round")

    over_s, end_s, end, told, _ = playing(script, limit_ms=5000.0)
    assert over_s < 0.5
    assert end_s < 1.9
    assert (end["outcome"], end["others_known"]) == ("skipped", False)
    assert end["own"] is not None
    assert blocked or told["type"] == "waiting"


def test_abandoned_rounds_give_their_images_back_but_not_those_of_pages_that_are_open(playing):
    async def script(url, game):
        stays, leaves, dies = [GameClient(url) for _ in range(3)]
        for player in (stays, leaves, dies):
            await player.connect()
        shown = [await player.request_round() for player in (stays, leaves, dies)]
        await leaves.close()
        await asyncio.sleep(0.1)
        with game.database.write_transaction() as connection:
            table = Round.__table__
            ago = now_ms() - round(1000 * ABANDONED_S) - 1000
            connection.execute(table.update().values(shown_ms=ago))
            connection.execute(table.update().where(table.c.id == shown[2].round).values(shown_ms=now_ms()))
        game._released_s = float("-inf")
        await game.release_abandoned()
        images = {row.id: row.image for row in rows(game, Round)}
        counts = {one.image: one.n_rounds for one in rows(game, ImageCount)}
        end = (await stays.play_round(shown[0], pointer_path(PATCH, game.spec))).end
        outcome = {row.id: row.outcome for row in rows(game, Round)}
        return [(outcome[one.round], counts[images[one.round]]) for one in shown], end

    (stays, leaves, dies), end = playing(script)
    assert stays == ("won", 1)
    assert leaves == ("interrupted", 0)
    assert dies == (None, 1), "it was shown a moment ago"
    assert end["outcome"] == "won"


def test_a_game_that_closes_while_a_last_guess_is_under_way_ends_the_round_and_keeps_its_points(tmp_path):
    async def whole():
        game = shapes.game(tmp_path / "photos", tmp_path / "r.sqlite", limit_ms=200.0)
        async with served(game) as url:
            player = GameClient(url)
            await player.connect()
            shown = await player.request_round()
            later(game, 2.5)
            sent = await faults.paint(player, shown, PATCH, 3)
            await player.receive("time_up")
        return sent, rows(game, Round), rows(game, RoundPoint)

    sent, (row,), points = in_own_loop(whole(), 60)
    assert (row.outcome, row.score) == ("interrupted", 0)
    assert len(points) == len(sent)


class SeesSeas(nn.Module):
    """Names the sea where it sees nothing."""

    def forward(self, batch):
        seen = 400 * batch.clamp(0, 1).mean(dim=(2, 3))
        return torch.cat([seen + torch.tensor([0.0, 0.0, 1.0]), seen.new_zeros((len(seen), 1))], dim=1)


def biased_game(tmp_path, **spec):
    known = shapes.network()
    shared = {"preprocessing": known.preprocessing, "categories": known.categories, "device": "cpu"}
    biased = Network(SeesSeas(), name="biased", **shared)
    settings = GameSpec(**{**shapes.QUICK, **spec})
    collection = shapes.photographs(tmp_path / "photos", 9)
    return GameServer(collection, Recogniser(biased), Database(tmp_path / "r.sqlite"), settings, RateLimits(), seed=0)


def test_images_that_the_network_names_without_seeing_anything_are_not_offered(tmp_path, caplog):
    game = biased_game(tmp_path)
    assert guesses_of_nothing(game.recogniser, game.spec) == [2]
    assert {game.collection.category(image) for image in game.images} == {"cherry", "leaf"}
    assert {game.collection.category(image) for image in game.not_offered} == {"sea"}
    assert game.settings["not_offered"] == ["sea"]
    assert "3 of 9 images are not offered: biased names sea without seeing anything." in caplog.text
    game.writer.close()
    game.recogniser.close()


def test_a_game_whose_every_image_is_named_without_seeing_anything_is_refused(tmp_path):
    with pytest.raises(ValueError, match="without seeing anything, so that every round would be won at once"):
        biased_game(tmp_path, top=4)


def test_an_image_that_is_not_offered_is_never_shown_although_another_game_has_registered_or_shown_it(
    playing, tmp_path
):
    async def script(url, game):
        player = GameClient(url)
        await player.connect()
        await player.request_round("sea/002.png")
        game.not_offered = frozenset(image for image in game.images if image.startswith("sea"))
        await player.close()
        player = GameClient(url, cookie=player.cookie)
        await player.connect()
        asked = game.not_offered
        while (shown := await player.request_round(min(asked))) is not None:
            await player.send({"type": "skip", "round": shown.round, "reason": "other"})
            await player.receive("end")
        return [row.image for row in rows(game, Round)]

    images = playing(script)
    assert len(images) == 6
    assert not any(image.startswith("sea") for image in images)
