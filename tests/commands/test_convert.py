"""Weights of others become a network's folder that every command takes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gala_viz.cli import main
from gala_viz.networks.converters.torchvision_resnet import TorchvisionResNet
from gala_viz.networks.network_folders import read_card
from gala_viz.networks.zoo import load_network
from tests.networks.converters.bundle_writer import write_bundle
from tests.networks.converters.test_gala_tpu import GALA, random_network, variables


@pytest.fixture
def checkpoint(tmp_path):
    network = random_network(n_categories=4, blocks=(1, 1, 2, 1), base_filters=8, **GALA)
    return network, write_bundle(tmp_path / "model.ckpt-10", variables(network))


def test_a_tensorflow_checkpoint_becomes_a_network(checkpoint, tmp_path, capsys):
    network, prefix = checkpoint
    (tmp_path / "names.txt").write_text("cat\ndog\n\nlorry\ntank engine\n")
    out = tmp_path / "converted"
    options = [
        "--categories",
        str(tmp_path / "names.txt"),
        "--title",
        "Ours",
        "--full",
        "--short-px",
        "64",
        "--crop-px",
        "64",
    ]
    assert main(["convert", "gala-tpu", str(prefix), str(out), *options]) == 0
    assert "squash: sigmoid, as in the authors" in capsys.readouterr().out
    found = load_network(out, device="cpu")
    assert (found.name, found.title, found.categories[2]) == ("converted", "Ours", "lorry")
    assert found.layers == ("group3.block1", "group3.block2")
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(found.logits(images), network(images), rtol=1e-5, atol=1e-6)
    assert read_card(out)["converted"]["file"] == "model.ckpt-10"


def test_torchvision_weights_become_a_network(tmp_path):
    network = TorchvisionResNet(1001, blocks=(1, 1, 1, 1), bottleneck=False).eval()
    torch.save({"state_dict": network.state_dict()}, tmp_path / "a.pth")
    assert main(["convert", "torchvision", str(tmp_path / "a.pth"), str(tmp_path / "own")]) == 0
    found = load_network(tmp_path / "own", device="cpu", layers=["layer3"])
    assert found.categories[0] == "tench"
    assert found.layers == ("layer3 (activity)",)
    assert read_card(tmp_path / "own")["converted"]["notes"] == [
        "weights under 'state_dict' are taken",
        "output 0 of 1001, the background, is left out",
    ]
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        expected = network(images)[:, 1:]
        np.testing.assert_allclose(found.logits(images), expected, atol=0.01 * expected.abs().max())


@pytest.mark.slow
def test_weights_are_converted_to_the_last_bit_and_halved_on_request_alone(tmp_path, capsys):
    network = TorchvisionResNet(10, blocks=(1, 1, 1, 1), bottleneck=False).eval()
    torch.save(network.state_dict(), tmp_path / "a.pth")
    for name, options in {"own": [], "full": ["--full"], "half": ["--half"]}.items():
        assert main(["convert", "torchvision", str(tmp_path / "a.pth"), str(tmp_path / name), *options]) == 0
    assert read_card(tmp_path / "own")["weights"]["stored_as"] == "float32"
    assert read_card(tmp_path / "half")["weights"]["stored_as"] == "float16, vectors float32"
    own, full, half = (load_network(tmp_path / name, device="cpu") for name in ("own", "full", "half"))
    for key, value in network.state_dict().items():
        assert torch.equal(own.module.state_dict()[key], value), key
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(own.logits(images), full.logits(images))
        torch.testing.assert_close(own.logits(images), network(images), rtol=1e-5, atol=1e-6)
        assert (half.logits(images) - network(images)).abs().max() > 1e-5, "what the small form costs"
    capsys.readouterr()
    assert main(["convert", "torchvision", str(tmp_path / "a.pth"), str(tmp_path / "b"), "--half", "--full"]) == 2
    assert "--full writes float32 weights, --half float16; leave one of them out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["torchvision", "{tmp}/gone.pth", "{tmp}/own"], "gone.pth: not found"),
        (["gala-tpu", "{tmp}/gone", "{tmp}/own"], "gone.index is not there"),
        (["gala-tpu", "{tmp}/model.ckpt-10", "{tmp}/own", "--categories", "{tmp}/names.txt"], "names 1 categories"),
        (
            ["gala-tpu", "{tmp}/model.ckpt-10", "{tmp}/own", "--categories", "{tmp}/twice.txt"],
            "names must differ; 'cat'",
        ),
        (["torchvision", "{tmp}/other.pth", "{tmp}/own"], "these weights do not"),
        (["torchvision", "{tmp}/huge.pth", "{tmp}/own"], "beyond the range of torch.float32"),
        (["torchvision", "{tmp}/complex.pth", "{tmp}/own"], "holds complex numbers"),
        (["gala-tpu", "{tmp}/model.ckpt-10", "{tmp}/taken"], "holds a network already"),
    ],
)
def test_what_cannot_be_converted_is_told_and_writes_nothing(checkpoint, arguments, told, tmp_path, capsys):
    (tmp_path / "names.txt").write_text("cat\n")
    (tmp_path / "twice.txt").write_text("cat\ndog\ncat\ntram\n")
    state = TorchvisionResNet(3, blocks=(1, 1, 1, 1), bottleneck=False).state_dict()
    torch.save({**state, "fc.bias": state["fc.bias"].double() + 1e300}, tmp_path / "huge.pth")
    torch.save({**state, "fc.bias": state["fc.bias"].to(torch.complex64) + 1j}, tmp_path / "complex.pth")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "card.toml").touch()
    torch.save({"a": torch.zeros(2)}, tmp_path / "other.pth")
    assert main(["convert", *(argument.format(tmp=tmp_path) for argument in arguments)]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "own" / "card.toml").exists()


@pytest.mark.shared
def test_the_golden_checkpoint_becomes_a_network(shared_data, tmp_path):
    golden = shared_data / "gala_tpu_golden"
    assert main(["convert", "gala-tpu", str(golden), str(tmp_path / "golden"), "--full"]) == 0
    found = load_network(tmp_path / "golden", device="cpu")
    images = np.random.default_rng(1000).normal(0, 1, (2, 224, 224, 3)).astype(np.float32)
    with torch.no_grad():
        logits = found.logits(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))
    np.testing.assert_allclose(logits, np.load(golden / "golden.npz")["logits"], atol=1e-4)
