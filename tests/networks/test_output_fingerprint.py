"""What a network does with fixed inputs tells an edited one from the same one on another machine."""

from __future__ import annotations

import copy
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from gala_viz.attribution.network_identity import compute_output_fingerprint, network_identity, state_dict_sha256
from gala_viz.networks.fuse_batchnorm import fuse_batchnorm
from gala_viz.networks.network import Network
from gala_viz.networks.output_fingerprint import (
    TOLERANCES,
    OutputFingerprint,
    fingerprints_from_json,
    fingerprints_to_json,
    fixed_image,
    fixed_signs,
    fold_logits,
    match_fingerprint,
    splitmix64,
)
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.networks.zoo import load_network
from tests.attribution.tiny import Tiny, tiny_network
from tests.networks import own_network


def around(module, **options):
    about = {"preprocessing": Preprocessing(short_px=16, crop_px=16), "categories": tuple("abcde"), "device": "cpu"}
    return Network(module, name="n", **{**about, **options})


def test_integers_are_splitmix64s():
    """The generator's published sequence for seed 0."""
    assert [hex(value) for value in splitmix64(0, 3)] == [
        "0xe220a8397b1dcdaf",
        "0x6e789e6aa1b965f4",
        "0x6c45d188009454f",
    ]


def test_fixed_inputs_have_structure_at_every_size_and_two_contrasts():
    for size in ((16, 16), (224, 224), (299, 320)):
        bright, faint = (fixed_image(number, size) for number in (0, 1))
        assert bright.shape == (*size, 3)
        assert bright.std() > 35
        assert 5 < faint.std() < bright.std() / 3
        np.testing.assert_array_equal(bright, fixed_image(0, size))
    assert fixed_image(0, (64, 64)).astype(int).sum() == 1_541_691


def test_every_logit_has_a_share_in_what_is_kept_of_thousands():
    logits = np.random.default_rng(0).normal(size=(2, 1000))
    kept = fold_logits(logits)
    assert kept.shape == (2, 128)
    for category in (0, 127, 128, 999):
        changed = logits.copy()
        changed[1, category] += 1
        assert np.abs(fold_logits(changed) - kept).sum() == pytest.approx(1)
    np.testing.assert_array_equal(fold_logits(logits[:, :128]), logits[:, :128])
    assert abs(fixed_signs(1000).sum()) < 100


def test_the_gradient_is_that_of_all_logits_with_their_signs():
    module = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 5))
    found = compute_output_fingerprint(around(module))
    expected = (fixed_signs(5)[:, None] * module[1].weight.detach().numpy()).sum(axis=0).reshape(3, 8, 2, 8, 2)
    np.testing.assert_allclose(found.gradient[0], expected.mean(axis=(2, 4)), atol=1e-6)
    np.testing.assert_allclose(found.gradient_norm, np.linalg.norm(expected), rtol=1e-5)
    view = torch.from_numpy(Preprocessing(short_px=16, crop_px=16).normalise(fixed_image(1, (16, 16))))
    np.testing.assert_allclose(found.logits[1], module(view[None])[0].detach().numpy(), rtol=1e-5)


@pytest.mark.parametrize("edit", own_network.EDITS)
def test_an_edited_forward_pass_is_another_behaviour_of_the_same_weights(tmp_path, monkeypatch, edit):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    found = []
    for forward in (own_network.PLAIN, own_network.EDITS[edit], own_network.PLAIN):
        own_network.write(tmp_path, forward)
        found.append(network_identity(load_network(own_network.NAME, "cpu")))
    before, edited, again = found
    assert before.weights_sha256 == edited.weights_sha256 == again.weights_sha256
    assert before.behaviour.describe_differences(again.behaviour) == []
    assert before.behaviour.describe_differences(edited.behaviour)
    assert not before.known_by_weights


class Reordered(Tiny):
    def forward(self, batch):
        stem = self.norm1(self.act(self.conv1(batch)))
        return self.head(torch.relu(stem + self.norm2(self.conv2(stem))).mean((2, 3)))


