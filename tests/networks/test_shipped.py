"""The pair in models/: it loads, it recognises, and the co-trained one attends where people look."""

import numpy as np
import pytest

from gala_viz.alignment import CeilingSpec
from gala_viz.collections import open_collection
from gala_viz.evaluation.image_metrics import comparison_grids, image_metrics, is_correct
from gala_viz.evaluation.network_results import block_results
from gala_viz.evaluation.people import people_of
from gala_viz.evaluation.spec import EvaluationSpec
from gala_viz.networks.zoo import load_network
from tests.tiers import slow

PASSING = EvaluationSpec(smoothgrad=None)
PAIR = ("lite0-gala-vanilla", "lite0-gala-human")


@pytest.fixture(scope="module", params=[PAIR[0], *slow(*PAIR[1:])])
def network(request):
    return load_network(request.param, device="cpu")


def test_a_shipped_card_tells_recipe_data_split_licence_and_held_out_numbers(network):
    card = network.card
    assert card["network"]["licence"]
    assert card["recipe"]["seed"] == 0
    assert "sha256" in card["data"]["split"]
    metrics = card["metrics"]
    assert metrics["split"] == "test"
    assert set(metrics["rho_attention"]) == {*network.layers, "mean_of_layers"}
    for told in (metrics["accuracy"]["network"], metrics["rho_smoothgrad"], metrics["ceiling"]["cells14"]):
        assert told["low"] <= told["mean"] <= told["high"]
        assert told["n"] > 100


@pytest.mark.slow
def test_the_pair_was_trained_alike_but_for_the_attention_weight():
    vanilla, human = (load_network(name, device="cpu").card["recipe"] for name in PAIR)
    different = {key for key in human if human[key] != vanilla[key]}
    assert different == {"name", "title", "attention_weight"}
    assert vanilla["attention_weight"] == 0


@pytest.mark.slow
def test_a_shipped_network_recognises_most_of_the_photographs_that_it_comes_with(network):
    photos = open_collection("photos")
    assert is_correct(network, photos, block_results(network, photos, photos.images, PASSING)).sum() >= 16


@pytest.mark.slow
def test_the_co_trained_network_attends_where_people_look_and_the_vanilla_does_not(shared_data):
    osie = open_collection(shared_data / "osie")
    held_out = [image for image in osie.images if osie.split(image) == "test"][:12]
    rhos = []
    for name in PAIR:
        network = load_network(name, device="cpu")
        results = block_results(network, osie, held_out, PASSING)
        people = people_of(osie, held_out, network.preprocessing, comparison_grids(results), CeilingSpec(n_splits=1))
        rhos.append(image_metrics(network, osie, results, people)["rho_attention"])
    vanilla, human = rhos
    assert (human.mean("image") > vanilla.mean("image") + 0.2).all()
    assert np.isfinite(human).all()
