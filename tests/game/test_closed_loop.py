"""The loop closed: players paint, maps are made, a network learns from them and comes closer to held-out ones."""

import asyncio

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn

from gala_viz.alignment import spearman, to_resolution
from gala_viz.collections.open import open_collection
from gala_viz.engine.forward import predictions_and_norms
from gala_viz.game.client import play_rounds
from gala_viz.game.game_spec import GameSpec
from gala_viz.game.pointer_paths import pointer_path
from gala_viz.game.server import GameServer
from gala_viz.live.recogniser import Recogniser
from gala_viz.networks.network import Network
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.records.database import Database
from gala_viz.records.game_maps import CollectionWithGameMaps
from gala_viz.records.overview import overview
from gala_viz.training.distillation import DistillationModule, initial_student
from gala_viz.training.fit import fit
from gala_viz.training.sources import sources_of_split
from tests.collections.pictures import encoded
from tests.game.conftest import served
from tests.game.shapes import FREE
from tests.loops import in_own_loop
from tests.training.tiny import (
    N_CATEGORIES,
    PREPROCESSING,
    Blobs,
    distillation_pictures,
    tiny_recipe,
    tiny_start,
)

pytestmark = pytest.mark.slow

CATEGORIES = tuple(f"category {number}" for number in range(N_CATEGORIES))
N_IMAGES, N_PLAYERS, ROUNDS_EACH = 60, 10, 20


class Quadrants(nn.Module):
    """Logits of the quadrants: how bright each is beyond grey; a fifth stands until one is."""

    def forward(self, batch):
        bright = nn.functional.adaptive_avg_pool2d(batch.clamp(0, 1).mean(dim=1, keepdim=True), 2).flatten(1)
        return torch.cat([600 * bright, bright.new_full((len(bright), 1), 2.0)], dim=1)


class Labelled(CollectionWithGameMaps):
    """The network's own numbers of the categories, which a folder does not tell."""

    def target(self, image):
        return CATEGORIES.index(self.category(image))


def brightest(shown):
    """A pointer that goes round the brightest place it sees."""
    light = shown.canvas.mean(axis=2)
    y, x = np.unravel_index(int(light.argmax()), light.shape)
    ring = [(x + dx, y + dy) for dx, dy in ((0, 0), (9, 0), (9, 9), (-9, 9), (-9, -9), (9, -9), (0, 0))]
    return pointer_path(ring, GameSpec())


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """200 rounds on 60 photographs of blobs, played over websockets by ten simulated players at a time."""
    root = tmp_path_factory.mktemp("loop")
    blobs = Blobs(N_IMAGES)
    for image in blobs.images:
        path = root / "blobs" / CATEGORIES[blobs.target(image)] / f"{image}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(blobs.photo(image)))
    collection = open_collection(root / "blobs")
    frame = Preprocessing(short_px=32, crop_px=32, mean=(127.0,) * 3, std=(128.0,) * 3)
    network = Network(
        Quadrants(), name="quadrants", preprocessing=frame, categories=(*CATEGORIES, "nothing"), device="cpu"
    )
    spec = GameSpec(limit_ms=1500.0, top=1, catch_share=0.0, n_practice=0)

    async def play():
        game = GameServer(
            collection, Recogniser(network), Database(root / "records.sqlite"), spec, FREE, seed=0, simulated=True
        )
        async with served(game) as url:
            return await asyncio.gather(*(play_rounds(url, ROUNDS_EACH, brightest) for _ in range(N_PLAYERS)))

    played = in_own_loop(play(), 240)
    database = Database(root / "records.sqlite")
    yield root, collection, database, played
    database.close()


def test_two_hundred_rounds_are_kept_evenly(collected):
    _, collection, database, played = collected
    assert sum(map(len, played)) == N_PLAYERS * ROUNDS_EACH == 200
    found = overview(database)
    assert sum(found.outcomes.values()) == 200
    assert found.outcomes.get("won", 0) > 150
    assert (found.n_participants, found.n_simulated) == (0, N_PLAYERS)
    counts = [len(CollectionWithGameMaps(collection, database).participants(image)) for image in collection.images]
    assert max(counts) - min(counts) <= 1


def test_the_maps_lie_on_what_was_to_be_painted(collected):
    _, collection, database, _ = collected
    maps, blobs = CollectionWithGameMaps(collection, database), Blobs(N_IMAGES)
    apart = []
    for image in collection.images:
        human = maps.human_map(image)
        found = np.array(ndimage.center_of_mass(human.values)) * (48 / human.shape[0])
        truth = blobs.human_map(image.split("/")[1].removesuffix(".png")).values
        apart.append(float(np.hypot(*(found - ndimage.center_of_mass(truth)))))
        assert human.attrs["simulated"] == 1
    assert np.mean(apart) < 3, apart


def test_a_network_co_trained_on_the_maps_is_closer_to_held_out_ones(collected, tmp_path):
    _, collection, database, _ = collected
    maps, start = Labelled(collection, database), tiny_start()
    splits = ("train", "validation")
    parts = tuple(sources_of_split([("maps", maps), ("labels", maps), ("plain", maps)], split) for split in splits)
    held_out = parts[1][0].images
    assert len(held_out) >= 5
    assert not set(held_out) & set(parts[0][0].images)

    def rho(module):
        network = Network(module.eval(), name="n", preprocessing=PREPROCESSING, categories=CATEGORIES, device="cpu")
        _, norms = predictions_and_norms(network, maps, held_out)
        human = [to_resolution(PREPROCESSING.map_to_frame(maps.human_map(image)), 8).values for image in held_out]
        return float(np.nanmean(spearman(norms["layer1"].values, np.stack(human))))

    recipe = tiny_recipe(attention_weight=2.0, epochs=8, per_epoch={}, gala_rate=3e-2)
    before = rho(initial_student(recipe, start))
    module = DistillationModule(initial_student(recipe, start), recipe, start)
    fit(
        module,
        distillation_pictures(recipe, *parts),
        tmp_path,
        accelerator="cpu",
        devices=1,
        quiet=True,
    )
    after = rho(module.network)
    assert after > 0.3
    assert not before > after - 0.2