def test_another_order_of_layers_of_the_same_weights_is_another_behaviour():
    one, other = around(Tiny()), around(Reordered())
    assert state_dict_sha256(one.module) == state_dict_sha256(other.module)
    assert compute_output_fingerprint(one).describe_differences(compute_output_fingerprint(other))


@pytest.mark.slow
def test_an_edit_of_one_branch_by_a_hundredth_is_seen_in_a_shipped_network():
    network = load_network("rendered-gala", "cpu")
    edited = copy.deepcopy(network.module)
    convolutions = [part for part in edited.modules() if isinstance(part, nn.Conv2d)]
    convolutions[len(convolutions) // 2].register_forward_hook(lambda _part, _inputs, output: 1.01 * output)
    other = around(edited, preprocessing=network.preprocessing, categories=network.categories)
    assert compute_output_fingerprint(network).describe_differences(compute_output_fingerprint(other))


def test_changed_preprocessing_layers_and_categories_are_seen():
    network = tiny_network()
    before = compute_output_fingerprint(network)
    brighter = Preprocessing(short_px=16, crop_px=16, mean=(125.0, 127.0, 127.0))
    assert before.describe_differences(compute_output_fingerprint(around(network.module, preprocessing=brighter)))
    fewer = around(nn.Sequential(network.module, nn.Linear(5, 3)), categories=tuple("abc"))
    assert any(
        "logits of another shape" in told for told in before.describe_differences(compute_output_fingerprint(fewer))
    )
    label = network.layers[0]
    elsewhere = OutputFingerprint(**{**vars(before), "layers": {label: before.layers[label] * 1.01}})
    assert before.describe_differences(elsewhere) == [
        f"norms of layer {label} that are 0.0099 of their size away (rounding: up to 0.001)"
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rendered-gala", "lite0-gala-human"])
def test_the_same_network_is_known_again_with_one_and_two_threads_fused_and_without_onednn(name):
    program = f"""
import json, torch
from gala_viz.attribution.network_identity import compute_output_fingerprint
from gala_viz.networks.fuse_batchnorm import fuse_batchnorm
from gala_viz.networks.zoo import load_network
network = load_network({name!r}, "cpu")
found = []
for threads in (1, 2):
    torch.set_num_threads(threads)
    assert torch.get_num_threads() == threads
    found += [compute_output_fingerprint(network), compute_output_fingerprint(fuse_batchnorm(network))]
with torch.backends.mkldnn.flags(enabled=False):
    found.append(compute_output_fingerprint(network))
print(json.dumps([one.settings() for one in found]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    first, *others = map(OutputFingerprint.from_settings, json.loads(done.stdout))
    for other in others:
        assert first.describe_differences(other) == []
        distance = np.linalg.norm(first.logits - other.logits) / np.linalg.norm(first.logits)
        assert distance < TOLERANCES["logits"] / 50, "the tolerance leaves room"
        distance = np.linalg.norm(first.gradient - other.gradient) / np.linalg.norm(first.gradient)
        assert distance < TOLERANCES["gradient"] / 5


def test_a_jump_of_the_gradient_as_large_as_threads_make_it_is_no_difference():
    """7e-3 of a map's maximum, at a patch of pixels, is the most that was seen between numbers of threads."""
    before = compute_output_fingerprint(tiny_network())
    jump = np.zeros_like(before.gradient)
    jump[:, :, 3, 4] = 7e-3 * np.abs(before.gradient).max()
    assert before.describe_differences(OutputFingerprint(**{**vars(before), "gradient": before.gradient + jump})) == []
    assert before.describe_differences(OutputFingerprint(**{**vars(before), "gradient": before.gradient + 20 * jump}))


def test_bfloat16_is_the_same_behaviour_as_float32():
    network = tiny_network()
    halved = around(network.module, precision="bfloat16")
    assert compute_output_fingerprint(network).describe_differences(compute_output_fingerprint(halved)) == []
    assert halved.precision == "bfloat16"


class Chancy(nn.Module):
    def __init__(self, how):
        super().__init__()
        self.how, self.tiny = how, Tiny()

    def forward(self, batch):
        if self.how == "dropout":
            return nn.functional.dropout(self.tiny(batch), 0.5, training=True)
        return self.tiny(nn.functional.batch_norm(batch, None, None, training=True))


@pytest.mark.parametrize("how", ["dropout", "batch statistics"])
def test_chance_and_batch_statistics_are_not_taken_for_a_known_behaviour(how):
    one = compute_output_fingerprint(around(Chancy(how)))
    assert not one.steady
    assert "from pass to pass or with what else is in the batch" in one.describe_differences(one)[0]
    known = {}
    match_fingerprint(one, known)
    assert known == {}


def test_a_network_without_a_gradient_is_known_by_its_logits():
    class Counts(nn.Module):
        def forward(self, batch):
            return torch.stack([(batch > level).sum((1, 2, 3)) for level in (-0.5, 0.0, 0.5)], dim=1).float()

    network = around(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), categories=tuple("abc"))
    network.module = Counts()  # which is refused where a network is made
    found = compute_output_fingerprint(network)
    assert found.steady
    assert (found.gradient == 0).all()
    assert found.describe_differences(found) == []


def test_probing_leaves_the_network_as_it_was():
    network = tiny_network()
    network.module.train()
    network.module.head.weight.requires_grad_(True)
    state = {name: value.clone() for name, value in network.module.state_dict().items()}
    compute_output_fingerprint(network)
    assert all(part.training for part in network.module.modules())
    assert network.module.head.weight.requires_grad
    assert network.module.head.weight.grad is None
    for name, value in network.module.state_dict().items():
        torch.testing.assert_close(value, state[name], rtol=0, atol=0)


def test_a_behaviour_comes_back_from_json_and_nothing_else_does():
    found = compute_output_fingerprint(tiny_network())
    back = OutputFingerprint.from_settings(json.loads(json.dumps(found.settings())))
    assert back.settings() == found.settings()
    assert back.describe_differences(found) == []
    for wrong in (None, {}, [], "text", {**found.settings(), "format": 0}, {**found.settings(), "logits": "many"}):
        assert OutputFingerprint.from_settings(wrong) is None
    assert (
        fingerprints_from_json('{"a": {"format": 0}}')
        == fingerprints_from_json("no json")
        == fingerprints_from_json("[1]")
        == {}
    )


def test_a_known_behaviour_is_found_under_its_first_name_and_learns_layers():
    first, other = compute_output_fingerprint(tiny_network(0)), compute_output_fingerprint(tiny_network(1))
    bare = OutputFingerprint(**{**vars(first), "layers": {}})
    moved = OutputFingerprint(**{**vars(first), "logits": first.logits * (1 + 1e-5)})
    known = {}
    name = match_fingerprint(bare, known)
    assert match_fingerprint(moved, known) == name != moved.digest
    assert known[name].layers.keys() == first.layers.keys()
    assert match_fingerprint(other, known) != name
    assert len(known) == 2
    back = fingerprints_from_json(fingerprints_to_json(known))
    assert match_fingerprint(first, back) == name
    assert fingerprints_to_json(back) == fingerprints_to_json(known)
    label = next(iter(first.layers))
    elsewhere = OutputFingerprint(**{**vars(first), "layers": {label: 2 * first.layers[label]}})
    assert match_fingerprint(elsewhere, known) != name, "another activity under the label of a layer"


def test_copies_of_weights_in_half_precision_are_other_weights():
    whole = Tiny()
    rounded = copy.deepcopy(whole).half()
    assert state_dict_sha256(whole) != state_dict_sha256(rounded) != state_dict_sha256(copy.deepcopy(rounded).float())


@pytest.mark.slow
def test_only_networks_of_cards_are_known_by_weights(tmp_path, monkeypatch):
    assert load_network("lite0", "cpu").known_by_weights
    shipped = load_network("rendered-resnet", "cpu")
    assert shipped.known_by_weights
    assert fuse_batchnorm(shipped).known_by_weights
    source = "from gala_viz.networks.zoo import load_network\n"
    (tmp_path / "own_maker.py").write_text(f"{source}def make():\n    return load_network('rendered-resnet', 'cpu')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert not load_network("own_maker:make").known_by_weights
    sys.modules.pop("own_maker", None)
