"""Attribution: what users of other tools reported, tried here. docs/machinery/reported_problems.md has the table."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
import xarray as xr
from PIL import Image
from torch import Tensor, nn

import gala_viz as gv
from gala_viz.attribution.gradients import IntegratedGradientsSpec
from gala_viz.attribution.methods import METHODS
from gala_viz.engine.attribution_maps import attribution_maps
from gala_viz.engine.results.near_zero import near_zero_message
from gala_viz.live.live_maps import LiveMaps
from gala_viz.networks import external
from gala_viz.networks.fuse_batchnorm import fuse_batchnorm
from gala_viz.plots.colour_scale import colour_limits
from tests.networks.test_fuse_batchnorm import Small, shaken
from tests.reports.small import (
    PREPROCESSING,
    SPEC,
    network,
    own_resnet,
    photographs,
    run_script,
    torchvision_resnet,
)


@pytest.fixture(autouse=True)
def _warnings_are_errors():
    """A division or a cast that warns is a fault here."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


QUICK = {"smoothgrad": SPEC, "integrated_gradients": IntegratedGradientsSpec(n_steps=4)}


def maps_of(one, method="smoothgrad", **options):
    collection, images = photographs()
    return attribution_maps(one, collection, method, QUICK.get(method), images, **options)


# Memory


@pytest.mark.slow
def test_batches_are_as_large_for_sixty_samples_as_for_ten():
    module, collection, (image, _) = own_resnet(), *photographs()
    sizes: list[int] = []
    module.register_forward_pre_hook(lambda _module, inputs: sizes.append(len(inputs[0])))
    one = network(module)
    largest = []
    for n_samples in (10, 60):
        sizes.clear()
        gv.smoothgrad(one, collection, gv.SmoothGradSpec(n_samples=n_samples), [image])
        assert sum(sizes) >= n_samples
        largest.append(max(sizes))
    assert largest[0] == largest[1] <= 10


@pytest.mark.slow
def test_the_most_memory_is_the_same_for_ten_samples_and_for_a_thousand(repository):
    script = """
import gala_viz as gv
from gala_viz.batch.memory import peak_bytes
from tests.reports.small import network, photographs, torchvision_resnet
collection, (image, _) = photographs()
one = network(torchvision_resnet(), preprocessing=gv.Preprocessing(short_px=96, crop_px=96))
for n_samples in (10, 1000):
    gv.smoothgrad(one, collection, gv.SmoothGradSpec(n_samples=n_samples), [image], return_error=True)
    print(peak_bytes())
"""
    few, many = run_script(repository, script)
    inputs = 1000 * 3 * 96 * 96 * 4  # of a thousand samples at once, without any activity of a layer
    assert many - few < 0.25 * inputs


@pytest.mark.slow
@pytest.mark.parametrize("method", ["grad_cam", "smoothgrad"])
def test_memory_is_the_same_after_two_hundred_and_after_two_thousand_images(repository, method):
    script = f"""
import numpy as np
import psutil
import gala_viz as gv
from gala_viz.engine.attribution_maps import attribution_maps
from tests.reports.small import network, own_resnet
pixels = np.random.default_rng(0).integers(0, 256, (2000, 32, 32, 3), dtype=np.uint8)
spec = gv.SmoothGradSpec(n_samples=2) if {method!r} == "smoothgrad" else None

def tell(done, total):
    if done in (200, total):
        print(psutil.Process().memory_info().rss)

attribution_maps(network(own_resnet()), gv.Images(pixels), {method!r}, spec, progress=tell)
"""
    early, late = run_script(repository, script)
    maps = 1800 * 32 * 32 * 4  # which are the result
    assert late - maps < 1.1 * early, "what the allocator keeps back differs by some 5 %"


# Maps of no or tiny values


