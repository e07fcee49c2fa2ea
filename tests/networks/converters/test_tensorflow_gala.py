"""The authors' TensorFlow network and ours give the same numbers, from the checkpoint that TensorFlow wrote."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
import torch

from gala_viz.networks.activation_hooks import record_activations
from gala_viz.networks.converters.tensorflow_checkpoint import TensorFlowCheckpoint
from gala_viz.networks.converters.tensorflow_gala import convert_checkpoint
from gala_viz.networks.gala import attention_norm, gala_layers
from gala_viz.networks.resnet import paper_layer

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def golden(shared_data: Path) -> Path:
    return shared_data / "gala_tpu_golden"


def test_the_checkpoints_variables_are_those_that_tensorflow_lists(golden):
    lines = (golden / "variables.txt").read_text().splitlines()
    listed = {name: ast.literal_eval(shape) for name, shape in (line.split("\t") for line in lines)}
    assert TensorFlowCheckpoint(golden).shapes == listed


@torch.no_grad()
def test_logits_and_attention_are_the_tensorflow_networks(golden):
    found = convert_checkpoint(TensorFlowCheckpoint(golden / "model.ckpt"))
    assert (found.arguments["n_categories"], found.arguments["base_filters"], found.unused) == (20, 8, ())
    expected = np.load(golden / "golden.npz")
    images = np.random.default_rng(1000).normal(0, 1, (2, 224, 224, 3)).astype(np.float32)
    with record_activations() as record:
        logits = found.network(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))
    np.testing.assert_allclose(logits.numpy(), expected["logits"], atol=1e-4)
    layers = gala_layers(found.network)
    assert [paper_layer(layer) for layer in layers] == [24, 27, 30, 33, 36, 39]
    for index, block in enumerate(layers.values()):
        attention = record[block]
        corner = attention[:, :, :2, :2].permute(0, 2, 3, 1)
        np.testing.assert_allclose(attention_norm(attention).numpy(), expected[f"attention_norm_{index}"], atol=1e-4)
        np.testing.assert_allclose(corner.numpy(), expected[f"attention_corner_{index}"], atol=1e-4)
