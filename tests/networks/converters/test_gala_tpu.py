"""The authors' networks from variables under their TensorFlow names: any width, depth and place of attention."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from gala_viz.networks.converters.tensorflow_checkpoint import CheckpointError, TensorFlowCheckpoint
from gala_viz.networks.converters.tensorflow_gala import convert_checkpoint
from gala_viz.networks.resnet import resnet
from tests.networks.converters.bundle_writer import write_bundle

GALA = {"attention": "gala", "attention_options": {"form": "tpu2018"}}
LEAVES = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


def tensorflow_names(network: torch.nn.Module) -> dict[str, str]:
    """Our state's keys -> the variables' names, numbered in the order in which the TensorFlow code builds them."""
    found: dict[str, str] = {}
    norms = convolutions = 0
    numbers: dict[str, str] = {}
    for key in network.state_dict():
        module, _, leaf = key.rpartition(".")
        if leaf == "num_batches_tracked" or ".attention." in key or module == "head":
            continue
        if module not in numbers:
            kind, number = ("batch_normalization", norms) if "norm" in module else ("conv2d", convolutions)
            numbers[module] = f"{kind}_{number}" if number else kind
            norms, convolutions = norms + ("norm" in module), convolutions + ("norm" not in module)
        found[key] = f"{numbers[module]}/{LEAVES[leaf] if 'norm' in module else 'kernel'}"
    for key in network.state_dict():
        if hit := re.fullmatch(r"group(\d+)\.block(\d+)\.attention\.(\w+)(?:\.(weight|bias))?", key):
            name = f"block_layer{hit[1]}_{int(hit[2]) - 1}"
            dense = "weights" if hit[4] == "weight" else "biases"
            found[key] = {
                "additive": f"alpha_{name}",
                "multiplicative": f"beta_{name}",
                "global_shrink": f"{name}_ATTENTION_intermediate/{dense}",
                "global_expand": f"{name}_ATTENTION_output/{dense}",
                "local_shrink": f"{name}_ATTENTION_intermediate/{'kernel' if hit[4] == 'weight' else 'bias'}",
                "local_middle": f"{name}_ATTENTION_intermediate_0/{'kernel' if hit[4] == 'weight' else 'bias'}",
                "local_collapse": f"{name}_ATTENTION_output/{'kernel' if hit[4] == 'weight' else 'bias'}",
            }[hit[3]]
    return found | {"head.weight": "dense/kernel", "head.bias": "dense/bias"}


def variables(network: torch.nn.Module, scope: str = "") -> dict[str, np.ndarray]:
    """The network's state as TensorFlow keeps it."""
    state = network.state_dict()
    found = {}
    for key, name in tensorflow_names(network).items():
        values = state[key].numpy()
        values = values.transpose((2, 3, 1, 0)) if values.ndim == 4 else values.T
        if name.startswith(("alpha", "beta")):
            values = values.reshape(1, 1, 1, -1)
        found[scope + name] = values
    return found


def random_network(**arguments) -> torch.nn.Module:
    network = resnet(**arguments).eval()
    for name, values in network.state_dict().items():
        if name.endswith("running_var"):
            values.uniform_(0.5, 2)
        elif values.is_floating_point():
            values.normal_(0, 0.2)
    return network


@pytest.mark.parametrize(
    "arguments",
    [
        {"blocks": (3, 4, 6, 3), "base_filters": 4, **GALA},
        {"blocks": (3, 4, 6, 3), "base_filters": 4, "position": "input", **GALA},
        {"blocks": (1, 2, 1), "base_filters": 8, "attention": "none"},
        {"blocks": (1, 2, 2, 1), "base_filters": 8, "attention_groups": (2, 3), **GALA},
        {"blocks": (1, 1, 2, 1), "base_filters": 8, "attention": "gala", "attention_options": {"squash": "sigmoid"}},
        {
            "blocks": (1, 1, 2, 1),
            "base_filters": 8,
            "attention": "gala",
            "attention_options": {"form": "tpu2018", "ratio": 8},
        },
    ],
    ids=["published", "at-input", "without", "two-groups", "iclr-form", "ratio-8"],
)
@pytest.mark.parametrize("scope", ["", "resnet/"])
def test_a_network_comes_back_from_its_own_variables(arguments, scope, tmp_path):
    network = random_network(n_categories=7, **arguments)
    step = {"global_step": np.array(9, np.int64), f"{scope}conv2d/kernel/Momentum": np.zeros(3, np.float32)}
    found = convert_checkpoint(TensorFlowCheckpoint(write_bundle(tmp_path / "model", variables(network, scope) | step)))
    assert set(found.unused) == set(step)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(found.network(images), network(images), rtol=1e-5, atol=1e-6)


def test_the_squash_is_the_authors_or_the_one_that_is_told(tmp_path):
    network = random_network(n_categories=7, blocks=(1, 1, 1, 1), base_filters=8, **GALA)
    checkpoint = TensorFlowCheckpoint(write_bundle(tmp_path / "model", variables(network)))
    assert convert_checkpoint(checkpoint).arguments["attention_options"]["squash"] == "sigmoid"
    assert convert_checkpoint(checkpoint, squash="tanh").arguments["attention_options"]["squash"] == "tanh"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda them: them.pop("batch_normalization_2/gamma"), "missing: group1.block1.norm3.weight"),
        (lambda them: them.update({"lstm/kernel": np.zeros(3, np.float32)}), "not known: lstm/kernel"),
        (lambda them: them.pop("dense/kernel"), "no ResNet of the authors' code"),
        (lambda them: them.update({"dense/bias": np.zeros(3, np.float32)}), r"dense/bias has shape \(3,\)"),
    ],
)
def test_variables_of_another_network_are_told(change, told, tmp_path):
    them = variables(random_network(n_categories=7, blocks=(1, 1, 1, 1), base_filters=8, **GALA))
    change(them)
    with pytest.raises(CheckpointError, match=told):
        convert_checkpoint(TensorFlowCheckpoint(write_bundle(tmp_path / "model", them)))
