"""Inputs as timm and transformers make them themselves, to the pixel; their networks by name, from files, offline."""

from __future__ import annotations

import argparse
import json
import logging
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from gala_viz.networks import external, model_hub
from gala_viz.networks.external import ExternalNetworkError
from gala_viz.networks.library_preprocessing import (
    UnknownPreprocessingError,
    check_inputs,
    timm_preprocessing,
    torchvision_preprocessing,
    transformers_preprocessing,
)
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.networks.zoo import load_network

SIZES = ((301, 437), (445, 287), (224, 500), (333, 333), (100, 150))


def photos() -> list[np.ndarray]:
    made = []
    for height, width in SIZES:
        coarse = np.random.default_rng(height).integers(0, 256, (height // 9, width // 9, 3), dtype=np.uint8)
        made.append(np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)))
    return made


TIMM = {
    "center": {"input_size": (3, 224, 224), "crop_pct": 0.875},
    "center, odd": {"input_size": (3, 160, 160), "crop_pct": 0.95, "interpolation": "bilinear"},
    "center, no crop": {"input_size": (3, 96, 96), "crop_pct": 1.0, "mean": (0.5,) * 3, "std": (0.5,) * 3},
    "squash": {"input_size": (3, 128, 128), "crop_pct": 1.0, "crop_mode": "squash"},
    "squash and crop": {"input_size": (3, 128, 128), "crop_pct": 0.9, "crop_mode": "squash"},
    "rectangle": {"input_size": (3, 64, 128), "crop_pct": 0.9},
    "rectangle, squash": {"input_size": (3, 64, 128), "crop_pct": 1.0, "crop_mode": "squash"},
    "lanczos": {"input_size": (3, 64, 64), "interpolation": "lanczos", "mean": (0.0,) * 3, "std": (1.0,) * 3},
}


@pytest.mark.parametrize("settings", TIMM.values(), ids=TIMM.keys())
def test_inputs_are_those_of_timms_own_transform(settings):
    data = pytest.importorskip("timm.data")
    config = data.resolve_data_config(pretrained_cfg=settings)
    transform, own = data.create_transform(**config, is_training=False), timm_preprocessing(config)
    for photo in photos():
        expected = transform(Image.fromarray(photo)).numpy()
        np.testing.assert_allclose(own.to_input(photo), expected, atol=1e-5)


TRANSFORMERS = {
    "ViT": ("ViTImageProcessor", {"size": {"height": 64, "width": 64}}),
    "rectangle": ("ViTImageProcessor", {"size": {"height": 64, "width": 96}}),
    "DeiT": ("DeiTImageProcessor", {"size": {"height": 73, "width": 73}, "crop_size": {"height": 64, "width": 64}}),
    "CLIP": ("CLIPImageProcessor", {"size": {"shortest_edge": 73}, "crop_size": {"height": 64, "width": 64}}),
    "ConvNeXT": ("ConvNextImageProcessor", {"size": {"shortest_edge": 64}, "crop_pct": 0.875}),
    "ConvNeXT, large": ("ConvNextImageProcessor", {"size": {"shortest_edge": 384}, "crop_pct": 0.875}),
    "LeViT": ("LevitImageProcessor", {"size": {"shortest_edge": 64}, "crop_size": {"height": 64, "width": 64}}),
    "raw": ("ViTImageProcessor", {"size": {"height": 64, "width": 64}, "do_rescale": False, "do_normalize": False}),
    "0 to 1": ("ViTImageProcessor", {"size": {"height": 64, "width": 64}, "do_normalize": False}),
    "scaled twice": ("EfficientNetImageProcessor", {"size": {"height": 64, "width": 64}, "image_std": [0.5, 0.4, 0.3]}),
    "bilinear": ("BeitImageProcessor", {"size": {"height": 64, "width": 64}, "resample": 2}),
}


def processor_of(kind, settings):
    transformers = pytest.importorskip("transformers")
    name = kind if not hasattr(transformers, f"{kind}Pil") else f"{kind}Pil"
    return getattr(transformers, name)(**settings)


@pytest.mark.parametrize(("kind", "settings"), TRANSFORMERS.values(), ids=TRANSFORMERS.keys())
def test_inputs_are_those_of_transformers_own_processor(kind, settings):
    processor = processor_of(kind, settings)

    def inputs(photo: np.ndarray) -> np.ndarray:
        return np.asarray(processor(images=photo, return_tensors="np")["pixel_values"][0], np.float32)

    described = transformers_preprocessing({**processor.to_dict(), "image_processor_type": kind})
    own = check_inputs(described, inputs)
    for photo in photos():
        theirs, ours = inputs(photo), own.to_input(photo)
        assert theirs.shape == ours.shape
        levels = np.abs(theirs - ours) * np.array(own.std)[:, None, None]
        assert levels.max() <= 1.01, "rounding of the resized pixels apart"


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"size": {"shortest_edge": 224}, "do_center_crop": False}, "cuts nothing off"),
        ({"size": {"shortest_edge": 224, "longest_edge": 400}}, "no short side, nor height and width"),
        ({"do_resize": False}, "does not resize photographs"),
        ({"size": {"shortest_edge": 64}, "crop_size": {"height": 96, "width": 96}}, "pads photographs"),
        ({"size": {"height": 64, "width": 64}, "resample": "cubic"}, "resizes by 'cubic'"),
    ],
)
def test_processors_without_one_input_size_are_refused_with_the_reason(config, told):
    with pytest.raises(UnknownPreprocessingError, match=told):
        transformers_preprocessing(config)


