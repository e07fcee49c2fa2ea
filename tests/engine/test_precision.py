"""Precisions: what "auto" chooses, that it is kept and told, and that every pass of a network computes in it."""

import contextlib
import dataclasses

import numpy as np
import pytest
import torch

from gala_viz.engine import precision as precisions
from gala_viz.engine.attribution_maps import attribution_maps
from gala_viz.engine.precision import PrecisionChoice, measure_precisions, with_common_precision, with_known_precision
from gala_viz.networks.devices import arithmetic, disable_tf32
from gala_viz.specs import SmoothGradSpec
from tests.attribution.tiny import tiny_network
from tests.attribution.tiny_collection import TinyCollection


@pytest.fixture
def quick_bfloat16(monkeypatch):
    """A machine on which bfloat16 takes half the time."""
    monkeypatch.setattr(
        precisions, "_seconds", lambda methods, *_: {one: 1.0 if one == "float32" else 0.5 for one in methods}
    )


def automatic(seed=0):
    return tiny_network(seed).with_precision("auto")


def test_other_precisions_than_auto_stay_as_they_are():
    network = tiny_network()
    assert with_known_precision(network) is network


@pytest.mark.usefixtures("quick_bfloat16")
def test_auto_is_what_is_quicker_and_changes_maps_by_less_than_their_error():
    network = automatic()
    chosen = with_known_precision(network)
    assert chosen.module is network.module
    assert chosen.precision == "bfloat16"
    assert "bfloat16 is 2.0 x as fast as float32 and changes maps by 0." in chosen.precision_note
    assert with_known_precision(network) is chosen, "one network, so that batch norms are fused once"


def test_auto_stays_with_float32_where_nothing_is_quicker(monkeypatch):
    monkeypatch.setattr(precisions, "_seconds", lambda methods, *_: dict.fromkeys(methods, 1.0))
    assert with_known_precision(automatic()).precision == "float32"


@pytest.mark.usefixtures("quick_bfloat16")
def test_auto_stays_with_float32_where_maps_would_change_beyond_their_error(monkeypatch):
    monkeypatch.setattr(precisions, "AT_SAMPLES", 10**9)  # whose error is about zero
    choice = measure_precisions(automatic())
    assert choice.precision == "float32"
    assert "of their error" in choice.note


@pytest.mark.usefixtures("quick_bfloat16")
def test_a_network_that_does_not_run_in_bfloat16_computes_in_float32():
    class Refusing(torch.nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, batch):
            if torch.is_autocast_enabled("cpu"):
                raise NotImplementedError('"own_kernel" not implemented for BFloat16')
            return self.inner(batch)

    network = automatic()
    network.module = Refusing(network.module)
    choice = measure_precisions(network)
    assert choice.precision == "float32"
    assert "bfloat16 does not run" in choice.note
    assert "own_kernel" in choice.note


def test_what_was_measured_is_kept_for_the_next_process(monkeypatch):
    measured = []
    monkeypatch.setattr(precisions, "_seconds", lambda methods, *_: measured.append(1) or dict.fromkeys(methods, 1.0))
    first, again, other = (with_known_precision(automatic(seed)) for seed in (0, 0, 1))
    assert len(measured) == 2, "the second network has the weights of the first"
    assert dataclasses.astuple(first.preprocessing) == dataclasses.astuple(again.preprocessing)
    assert first.precision_note == again.precision_note
    assert other.precision == "float32"


@pytest.mark.usefixtures("quick_bfloat16")
def test_maps_are_computed_in_the_chosen_precision_and_say_so():
    spec, collection = SmoothGradSpec(n_samples=4), TinyCollection()
    chosen, plain, rough = (
        attribution_maps(network, collection, "smoothgrad", spec, ["one"], 0)
        for network in (automatic(), tiny_network(), tiny_network().with_precision("bfloat16"))
    )
    np.testing.assert_array_equal(chosen, rough)
    assert not np.array_equal(chosen, plain)
    assert chosen.attrs["device"] == "CPU, bfloat16"
    assert chosen.attrs["precision"].startswith("bfloat16 by 'auto': ")
    assert "precision" not in plain.attrs


@pytest.mark.parametrize("error", [None, RuntimeError("out")])
def test_tensorfloat32_is_on_within_a_pass_alone_also_after_an_error(error):
    cuda = torch.device("cuda")

    def allowed():
        return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32

    disable_tf32()
    seen = []
    with pytest.raises(RuntimeError, match="out") if error else contextlib.nullcontext(), arithmetic("tf32", cuda):
        with arithmetic("tf32", cuda):
            seen.append(allowed())
        seen.append(allowed())
        with arithmetic("float32", cuda):
            seen.append(allowed())
            disable_tf32()  # as a network does that is loaded meanwhile
        disable_tf32()
        seen.append(allowed())
        if error:
            raise error
    assert seen == [(True, True), (True, True), (False, False), (True, True)]
    assert allowed() == (False, False)
    with arithmetic("tf32", torch.device("cpu")):
        assert allowed() == (False, False)


@pytest.mark.usefixtures("quick_bfloat16")
def test_networks_that_are_compared_have_one_precision_by_auto(monkeypatch):
    first, second = automatic(0), automatic(1)
    assert [one.precision for one in with_common_precision([first, second])] == ["bfloat16", "bfloat16"]
    plain = tiny_network(2)
    found = with_common_precision([first, plain])
    assert [one.precision for one in found] == ["float32", "float32"]
    assert found[1] is plain
    assert "different precisions" in found[0].precision_note
    rough = tiny_network(3).with_precision("bfloat16")
    assert with_common_precision([plain, rough]) == [plain, rough], "what was asked for stays"


@pytest.mark.usefixtures("quick_bfloat16")
def test_the_choice_does_not_depend_on_threads_and_is_made_anew_for_another_network(monkeypatch):
    measured = []
    monkeypatch.setattr(
        precisions, "measure_precisions", lambda network: measured.append(1) or PrecisionChoice("float32", "")
    )
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            with_known_precision(automatic())
        assert len(measured) == 1
    finally:
        torch.set_num_threads(before)
    other = automatic()
    other.card = {"attribution": {"noise_fraction": 0.3}}
    with_known_precision(other)
    edited = automatic()
    edited.module.act = torch.nn.Tanh()
    with_known_precision(edited)
    assert len(measured) == 3