def test_a_category_that_nothing_speaks_for_has_an_empty_grad_cam_and_says_so():
    module = torchvision_resnet()
    with torch.no_grad():
        module.fc.weight[0] = -module.fc.weight[0].abs()
    empty, other = maps_of(network(module), "grad_cam", target=0), maps_of(network(module), "grad_cam", target=1)
    assert not empty.values.any()
    assert other.values.any(), "the layer is not silent: the category is"
    assert colour_limits(empty.values, "per map") == [(0.0, 1.0)] * 2, "nothing is amplified"
    assert "about zero" in near_zero_message(empty.values[0])
    assert np.isnan(gv.spearman(empty.values, other.values)).all()
    delta = gv.gradient_delta(empty.assign_attrs(target=1), other)
    assert np.isfinite(delta.values).all()


@pytest.mark.parametrize("scale", [1e-6, 1e-12])
def test_tiny_gradients_give_the_map_of_large_ones_in_another_unit(scale):
    plain, tiny = (
        maps_of(network(own_resnet(scale=factor)), target=0, return_error=True, return_groups=True)
        for factor in (1.0, scale)
    )
    for name in ("map", "standard_error"):
        wanted = scale * plain[name].values
        np.testing.assert_allclose(tiny[name].values, wanted, rtol=1e-3, atol=1e-5 * wanted.max())
    delta = gv.gradient_delta(plain, tiny)
    assert np.abs(delta["delta"].values).max() < 1e-4, "each map is normalised by itself"
    limits = colour_limits(tiny["map"].values, "per map")
    assert all(0 < high < 1e3 * scale for _, high in limits), "a scale of its own shows it, and its unit tells"
    assert "about zero" in near_zero_message(tiny["map"].values[0], input_range=2.0)


# Scales and pictures


def test_ten_times_weaker_gradients_show_on_a_common_scale():
    strong, weak = (maps_of(network(own_resnet(scale=scale)), target=0).values for scale in (1.0, 0.1))
    for first, second in zip(strong, weak, strict=True):
        both = np.stack([first, second])
        (_, first_end), (_, second_end) = colour_limits(both, "shared")
        assert first_end == second_end
        brightest = [np.percentile(one, 99.5) / first_end for one in both]
        assert brightest == pytest.approx([1.0, 0.1], rel=1e-3)
        (_, first_end), (_, second_end) = colour_limits(both, "per map")
        assert second_end == pytest.approx(first_end / 10, rel=1e-3), "a scale per map hides it, and its bar tells"


def test_signed_maps_have_their_zero_in_the_middle_of_a_common_scale():
    maps = maps_of(network(own_resnet()), target=0, reduction="signed").values
    assert maps.min() < 0 < maps.max()
    for low, high in colour_limits(maps, "shared"):
        assert low == -high


class BlueFirst(nn.Module):
    """A network that expects blue, green, red, as those of Caffe do."""

    def __init__(self, body: nn.Module):
        super().__init__()
        self.body = body

    def forward(self, batch: Tensor) -> Tensor:
        return self.body(batch.flip(1))


PREPARED = {
    "means and deviations": gv.Preprocessing(
        short_px=80, crop_px=64, interpolation="bilinear", mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)
    ),
    "means of Caffe": gv.Preprocessing(short_px=80, crop_px=64, mean=(123.68, 116.779, 103.939), std=(1.0, 1.0, 1.0)),
    "from -1 to 1": gv.Preprocessing(short_px=80, crop_px=64, mean=(127.5,) * 3, std=(127.5,) * 3),
}


@pytest.mark.parametrize("form", PREPARED)
def test_the_picture_beside_a_map_is_the_file_whatever_the_network_takes(form):
    collection, (image, _) = photographs()
    body = own_resnet()
    module = BlueFirst(body) if form == "means of Caffe" else body
    pair = [network(module, name=name, preprocessing=PREPARED[form]) for name in ("a", "b")]
    shown = LiveMaps(collection, pair).view(image)
    with Image.open(collection.path(image)) as file:
        width, height = file.size
        assert width == height, "so that the cut is the same on all sides"
        whole = file.convert("RGB").resize((80, 80), Image.Resampling[PREPARED[form].interpolation.upper()])
    np.testing.assert_array_equal(shown, np.asarray(whole)[8:72, 8:72])


