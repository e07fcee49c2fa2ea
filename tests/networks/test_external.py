"""Networks of others: any module by function, transformers by name, and layers that are not GALA."""

from __future__ import annotations

import sys
import textwrap

import numpy as np
import pytest
import torch
from torch import nn

from gala_viz.attribution.network_identity import state_dict_sha256, weights_sha256
from gala_viz.engine.forward import forward
from gala_viz.networks.activation_hooks import add_activation_hook, record_activations
from gala_viz.networks.external import (
    ExternalNetworkError,
)
from gala_viz.networks.fuse_batchnorm import fuse_batchnorm
from gala_viz.networks.network import Network
from gala_viz.networks.network_folders import is_external
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.networks.zoo import load_network
from tests.attribution.tiny import tiny_network

SMALL = """
    import torch
    from torch import nn

    def three_way():
        look = nn.Conv2d(3, 4, 3, padding=1), nn.ReLU()
        net = nn.Sequential(*look, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
        net.preprocessing = {"short_px": 20, "crop_px": 16, "mean": [0, 0, 0], "std": [255, 255, 255]}
        net.categories = ("cat", "dog", "lorry")
        return net

    def plain():
        return nn.Sequential(nn.AvgPool2d(32), nn.Flatten(), nn.Linear(3 * 49, 1000))

    def ready():
        from gala_viz.networks.zoo import load_network
        return load_network("lite0", device="cpu")

    def learnt_more():
        from gala_viz.networks.network import Network
        from gala_viz.networks.preprocessing import Preprocessing
        from gala_viz.networks.training_data import TrainingCollection, TrainingData

        data = TrainingData(collections=(TrainingCollection(name="photos", n_train=3),), complete=True)
        module = three_way()
        torch.nn.init.constant_(module[-1].bias, 2)
        return Network(module, name="mine", preprocessing=Preprocessing(**module.preprocessing), sha256="5" * 64,
                       categories=module.categories, known_by_weights=True, training_data=data, device="cpu")

    def text():
        return "no network"

    def twice():
        net = three_way()
        net.categories = ("cat", "dog", "cat")
        return net

    def ready_twice():
        from gala_viz.networks.network import Network
        from gala_viz.networks.preprocessing import Preprocessing

        module = twice()
        return Network(module, name="ready", preprocessing=Preprocessing(**module.preprocessing),
                       categories=module.categories, device="cpu")

    def vector():
        return nn.Flatten(0)
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A module of the user's own, beside which the command is started."""
    (tmp_path / "own_networks.py").write_text(textwrap.dedent(SMALL))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield "own_networks"
    sys.modules.pop("own_networks", None)


def test_a_function_gives_any_module_with_its_own_preprocessing_and_categories(own):
    network = load_network(f"{own}:three_way", device="cpu", layers=["1"])
    assert network.categories == ("cat", "dog", "lorry")
    assert network.preprocessing.input_px == (16, 16)
    assert network.layers == ("1 (activity)",)
    batch = network.to_batch([np.full((20, 30, 3), 128, np.uint8)])
    (result,) = forward(network, list(batch))
    assert result.logits.shape == (3,)
    expected = torch.relu(network.module[0](batch)).norm(dim=1)
    np.testing.assert_allclose(result.norms["1 (activity)"], expected[0].detach().numpy(), rtol=1e-6)


def test_a_thousand_outputs_without_names_are_imagenets(own):
    network = load_network(f"{own}:plain", device="cpu")
    assert network.categories[0] == "tench"
    assert network.preprocessing == Preprocessing.imagenet()
    assert load_network(f"{own}:ready").name == "lite0"


def test_what_a_card_vouches_for_is_not_said_of_a_network_that_a_function_may_have_changed(own):
    """A function may load a network by its card and then other weights into it."""
    network = load_network(f"{own}:learnt_more", device="cpu")
    assert not network.known_by_weights
    assert not network.training_data.complete
    assert network.training_data.collections[0].name == "photos"
    assert weights_sha256(network) == state_dict_sha256(network.module)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("own_networks:gone", "own_networks has no gone"),
        ("not_there:network", "No module named 'not_there'"),
        ("own_networks:text", r"should return a torch\.nn\.Module .* got str"),
        ("own_networks:twice", "own_networks:twice: the categories' names must differ; 'cat'"),
        ("own_networks:ready_twice", "own_networks:ready_twice: the categories' names must differ; 'cat'"),
        ("own_networks:vector", r"to logits \(B, category\); it gives \(301056,\) for two images"),
    ],
)
def test_what_is_no_network_is_told(own, name, told):
    with pytest.raises(ValueError, match=told):
        load_network(name, device="cpu")


