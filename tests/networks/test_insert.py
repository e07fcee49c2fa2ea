"""Adding GALA to a backbone: nothing moves until it learns, and mistakes are named."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gala_viz.networks.activation_hooks import record_activations
from gala_viz.networks.gala import GalaBlock, gala_layers
from gala_viz.networks.insert import GatedModule, add_gala, open_gates


class Residual(nn.Module):
    """A residual block whose branch ends in a batch norm, as in most backbones."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, activity: torch.Tensor) -> torch.Tensor:
        return activity + self.norm(self.convolution(activity))


def backbone() -> nn.Sequential:
    network = nn.Sequential()
    network.add_module("stem", nn.Conv2d(3, 8, 3, padding=1))
    network.add_module("first", Residual(8))
    network.add_module("second", Residual(8))
    network.add_module("pool", nn.AdaptiveAvgPool2d(1))
    with torch.no_grad():
        for block in (network.first, network.second):
            block.norm.weight.uniform_(0.5, 1.5)
            block.norm.bias.uniform_(-1, 1)
            block.norm.running_mean.uniform_(-1, 1)
    return network.eval()


def images() -> torch.Tensor:
    return torch.randn(2, 3, 7, 9, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_opened_gates_change_nothing_that_the_backbone_computed():
    network = backbone()
    before = network(images())
    open_gates(add_gala(network, ["first.norm", "second.norm"]), 0.76)
    torch.testing.assert_close(network(images()), before)


@torch.no_grad()
def test_the_named_module_is_gated_and_no_other():
    network = backbone()
    expected = network.first.norm(network.first.convolution(network.stem(images())))
    add_gala(network, {"first.norm": "layer1"})
    assert isinstance(network.first.norm, GatedModule)
    assert isinstance(network.second.norm, nn.BatchNorm2d)
    with record_activations() as record:
        network(images())
    (block,) = record
    torch.testing.assert_close(record[block], block.attention(expected))


def test_layers_carry_the_given_labels_in_order():
    assert list(gala_layers(add_gala(backbone(), {"first.norm": "layer1", "second.norm": "layer2"}))) == [
        "layer1",
        "layer2",
    ]
    assert list(gala_layers(add_gala(backbone(), ["first.norm"]))) == ["first.norm"]


@torch.no_grad()
def test_channels_are_read_from_a_run_where_the_module_does_not_tell():
    network = backbone().train()
    statistics = network.second.norm.running_mean.clone()
    add_gala(network, ["second"], example=images())
    assert gala_layers(network)["second"].channels == 8
    assert network.training
    torch.testing.assert_close(network.second.body.norm.running_mean, statistics)
    assert not any(module._forward_hooks for module in network.modules())


def test_the_form_and_ratio_reach_the_blocks():
    network = add_gala(backbone(), ["first.norm"], form="tpu2018", ratio=2)
    block = gala_layers(network)["first.norm"]
    assert isinstance(block, GalaBlock)
    assert (block.form, block.local_shrink.out_channels) == ("tpu2018", 4)


def test_mistakes_are_named_and_leave_the_backbone_as_it_was():
    network = backbone()
    with pytest.raises(ValueError, match=r"no module called 'frist\.norm'\. Did you mean 'first\.norm'"):
        add_gala(network, ["second.norm", "frist.norm"])
    with pytest.raises(ValueError, match=r"\['second'\] do not tell their channels; pass example="):
        add_gala(network, ["first.norm", "second"])
    assert not gala_layers(network)
    add_gala(network, ["first.norm"])
    with pytest.raises(ValueError, match=r"'first\.norm' is gated already"):
        add_gala(network, ["first.norm"])


def test_hooks_are_gone_and_the_mode_is_back_after_a_failed_run():
    network = backbone().train()
    network.add_module("flat", nn.Flatten())
    with pytest.raises(ValueError, match=r"\(B, C, H, W\); 'flat' gives"):
        add_gala(network, ["flat"], example=images())
    assert network.training
    assert not any(module._forward_hooks for module in network.modules())


def test_only_a_batch_norm_can_undo_its_gate():
    with pytest.raises(ValueError, match="only an affine BatchNorm2d can undo the gate; 'stem' is Conv2d"):
        open_gates(add_gala(backbone(), ["stem"]), 0.76)
