"""The ResNet's shapes, counts and paddings, at several sizes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gala_viz.networks.activation_hooks import record_activations
from gala_viz.networks.gala import gala_layers
from gala_viz.networks.pooling import max_pool_same
from gala_viz.networks.resnet import Bottleneck, ResNet, paper_layer, resnet
from gala_viz.networks.se import SEBlock
from gala_viz.registry import UnknownNameError


class Closed(torch.nn.Module):
    """Attention that lets nothing through, and remembers what it saw."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.seen: tuple[int, ...] | None = None

    def forward(self, activity: torch.Tensor) -> torch.Tensor:
        assert activity.shape[1] == self.channels
        self.seen = tuple(activity.shape)
        return torch.zeros_like(activity)


def n_parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def counted(n_categories: int, blocks: tuple[int, ...], base: int) -> int:
    """Parameters of the body, counted by hand: convolutions without biases, two per batch-norm channel."""
    total, channels = 3 * 49 * base, base
    for group, n_blocks in enumerate(blocks):
        filters = base * 2**group
        for block in range(n_blocks):
            total += channels * 4 * filters if block == 0 else 0
            total += channels * filters + 9 * filters**2 + 4 * filters**2
            total += 2 * (channels + filters + filters)
            channels = 4 * filters
    return total + 2 * channels + (channels + 1) * n_categories


def test_the_full_resnet50_has_its_published_number_of_parameters():
    with torch.device("meta"):
        network = resnet(1000)
    assert n_parameters(network) == counted(1000, (3, 4, 6, 3), 64)
    assert 25.5e6 <= n_parameters(network) < 25.6e6
    assert sum(isinstance(part, torch.nn.Conv2d) for part in network.modules()) == 49 + 4


def test_six_gala_blocks_add_what_their_equations_need():
    with torch.device("meta"):
        plain, gala = resnet(1000), resnet(1000, attention="gala")
    c, r = 1024, 256
    one_block = (c * r + r) + (r * c + c) + (c * r + r) + (r + 1) + 2 * c
    assert n_parameters(gala) - n_parameters(plain) == 6 * one_block


@torch.no_grad()
@pytest.mark.parametrize(("blocks", "base"), [((3, 4, 6, 3), 8), ((1, 1), 4), ((1, 2, 1, 1), 6), ((1, 1, 1, 1, 1), 4)])
def test_every_depth_and_width_gives_logits_and_the_expected_map(blocks, base):
    network = ResNet(5, blocks=blocks, base_filters=base).eval()
    images = torch.randn(2, 3, 64, 64)
    side = 64 // 2 ** (len(blocks) + 1)
    assert network.features(images).shape == (2, base * 4 * 2 ** (len(blocks) - 1), side, side)
    assert network(images).shape == (2, 5)
    assert n_parameters(network) == counted(5, blocks, base)


@torch.no_grad()
def test_at_224_px_the_last_pool_is_the_published_seven_by_seven():
    network = ResNet(5, blocks=(1, 1, 1, 1), base_filters=4).eval()
    images = torch.randn(1, 3, 224, 224)
    features = network.features(images)
    assert features.shape[-2:] == (7, 7)
    pooled = torch.nn.functional.avg_pool2d(features, 7).flatten(1)
    torch.testing.assert_close(network(images), network.head(pooled))


@torch.no_grad()
@pytest.mark.parametrize("size", [(96, 128), (225, 199)])
def test_other_input_sizes_are_pooled_over_all_positions(size):
    network = ResNet(5, blocks=(1, 1, 1, 1), base_filters=4).eval()
    images = torch.randn(1, 3, *size)
    torch.testing.assert_close(network(images), network.head(network.features(images).mean((2, 3))))


