"""The authors' TensorFlow network and ours give the same numbers."""

from __future__ import annotations

import ast
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from gala_viz.networks.gala import GalaBlock, attention_norm, attention_recorded, gala_layers
from gala_viz.networks.resnet import ResNet, paper_layer
from tests.networks.tensor_bundle import read_bundle

pytestmark = pytest.mark.shared

BLOCK = "block_layer3_{0}_ATTENTION_"
GALA_VARIABLES = {
    "local_shrink.weight": BLOCK + "intermediate/kernel",
    "local_shrink.bias": BLOCK + "intermediate/bias",
    "local_middle.weight": BLOCK + "intermediate_0/kernel",
    "local_middle.bias": BLOCK + "intermediate_0/bias",
    "local_collapse.weight": BLOCK + "output/kernel",
    "local_collapse.bias": BLOCK + "output/bias",
    "global_shrink.weight": BLOCK + "intermediate/weights",
    "global_shrink.bias": BLOCK + "intermediate/biases",
    "global_expand.weight": BLOCK + "output/weights",
    "global_expand.bias": BLOCK + "output/biases",
    "additive": "alpha_block_layer3_{0}",
    "multiplicative": "beta_block_layer3_{0}",
}


@pytest.fixture(scope="module")
def golden(shared_data: Path) -> Path:
    return shared_data / "gala_tpu_golden"


@pytest.fixture(scope="module")
def shapes(golden: Path) -> dict[str, tuple[int, ...]]:
    lines = (golden / "variables.txt").read_text().splitlines()
    return {name: ast.literal_eval(shape) for name, shape in (line.split("\t") for line in lines)}


@pytest.fixture(scope="module")
def network(golden: Path, shapes: dict[str, tuple[int, ...]]) -> ResNet:
    network = tpu_network()
    variables = read_bundle(golden / "model.ckpt")
    state = {key: to_pytorch(variables[name]) for name, key in names(network, shapes).items()}
    network.load_state_dict(state, strict=False)
    return network.eval()


def tpu_network() -> ResNet:
    return ResNet(20, base_filters=8, attention=partial(GalaBlock, form="tpu2018"))


def state_keys(network: ResNet) -> list[str]:
    return [key for key in network.state_dict() if not key.endswith("num_batches_tracked")]


def names(network: ResNet, shapes: dict[str, tuple[int, ...]]) -> dict[str, str]:
    """TensorFlow's variables -> our state's keys: the body in order, each GALA block by its names."""
    keys = state_keys(network)
    body = zip(
        [name for name in shapes if "block_layer" not in name],
        [key for key in keys if ".attention." not in key],
        strict=True,
    )
    gala = {
        variable.format(block): f"group3.block{block + 1}.attention.{ours}"
        for block in range(6)
        for ours, variable in GALA_VARIABLES.items()
    }
    return dict(body) | gala


def to_pytorch(values: np.ndarray) -> torch.Tensor:
    """Convolutions from (y, x, in, out) to (out, in, y, x), dense layers from (in, out) to (out, in), the rest flat."""
    if values.shape[:3] == (1, 1, 1):
        values = values.ravel()
    order = {4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}[values.ndim]
    return torch.from_numpy(values.transpose(order).copy())


def test_every_variable_of_the_checkpoint_is_one_parameter_of_the_same_shape(shapes):
    network = tpu_network()
    pairs = names(network, shapes)
    assert pairs.keys() == shapes.keys()
    assert sorted(pairs.values()) == sorted(state_keys(network))
    state = network.state_dict()
    for name, key in pairs.items():
        assert to_pytorch(np.zeros(shapes[name])).shape == state[key].shape, (name, key)


@torch.no_grad()
def test_logits_and_attention_are_the_tensorflow_networks(network, golden):
    expected = np.load(golden / "golden.npz")
    images = np.random.default_rng(1000).normal(0, 1, (2, 224, 224, 3)).astype(np.float32)
    with attention_recorded() as record:
        logits = network(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))
    np.testing.assert_allclose(logits.numpy(), expected["logits"], atol=1e-4)
    layers = gala_layers(network)
    assert [paper_layer(layer) for layer in layers] == [24, 27, 30, 33, 36, 39]
    for index, block in enumerate(layers.values()):
        attention = record[block]
        corner = attention[:, :, :2, :2].permute(0, 2, 3, 1)
        np.testing.assert_allclose(attention_norm(attention).numpy(), expected[f"attention_norm_{index}"], atol=1e-4)
        np.testing.assert_allclose(corner.numpy(), expected[f"attention_corner_{index}"], atol=1e-4)
