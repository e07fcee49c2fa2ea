"""Layers and outputs: what users of other tools reported, tried here, on small networks and on timm's own."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
import pytest
import torch
from captum.attr import LayerAttribution
from torch import Tensor, nn

import gala_viz as gv
from gala_viz.attribution.grad_cam import GradCam, GradCamSpec, cam_layer_path
from gala_viz.attribution.packing import map_states
from gala_viz.networks.fuse_batchnorm import fuse_batchnorm
from gala_viz.networks.network import Network
from tests.attribution.cam_by_hand import cam_by_hand
from tests.attribution.tiny import one_input
from tests.networks.test_fuse_batchnorm import shaken
from tests.reports.small import CATEGORIES, network
from tests.tiers import slow


def small(size: int = 32) -> gv.Preprocessing:
    return gv.Preprocessing(short_px=size, crop_px=size)


def convolutions(*behind: nn.Module) -> nn.Sequential:
    """A convolution, what is behind it, and five logits."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), *behind, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 5))


def batch(size: int = 32, n: int = 2) -> Tensor:
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(4))


def cam_of(one: Network, layer: str, size: int) -> np.ndarray:
    (*_, state) = map_states(GradCam(one, GradCamSpec(layer=layer)), one_input(3, size), image="cat", target=2)
    return state.mean


# What a hook keeps


class WritesAsFunction(nn.Module):
    def forward(self, values):
        return torch.relu_(values)


@pytest.mark.parametrize("behind", [nn.ReLU(inplace=True), WritesAsFunction()])
def test_activity_is_what_the_layer_gave_before_anything_wrote_into_it(behind):
    module = convolutions(behind)
    one = network(module, hooked_layers=["0"])
    with torch.no_grad():
        _, maps = one.attention(batch())
        torch.testing.assert_close(maps["0 (activity)"], module[0](batch()))
    assert maps["0 (activity)"].min() < 0


def test_each_call_of_a_module_that_runs_twice_is_a_layer_and_both_together_are_refused():
    act = nn.ReLU()
    module = convolutions(act, nn.Conv2d(6, 6, 3), act)
    with pytest.raises(ValueError, match=r"'1' runs 2 times in a forward pass; name one of its calls: 1#1 to 1#2"):
        network(module, hooked_layers=["1"])
    one = network(module, hooked_layers=["1#1", "1#2"])
    assert one.layers == ("1#1 (activity)", "1#2 (activity)")
    with torch.no_grad():
        _, maps = one.attention(batch())
        torch.testing.assert_close(maps["1#1 (activity)"], module[:2](batch()))
        torch.testing.assert_close(maps["1#2 (activity)"], module[:4](batch()))
    with pytest.raises(ValueError, match=r"'1#3' runs 2 times"):
        network(module, hooked_layers=["1#3"])


# Channels last, tokens


class Swinlike(nn.Module):
    """Channels last with as many rows as columns and more channels, as of Swin; a class token, as of ViT."""

    def __init__(self, *, tokens: bool = False):
        super().__init__()
        torch.manual_seed(0)
        self.patches, self.norm, self.head = nn.Conv2d(3, 12, 4, stride=4), nn.LayerNorm(12), nn.Linear(12, 5)
        self.tokens = tokens

    def forward(self, images):
        grid = self.patches(images).permute(0, 2, 3, 1)
        if self.tokens:
            grid = torch.cat([torch.zeros(len(grid), 1, 12), grid.flatten(1, 2)], 1)
        return self.head(self.norm(grid).flatten(1, -2).mean(1))


@pytest.mark.parametrize("tokens", [False, True])
def test_activity_of_channels_last_and_of_tokens_has_the_shape_of_the_grid(tokens):
    module = Swinlike(tokens=tokens)
    one = network(module, hooked_layers=["norm", "patches"])
    with torch.no_grad():
        _, maps = one.attention(batch())
        expected = torch.nn.functional.layer_norm(
            module.patches(batch()).permute(0, 2, 3, 1), (12,), module.norm.weight, module.norm.bias
        )
    torch.testing.assert_close(maps["norm (activity)"], expected.permute(0, 3, 1, 2))
    assert maps["norm (activity)"].shape == maps["patches (activity)"].shape == (2, 12, 8, 8)


