"""Folding changes nothing but the time."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gala_viz.networks.fuse_batchnorm import fuse_batchnorm, fuse_conv_bn, merge_padding
from gala_viz.networks.insert import add_gala
from gala_viz.networks.lite0 import lite0_gala
from gala_viz.networks.network import Network
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.networks.resnet import resnet


def shaken(module: nn.Module) -> nn.Module:
    """Batch norms with statistics and weights that matter."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.running_mean, -0.3, 0.3)
            nn.init.uniform_(part.running_var, 0.5, 2.0)
            if part.weight is not None:
                nn.init.uniform_(part.weight, 0.5, 1.5)
                nn.init.uniform_(part.bias, -0.3, 0.3)
    return module


def network(module: nn.Module, crop_px: int = 32) -> Network:
    return Network(
        module,
        name="n",
        preprocessing=Preprocessing(short_px=crop_px, crop_px=crop_px),
        sha256="s",
        device="cpu",
    )


class Small(nn.Module):
    """Two convolutions with batch norms, one grouped and with a bias, the other gated by GALA."""

    def __init__(self, *, twice: bool = False, affine: bool = True):
        super().__init__()
        self.first, self.norm1 = nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6, affine=affine)
        self.second, self.norm2 = nn.Conv2d(6, 6, 3, groups=3, bias=False), nn.BatchNorm2d(6)
        self.twice = twice

    def forward(self, batch):
        first = self.first(batch)
        activity = torch.relu(self.norm1(first)) + (first if self.twice else 0)
        return self.norm2(self.second(activity)).mean((2, 3))


def looked(one: Network, batch: torch.Tensor):
    batch = batch.clone().requires_grad_()
    logits, attention = one.attention(batch)
    (gradient,) = torch.autograd.grad(logits[:, 0].sum(), batch)
    return logits.detach(), gradient, {layer: values.detach() for layer, values in attention.items()}


def assert_alike(first: Network, second: Network, batch: torch.Tensor) -> None:
    for one, other in zip(looked(first, batch)[:2], looked(second, batch)[:2], strict=True):
        assert one.abs().max() > 0
        torch.testing.assert_close(other, one, rtol=1e-3, atol=1e-4 * float(one.abs().max()))
    ours, theirs = looked(first, batch)[2], looked(second, batch)[2]
    assert ours.keys() == theirs.keys()
    for layer, values in ours.items():
        torch.testing.assert_close(theirs[layer], values, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("affine", [True, False])
def test_logits_gradients_and_attention_stay_the_same(affine):
    module = shaken(add_gala(Small(affine=affine), {"norm2": "g"}, ratio=2))
    original = network(module)
    quick = fuse_batchnorm(original)
    assert quick is not original
    assert not [part for part in quick.module.modules() if isinstance(part, nn.BatchNorm2d)]
    assert_alike(original, quick, torch.randn(2, 3, 32, 32))


def test_the_pre_activation_resnet_stays_the_same():
    original = network(shaken(resnet(5, blocks=(1, 1, 1, 1), base_filters=8)))
    quick = fuse_batchnorm(original)
    assert quick is not original
    assert_alike(original, quick, torch.randn(2, 3, 32, 32))


@pytest.mark.slow
def test_lite0_with_gala_stays_the_same_and_pads_in_its_convolutions():
    original = network(shaken(lite0_gala()), crop_px=224)
    quick = fuse_batchnorm(original)
    assert not [part for part in quick.module.modules() if isinstance(part, nn.BatchNorm2d)]
    assert sum(isinstance(part, nn.ZeroPad2d) for part in quick.module.modules()) < sum(
        isinstance(part, nn.ZeroPad2d) for part in original.module.modules()
    )
    assert_alike(original, quick, torch.randn(1, 3, 224, 224))


def test_double_precision_is_asked_of_the_cpu_alone_as_mps_has_none(monkeypatch):
    moved, made = [], []
    cpu, double = torch.Tensor.cpu, torch.Tensor.double
    monkeypatch.setattr(torch.Tensor, "cpu", lambda self: moved.append(1) or cpu(self))
    monkeypatch.setattr(torch.Tensor, "double", lambda self: made.append(len(moved)) or double(self))
    fuse_batchnorm(network(shaken(Small())))
    assert made == list(range(1, len(made) + 1)), "each is on the CPU first"


def test_the_original_is_left_as_it_was():
    module = shaken(Small())
    before = {name: value.clone() for name, value in module.state_dict().items()}
    fuse_batchnorm(network(module))
    assert before.keys() == module.state_dict().keys()
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert not any(part._forward_hooks for part in module.modules())


def test_a_convolution_whose_output_is_used_twice_is_left_as_it_is():
    quick = fuse_batchnorm(network(shaken(Small(twice=True))))
    assert isinstance(quick.module.norm1, nn.BatchNorm2d)
    assert not isinstance(quick.module.norm2, nn.BatchNorm2d)


def test_shared_modules_and_norms_without_statistics_are_left_alone():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
            self.other, self.own = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3, track_running_stats=False)

        def forward(self, batch):
            return self.own(self.other(self.norm(self.conv(self.norm(self.conv(batch))))))

    assert fuse_conv_bn(Shared(), torch.randn(2, 3, 8, 8)) == 0


def test_padding_that_is_not_symmetric_stays():
    convolution = nn.Conv2d(3, 3, 3, stride=2)
    convolution.static_padding = nn.ZeroPad2d((0, 1, 0, 1))
    assert merge_padding(convolution) == 0


def test_the_copy_is_made_once_and_anew_where_anything_was_changed():
    original = network(shaken(Small()))
    first = fuse_batchnorm(original)
    assert fuse_batchnorm(original) is first
    changes = [
        lambda module: module.first.weight.add_(0.1),
        lambda module: setattr(module.first.weight, "data", module.first.weight.data * 1.5),
        lambda module: module.norm1.running_mean.add_(1),
        lambda module: module.norm2.weight.data.mul_(2),
        lambda module: setattr(module, "twice", True),
        lambda module: setattr(module, "forward", lambda batch: batch.mean((2, 3)) @ torch.ones(3, 6)),
    ]
    for change in changes:
        with torch.no_grad():
            change(original.module)
        again = fuse_batchnorm(original)
        assert again is original or again is not first
        batch = torch.randn(2, 3, 32, 32)
        torch.testing.assert_close(again.logits(batch), original.logits(batch), rtol=1e-3, atol=1e-4)
        assert fuse_batchnorm(original) is again
        first = again


def test_a_changed_gradient_makes_a_new_copy_though_logits_are_the_same():
    original = network(shaken(Small()))
    first = fuse_batchnorm(original)
    handle = original.module.norm2.register_full_backward_hook(lambda module, inputs, outputs: None)
    assert fuse_batchnorm(original) is not first
    handle.remove()


def test_a_network_that_is_gone_leaves_no_copy_behind():
    import gc

    from gala_viz.networks import fuse_batchnorm as module

    gc.collect()
    before = len(module._fused)
    fuse_batchnorm(network(shaken(Small())))
    gc.collect()
    assert len(module._fused) == before
