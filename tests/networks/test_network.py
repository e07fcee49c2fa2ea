"""A network in one hand: same numbers alone and in a batch, one pass for logits and attention, devices by name."""

from __future__ import annotations

import threading
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gala_viz.imagenet import category_names
from gala_viz.networks.devices import choose_device, choose_precision, describe_device
from gala_viz.networks.gala import gala_layers
from gala_viz.networks.lite0 import LITE0_PREPROCESSING, lite0_gala
from gala_viz.networks.network import Network
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.networks.resnet import resnet
from gala_viz.networks.zoo import load_network

FRAME = Preprocessing(short_px=40, crop_px=32)


@pytest.fixture
def network() -> Network:
    module = resnet(3, blocks=(1, 1, 2), base_filters=4, attention="gala")
    return Network(module, name="small", preprocessing=FRAME, categories=("a", "b", "c"), device="cpu")


@pytest.fixture(scope="module")
def lite0_network() -> Network:
    return load_network("lite0", device="cpu")


def batch(n: int = 2) -> torch.Tensor:
    return torch.randn(n, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_attention_and_logits_come_from_one_pass(network):
    passes = []
    network.module.stem.register_forward_hook(lambda *_: passes.append(1))
    logits, attention = network.attention(batch())
    assert len(passes) == 1
    torch.testing.assert_close(logits, network.logits(batch()))
    assert list(attention) == list(network.layers) == ["group3.block1", "group3.block2"]
    assert all(a.shape == (2, 64, 2, 2) and a.dtype == torch.float32 for a in attention.values())


@torch.no_grad()
def test_an_image_does_not_depend_on_its_batch(network):
    together, attention = network.attention(batch(4))
    for index in range(4):
        alone, own = network.attention(batch(4)[index : index + 1])
        torch.testing.assert_close(alone[0], together[index], rtol=1e-4, atol=1e-5)
        for layer in network.layers:
            torch.testing.assert_close(own[layer][0], attention[layer][index], rtol=1e-4, atol=1e-5)


def test_the_gradient_reaches_the_image_and_no_parameter(network):
    images = batch().requires_grad_()
    network.logits(images)[:, 1].sum().backward()
    assert images.grad.abs().sum() > 0
    assert not any(parameter.requires_grad or parameter.grad is not None for parameter in network.module.parameters())
    assert not network.module.training


@torch.no_grad()
def test_readers_in_two_threads_get_their_own_attention(network):
    expected = {seed: network.attention(batch() * seed)[1]["group3.block1"] for seed in (1, 2)}
    found: dict[int, list[torch.Tensor]] = {1: [], 2: []}

    def read(seed: int) -> None:
        with torch.no_grad():
            found[seed] += [network.attention(batch() * seed)[1]["group3.block1"] for _ in range(5)]

    threads = [threading.Thread(target=read, args=(seed,)) for seed in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, maps in found.items():
        assert len(maps) == 5
        for attention in maps:
            torch.testing.assert_close(attention, expected[seed])


@torch.no_grad()
def test_bfloat16_is_near_float32_and_gives_float32(network):
    rough = Network(
        network.module,
        name="rough",
        preprocessing=FRAME,
        categories=network.categories,
        device="cpu",
        precision="bfloat16",
    )
    logits = rough.logits(batch())
    assert logits.dtype == torch.float32
    assert not torch.equal(logits, network.logits(batch()))
    torch.testing.assert_close(logits, network.logits(batch()), rtol=0.1, atol=0.02)
    assert rough.device_description == "CPU, bfloat16"


def test_a_batch_of_another_shape_is_refused(network):
    with pytest.raises(ValueError, match=r"small takes a batch \(B, 3, y, x\); got shape \(2, 32, 32\)"):
        network.logits(torch.zeros(2, 32, 32))


def test_devices_and_precisions_are_chosen_by_name():
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert choose_precision("bf16") == choose_precision(torch.bfloat16) == "bfloat16"
    assert choose_precision() == "float32"
    assert choose_precision("tf32", torch.device("cuda")) == "tf32"
    assert describe_device(torch.device("cpu"), "float32") == "CPU, float32"
    with pytest.raises(ValueError, match="got 'gpu'"):
        choose_device("gpu")
    with pytest.raises(ValueError, match="got 'float16'"):
        choose_precision("float16")
    with pytest.raises(ValueError, match="'tf32' is of NVIDIA GPUs, and the device is 'cpu'"):
        choose_precision("tf32", torch.device("cpu"))
    with pytest.raises(ValueError, match=r"CUDA device\(s\)\. Use device 'cpu'"):
        choose_device("cuda:63")


def test_lite0_knows_at_least_18_of_the_20_photographs(lite0_network):
    folder = Path(find_spec("foolbox").origin).parent / "data"
    paths = sorted(folder.glob("imagenet_*.jpg"))
    assert len(paths) == 20
    right = predictions(lite0_network, paths) == [int(path.stem.split("_")[2]) for path in paths]
    assert right.sum() >= 18


@pytest.mark.shared
def test_lite0_is_right_on_most_imagenet_photographs(lite0_network, shared_data):
    folders = sorted(path for path in (shared_data / "imagenet_sample").iterdir() if path.is_dir())
    chosen = np.arange(0, 1000, 50)
    right = predictions(lite0_network, [next(folders[index].iterdir()) for index in chosen]) == chosen
    assert right.mean() >= 0.7  # of all 1,000 it is 88.8 %


@torch.no_grad()
def predictions(network: Network, paths: list[Path]) -> np.ndarray:
    photos = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    return network.logits(network.to_batch(photos)).argmax(dim=1).numpy()


def test_lite0_has_its_categories_and_gala_sits_in_blocks_5_to_10(lite0_network):
    assert lite0_network.categories == category_names()
    assert lite0_network.layers == ()
    assert lite0_network.preprocessing == LITE0_PREPROCESSING
    gala = lite0_gala().eval()
    layers = gala_layers(gala)
    assert list(layers) == [f"block{index}" for index in range(5, 11)]
    with torch.no_grad():
        network = Network(gala, name="g", preprocessing=LITE0_PREPROCESSING, categories=category_names(), device="cpu")
        _, attention = network.attention(torch.zeros(1, 3, 224, 224))
    assert {a.shape[-2:] for a in attention.values()} == {(14, 14)}


def test_the_noise_that_suits_a_network_is_what_its_card_says():
    def network(card):
        module = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
        return Network(module, name="n", card=card, preprocessing=FRAME, device="cpu")

    assert network({}).noise_fraction == 0.15
    assert network({"attribution": {"noise_fraction": 0.03}}).noise_fraction == 0.03
    for wrong in ("much", -1, 1, None):
        assert network({"attribution": {"noise_fraction": wrong}}).noise_fraction == 0.15


def test_a_network_without_preprocessing_says_what_it_assumes(recwarn):
    module = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    with pytest.warns(UserWarning, match=r"my net: no preprocessing.*imagenet\(\).*from -1 to 1") as caught:
        assumed = Network(module, name="my net", device="cpu")
    assert caught[0].filename == __file__, "the line that made it"
    assert assumed.preprocessing == Preprocessing.imagenet()
    assert assumed.categories == ("category 0", "category 1", "category 2")
    recwarn.clear()
    Network(module, preprocessing=Preprocessing(), device="cpu")
    module.preprocessing, module.categories = Preprocessing(crop_px=32).settings(), ["a", "b", "c"]
    own = Network(module, device="cpu")
    assert not recwarn.list
    assert (own.preprocessing, own.categories) == (Preprocessing(crop_px=32), ("a", "b", "c"))


def test_the_preprocessing_of_imagenet_has_the_published_means_and_deviations():
    ours = Preprocessing.imagenet()
    assert (ours.short_px, ours.crop_px, ours.interpolation) == (256, 224, "bilinear")
    np.testing.assert_allclose(np.array(ours.mean) / 255, (0.485, 0.456, 0.406), atol=1e-9)
    np.testing.assert_allclose(np.array(ours.std) / 255, (0.229, 0.224, 0.225), atol=1e-9)


def test_a_module_that_is_given_stays_as_it_is():
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.AdaptiveAvgPool2d(1))
    module.append(torch.nn.Flatten())
    module.train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    network = Network(module, preprocessing=FRAME, device="cpu", hooked_layers=["0"])
    assert network.name == network.title == "Sequential"
    assert network.categories == tuple(f"category {number}" for number in range(4))
    network.logits(torch.zeros(1, 3, *FRAME.input_px))
    assert all(part.training for part in module.modules())
    assert all(parameter.requires_grad for parameter in module.parameters())
    assert module[0].weight.is_contiguous()
    assert not module[0]._forward_hooks
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name])
    module[0].weight.data += 1
    assert torch.equal(network.module[0].weight, before["0.weight"]), "a copy"


def test_in_place_uses_the_module_itself():
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    network = Network(module, preprocessing=FRAME, device="cpu", in_place=True)
    assert network.module is module
    assert not module.training


def test_a_module_that_cannot_be_copied_is_told_how_it_can_be_used():
    module = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    module.lock = threading.Lock()
    with pytest.raises(ValueError, match=r"cannot be copied .* With in_place=True it is used itself"):
        Network(module, name="n", preprocessing=FRAME, device="cpu")