def test_a_border_around_photographs_is_refused():
    with pytest.raises(UnknownPreprocessingError, match="crop_mode 'border'"):
        timm_preprocessing({"input_size": (3, 64, 64), "crop_mode": "border"})


def test_a_cut_that_is_not_the_librarys_is_noticed():
    own = Preprocessing(short_px=73, crop_px=64)
    squash = Preprocessing(short_px=64, crop_px=64, resize="squash")
    assert check_inputs(own, own.to_input) == own
    with pytest.raises(UnknownPreprocessingError, match="differs from the one that its settings describe"):
        check_inputs(own, squash.to_input)
    with pytest.raises(UnknownPreprocessingError, match="was read from its settings"):
        check_inputs(own, Preprocessing(short_px=73, crop_px=60).to_input)
    with pytest.raises(UnknownPreprocessingError, match="mean"):
        check_inputs(own, lambda photo: own.to_input(photo) ** 2)


def test_timm_opens_by_name_with_a_file_of_weights_and_its_own_preprocessing(tmp_path, caplog):
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    model = timm.create_model("test_resnet", pretrained=False, num_classes=5).eval()
    save_file(model.state_dict(), tmp_path / "mine.safetensors")
    torch.save(
        {"state_dict": {f"module.{k}": v for k, v in model.state_dict().items()}, "epoch": 3}, tmp_path / "a.pth"
    )
    config = timm.data.resolve_model_data_config(model)
    for file in ("mine.safetensors", "a.pth"):
        with caplog.at_level(logging.WARNING):
            network = load_network(f"timm:test_resnet@{tmp_path / file}", device="cpu")
        assert len(network.categories) == 5
        assert network.preprocessing.input_px == config["input_size"][1:]
        batch = torch.randn(2, 3, *network.preprocessing.input_px)
        torch.testing.assert_close(network.logits(batch), model(batch), rtol=1e-4, atol=1e-4)
    told = " ".join(caplog.messages)
    assert "passed over: epoch" in told
    assert "prefix 'module.'" in told
    assert "the file does not tell its own" in told
    with pytest.raises(ExternalNetworkError, match=r"key\(s\) missing"):
        load_network(f"timm:test_vit@{tmp_path / 'a.pth'}", device="cpu")
    with pytest.raises(ExternalNetworkError, match="not found"):
        load_network(f"timm:test_resnet@{tmp_path / 'gone.pth'}", device="cpu")


def test_timm_opens_a_folder_that_timm_wrote_for_the_hub(tmp_path):
    timm = pytest.importorskip("timm")
    model = timm.create_model("test_vit", pretrained=False, num_classes=3).eval()
    config = {**model.pretrained_cfg, "crop_mode": "squash", "crop_pct": 1.0, "label_names": ["cat", "dog", "lorry"]}
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    text = {"architecture": "test_vit", "num_classes": 3, "pretrained_cfg": config}
    (tmp_path / "config.json").write_text(json.dumps(text))
    network = load_network(f"timm:{tmp_path}", device="cpu")
    assert network.preprocessing.resize == "squash"
    assert network.categories == ("cat", "dog", "lorry")
    batch = torch.randn(1, 3, *network.preprocessing.input_px)
    torch.testing.assert_close(network.logits(batch), model(batch), rtol=1e-4, atol=1e-4)


def test_a_checkpoint_of_torchvisions_reference_opens_by_name_as_its_training_evaluated(tmp_path, caplog):
    models = pytest.importorskip("torchvision.models")
    torch.manual_seed(0)
    model = models.squeezenet1_1(weights=None, num_classes=5).eval()
    args = argparse.Namespace(val_resize_size=73, val_crop_size=64, interpolation="bicubic", lr=0.1)
    torch.save({"model": model.state_dict(), "optimizer": {}, "epoch": 3, "args": args}, tmp_path / "model_3.pth")
    torch.save(model.state_dict(), tmp_path / "plain.pth")
    with caplog.at_level(logging.WARNING):
        network = load_network(f"torchvision:squeezenet1_1@{tmp_path / 'model_3.pth'}", device="cpu")
        plain = load_network(f"torchvision:squeezenet1_1@{tmp_path / 'plain.pth'}", device="cpu")
    told = " ".join(caplog.messages)
    assert "val_crop_size 64, val_resize_size 73 of the file's training): short side 73 px, crop 64 px, bicubic" in told
    assert "IMAGENET1K_V1 (the file does not tell its own): short side 256 px, crop 224 px, bilinear" in told
    usual = Preprocessing.imagenet()
    assert replace(plain.preprocessing, std=usual.std) == replace(usual, rounding="torchvision")
    assert plain.preprocessing.std == pytest.approx(usual.std)
    assert len(network.categories) == 5
    batch = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(network.logits(batch), model(batch), rtol=1e-4, atol=1e-4)


