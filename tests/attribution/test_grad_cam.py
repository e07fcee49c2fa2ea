"""Grad-CAM against Captum's direct call at the output of the last block, and the layers that it refuses by name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from captum.attr import LayerAttribution, LayerGradCam
from torch import nn

from gala_viz.attribution.grad_cam import GradCam, GradCamSpec, cam_layer_path, cam_layer_paths, find_cam_layer
from gala_viz.attribution.packing import map_states
from gala_viz.networks.converters.torchvision_resnet import TorchvisionResNet
from gala_viz.networks.fuse_batchnorm import fuse_batchnorm
from gala_viz.networks.insert import add_gala
from gala_viz.networks.lite0 import lite0_gala
from gala_viz.networks.network import Network
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.networks.resnet import resnet
from tests.attribution.cam_by_hand import cam_by_hand
from tests.attribution.tiny import Bare, Tiny, one_input, tiny_network
from tests.tiers import slow

SIZE = 64


def shaken(module: nn.Module) -> nn.Module:
    """A module in eval mode whose batch norms do something, and whose maps are not 0 everywhere."""
    torch.manual_seed(11)
    for part in module.modules():
        if isinstance(part, nn.Linear):
            part.weight.data.abs_()
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.running_mean, -0.5, 0.5)
            nn.init.uniform_(part.running_var, 0.5, 2)
            nn.init.uniform_(part.weight, 0.5, 2)
            nn.init.uniform_(part.bias, -0.5, 0.5)
    return module.eval()


def seeded(build, *arguments, **options) -> nn.Module:
    torch.manual_seed(7)
    return shaken(build(*arguments, **options))


def cam_of(network, layer: str = "last", *, size: int = SIZE) -> np.ndarray:
    method = GradCam(network, GradCamSpec(layer=layer))
    (*_, state) = map_states(method, one_input(3, size), image="cat", target=2)
    return state.mean


def captums(module: nn.Module, layer: nn.Module, *, size: int = SIZE) -> np.ndarray:
    """Captum's Grad-CAM at the output of ``layer``, by its own functions alone."""
    batch = torch.from_numpy(one_input(3, size))[None]
    cam = LayerGradCam(module, layer).attribute(batch, target=2, relu_attributions=True)
    return LayerAttribution.interpolate(cam, (size, size), "bilinear")[0].detach().numpy()


def path_of(network, layer: str = "last", *, size: int = SIZE) -> str:
    return cam_layer_path(network, torch.zeros(1, 3, size, size), layer)


def assert_equal(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert np.abs(theirs).max() > 0
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * float(np.abs(theirs).max()))


def resnet18() -> nn.Module:
    return seeded(TorchvisionResNet, 5, blocks=(2, 2, 2, 2), bottleneck=False)


def small_resnet() -> nn.Module:
    return seeded(TorchvisionResNet, 5, blocks=(1, 1, 1, 1), bottleneck=False)


def torchvision_models():
    """torchvision's models; ``tests/conftest.py`` lets its wheels import beside CPU builds of torch."""
    return pytest.importorskip("torchvision.models")


def test_of_a_resnet_it_is_captums_map_at_the_last_blocks_output():
    module = resnet18()
    theirs = captums(module, module.get_submodule("layer4.1"))
    assert_equal(cam_of(Bare(module)), theirs)
    assert path_of(Bare(module)) == "layer4.1"
    branch = captums(module, module.get_submodule("layer4.1.bn2"))
    assert np.abs(branch / branch.max() - theirs / theirs.max()).max() > 0.02, "the residual branch has another map"


def test_of_bottlenecks_it_is_the_last_too():
    module = seeded(TorchvisionResNet, 5, blocks=(1, 1, 1, 2))
    assert path_of(Bare(module)) == "layer4.1"
    assert_equal(cam_of(Bare(module)), captums(module, module.get_submodule("layer4")))


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("resnet18", "layer4.1"),
        *slow(
            ("vgg11_bn", "features.27"),
            ("densenet121", "features"),
            ("mobilenet_v2", "features.18"),
            ("googlenet", "inception5b"),
            ("swin_t", "permute"),
            ("convnext_tiny", "features.7.2"),
        ),
    ],
)
def test_of_torchvisions_networks_it_is_the_usual_layer(name, layer):
    models = torchvision_models()
    options = {"init_weights": False} if name == "googlenet" else {}
    module = seeded(getattr(models, name), weights=None, **options)
    assert path_of(Bare(module)) == layer
    assert_equal(cam_of(Bare(module)), captums(module, module.get_submodule(layer)))