def test_a_network_that_takes_blue_first_has_the_map_of_the_same_network_that_takes_red_first():
    turned, plain = torchvision_resnet(), torchvision_resnet()
    with torch.no_grad():
        turned.conv1.weight.copy_(turned.conv1.weight.flip(1))
    seen = PREPARED["means of Caffe"]
    first, second = (network(one, preprocessing=seen) for one in (BlueFirst(turned), plain))
    collection, images = photographs()
    ours, theirs = (attribution_maps(one, collection, "saliency", None, images, 0) for one in (first, second))
    np.testing.assert_allclose(ours.values, theirs.values, rtol=1e-4, atol=1e-6 * theirs.values.max())


# Precision of the weights


@pytest.mark.parametrize("weights", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_in_another_precision_give_the_map_that_they_give_as_float32(weights):
    module = own_resnet().to(weights)
    expected = maps_of(network(own_resnet().to(weights).float()))
    found = maps_of(network(module))
    assert np.isfinite(found.values).all()
    np.testing.assert_array_equal(found.values, expected.values)
    assert {one.dtype for one in module.parameters()} == {weights}, "the module that was given stays as it is"


def test_gradients_below_the_range_of_half_precision_are_not_lost():
    def faint():
        torch.manual_seed(0)
        module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))
        with torch.no_grad():
            module[0].weight.mul_(1e-3)
            module[4].weight.mul_(1e-3)
        return module.half()

    gradients = maps_of(network(faint()), target=0).values
    assert 0 < gradients.max() < 2.0**-25, "float16 has no such numbers"
    np.testing.assert_array_equal(gradients, maps_of(network(faint().float()), target=0).values)


def test_weights_that_two_modules_share_stay_shared_when_their_precision_changes():
    first, second = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)
    second.weight = first.weight
    module = nn.Sequential(first, second, nn.AdaptiveAvgPool2d(1), nn.Flatten()).half()
    made = network(module, categories=tuple("abc")).module
    assert made[0].weight is made[1].weight
    assert made[0].weight.dtype == torch.float32


def half_network() -> nn.Module:
    module = own_resnet().half()
    module.preprocessing = PREPROCESSING
    return module


def test_a_function_that_returns_a_network_in_half_precision_is_loaded(monkeypatch):
    monkeypatch.setattr(external, "import_function", lambda name: half_network)
    loaded = gv.load_network("own_models:half_network", device="cpu")
    np.testing.assert_array_equal(
        maps_of(loaded).values, maps_of(network(half_network().float(), name=loaded.name)).values
    )


# Where gradients are switched off


@pytest.mark.parametrize("method", METHODS)
def test_a_map_is_the_same_where_gradients_are_off_and_weights_are_frozen(method):
    expected = maps_of(network(own_resnet()), method)
    assert expected.values.any()
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            found = maps_of(network(own_resnet().requires_grad_(False), in_place=True), method)
        np.testing.assert_array_equal(found.values, expected.values)


def test_a_network_made_in_inference_mode_gives_the_same_map_outside_and_inside():
    def plain():  # without a batch norm, so that no fused copy is made of it
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))

    expected = maps_of(network(plain()))
    for in_place in (False, True):
        with torch.inference_mode():
            one = network(plain(), in_place=in_place)
            inside = maps_of(one)
        np.testing.assert_array_equal(inside.values, expected.values)
        np.testing.assert_array_equal(maps_of(one).values, expected.values)


def test_attention_norms_are_the_same_in_inference_mode():
    collection, images = photographs()
    expected = gv.attention_norms(network(own_resnet()), collection, images)
    with torch.inference_mode():
        found = gv.attention_norms(network(own_resnet()), collection, images)
    for name, values in expected.items():
        xr.testing.assert_equal(found[name], values)


