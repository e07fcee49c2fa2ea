"""A page computes anew what was kept of a network whose forward pass was edited, and reuses what has not changed."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from torch import nn

from gala_viz.cache import read_npz
from gala_viz.live import LiveMaps
from gala_viz.live.compute_scheduler import ComputeScheduler
from gala_viz.networks.network import Network
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.networks.zoo import load_network
from gala_viz.specs import MapRequest, SmoothGradSpec
from tests.attribution.tiny import Tiny, tiny_network
from tests.attribution.tiny_collection import TinyCollection
from tests.networks import own_network

REQUEST = MapRequest(smoothgrad=SmoothGradSpec(n_samples=3, seed=1))


def never():
    return False


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield tmp_path
    sys.modules.pop("edited_net", None)


def opened():
    """A source as a page of a new start has it: memory is shared within the process, files with others."""
    networks = [load_network(own_network.NAME, "cpu"), tiny_network(0)]
    return LiveMaps(TinyCollection(), networks, scheduler=ComputeScheduler(0))


def beside_tiny(network, folder=None):
    return LiveMaps(TinyCollection(), [network, tiny_network(1)], folder, scheduler=ComputeScheduler(0))


def surveyed(source):
    list(source.survey(REQUEST, TinyCollection.images, never))
    return source


def test_an_unchanged_network_is_not_run_again(folder):
    own_network.write(folder)
    first = surveyed(opened())
    own_network.write(folder)
    again = opened()
    assert again.identities[0].weights_sha256 == first.identities[0].weights_sha256  # runs it on the fixed images
    loading = len(own_network.passes())
    surveyed(again)
    update = again.cached("one", REQUEST)
    again.forward("one")
    assert len(own_network.passes()) == loading, "maps, forward passes and scores are those of before"
    np.testing.assert_array_equal(update.maps, first.cached("one", REQUEST).maps)
    assert np.isfinite(again.scores(REQUEST)["delta_size"]).all()


def test_what_another_version_of_the_measurement_computed_is_computed_anew(folder, monkeypatch):
    own_network.write(folder)
    surveyed(opened())
    own_network.write(folder)
    monkeypatch.setattr("gala_viz.engine.result_keys.MEASUREMENT_VERSION", 99)
    again = opened()
    assert again.cached("one", REQUEST) is None
    assert np.isnan(again.scores(REQUEST)["delta_size"]).all()
    assert np.isnan(again.scores(REQUEST)["rho_attention"]).all()


def test_another_version_of_a_package_is_a_circumstance_that_is_recorded_and_not_another_result(folder, cache_folder):
    own_network.write(folder)
    surveyed(opened())
    recorded = [read_npz(path).get("circumstances") for path in cache_folder.rglob("*.npz")]
    (about,) = {str(one) for one in recorded if one is not None}
    assert json.loads(about).keys() >= {"device", "threads", "machine", "torch_version", "measurement_version"}


@pytest.mark.parametrize("edit", ["a scaled branch", "another activation"])
def test_an_edited_network_is_never_served_what_was_kept_before(folder, edit):
    own_network.write(folder)
    before = surveyed(opened())
    own_network.write(folder, own_network.EDITS[edit])
    edited = opened()
    assert edited.cached("one", REQUEST) is None
    assert np.isnan(edited.scores(REQUEST)["delta_size"]).all()
    of_edited, of_other = edited.scores(REQUEST)["correct"].values
    assert np.isnan(of_edited).all()
    assert np.isfinite(of_other[:3]).all(), "the other network has not changed"
    surveyed(edited)
    one, other = (source.cached("one", REQUEST).maps.values for source in (before, edited))
    assert np.abs(one[0] - other[0]).max() > 1e-3 * one[0].max()
    np.testing.assert_array_equal(one[1], other[1])
    probabilities = [source.forward("one").predictions[0].probabilities for source in (before, edited)]
    assert probabilities[0] != probabilities[1]
    own_network.write(folder)
    back = opened()
    np.testing.assert_array_equal(back.cached("one", REQUEST).maps, one)


def test_a_network_edited_in_memory_is_another_one():
    network = tiny_network(0)
    source = surveyed(beside_tiny(network))
    assert source.cached("one", REQUEST) is not None
    nn.init.zeros_(network.module.head.bias)
    assert network.sha256 == tiny_network(0).sha256
    assert beside_tiny(network).cached("one", REQUEST) is None


def around(**changes):
    about = {
        "name": "n", "preprocessing": Preprocessing(short_px=16, crop_px=16), "categories": tuple("abcde"),
        "device": "cpu",
    }  # fmt: skip
    return Network(Tiny(), **{**about, **changes})


def test_renamed_categories_change_what_is_right_and_keep_the_maps(tmp_path):
    first = surveyed(beside_tiny(around()))
    names = tuple("edcba")
    renamed = beside_tiny(around(categories=names))
    best, told = (source.forward("one").predictions[0].categories for source in (first, renamed))
    assert [dict(zip("abcde", names, strict=True))[name] for name in best] == list(told)
    assert np.isnan(renamed.scores(REQUEST)["correct"][0]).all(), "the scores of before are of other names"
    surveyed(renamed)
    fresh = LiveMaps(
        TinyCollection(), [around(categories=names), tiny_network(1)], tmp_path, scheduler=ComputeScheduler(0)
    )
    np.testing.assert_array_equal(renamed.scores(REQUEST)["correct"], surveyed(fresh).scores(REQUEST)["correct"])
    one, other = (source.cached("one", REQUEST).maps for source in (first, renamed))
    np.testing.assert_array_equal(one, other)


def test_other_watched_layers_have_their_own_scores(folder):
    own_network.write(folder)
    found = {}
    for path in ("left", "right"):
        networks = [load_network(own_network.NAME, "cpu", layers=[path]), tiny_network(1)]
        scores = surveyed(LiveMaps(TinyCollection(), networks, scheduler=ComputeScheduler(0))).scores(REQUEST)
        found[str(scores["layer"].values[0])] = scores["rho_attention"].values[0, 0]
    assert list(found) == ["left (activity)", "right (activity)"]
    assert np.isfinite(found["left (activity)"][:3]).all()
    assert np.abs(found["left (activity)"] - found["right (activity)"])[:3].min() > 1e-4


def test_other_preprocessing_of_the_same_weights_has_its_own_maps():
    surveyed(beside_tiny(around()))
    brighter = around(preprocessing=Preprocessing(short_px=16, crop_px=16, mean=(120.0, 127.0, 127.0)))
    assert beside_tiny(brighter).cached("one", REQUEST) is None