@pytest.mark.slow
def test_of_torchvisions_transformers_tokens_and_channels_last_are_maps_too():
    models = torchvision_models()
    torch.manual_seed(0)
    vit = models.vit_b_32(weights=None, image_size=64).eval()
    nn.init.normal_(vit.heads.head.weight)  # torchvision's begins at zero
    assert path_of(Bare(vit)) == "encoder.layers.encoder_layer_10"
    block = vit.encoder.layers.encoder_layer_10
    ours = cam_of(Bare(vit))
    assert_equal(ours, cam_by_hand(vit, block, lambda tokens: tokens[:, 1:].transpose(1, 2).reshape(1, -1, 2, 2), SIZE))
    swin = models.swin_t(weights=None).eval()
    block = swin.get_submodule("features.7.1")
    assert_equal(
        cam_of(Bare(swin), "features.7.1"), cam_by_hand(swin, block, lambda grid: grid.permute(0, 3, 1, 2), SIZE)
    )


@pytest.mark.parametrize("attention", ["gala", *slow("none", "se")])
def test_of_the_pre_activation_resnet_all_of_the_last_block_counts(attention):
    options = {"attention": attention, "attention_groups": (3, 4)} if attention != "none" else {}
    module = seeded(resnet, 5, blocks=(1, 1, 1, 2), base_filters=8, **options)
    nn.init.uniform_(module.head.weight)
    assert path_of(Bare(module)) == "relu", "the last map: the last block's output behind its batch norm and ReLU"
    assert_equal(cam_of(Bare(module)), captums(module, module.relu))
    assert_equal(cam_of(Bare(module), "group4.block2"), captums(module, module.get_submodule("group4.block2")))
    activity = module.features(torch.from_numpy(one_input(3, SIZE))[None])
    weights = module.head.weight[2][:, None, None] / activity[0, 0].numel()
    by_hand = torch.relu((activity * weights).sum(1, keepdim=True)).detach()
    assert_equal(cam_of(Bare(module)), LayerAttribution.interpolate(by_hand, (SIZE, SIZE), "bilinear")[0].numpy())


