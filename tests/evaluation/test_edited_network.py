"""An evaluation computes anew the blocks of a network whose forward pass, layers or architecture were changed."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from gala_viz.cache import ArrayCache
from gala_viz.evaluation import network_results as results_module
from gala_viz.evaluation.network_results import network_results
from gala_viz.networks.network import Network
from gala_viz.networks.zoo import load_network
from tests.evaluation.fakes import Shapes
from tests.evaluation.test_evaluate import SPEC
from tests.networks import own_network
from tests.training.tiny import PREPROCESSING, tiny

IMAGES = tuple(image for image in Shapes().images if image.startswith("test"))[:5]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield tmp_path
    sys.modules.pop("edited_net", None)


def looked(folder, forward=own_network.PLAIN, layers=()):
    own_network.write(folder, forward)
    network = load_network(own_network.NAME, "cpu", layers=layers)
    own_network.passes().clear()
    return network_results(network, Shapes(), IMAGES, SPEC, cache=ArrayCache(folder / "kept"))


@pytest.mark.parametrize("edit", own_network.EDITS)
def test_an_edited_network_is_looked_at_again_and_the_unchanged_one_is_not(folder, edit):
    before = looked(folder)
    again = looked(folder)
    assert own_network.passes() == [2, 1, 1], "only the fixed inputs went through"
    np.testing.assert_array_equal(again.smoothgrad, before.smoothgrad)
    edited = looked(folder, own_network.EDITS[edit])
    assert len(own_network.passes()) > 3
    assert np.abs(edited.smoothgrad - before.smoothgrad).max() > 1e-3 * before.smoothgrad.max()
    back = looked(folder)
    assert own_network.passes() == [2, 1, 1], "the blocks of before are there still"
    np.testing.assert_array_equal(back.smoothgrad, before.smoothgrad)


def test_nothing_is_computed_for_comparison_where_nothing_is_kept(folder, monkeypatch):
    own_network.write(folder)
    network = load_network(own_network.NAME, "cpu")
    monkeypatch.setattr("gala_viz.evaluation.network_results.compute_output_fingerprint", None)
    network_results(network, Shapes(), IMAGES, SPEC)


def test_other_layers_are_looked_at_again(folder):
    assert looked(folder).norms == {}
    assert looked(folder, layers=["left"]).norms.keys() == {"left (activity)"}
    assert looked(folder, layers=["right"]).norms.keys() == {"right (activity)"}


def test_a_network_edited_in_memory_is_looked_at_again(tmp_path, monkeypatch):
    seen = []
    real = results_module.block_results
    monkeypatch.setattr(
        results_module, "block_results", lambda *args, **options: seen.append(1) or real(*args, **options)
    )
    network = Network(
        tiny(), name="n", preprocessing=PREPROCESSING, categories=("stag", "hare", "tram", "boat"), sha256="0" * 64,
        device="cpu",
    )  # fmt: skip
    for count in (1, 1, 2):
        if count == 2:
            network.module.head.bias.data += 1e-5
        network_results(network, Shapes(), IMAGES, SPEC, cache=ArrayCache(tmp_path))
        assert len(seen) == count