@pytest.mark.slow
def test_a_shipped_network_that_is_loaded_in_inference_mode_gives_the_same_map():
    collection, images = photographs(1)
    spec = gv.SmoothGradSpec(n_samples=1)
    expected = gv.smoothgrad(gv.load_network("lite0-gala-vanilla", device="cpu"), collection, spec, images)
    with torch.inference_mode():
        found = gv.smoothgrad(gv.load_network("lite0-gala-vanilla", device="cpu"), collection, spec, images)
    np.testing.assert_array_equal(found.values, expected.values)


# Batch norms


def check_fused(one):
    """Compare logits and gradients on real photographs with those of the fused copy.

    Rounding may put single units on the other side of their kink, so that gradients are compared by their norm.
    """
    quick = fuse_batchnorm(one)
    assert quick is not one, "something was fused"
    collection, images = photographs()
    inputs = torch.stack([torch.from_numpy(one.preprocessing.to_input(collection.photo(image))) for image in images])
    results = []
    for each in (one, quick):
        batch = inputs.clone().requires_grad_()
        logits = each.logits(batch)
        (gradient,) = torch.autograd.grad(logits[:, 0].sum(), batch)
        results.append((logits.detach(), gradient))
    (logits, gradient), (fused_logits, fused_gradient) = results
    assert (fused_logits - logits).abs().max() < 1e-4 * logits.abs().max()
    assert gradient.abs().max() > 1e-6, "there is something to compare"
    assert (fused_gradient - gradient).norm() < 1e-2 * gradient.norm()


def test_folding_batch_norms_changes_no_logit_and_no_map_of_small_resnets():
    for module in (torchvision_resnet(), own_resnet()):
        check_fused(network(shaken(module)))


@pytest.mark.slow
def test_folding_batch_norms_changes_no_logit_and_no_map_of_a_shipped_network():
    check_fused(gv.load_network("lite0-gala-vanilla", device="cpu"))


def _transformers(name: str, **settings) -> nn.Module:
    transformers = pytest.importorskip("transformers")
    config = getattr(transformers, f"{name}Config")(num_labels=5, **settings)
    return external.LogitsOfTransformers(getattr(transformers, f"{name}ForImageClassification")(config))


OTHERS = {
    "ResNet": {"embedding_size": 16, "hidden_sizes": [16, 32, 64, 128], "depths": [1, 1, 1, 1]},
    "RegNet": {"embedding_size": 16, "hidden_sizes": [16, 32, 64, 128], "depths": [1, 1, 1, 1], "groups_width": 8},
    "MobileNetV1": {"depth_multiplier": 0.25},
    "MobileNetV2": {},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_folding_batch_norms_changes_no_logit_and_no_map_of_networks_of_another_library(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        module = shaken(_transformers(name, **OTHERS[name]))
        for part in module.modules():
            if isinstance(part, nn.Conv2d):  # the library's own start leaves MobileNets without a gradient
                nn.init.kaiming_normal_(part.weight)
        check_fused(network(module, preprocessing=gv.Preprocessing(short_px=64, crop_px=64)))


@pytest.mark.slow
def test_folding_batch_norms_changes_no_logit_and_no_map_of_whole_torchvision_architectures():
    from gala_viz.networks.converters.torchvision_resnet import TorchvisionResNet

    torch.manual_seed(0)
    for options in ({"blocks": (2, 2, 2, 2), "bottleneck": False}, {}, {"groups": 32, "group_width": 4}):
        check_fused(network(shaken(TorchvisionResNet(5, **options))))


@pytest.mark.parametrize("scale", [1.0, 1e-6])
def test_a_batch_norm_that_cannot_be_folded_is_found_out_however_small_the_logits_are(scale):
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = shaken(Small(twice=True))

        def forward(self, batch):
            return scale * self.body(batch)

    one = network(Scaled(), categories=tuple("abcdef"))
    quick = fuse_batchnorm(one)
    assert isinstance(quick.module.body.norm1, nn.BatchNorm2d), "its convolution's output is also used past it"
    images = torch.randn(2, 3, 32, 32)
    logits = one.logits(images)
    assert (quick.logits(images) - logits).abs().max() < 1e-4 * logits.abs().max()