def pool_by_loops(image: np.ndarray, size: int, stride: int) -> np.ndarray:
    """Max over windows that start TensorFlow's SAME padding before the first pixel, cut at the image's edges."""
    height, width = image.shape
    rows, columns = -(-height // stride), -(-width // stride)
    top = max((rows - 1) * stride + size - height, 0) // 2
    left = max((columns - 1) * stride + size - width, 0) // 2
    pooled = np.empty((rows, columns))
    for row in range(rows):
        for column in range(columns):
            y, x = row * stride - top, column * stride - left
            pooled[row, column] = image[max(y, 0) : y + size, max(x, 0) : x + size].max()
    return pooled


@settings(max_examples=60)
@given(height=st.integers(1, 12), width=st.integers(1, 12), size=st.integers(2, 3), seed=st.integers(0, 9))
def test_max_pool_pads_like_tensorflow(height, width, size, seed):
    image = np.random.default_rng(seed).normal(-5, 1, (height, width)).astype(np.float32)
    pooled = max_pool_same(torch.from_numpy(image)[None, None], size=size, stride=2)
    np.testing.assert_array_equal(pooled[0, 0].numpy(), pool_by_loops(image, size, 2))


def test_max_pool_of_an_even_map_starts_at_its_first_pixel():
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert max_pool_same(image).tolist() == [[[[10, 11], [14, 15]]]]


@torch.no_grad()
def test_attention_at_the_output_gates_the_branch_and_spares_the_shortcut():
    bottleneck = Bottleneck(8, 2, attention=Closed, position="output").eval()
    activity = torch.randn(1, 8, 6, 6)
    torch.testing.assert_close(bottleneck(activity), activity)


@torch.no_grad()
def test_attention_at_the_input_gates_the_shortcut_too():
    bottleneck = Bottleneck(8, 2, attention=Closed, position="input").eval()
    plain = Bottleneck(8, 2).eval()
    plain.load_state_dict(bottleneck.state_dict())
    torch.testing.assert_close(bottleneck(torch.randn(1, 8, 6, 6)), plain(torch.zeros(1, 8, 6, 6)))


@torch.no_grad()
@pytest.mark.parametrize(
    ("position", "seen"),
    [("output", [(1, 64, 4, 4), (1, 64, 4, 4)]), ("input", [(1, 32, 8, 8), (1, 64, 4, 4)])],
)
def test_the_position_decides_which_activity_is_attended(position, seen):
    network = ResNet(5, blocks=(1, 1, 2), base_filters=4, attention=Closed, position=position).eval()
    network(torch.randn(1, 3, 64, 64))
    assert [part.seen for part in network.modules() if isinstance(part, Closed)] == seen


def test_gala_sits_in_the_six_blocks_of_group_three():
    network = resnet(5, base_filters=8, attention="gala")
    layers = gala_layers(network)
    assert list(layers) == [f"group3.block{block}" for block in range(1, 7)]
    assert {block.channels for block in layers.values()} == {128}
    assert [paper_layer(layer) for layer in layers] == [24, 27, 30, 33, 36, 39]


@torch.no_grad()
def test_strides_keep_the_third_group_fine_at_small_inputs():
    network = resnet(12, blocks=(1, 1, 6, 1), base_filters=8, strides=(1, 2, 1, 2), attention="gala").eval()
    with record_activations() as record:
        network(torch.randn(1, 3, 128, 128))
    assert [tuple(record[block].shape) for block in gala_layers(network).values()] == [(1, 128, 16, 16)] * 6
    published = resnet(12, blocks=(1, 1, 6, 1), base_filters=8, attention="gala").eval()
    with record_activations() as record:
        published(torch.randn(1, 3, 224, 224))
    assert [tuple(record[block].shape[2:]) for block in gala_layers(published).values()] == [(14, 14)] * 6


def test_se_can_sit_in_every_group():
    network = resnet(5, base_filters=8, attention="se", attention_groups=(1, 2, 3, 4))
    assert sum(isinstance(part, SEBlock) for part in network.modules()) == 16


def test_options_reach_every_attention_block():
    network = resnet(5, base_filters=8, attention="gala", attention_options={"form": "tpu2018", "ratio": 2})
    assert {(block.form, block.local_shrink.out_channels) for block in gala_layers(network).values()} == {
        ("tpu2018", 64)
    }


def test_batch_norms_have_the_published_constants():
    norms = [part for part in ResNet(5, base_filters=8).modules() if isinstance(part, torch.nn.BatchNorm2d)]
    assert len(norms) == 49
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-5, 0.003)}


def test_the_last_layer_counted_is_the_convolution_that_ends_the_block():
    network = ResNet(5, blocks=(2, 1), base_filters=4)
    convolutions = [
        name for name, part in network.named_modules() if isinstance(part, torch.nn.Conv2d) and "shortcut" not in name
    ]
    assert convolutions[paper_layer("group2.block1", (2, 1))] == "group2.block1.conv3"
    assert convolutions[0] == "stem"


def test_errors_name_what_a_network_can_be():
    with pytest.raises(UnknownNameError, match=r"no attention called 'galla'\. Did you mean 'gala'"):
        resnet(5, attention="galla")
    with pytest.raises(ValueError, match="'none' has no options"):
        resnet(5, attention_options={"ratio": 2})
    with pytest.raises(ValueError, match="position is 'output' or 'input'; got 'middle'"):
        ResNet(5, position="middle")
    with pytest.raises(ValueError, match=r"counted from 1 to 2 here; got \[3\]"):
        resnet(5, blocks=(1, 1), attention="gala")
    with pytest.raises(ValueError, match=r"from 1 on, like \(3, 4, 6, 3\); got \(3, 0\)"):
        ResNet(5, blocks=(3, 0))
    with pytest.raises(ValueError, match=r"from 1 on for each of the 2 groups; got \(1,\)"):
        ResNet(5, blocks=(1, 1), strides=(1,))
    with pytest.raises(ValueError, match=r"from 'group1.block1' to 'group4.block3' here; got 'group3.block7'"):
        paper_layer("group3.block7")