def test_folders_and_known_names_are_not_taken_for_functions():
    assert not any(map(is_external, ("lite0", "models/lite0", "./a.b/c", "C:\\networks\\a", "a:b:c", "1a:b")))
    assert all(map(is_external, ("pkg.mod:fn", "transformers:microsoft/resnet-50", "timm:resnet50.a1_in1k")))


def test_transformers_networks_come_with_their_preprocessing_and_categories(tmp_path):
    transformers = pytest.importorskip("transformers")
    config = transformers.ResNetConfig(
        depths=[1, 1, 1, 1], hidden_sizes=[8, 8, 16, 16], embedding_size=8, layer_type="basic", num_labels=3
    )
    config.id2label = {0: "cat", 1: "dog", 2: "lorry"}
    model = transformers.ResNetForImageClassification(config).eval()
    model.save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(
        '{"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 64}, "crop_pct": 0.875, '
        '"resample": 3, "image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.2, 0.2]}'
    )
    network = load_network(f"transformers:{tmp_path}", device="cpu", layers=["resnet.encoder.stages.1"])
    assert network.categories == ("cat", "dog", "lorry")
    assert (network.preprocessing.short_px, network.preprocessing.crop_px) == (73, 64)
    assert network.preprocessing.mean == pytest.approx((127.5, 102, 76.5))
    batch = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(network.logits(batch), model(pixel_values=batch).logits)
        _, found = network.attention(batch)
    assert found["resnet.encoder.stages.1 (activity)"].shape == (2, 8, 8, 8)
    with pytest.raises(ExternalNetworkError, match="transformers:"):
        load_network(f"transformers:{tmp_path / 'gone'}", device="cpu")


def test_a_checkpoint_of_transformers_without_a_classifier_is_refused_and_not_made_up(tmp_path):
    transformers = pytest.importorskip("transformers")
    config = transformers.ResNetConfig(
        depths=[1, 1, 1, 1], hidden_sizes=[8, 8, 16, 16], embedding_size=8, layer_type="basic", num_labels=3
    )
    transformers.ResNetModel(config).save_pretrained(tmp_path)
    with pytest.raises(ExternalNetworkError, match=r"classifier were expected; 2 are missing, for example classifier"):
        load_network(f"transformers:{tmp_path}", device="cpu")


@pytest.mark.parametrize("library", ["timm", "torchvision"])
def test_a_library_that_is_not_there_is_told_with_how_to_get_it(library, monkeypatch):
    for name in (library, f"{library}.models"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ExternalNetworkError, match=f"pip install {library}$"):
        load_network(f"{library}:resnet50")


def test_watched_modules_change_nothing_and_note_only_for_who_records():
    network = tiny_network()
    batch = torch.randn(1, 3, 16, 16)
    before = network.logits(batch)
    convolution = next(part for part in network.module.modules() if isinstance(part, nn.Conv2d))
    add_activation_hook(add_activation_hook(convolution))
    assert len(convolution._forward_hooks) == 1
    torch.testing.assert_close(network.logits(batch), before, rtol=0, atol=0)
    with record_activations() as record:
        network.logits(batch)
    assert convolution in record


def test_a_folded_network_shows_the_same_activity():
    torch.manual_seed(1)
    body = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4)
    )
    for part in body:
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.running_mean)
            nn.init.uniform_(part.running_var, 0.5, 2)
    module = nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network = Network(
        module,
        name="n",
        preprocessing=Preprocessing(short_px=16, crop_px=16),
        categories=("a", "b", "c", "d"),
        hooked_layers=["0.0", "0.1", "0.2", "0"],
        device="cpu",
    )
    quick = fuse_batchnorm(network)
    assert quick is not network
    assert quick.layers == network.layers
    batch = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        for one, other in zip(network.attention(batch)[1].values(), quick.attention(batch)[1].values(), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_a_wrong_path_of_a_layer_is_told_with_the_nearest(own):
    with pytest.raises(ValueError, match=r"no module called 'conv'.*Known: 0, 1"):
        load_network(f"{own}:three_way", device="cpu", layers=["conv"])