class HandMade(nn.Module):
    """One residual block; its parts have names in ``block``, its sum a name only where ``named``."""

    def __init__(self, *, named: bool) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.stem = nn.Conv2d(3, 6, 3, padding=1, stride=4)
        self.conv, self.norm = nn.Conv2d(6, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.whole = nn.Identity() if named else None
        self.head = nn.Linear(6, 4)

    def forward(self, batch):
        stem = torch.relu(self.stem(batch))
        whole = torch.relu(stem + self.norm(self.conv(stem)))
        whole = whole if self.whole is None else self.whole(whole)
        return self.head(whole.mean((2, 3)))


def test_a_sum_that_has_a_name_is_taken_and_not_its_branch():
    module = shaken(HandMade(named=True))
    whole, branch = captums(module, module.whole), captums(module, module.norm)
    assert np.abs(whole - branch).max() > 0.1 * whole.max()
    assert_equal(cam_of(Bare(module)), whole)
    assert path_of(Bare(module)) == "whole"
    assert_equal(cam_of(Bare(module), "norm"), branch)


def test_a_sum_without_a_name_leaves_the_last_layer_that_nothing_goes_around():
    module = shaken(HandMade(named=False))
    assert path_of(Bare(module)) == "stem", "conv and norm are a branch"
    assert path_of(tiny_network(), size=16) == "act", "so is a GALA block behind the norm"
    module.conv.stride = (2, 2)
    module.pool = nn.AvgPool2d(2)
    module.forward = lambda batch: module.head(
        ((stem := torch.relu(module.stem(batch))), module.pool(stem) + module.norm(module.conv(stem)))[1].mean((2, 3))
    )
    with pytest.raises(ValueError, match=r"something goes around 'norm'.*torch\.nn\.Identity\(\) behind the sum"):
        path_of(Bare(module))


def test_of_convolutions_in_a_row_it_is_the_last_activation_before_pooling():
    module = nn.Sequential(
        nn.Sequential(
            nn.Conv2d(3, 6, 3, stride=2), nn.ReLU(), nn.Conv2d(6, 8, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2)
        ),
        nn.Dropout(),
        nn.Flatten(),
        nn.LazyLinear(4),
    )
    module(torch.zeros(1, 3, SIZE, SIZE))
    assert path_of(Bare(module)) == "0.3"


def test_branches_that_are_concatenated_count_together():
    class Inception(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Conv2d(3, 4, 1, stride=8), nn.Conv2d(3, 4, 8, stride=8)

        def forward(self, batch):
            return torch.cat([self.one(batch), self.two(batch)], 1)

    module = nn.Sequential(Inception(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)).eval()
    assert path_of(Bare(module)) == "0"
    assert_equal(cam_of(Bare(module)), captums(module, module[0]))


def test_of_a_tensor_with_several_names_the_innermost_block_names_it():
    class Wrapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = TorchvisionResNet(5, blocks=(1, 1, 1, 1), bottleneck=False)
            self.body.forward = self.features
            self.drop, self.head = nn.Dropout2d(), nn.Linear(512, 4)

        def features(self, batch):
            body = self.body
            return body.layer4(body.layer3(body.layer2(body.layer1(body.bn1(body.conv1(batch))))))

        def forward(self, batch):
            return self.head(self.drop(self.body(batch)).mean((2, 3)))

    assert path_of(Bare(Wrapped())) == "body.layer4.0"


def test_a_block_that_writes_into_its_branch_is_not_its_branch():
    class InPlace(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(6, 6, 3, padding=1), nn.BatchNorm2d(6)

        def forward(self, activity):
            branch = self.norm(self.conv(activity))
            branch += activity
            return branch

    module = seeded(
        lambda: nn.Sequential(nn.Conv2d(3, 6, 4, stride=4), InPlace(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    )
    assert path_of(Bare(module)) == "1"
    assert_equal(cam_of(Bare(module)), captums(module, module[1]))


def network_of(module: nn.Module, *, n_categories: int = 5, size: int = SIZE) -> Network:
    seen = Preprocessing(short_px=size, crop_px=size)
    categories = tuple(f"c{number}" for number in range(n_categories))
    return Network(module, name="n", preprocessing=seen, categories=categories, device="cpu")


@pytest.mark.parametrize("build", [small_resnet, lambda: seeded(resnet, 5, blocks=(1, 1, 1, 1), base_filters=8)])
@pytest.mark.parametrize("layer", ["last", *slow("norm", "conv", "block")])
def test_fused_batch_norms_change_neither_the_map_nor_the_name(build, layer):
    module = build()
    names = {"conv": "conv1", "norm": "bn1", "block": "layer2.0"}
    if not isinstance(module, TorchvisionResNet):
        names = {"conv": "group2.block1.conv2", "norm": "group2.block1.norm3", "block": "group2.block1"}
    name = names.get(layer, layer)
    original = network_of(module)
    quick = fuse_batchnorm(original)
    assert quick is not original
    assert path_of(quick, name) == path_of(original, name)
    theirs = cam_of(original, name)
    assert theirs.max() > 0
    np.testing.assert_allclose(cam_of(quick, name), theirs, rtol=1e-3, atol=1e-4 * float(theirs.max()))
    assert not any(part._forward_hooks for part in quick.module.modules())
    assert path_of(quick, name) == path_of(original, name)


def test_a_named_convolution_and_its_batch_norm_have_different_maps_though_they_are_fused():
    quick = fuse_batchnorm(network_of(small_resnet()))
    conv, norm = cam_of(quick, "layer2.0.conv1"), cam_of(quick, "layer2.0.bn1")
    assert np.abs(conv / conv.max() - norm / norm.max()).max() > 0.002


def test_of_a_last_batch_norm_behind_a_convolution_the_norm_is_named_fused_or_not():
    original = tiny_network(gala=False)
    module = nn.Sequential(*[getattr(original.module, name) for name in ("conv1", "norm1")], nn.AdaptiveAvgPool2d(1))
    original = network_of(nn.Sequential(module, nn.Flatten()), n_categories=8)
    assert path_of(original) == path_of(fuse_batchnorm(original)) == "0.1"


def test_of_lite0_it_is_the_batch_norm_of_the_head_since_its_activation_runs_twice():
    network = Bare(lite0_gala().eval())
    assert path_of(network) == "_bn1"
    with pytest.raises(ValueError, match=r"'_swish' runs 2 times in a forward pass: _swish#1 .*; 'last' takes '_bn1'"):
        path_of(network, "_swish")


def test_of_a_gated_layer_the_gated_output_counts():
    module = nn.Sequential(nn.Conv2d(3, 8, 4, stride=4), nn.BatchNorm2d(8), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    module = shaken(add_gala(module, ["1"], ratio=2))
    assert path_of(Bare(module)) == "1.attention"
    assert_equal(cam_of(Bare(module)), captums(module, module[1]))


def test_the_formula_by_hand_on_a_small_network():
    module = Tiny().eval()
    module.act = nn.ReLU6(inplace=False)
    captured = {}
    handle = module.norm1.register_forward_hook(lambda _m, _i, output: captured.update(activity=output))
    logit = module(torch.from_numpy(one_input(3, 16))[None])[0, 2]
    handle.remove()
    (gradient,) = torch.autograd.grad(logit, captured["activity"])
    cam = torch.relu((gradient.mean((2, 3), keepdim=True) * captured["activity"]).sum(1))
    np.testing.assert_allclose(cam_of(Bare(module), "norm1", size=16), cam.detach().numpy(), rtol=1e-4, atol=1e-6)


def test_an_activation_in_place_behind_the_layer_does_not_change_it():
    first, second = Tiny(), Tiny()
    second.act = nn.ReLU6(inplace=False)
    np.testing.assert_allclose(*(cam_of(Bare(one), "norm1", size=16) for one in (first, second)), rtol=1e-6)


def test_the_layer_that_is_used_is_told_by_its_path():
    method = GradCam(Bare(resnet18()))
    assert method.layer_path is None
    list(map_states(method, one_input(3, SIZE), image="cat", target=2))
    assert method.layer_path == "layer4.1"
    module = resnet18()
    assert find_cam_layer(Bare(module), torch.zeros(2, 3, SIZE, SIZE)) is module.get_submodule("layer4.1")
    assert path_of(Bare(module), "layer3") == "layer3"


def test_an_unknown_layer_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match=r"no module called 'layer4\.bn2'\. Did you mean 'layer4\.\d\.bn2'"):
        path_of(Bare(resnet18()), "layer4.bn2")


class Transformer(nn.Module):
    """Patches to tokens, with ``grid`` to (B, H, W, C), two blocks, their mean; ``back`` makes a map of them first."""

    def __init__(self, *, grid: bool, back: bool = False) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.grid, self.back = grid, nn.Identity() if back else None
        self.patches = nn.Conv2d(3, 12, 8, stride=8)
        self.blocks = nn.ModuleList([Mixer(), Mixer()])
        self.norm = nn.LayerNorm(12)
        self.head = nn.Linear(12, 4)

    def forward(self, batch):
        tokens = self.patches(batch).permute(0, 2, 3, 1)
        if not self.grid:
            tokens = tokens.flatten(1, 2)
        for block in self.blocks:
            tokens = block(tokens)
        tokens = self.norm(tokens)
        if self.back is not None:
            return self.head(self.back(tokens.permute(0, 3, 1, 2)).mean((2, 3)))
        return self.head(tokens.flatten(1, -2).mean(1))


class Mixer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.up, self.act, self.down = nn.LayerNorm(12), nn.Linear(12, 24), nn.GELU(), nn.Linear(24, 12)

    def forward(self, tokens):
        return tokens + self.down(self.act(self.up(self.norm(tokens))))


TO_GRID = {
    False: lambda tokens: tokens.transpose(1, 2).reshape(len(tokens), 12, 8, -1),
    True: lambda grid: grid.permute(0, 3, 1, 2),
}


@pytest.mark.parametrize("grid", TO_GRID)
@pytest.mark.parametrize("layer", ["last", "blocks.0", "blocks.1", "norm", "blocks.1.norm"])
def test_of_tokens_and_channels_last_it_is_the_formula_on_their_grid(grid, layer):
    module = Transformer(grid=grid).eval()
    assert path_of(Bare(module)) == "norm"
    part = module.norm if layer == "last" else module.get_submodule(layer)
    assert_equal(cam_of(Bare(module), layer), cam_by_hand(module, part, TO_GRID[grid], SIZE))
    assert_equal(cam_of(Bare(module), "patches"), captums(module, module.patches))


def test_where_a_class_token_alone_is_read_the_last_block_whose_positions_count_is_taken():
    class Blocks(nn.Module):
        def __init__(self, *, mean: bool = False) -> None:
            super().__init__()
            torch.manual_seed(2)
            self.patches, self.head, self.mean = nn.Conv2d(3, 12, 8, stride=8), nn.Linear(12, 4), mean
            self.others = nn.Parameter(torch.randn(1, 3, 12))
            self.mixers = nn.ModuleList([nn.MultiheadAttention(12, 3, batch_first=True) for _ in range(3)])
            self.ends = nn.ModuleList([nn.Identity() for _ in range(3)])

        def forward(self, batch):
            tokens = self.patches(batch).flatten(2).transpose(1, 2)
            tokens = torch.cat([self.others.expand(len(batch), -1, -1), tokens], dim=1)
            for mixer, end in zip(self.mixers, self.ends, strict=True):
                tokens = end(tokens + mixer(tokens, tokens, tokens, need_weights=False)[0])
            return self.head(tokens[:, 3:].mean(1) if self.mean else tokens[:, 0])

    def to_grid(tokens):
        return tokens[:, 3:].transpose(1, 2).reshape(len(tokens), 12, 8, 8)

    read, mean = Blocks().eval(), Blocks(mean=True).eval()
    assert path_of(Bare(mean)) == "ends.2"
    assert path_of(Bare(read)) == "ends.1", "behind the last block, logits depend on no position"
    assert not cam_of(Bare(read), "ends.2").any()
    for module, end in ((read, "ends.1"), (mean, "ends.2")):
        assert_equal(cam_of(Bare(module)), cam_by_hand(module, module.get_submodule(end), to_grid, SIZE))


def test_tokens_that_become_a_map_again_are_taken():
    module = Transformer(grid=True, back=True).eval()
    assert path_of(Bare(module)) == "back"
    assert_equal(cam_of(Bare(module)), captums(module, module.back))


class Summed(nn.Module):
    """A function of which it is not known where its rows and columns are."""

    def forward(self, batch):
        return batch.permute(0, 2, 3, 1).cumsum(3)


class Pooled(nn.Module):
    def forward(self, batch):
        return batch.mean((1, 2))


def test_where_a_pass_does_not_tell_the_axes_a_layer_is_refused_unless_its_name_does():
    module = nn.Sequential(nn.Conv2d(3, 5, 8, stride=8), Summed(), Pooled()).eval()
    advice = r"'1' gives \(1, 8, 8, 5\), and the forward pass does not tell .* 1:channels_first or 1:channels_last"
    with pytest.raises(ValueError, match=advice):
        path_of(Bare(module), "1")
    with pytest.raises(ValueError, match=r"would be '0', but layers follow .* '1' gives \(1, 8, 8, 5\)"):
        path_of(Bare(module))
    named = cam_of(Bare(module), "1:channels_last")
    assert_equal(named, cam_by_hand(module, module[1], lambda grid: grid.permute(0, 3, 1, 2), SIZE))
    with pytest.raises(ValueError, match=r"'0:channels_last' is declared, but gives channels first"):
        cam_of(Bare(module), "0:channels_last")
    with pytest.raises(ValueError, match=r"channels_first .* or channels_last .* got '0:last'"):
        cam_of(Bare(module), "0:last")


def test_a_function_that_writes_into_the_layers_output_does_not_change_its_map():
    class Writes(nn.Module):
        def __init__(self, write):
            super().__init__()
            torch.manual_seed(0)
            self.conv, self.head, self.write = nn.Conv2d(3, 6, 3), nn.Linear(6, 4), write

        def forward(self, batch):
            values = self.conv(batch)
            values = torch.relu_(values) if self.write else torch.relu(values)
            return self.head(values.mean((2, 3)))

    first, second = (cam_of(Bare(Writes(write).eval()), "conv", size=16) for write in (True, False))
    assert first.any()
    np.testing.assert_array_equal(first, second)


def test_a_module_that_runs_more_than_once_is_refused_by_name_and_never_last():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.act, self.unused = nn.Conv2d(3, 3, 3, stride=2), nn.ReLU(), nn.Conv2d(3, 3, 1)
            self.last_conv = nn.Conv2d(3, 5, 1)

        def forward(self, batch):
            return self.act(self.last_conv(self.act(self.conv(self.conv(batch))))).mean((2, 3))

    network = Bare(Twice())
    for name in ("conv", "act"):
        with pytest.raises(
            ValueError, match=rf"'{name}' runs 2 times .*: {name}#1 to {name}#2 .* 'last' takes 'last_conv'"
        ):
            cam_of(network, name)
    with pytest.raises(ValueError, match="'unused' does not run in a forward pass"):
        cam_of(network, "unused")
    assert path_of(network) == "last_conv"
    assert cam_layer_paths(network, torch.zeros(1, 3, SIZE, SIZE)) == (
        "conv#1",
        "conv#2",
        "act#1",
        "last_conv",
        "act#2",
    )


def test_each_call_of_a_module_that_runs_twice_has_its_own_map():
    class Apart(nn.Module):
        def __init__(self, second):
            super().__init__()
            torch.manual_seed(0)
            self.conv, self.mixed, self.head = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 6, 3), nn.Linear(6, 4)
            self.acts = nn.ModuleList([nn.ReLU(), nn.ReLU()]) if second else None
            self.act = nn.ReLU()

        def forward(self, batch):
            first, second = self.acts or (self.act, self.act)
            return self.head(second(self.mixed(first(self.conv(batch)))).mean((2, 3)))

    twice, apart = Apart(False).eval(), Apart(True).eval()
    for number, name in ((1, "acts.0"), (2, "acts.1")):
        theirs = cam_of(Bare(apart), name, size=16)
        assert theirs.any()
        np.testing.assert_array_equal(cam_of(Bare(twice), f"act#{number}", size=16), theirs)
    with pytest.raises(ValueError, match="'act#3' runs 2 times"):
        cam_of(Bare(twice), "act#3", size=16)
    with pytest.raises(ValueError, match="the number of a call, from 1, was expected; got 'act#x'"):
        cam_of(Bare(twice), "act#x", size=16)


def test_other_outputs_are_refused_by_name():
    class Several(nn.Module):
        def forward(self, batch):
            return batch, batch

    class First(nn.Module):
        def forward(self, pair):
            return pair[0]

    module = nn.Sequential(nn.Conv2d(3, 6, 3), Several(), First(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network = Bare(module)
    for name, what in {"1": r"several outputs \(tuple\)", "3": r"one position, \(1, 6, 1, 1\)", "4": "2 dims"}.items():
        with pytest.raises(ValueError, match=rf"'{name}' gives {what}.*'last' takes '0'"):
            path_of(network, name)


def test_of_a_network_without_maps_it_is_refused():
    with pytest.raises(ValueError, match=r"this network has none\. Use 'smoothgrad'"):
        path_of(Bare(nn.Sequential(nn.Flatten(), nn.Linear(3 * SIZE * SIZE, 4))))


def test_looking_for_the_layer_leaves_the_network_as_it_was():
    module = Tiny().train()
    before = [(part.training, getattr(part, "inplace", None), len(part._forward_hooks)) for part in module.modules()]
    inputs = torch.from_numpy(one_input())[None]
    cam_layer_path(Bare(module), inputs)
    assert [
        (part.training, getattr(part, "inplace", None), len(part._forward_hooks)) for part in module.modules()
    ] == before
    assert all(parameter.requires_grad and parameter.grad is None for parameter in module.parameters())
    assert not inputs.requires_grad
    assert replace(GradCamSpec(), layer="act").layer == "act"


@pytest.mark.parametrize("build", [small_resnet, lambda: Tiny(0)])
def test_the_layers_that_can_be_chosen_are_those_that_are_not_refused(build):
    module = build()
    network = Bare(module)
    inputs = torch.zeros(1, 3, SIZE, SIZE)
    layers = cam_layer_paths(network, inputs)
    assert path_of(network) in layers
    assert len(set(layers)) == len(layers)
    for path in dict(module.named_modules()):
        if not path:
            continue
        try:
            allowed = cam_layer_path(network, inputs, path) == path
        except ValueError:
            allowed = False
        assert (path in layers) == allowed, path


def test_the_layers_that_can_be_chosen_stand_in_the_order_in_which_they_run():
    layers = cam_layer_paths(Bare(small_resnet()), torch.zeros(1, 3, SIZE, SIZE))
    blocks = [layer for layer in layers if layer.startswith("layer") and layer.count(".") == 1]
    assert blocks == ["layer1.0", "layer2.0", "layer3.0", "layer4.0"]
    assert "fc" not in layers