def test_a_layer_whose_axes_nobody_knows_is_refused_unless_its_name_tells_them():
    class Sorted(nn.Module):
        def forward(self, values):
            return values.sort(1).values

    module = convolutions(Sorted())
    with pytest.raises(ValueError, match=r"'1' gives \(2, 6, 32, 32\), of which .* say so: 1:channels_first"):
        network(module, hooked_layers=["1"])
    one = network(module, hooked_layers=["1:channels_first"])
    with torch.no_grad():
        maps = one.attention(batch())[1]["1:channels_first (activity)"]
        torch.testing.assert_close(maps, module[:2](batch()))
    with pytest.raises(ValueError, match=r"'0:channels_last' is declared, but .* channels first"):
        network(module, hooked_layers=["0:channels_last"])


TIMM = {
    "swin": (
        "swin_tiny_patch4_window7_224",
        {"img_size": 56, "embed_dim": 24, "depths": (2, 2), "num_heads": (2, 4)},
        56, "layers.0", "norm", (7, 7),
    ),
    "convnext": (
        "convnext_tiny", {"depths": (1, 1, 1, 1), "dims": (8, 8, 16, 16)}, 96, "stages.0.blocks.0.norm",
        "stages.3.blocks.0", (3, 3),
    ),
    "vit": (
        "vit_tiny_patch16_224", {"img_size": 64, "depth": 3, "embed_dim": 24, "num_heads": 2}, 64, "blocks.0.attn",
        "blocks.1", (4, 4),
    ),
    "deit distilled": (
        "deit_tiny_distilled_patch16_224", {"img_size": 64, "depth": 2, "embed_dim": 24, "num_heads": 2}, 64,
        "blocks.1", "blocks.0", (4, 4),
    ),
    "dinov2 registers": (
        "vit_small_patch14_reg4_dinov2", {"img_size": 70, "depth": 2, "embed_dim": 24, "num_heads": 2}, 70, "blocks.1",
        "blocks.0", (5, 5),
    ),
    "resnet": ("resnet10t", {}, 64, "layer3", "layer4.0", (2, 2)),
}  # fmt: skip
"""Kind -> name, options, input size, a layer, what "last" is, and its grid."""


def timm_network(kind: str, **options) -> nn.Module:
    timm = pytest.importorskip("timm", reason="timm is not installed", exc_type=ImportError)
    name, settings, *_ = TIMM[kind]
    torch.manual_seed(0)
    module = timm.create_model(name, pretrained=False, num_classes=5, **settings, **options).eval()
    for part in module.modules():
        if isinstance(part, nn.Linear) and part.out_features == 5:
            nn.init.normal_(part.weight, std=0.3)
    return module


def grid_of(kind: str, rows: int, columns: int):
    """Return the function from a layer's output to (B, C, H, W), written for each kind."""
    before = {"vit": 1, "deit distilled": 2, "dinov2 registers": 5}.get(kind)
    if before is not None:
        return lambda output: output[:, before:].transpose(1, 2).reshape(len(output), -1, rows, columns)
    return lambda output: output.permute(0, 3, 1, 2) if kind == "swin" else output


@pytest.mark.parametrize("kind", [*list(TIMM)[:3], *slow(*list(TIMM)[3:])])
def test_networks_of_timm_have_their_layers_on_the_grid_and_grad_cam_at_the_last(kind):
    module = timm_network(kind)
    _, _, size, layer, last, (rows, columns) = TIMM[kind]
    one = network(module, preprocessing=small(size), hooked_layers=[layer, last])
    images = batch(size)
    assert torch.equal(fuse_batchnorm(one).logits(images).argmax(1), module(images).argmax(1))
    kept = {}
    handles = [
        module.get_submodule(path).register_forward_hook(lambda _m, _i, output, path=path: kept.update({path: output}))
        for path in (layer, last)
    ]
    with torch.no_grad():
        module(images)
        _, maps = one.attention(images)
    for handle in handles:
        handle.remove()
    to_grid = grid_of(kind, rows, columns)
    expected = to_grid(kept[last])
    assert expected.shape[2:] == (rows, columns)
    torch.testing.assert_close(maps[f"{last} (activity)"], expected, rtol=1e-3, atol=1e-4)
    channels = kept[layer].shape[1 if kept[layer].ndim == 4 and kind == "resnet" else -1]
    assert maps[f"{layer} (activity)"].shape[1] == channels
    assert cam_layer_path(one, images) == last
    theirs = cam_by_hand(module, module.get_submodule(last), to_grid, size)
    assert theirs.any()
    np.testing.assert_allclose(cam_of(one, "last", size), theirs, rtol=1e-3, atol=1e-4 * theirs.max())


