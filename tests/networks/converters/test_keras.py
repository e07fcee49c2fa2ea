"""Keras models of plain layers give in PyTorch what they give in Keras."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from gala_viz.cli import main
from gala_viz.networks.converters.keras_file import read_keras_model
from gala_viz.networks.converters.keras_vit import read_keras_vit
from gala_viz.networks.network_folders import WeightsError
from gala_viz.networks.zoo import load_network
from tests.tiers import slow

RNG = np.random.default_rng(0)
KERNEL, BIAS = RNG.normal(0, 1, (3, 3, 3, 4)).astype("f4"), RNG.normal(0, 1, 4).astype("f4")
DEPTHWISE = RNG.normal(0, 1, (3, 3, 4, 1)).astype("f4")
NORM = [RNG.uniform(0.5, 2, 4).astype("f4") for _ in range(4)]
DENSE, DENSE_BIAS = RNG.normal(0, 1, (100, 5)).astype("f4"), RNG.normal(0, 1, 5).astype("f4")
WEIGHTS = {
    "stem": {"kernel": KERNEL, "bias": BIAS},
    "dw": {"depthwise_kernel": DEPTHWISE},
    "bn": dict(zip(("gamma", "beta", "moving_mean", "moving_variance"), NORM, strict=True)),
    "head": {"kernel": DENSE, "bias": DENSE_BIAS},
}


def layer(kind: str, name: str, *inputs: str, **config) -> dict:
    nodes = [[[one, 0, 0, {}] for one in inputs]] if inputs else []
    return {"class_name": kind, "name": name, "config": {"name": name, **config}, "inbound_nodes": nodes}


def model_config(**changes) -> dict:
    """Return a model of 10 x 10 px: a convolution with SAME padding and stride 2, a residual, and a flattened head."""
    layers = [
        layer("InputLayer", "in", batch_input_shape=[None, 10, 10, 3]),
        layer("Conv2D", "stem", "in", strides=[2, 2], padding="same", activation="relu"),
        layer("DepthwiseConv2D", "dw", "stem", depth_multiplier=1, padding="same", use_bias=False, kernel_size=[3, 3]),
        layer("BatchNormalization", "bn", "dw", axis=[3], epsilon=0.01),
        layer("Add", "sum", "stem", "bn"),
        layer("Flatten", "flat", "sum"),
        layer("Dense", "head", "flat", activation="softmax"),
    ]
    for name, one in changes.items():
        layers = [one if this["name"] == name else this for this in layers]
    return {
        "class_name": "Functional",
        "config": {"layers": layers, "input_layers": [["in", 0, 0]], "output_layers": [["head", 0, 0]]},
    }


def write_h5(path, config=None, weights=WEIGHTS):
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config or model_config())
        for name, values in weights.items():
            for key, value in values.items():
                file.create_dataset(f"model_weights/{name}/{name}/{key}:0", data=value)
    return path


def write_keras(path, config=None):
    """Write the archive of Keras 3, in which layers stand by class and number."""
    with h5py.File(path.with_suffix(".part"), "w") as file:
        for place, name in {
            "conv2d": "stem",
            "depthwise_conv2d": "dw",
            "batch_normalization": "bn",
            "dense": "head",
        }.items():
            for number, value in enumerate(WEIGHTS[name].values()):
                file.create_dataset(f"layers/{place}/vars/{number}", data=value)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config or model_config()))
        archive.write(path.with_suffix(".part"), "model.weights.h5")
    return path


def expected(images: np.ndarray) -> np.ndarray:
    """Return the logits of the model, in NumPy and channels last."""
    x = np.pad(images, ((0, 0), (0, 1), (0, 1), (0, 0)))  # SAME at stride 2: the odd pixel below and at the right
    stem = np.stack([[[np.einsum("ijc,ijco->o", one[2 * y : 2 * y + 3, 2 * c : 2 * c + 3], KERNEL) + BIAS
                       for c in range(5)] for y in range(5)] for one in x])  # fmt: skip
    stem = np.maximum(stem, 0)
    padded = np.pad(stem, ((0, 0), (1, 1), (1, 1), (0, 0)))
    dw = sum(padded[:, i : i + 5, j : j + 5] * DEPTHWISE[i, j, :, 0] for i in range(3) for j in range(3))
    gamma, beta, mean, variance = NORM
    return (stem + (dw - mean) / np.sqrt(variance + 0.01) * gamma + beta).reshape(len(images), -1) @ DENSE + DENSE_BIAS


@pytest.mark.parametrize("write", [write_h5, *slow(write_keras)])
def test_a_whole_model_gives_keras_logits(tmp_path, write):
    path = write(tmp_path / ("model.h5" if write is write_h5 else "model.keras"))
    model = read_keras_model(path)
    images = RNG.normal(0, 1, (2, 10, 10, 3)).astype("f4")
    logits = model.network(torch.from_numpy(images).permute(0, 3, 1, 2)).detach().numpy()
    np.testing.assert_allclose(logits, expected(images), atol=1e-4)
    assert model.notes == ["the softmax at the end is left out: a network here gives logits"]
    assert main(["convert", "keras", str(path), str(tmp_path / "net")]) == 0
    network = load_network(tmp_path / "net", device="cpu")
    seen = network.preprocessing
    assert (seen.resize, seen.input_px, seen.interpolation) == ("squash", (10, 10), "bilinear-no-antialias")
    assert seen.mean == (123.675, 116.28, 103.53)
    np.testing.assert_allclose(
        network.logits(torch.from_numpy(images).permute(0, 3, 1, 2)), expected(images), atol=1e-4
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"flat": layer("Lambda", "flat", "sum")},
            "layer 'flat' is a Lambda, which is code, and code in files is not run",
        ),
        ({"flat": layer("LayerScale", "flat", "sum")}, "layer 'flat' is a LayerScale; those known are"),
        ({"flat": layer("Flatten", "flat", "gone")}, "takes what no layer gives"),
        ({"head": layer("Dense", "head", "flat", activation="sigmoid")}, "ends in a sigmoid"),
        ({"stem": layer("Conv2D", "stem", "in", strides=[2, 2], padding="causal")}, "padding 'causal' is unknown"),
        ({"stem": layer("Conv2D", "stem", "in", data_format="channels_first")}, "channels_last was expected"),
        ({"in": layer("InputLayer", "in", batch_input_shape=[None, None, None, 3])}, "height, width, 3"),
        ({"head": layer("Dense", "head", "flat", activation="mish")}, "activation 'mish' is unknown"),
        ({"bn": layer("BatchNormalization", "bn", "dw", axis=[1])}, r"normalises axis \[1\]"),
    ],
)
def test_what_is_not_known_is_refused_by_name(tmp_path, changes, told):
    with pytest.raises(WeightsError, match=told):
        read_keras_model(write_h5(tmp_path / "model.h5", model_config(**changes)))


def test_files_that_are_no_whole_model_are_refused(tmp_path):
    with h5py.File(tmp_path / "convnext_tiny_harmonized.h5", "w") as file:
        file.create_dataset("stem_conv/stem_conv/kernel:0", data=KERNEL)
    with pytest.raises(WeightsError, match=r"ConvNeXt, MaxViT and LeViT .* do not open"):
        read_keras_model(tmp_path / "convnext_tiny_harmonized.h5")
    (tmp_path / "text.h5").write_text("no model")
    for name in ("text.h5", "gone.h5"):
        with pytest.raises(WeightsError, match=r"no Keras model|not found"):
            read_keras_model(tmp_path / name)
    with h5py.File(tmp_path / "link.h5", "w") as file:  # to weights in another file
        file.attrs["model_config"] = json.dumps(model_config())
        file["model_weights/stem"] = h5py.ExternalLink(str(write_h5(tmp_path / "other.h5")), "model_weights/stem")
    with pytest.raises(WeightsError, match=r"no weights of layer '(stem|dw)'"):
        read_keras_model(tmp_path / "link.h5")


def write_vit(path, *, separator="/", depth=2, width=128) -> torch.nn.Module:
    """Write weights as vit_keras 0.1 ("/" in names) or 0.2 ("_") does; return transformers' ViT with the same ones."""
    transformers = pytest.importorskip("transformers")
    config = transformers.ViTConfig(
        image_size=32, patch_size=16, hidden_size=width, num_hidden_layers=depth, num_attention_heads=width // 64,
        intermediate_size=96, num_labels=3, layer_norm_eps=1e-6,
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.ViTForImageClassification(config).eval()
    for value in model.parameters():
        torch.nn.init.normal_(value, 0, 0.1)
    vit = model.vit
    with h5py.File(path, "w") as file:

        def put(group, name, part):
            norm = isinstance(part, torch.nn.LayerNorm)
            weight = part.weight.detach().numpy()
            weight = weight if norm else weight.transpose(2, 3, 1, 0) if weight.ndim == 4 else weight.T
            for key, value in (
                ("gamma" if norm else "kernel", weight),
                ("beta" if norm else "bias", part.bias.detach()),
            ):
                file.create_dataset(f"{group}/{name}/{key}:0", data=np.asarray(value))

        put("embedding", "embedding", vit.embeddings.patch_embeddings.projection)
        file.create_dataset("class_token/class_token/cls:0", data=vit.embeddings.cls_token.detach())
        place = f"Transformer{separator}posembed_input"
        file.create_dataset(f"{place}/{place}/pos_embedding:0", data=vit.embeddings.position_embeddings.detach())
        linears = {}
        for number in range(depth):
            block = f"Transformer{separator}encoderblock_{number}"
            parts = dict((vit.layers if hasattr(vit, "layers") else vit.encoder.layer)[number].named_modules())
            linears = {
                name: part for name, part in parts.items() if isinstance(part, torch.nn.Linear | torch.nn.LayerNorm)
            }
            named = dict(zip(list(linears), NAMES_OF_TRANSFORMERS, strict=True))
            for name, part in linears.items():
                put(block, f"{block}/{named[name].format(block)}", part)
        put(f"Transformer{separator}encoder_norm", f"Transformer{separator}encoder_norm", vit.layernorm)
        put("head", "head", model.classifier)
    return model


NAMES_OF_TRANSFORMERS = (
    *(f"MultiHeadDotProductAttention_1/{name}" for name in ("query", "key", "value", "out")),
    "LayerNorm_0", "LayerNorm_2", "{}_Dense_0", "{}_Dense_1",
)  # fmt: skip
"""In the order in which a block of transformers' ViT has them."""


@pytest.mark.parametrize("separator", ["/", "_"])
def test_weights_of_vit_keras_give_the_same_logits_as_a_vit_of_transformers(tmp_path, separator):
    model = write_vit(tmp_path / "vit.h5", separator=separator)
    network, _, notes = read_keras_vit(tmp_path / "vit.h5")
    batch = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(network(batch), model(pixel_values=batch).logits, atol=1e-4, rtol=1e-4)
    assert "64 values" in notes[0]
    assert main(["convert", "keras", str(tmp_path / "vit.h5"), str(tmp_path / "net")]) == 0
    assert load_network(tmp_path / "net", device="cpu").preprocessing.input_px == (32, 32)


@pytest.fixture(scope="module")
def models_of_keras(run_apart, tmp_path_factory):
    """Files that TensorFlow's Keras wrote in a process of its own, each with images and outputs beside it."""
    folder = tmp_path_factory.mktemp("keras")
    told = run_apart("keras", Path(__file__).with_name("keras_models.py"), folder, timeout_s=1200)
    return [Path(line) for line in told.splitlines()]


@pytest.mark.slow
def test_models_of_keras_itself_give_the_same_outputs(models_of_keras, record_property):
    assert {path.name for path in models_of_keras} == {
        *(f"{library}_{name}{ending}" for library in ("tf_keras", "keras") for ending in (".h5", ".keras")
          for name in ("resnet50v2", "vgg16", "efficientnetB0")), "vit_keras_b16.h5",
    }  # fmt: skip
    for path in models_of_keras:
        record_property(f"{path.name}, largest difference by largest output", f"{difference_from_keras(path):.1e}")


def difference_from_keras(path) -> float:
    """Return the largest difference of outputs, relative to the largest output of Keras."""
    network, notes = read_keras_vit(path)[::2] if "vit" in path.name else model_of(path)
    golden = np.load(f"{path}.npz")
    with torch.no_grad():
        logits = network.eval()(torch.from_numpy(golden["images"]).permute(0, 3, 1, 2))
    outputs = logits.softmax(1) if any("softmax" in note for note in notes) else logits
    difference = float(np.abs(outputs.numpy() - golden["outputs"]).max() / np.abs(golden["outputs"]).max())
    assert golden["outputs"].std() > 1e-3, path  # else nothing is compared
    assert difference < 1e-4, path
    return difference


def model_of(path):
    model = read_keras_model(path)
    return model.network, model.notes
