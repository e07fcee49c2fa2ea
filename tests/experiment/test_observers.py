"""Networks as observers: one that knows the answer, one that guesses, and the ImageNet superclasses."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from gala_viz.evaluation.observers import category_members, network_responses
from gala_viz.experiment.analysis import analyse_responses
from gala_viz.experiment.responses import check_responses
from gala_viz.experiment.revelation import RevelationSpec
from gala_viz.experiment.stimuli import Stimuli
from gala_viz.imagenet import category_names, superclass_of_index
from gala_viz.networks.network import Network
from gala_viz.networks.preprocessing import Preprocessing


class Corners(nn.Module):
    """Hares are round, trams have corners: a disc has fewer bright pixels than a square as wide."""

    def __init__(self, turn=1.0):
        super().__init__()
        self.turn = turn

    def forward(self, batch):
        share = (batch.mean(1) > 0.55).float().sum((1, 2))
        hare = self.turn * (357 - share) / 10 + 0 * batch.mean((1, 2, 3))  # which gives the image a gradient
        return torch.stack([hare, torch.zeros_like(hare)], dim=1)


def network(name, module):
    frame = Preprocessing(short_px=64, crop_px=64, mean=(0.0, 0.0, 0.0), std=(255.0, 255.0, 255.0))
    return Network(module, name=name, preprocessing=frame, categories=("hare", "tram"), device="cpu")


@pytest.fixture(scope="module")
def stimuli(spec, collection):
    """On grey: a scrambled copy has as many bright pixels as the photograph."""
    return Stimuli(replace(spec, revelation=RevelationSpec(fill="grey")), collection)


@pytest.fixture(scope="module")
def responses(stimuli):
    return check_responses(network_responses(stimuli, [network("keen", Corners()), network("blind", Corners(0.0))]))


def test_every_network_answers_every_image_in_every_condition_once(responses, spec):
    assert len(responses) == 2 * spec.n_images * 24
    cells = responses.groupby(["observer", "stimulus", "map_type", "level"]).size()
    assert (cells == 1).all()
    assert responses["rt"].isna().all()


def test_what_a_network_cannot_see_is_at_chance_and_what_it_sees_is_told(responses, spec):
    table = analyse_responses(responses, spec, n_resamples=100).performance.set_index(["observer", "map_type", "level"])
    assert table.loc[("blind", "clickme", "full"), "accuracy"] == pytest.approx(0.5)
    assert table.loc[("keen", "clickme", "full"), "accuracy"] > 0.9
    assert table.loc[("keen", "clickme", "1"), "accuracy"] < 0.7
    full = table.xs("full", level="level")["accuracy"]
    assert full["keen", "clickme"] == full["keen", "saliency"]


def test_thresholds_and_tests_of_networks_are_over_images_and_errors_at_a_level_over_sets(responses, spec):
    found = analyse_responses(responses, spec, n_resamples=100)
    assert set(found.thresholds["over"]) == {"images"}
    assert set(found.thresholds["n"]) == {spec.n_images}
    assert set(found.performance["over"]) == {"rotating sets"}
    by_question = found.tests.groupby("question")["over"].first()
    assert by_question["clickme above saliency"] == "images"
    assert by_question["clickme above chance"] == "image pairs"
    assert found.thresholds["largest_shown"].between(20, 100).all()
    full = responses[responses["level"] == "full"]
    assert (full["percent_important_shown"] == 100).all()


def test_the_answers_do_not_depend_on_which_networks_answer_beside(stimuli, responses):
    alone = check_responses(network_responses(stimuli, [network("keen", Corners())]))
    both = responses[responses["observer"] == "keen"].reset_index(drop=True)
    assert alone["response"].equals(both["response"])


def test_categories_are_told_by_the_collection_or_for_imagenet_by_wordnet(collection):
    members = category_members(("hare", "tram", "other"), collection, ("animal", "vehicle"))
    np.testing.assert_array_equal(members, [[1, 0, 0], [0, 1, 0]])
    members = category_members(category_names(), collection, ("animal", "vehicle"))
    assert members.sum(axis=1).tolist() == [398, 70]
    with pytest.raises(ValueError, match="none of the network's 2 categories is known to be of 'vehicle'"):
        category_members(("hare", "rose"), collection, ("animal", "vehicle"))


class Named:
    """Two images whose categories are among ImageNet's by name."""

    images = ("a", "b")

    def category(self, image):
        return {"a": "starfish", "b": "schooner"}[image]

    def superclass(self, image):
        return {"a": "animal", "b": "vehicle"}[image]


def test_a_network_of_imagenet_keeps_all_its_animals_where_a_collection_names_a_few():
    assert category_members(category_names(), Named(), ("animal", "vehicle")).sum(axis=1).tolist() == [398, 70]


@pytest.mark.parametrize(
    ("name", "superclass"),
    [("tench", "animal"), ("puffer", "animal"), ("abacus", None), ("ambulance", "vehicle"), ("carton", None),
     ("tractor", "vehicle"), ("carousel", None), ("yawl", "vehicle"), ("plane", None), ("minivan", "vehicle")],
)  # fmt: skip
def test_superclasses_of_imagenet(name, superclass):
    assert superclass_of_index(category_names().index(name)) == superclass


def test_an_index_beyond_imagenet_is_refused():
    with pytest.raises(ValueError, match=r"0\.\.999"):
        superclass_of_index(1000)