@pytest.mark.slow
def test_a_maxvit_of_timm_has_its_last_block_and_its_windows_are_refused():
    timm = pytest.importorskip("timm", reason="timm is not installed", exc_type=ImportError)
    torch.manual_seed(0)
    module = timm.create_model("maxvit_tiny_tf_224", pretrained=False, num_classes=5).eval()
    one = network(module, preprocessing=small(224), hooked_layers=["stages.1.blocks.0.attn_block"])
    with torch.no_grad():
        _, maps = one.attention(batch(224))
    assert maps["stages.1.blocks.0.attn_block (activity)"].shape == (2, 128, 28, 28)
    assert cam_layer_path(one, batch(224)) == "stages.3.blocks.1"
    with pytest.raises(ValueError, match=r"'stages.0.blocks.0.attn_block.attn' gives \(128, 7, 7, 64\)"):
        network(module, preprocessing=small(224), hooked_layers=["stages.0.blocks.0.attn_block.attn"])


def test_a_grid_that_is_not_square_is_taken_from_the_patches():
    timm = pytest.importorskip("timm", reason="timm is not installed", exc_type=ImportError)
    settings = {"img_size": (256, 128), "depth": 2, "embed_dim": 24, "num_heads": 2, "num_classes": 5}
    torch.manual_seed(0)
    module = timm.create_model("vit_tiny_patch16_224", pretrained=False, **settings).eval().requires_grad_(False)
    nn.init.normal_(module.head.weight)
    one = network(timm_network("vit"), preprocessing=small(64))
    one.module = module  # this package's preprocessing is of squares
    images = torch.randn(1, 3, 256, 128)
    method = GradCam(one, GradCamSpec())
    found = method.attribute(images.requires_grad_(), torch.tensor([2]))
    assert method.layer_path == "blocks.0"
    captured = {}
    handle = module.blocks[0].register_forward_hook(lambda _m, _i, output: captured.update(tokens=output))
    (gradient,) = torch.autograd.grad(module(images)[0, 2], captured["tokens"])
    handle.remove()
    gradient, activity = (
        tokens[:, 1:].transpose(1, 2).reshape(1, 24, 16, 8) for tokens in (gradient, captured["tokens"])
    )
    cam = torch.relu((gradient.mean((2, 3), keepdim=True) * activity).sum(1, keepdim=True))
    expected = LayerAttribution.interpolate(cam, (256, 128), "bilinear")
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)


# Memory format, weight norm, batch norms


