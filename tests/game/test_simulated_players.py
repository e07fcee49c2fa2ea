"""Simulated participants of the rendered collection: they find the object by its picture and paint it like players."""

import asyncio

import numpy as np
import pytest

from gala_viz.collections.rendered.rendered_collection import RenderedCollection
from gala_viz.game.client import PresentedRound, play_rounds
from gala_viz.game.game_spec import GameSpec
from gala_viz.game.judge import Judge
from gala_viz.game.round_image import catch_trial_image, make_round_image
from gala_viz.game.server import GameServer
from gala_viz.game.simulated_players import SimulatedPlayers
from gala_viz.live.recogniser import Recogniser
from gala_viz.networks.zoo import load_network
from gala_viz.records.database import Database
from tests.game.conftest import served
from tests.game.shapes import FREE
from tests.loops import in_own_loop

SPEC = GameSpec()


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    collection = RenderedCollection(
        counts={"test": 1, "validation": 0, "train": 0}, folder=tmp_path_factory.mktemp("rendered")
    )
    return collection, SimulatedPlayers(collection, collection.images)


def shown_of(collection, image):
    made = make_round_image(collection, image, collection.categories, SPEC.canvas_px)
    return PresentedRound("r", made.canvas, made.category, False)


def test_every_object_is_found_by_its_picture_and_a_pair_is_not(known):
    collection, players = known
    for image in collection.images:
        assert players.recognise_image(shown_of(collection, image).canvas) == image
    pair = catch_trial_image(collection, *collection.images[:2], "left", collection.categories, SPEC.canvas_px)
    assert players.recognise_image(pair.canvas) is None


def test_they_paint_the_object_in_steps_that_the_judge_takes(known):
    collection, players = known
    shares = []
    for number, image in enumerate(collection.images):
        judge, now = Judge(SPEC), 0.0
        for x, y in players.choose_points(shown_of(collection, image), SPEC, number):
            if now >= SPEC.limit_ms:
                break
            judge.paint([(x, y, now)], now)
            now += 50.0
        parts = collection.part_map(image).ids
        on_object = np.kron(parts > 0, np.ones((2, 2), bool))
        shares.append(float(on_object[judge.mask].mean()) / float(on_object.mean()))
    assert np.mean(shares) > 2, "they paint the object more than chance would"


def test_two_of_them_paint_differently_and_each_always_the_same(known):
    collection, players = known
    shown = shown_of(collection, collection.images[0])
    first, again, other = (list(players.choose_points(shown, SPEC, number)) for number in (0, 0, 1))
    assert first == again
    assert first != other


@pytest.mark.slow
def test_they_play_the_real_game_which_the_shipped_network_judges(known, tmp_path):
    collection, players = known
    network = load_network("rendered-gala-clickme", "cpu")
    spec = GameSpec(limit_ms=2500.0, top=2, catch_share=0.0, n_practice=0)

    async def play():
        game = GameServer(
            collection, Recogniser(network), Database(tmp_path / "r.sqlite"), spec, FREE, seed=0, simulated=True
        )
        async with served(game) as url:
            each = [play_rounds(url, 6, lambda shown, n=n: players.choose_points(shown, spec, n)) for n in range(3)]
            return await asyncio.gather(*each)

    played = in_own_loop(play(), 120)
    outcomes = [one.end["outcome"] for rounds in played for one in rounds]
    assert len(outcomes) == 18
    assert "won" in outcomes