def test_the_name_of_torchvisions_own_file_tells_which_preprocessing_it_has():
    models = pytest.importorskip("torchvision.models")
    presets = list(models.get_model_weights("resnet50"))
    newer, told = external._torchvision_weights(presets, "/weights/resnet50-11ad3fa6.pth")
    own = torchvision_preprocessing(newer.transforms(), {})
    assert (newer.name, own.short_px, own.crop_px) == ("IMAGENET1K_V2", 232, 224)
    assert "file's name" in told
    older, told = external._torchvision_weights(presets, "/weights/checkpoint.pth")
    assert (older.name, torchvision_preprocessing(older.transforms(), {}).short_px, told) == ("IMAGENET1K_V1", 256, "")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("squeezenet1_1", "torchvision:NAME@FILE was expected, since nothing is fetched"),
        ("squeezenet1_2@a.pth", "squeezenet1_1"),
        ("fasterrcnn_resnet50_fpn@a.pth", "classifier of torchvision"),
        ("squeezenet1_1@gone.pth", "not found"),
    ],
)
def test_names_of_torchvision_that_do_not_open_are_told(name, told):
    pytest.importorskip("torchvision.models")
    with pytest.raises(ExternalNetworkError, match=told):
        load_network(f"torchvision:{name}", device="cpu")


def test_settings_of_a_training_that_are_no_sizes_are_refused(tmp_path):
    models = pytest.importorskip("torchvision.models")
    state = models.squeezenet1_1(weights=None, num_classes=5).state_dict()
    torch.save({"model": state, "args": argparse.Namespace(val_crop_size=300)}, tmp_path / "a.pth")
    with pytest.raises(ExternalNetworkError, match="resizes to 256 and crops 300 px"):
        load_network(f"torchvision:squeezenet1_1@{tmp_path / 'a.pth'}", device="cpu")


def written_vit(folder):
    transformers = pytest.importorskip("transformers")
    config = transformers.ViTConfig(
        image_size=32, patch_size=8, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        num_labels=3,
    )  # fmt: skip
    model = transformers.ViTForImageClassification(config).eval()
    model.save_pretrained(folder)
    return model


def test_a_local_network_of_transformers_without_image_processor_is_told(tmp_path, caplog):
    written_vit(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(
        '{"image_processor_type": "ViTImageProcessor", "size": {"height": 32, "width": 32}}'
    )
    network = load_network(f"transformers:{tmp_path}", device="cpu")
    assert (network.preprocessing.resize, network.preprocessing.input_px) == ("squash", (32, 32))
    (tmp_path / "preprocessor_config.json").unlink()
    with caplog.at_level(logging.WARNING), pytest.raises(ValueError, match="224"):  # ImageNet's size does not fit 32 px
        load_network(f"transformers:{tmp_path}", device="cpu")
    assert "no preprocessing was given" in " ".join(caplog.messages)


def test_a_network_that_takes_blue_first_gets_it(tmp_path):
    model = written_vit(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(
        '{"image_processor_type": "MobileViTImageProcessor", "size": {"shortest_edge": 36}, '
        '"crop_size": {"height": 32, "width": 32}}'
    )
    network = load_network(f"transformers:{tmp_path}", device="cpu")
    assert network.preprocessing.mean == (0.0, 0.0, 0.0)
    batch = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(network.logits(batch), model(pixel_values=batch.flip(1)).logits)


@pytest.mark.parametrize("name", ["timm:resnet18.a1_in1k", "timm:hf-hub:nobody/at-all", "transformers:nobody/at-all"])
def test_without_a_connection_the_answer_comes_at_once(name, monkeypatch):
    pytest.importorskip(name.partition(":")[0])
    monkeypatch.setattr(external, "why_unreachable", lambda: "huggingface.co cannot be reached (no route)")
    begun = time.monotonic()
    with pytest.raises(ExternalNetworkError, match=r"not on this machine, and huggingface\.co cannot be reached"):
        load_network(name, device="cpu")
    assert time.monotonic() - begun < 5


def test_the_hub_is_asked_once_and_quickly(monkeypatch):
    for name in ("HF_HUB_OFFLINE", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(model_hub, "_asked", {})
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    begun = time.monotonic()
    assert "127.0.0.1 cannot be reached" in model_hub.why_unreachable()
    assert time.monotonic() - begun < 5
    monkeypatch.setattr(model_hub, "_why_no_connection", lambda url: "asked again")
    assert "cannot be reached" in model_hub.why_unreachable()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert model_hub.why_unreachable() == "HF_HUB_OFFLINE is set"