class Viewed(nn.Module):
    """PyTorch's first tutorial: ``view`` behind a convolution."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.head = nn.Conv2d(3, 6, 3, stride=8), nn.Linear(6 * 16, 5)

    def forward(self, images):
        activity = self.conv(images)
        return self.head(activity.view(activity.size(0), -1))


def test_view_behind_a_convolution_runs_contiguously():
    module = Viewed()
    one = network(module)
    assert one.memory_format == torch.contiguous_format
    assert network(convolutions()).memory_format == torch.channels_last
    torch.testing.assert_close(one.logits(batch()), module(batch()))
    assert one.module.conv.weight.is_contiguous()


@pytest.mark.parametrize("form", ["old", "new"])
def test_weight_norm_runs_and_is_left_unfused(form):
    module = convolutions(nn.BatchNorm2d(6), nn.Conv2d(6, 6, 3), nn.BatchNorm2d(6))
    with pytest.warns(FutureWarning) if form == "old" else _nothing():
        wrap = nn.utils.weight_norm if form == "old" else nn.utils.parametrizations.weight_norm
        module[0] = wrap(module[0])
    shaken(module).eval()
    expected = module(batch())
    one = network(module)
    quick = fuse_batchnorm(one)
    torch.testing.assert_close(one.logits(batch()), expected)
    torch.testing.assert_close(quick.logits(batch()), expected, rtol=1e-4, atol=1e-5)
    assert isinstance(quick.module[1], nn.BatchNorm2d), "the weights of its convolution are computed in each pass"
    assert not isinstance(quick.module[3], nn.BatchNorm2d)


class _nothing:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


class TwoPaths(nn.Module):
    """A convolution whose output is also used where an image is bright; noise never is."""

    def __init__(self, read: str):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm, self.head = nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.Linear(6, 5)
        self.read = read

    def forward(self, images):
        activity = self.conv(images)
        result = torch.relu(self.norm(activity))
        bright = images.mean() > 5
        if (self.read == "bool" and bright) or (self.read == "item" and bright.item()):
            result = result + activity
        return self.head(result.mean((2, 3)))


@pytest.mark.parametrize("read", ["bool", "item"])
def test_a_path_that_no_check_image_takes_leaves_the_batch_norm_as_it_is(read):
    module = shaken(TwoPaths(read)).eval()
    quick = fuse_batchnorm(network(module))
    for images in (batch(), batch() + 10):
        torch.testing.assert_close(quick.logits(images), module(images))


def test_a_convolution_that_is_used_twice_stays_and_the_others_are_fused():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.conv, self.norm, self.head = nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.Linear(6, 5)
            self.next, self.other = nn.Conv2d(6, 6, 3), nn.BatchNorm2d(6)

        def forward(self, images):
            activity = self.conv(images)
            return self.head(self.other(self.next(torch.relu(self.norm(activity)) + activity)).mean((2, 3)))

    module = shaken(Twice()).eval()
    quick = fuse_batchnorm(network(module))
    assert isinstance(quick.module.norm, nn.BatchNorm2d)
    assert not isinstance(quick.module.other, nn.BatchNorm2d)
    torch.testing.assert_close(quick.logits(batch()), module(batch()), rtol=1e-4, atol=1e-5)


# Outputs

Pair = namedtuple("Pair", "logits aux")


class Gives(nn.Module):
    """Five logits, and what ``form`` makes of them."""

    def __init__(self, form, n: int = 5):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.head, self.form = nn.Conv2d(3, 6, 3), nn.Linear(6, n), form

    def forward(self, images):
        return self.form(self.head(torch.relu(self.conv(images)).mean((2, 3))))


FORMS = {
    "dict": (lambda z: {"aux": z * 0, "logits": z}, "logits", "dict with aux .*, logits"),
    "named tuple": (lambda z: Pair(z, z * 0), "logits", "Pair with logits .*, aux"),
    "tuple": (lambda z: (z * 0, z), "1", r"tuple with 0 \(2, 5\), 1 \(2, 5\)"),
}


@pytest.mark.parametrize("form", FORMS)
def test_of_several_outputs_one_is_chosen_by_name_and_without_it_they_are_named(form):
    function, key, described = FORMS[form]
    with pytest.raises(ValueError, match=rf"{described}.* Choose one with output='\w+' \(--output \w+\)"):
        network(Gives(function))
    one = network(Gives(function), output=key)
    expected = Gives(lambda z: z)(batch())
    torch.testing.assert_close(one.logits(batch()), expected)
    with pytest.raises(ValueError, match=r"no output called 'logit'"):
        network(Gives(function), output="logit")
    with pytest.raises(ValueError, match=r"one tensor \(2, 5\) comes out"):
        network(Gives(lambda z: z), output=key)


def test_the_output_is_part_of_a_name_so_that_every_process_chooses_it(monkeypatch):
    from gala_viz.networks import external
    from gala_viz.networks.network_folders import is_external, with_output

    def given():
        module = Gives(FORMS["dict"][0])
        module.preprocessing, module.categories = small(), CATEGORIES
        return module

    monkeypatch.setattr(external, "import_function", lambda name: given)
    loaded = gv.load_network("own_models:given", device="cpu", output="logits")
    assert loaded.opened_as == "own_models:given?output=logits"
    assert loaded.name == "own_models:given"
    again = gv.load_network(loaded.opened_as, device="cpu")
    assert torch.equal(again.logits(batch()), loaded.logits(batch()))
    assert is_external(loaded.opened_as)
    assert with_output(["lite0", "own_models:given"], "0") == ("lite0", "own_models:given?output=0")
    with pytest.raises(ValueError, match=r"is for networks of other programs .* got lite0"):
        with_output(["lite0"], "0")
    with pytest.raises(ValueError, match="output='0' is for external networks"):
        gv.load_network("lite0", output="0")


def test_a_classifier_of_transformers_gives_its_logits_as_a_module_too():
    transformers = pytest.importorskip("transformers")
    config = transformers.ViTConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48, image_size=32, patch_size=8,
        num_labels=5,
    )  # fmt: skip
    torch.manual_seed(0)
    module = transformers.ViTForImageClassification(config).eval()
    with pytest.raises(ValueError, match=r"ImageClassifierOutput with logits \(2, 5\) comes out"):
        network(module)
    one = network(module, output="logits")
    torch.testing.assert_close(one.logits(batch()), module(batch()).logits)
    assert cam_of(one, "last", 32).any()
    path = cam_layer_path(one, batch())
    assert path == "vit.layers.0", "the output of the last but one block: the class token alone is read"


def test_probabilities_are_refused_and_their_logarithm_is_offered():
    plain = Gives(lambda z: z)
    for form in (lambda z: z.softmax(1), lambda z: (z * 0.01).exp() / (z * 0.01).exp().sum(1, keepdim=True)):
        with pytest.raises(ValueError, match=r"gives probabilities .* output='log' \(--output log\)"):
            network(Gives(form))
    one = network(Gives(lambda z: {"p": z.softmax(1)}), output="p:log")
    torch.testing.assert_close(one.logits(batch()), plain(batch()).log_softmax(1))
    with pytest.raises(ValueError, match=r"output 'log' is for probabilities; those of two images sum to"):
        network(Gives(lambda z: z.sigmoid()), output="log")


@pytest.mark.parametrize("shape", ["(B, 1)", "(B,)"])
def test_one_logit_is_refused_or_becomes_two_categories(shape):
    def form(z):
        return z if shape == "(B, 1)" else z[:, 0]

    with pytest.raises(ValueError, match=r"one number an image.* output='binary' \(--output binary\)"):
        network(Gives(form, 1), categories=None)
    one = network(Gives(form, 1), categories=None, output="binary")
    assert len(one.categories) == 2
    logit = Gives(lambda z: z, 1)(batch())[:, 0]
    torch.testing.assert_close(one.logits(batch()).softmax(1)[:, 1], logit.sigmoid())
    with pytest.raises(ValueError, match=r"one number an image.* output='log' \(--output log\)"):
        network(Gives(lambda z: form(z.sigmoid()), 1), categories=None)
    probability = network(Gives(lambda z: form(z.sigmoid()), 1), output="log", categories=("no", "yes"))
    torch.testing.assert_close(probability.logits(batch()).softmax(1)[:, 1], logit.sigmoid())


def test_wrong_numbers_of_categories_and_networks_without_a_head_are_refused():
    with pytest.raises(ValueError, match=r"\(5 names, 7 logits\)"):
        network(Gives(lambda z: z, 7))
    headless = Gives(lambda z: z)
    headless.head = nn.Identity()
    with pytest.raises(ValueError, match=r"6 numbers an image\. Its classifier 'head' is an nn\.Identity"):
        network(headless, categories=None)
    assert len(network(headless, categories=tuple("abcdef")).categories) == 6
    with pytest.raises(ValueError, match=r"gives maps \(2, 6, 30, 30\), one for each position"):
        network(nn.Conv2d(3, 6, 3), categories=None)


def test_a_backbone_of_timm_without_its_classifier_is_refused():
    timm = pytest.importorskip("timm", reason="timm is not installed", exc_type=ImportError)
    module = timm.create_model("resnet10t", pretrained=False, num_classes=0)
    with pytest.raises(ValueError, match=r"Its classifier was left out \(num_classes=0\)"):
        network(module, categories=None)


@pytest.mark.parametrize("channels", [1, 4])
def test_another_number_of_input_channels_is_refused_in_words(channels):
    module = nn.Sequential(nn.Conv2d(channels, 5, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(ValueError, match=rf"Its first convolution takes {channels} channels?; photographs have 3"):
        network(module)


def test_a_network_whose_image_gets_no_gradient_is_refused_when_it_is_made():
    for form in (lambda z: z.detach(), lambda z: torch.from_numpy(z.detach().numpy())):
        with pytest.raises(ValueError, match="the image gets no gradient"):
            network(Gives(form))


def test_what_fails_backward_is_refused_when_it_is_made():
    class Fails(torch.autograd.Function):
        @staticmethod
        def forward(ctx, values):
            return values * 1

        @staticmethod
        def backward(ctx, gradient):
            raise RuntimeError("no way back")

    with pytest.raises(ValueError, match=r"n: .* raised RuntimeError: no way back \(in its backward pass\)"):
        network(Gives(Fails.apply))
