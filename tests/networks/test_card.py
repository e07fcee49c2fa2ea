"""Networks on disk: what was written comes back, and what is damaged is named."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from gala_viz.networks.architectures import build_module
from gala_viz.networks.card import write_card, write_network
from gala_viz.networks.network_folders import WeightsError, known_networks, network_folder, read_card
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.networks.zoo import load_network

ARGUMENTS = {"n_categories": 3, "blocks": [1, 1, 2], "base_filters": 4, "attention": "gala"}
SMALL = Preprocessing(short_px=40, crop_px=32, mean=(120.0, 115.0, 100.0), std=(60.0, 60.0, 60.0))
KEY = "group3.block1.attention.global_shrink.weight"


def small_card(**network: object) -> dict:
    return {
        "network": {"name": "small", "title": "A small network", "builder": "resnet", "arguments": ARGUMENTS} | network,
        "preprocessing": SMALL.settings(),
        "categories": {"names": ["cat", "dog", "tram"]},
        "weights": {"licence": "MIT"},
    }


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "small"
    torch.manual_seed(3)
    module = build_module("resnet", ARGUMENTS)
    with torch.no_grad():
        for buffer in module.buffers():
            if buffer.is_floating_point():
                buffer.uniform_(0.5, 1.5)
    write_network(folder, module, small_card())
    return folder


@pytest.fixture
def folder(written, tmp_path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(written, tmp_path / "small"))


def rewrite(folder: Path, change) -> None:
    """Change the tensors and let the card's checksum agree, so that only the tensors are wrong."""
    path = folder / "weights.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)
    card = read_card(folder)
    card["weights"]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    write_card(folder, card)


def photo() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)


def test_a_written_network_comes_back_with_the_same_logits_and_attention(written):
    torch.manual_seed(3)
    module = build_module("resnet", ARGUMENTS)
    network = load_network(written, device="cpu")
    module.load_state_dict(network.module.state_dict())
    batch = network.to_batch([photo()])
    assert batch.shape == (1, 3, 32, 32)
    logits, attention = network.attention(batch)
    with torch.no_grad():
        torch.testing.assert_close(logits, module.eval()(batch))
    assert network.layers == tuple(attention) == ("group3.block1", "group3.block2")
    assert attention["group3.block1"].shape == (1, 64, 2, 2)
    assert (network.name, network.categories) == ("small", ("cat", "dog", "tram"))
    assert network.preprocessing == SMALL


def test_writing_again_gives_the_same_file(written, tmp_path):
    network = load_network(written, device="cpu")
    card = write_network(tmp_path / "again", network.module, small_card())
    assert card["weights"]["sha256"] == network.sha256
    assert (tmp_path / "again" / "weights.safetensors").read_bytes() == (written / "weights.safetensors").read_bytes()
    assert (tmp_path / "again" / "card.toml").read_text() == (written / "card.toml").read_text()


def test_the_card_tells_size_and_checksum_and_keeps_what_it_was_given(written):
    weights = read_card(written)["weights"]
    content = (written / "weights.safetensors").read_bytes()
    assert weights["sha256"] == hashlib.sha256(content).hexdigest()
    assert weights["bytes"] == len(content)
    assert weights["parameters"] == sum(p.numel() for p in build_module("resnet", ARGUMENTS).parameters())
    assert weights["licence"] == "MIT"


def test_half_precision_rounds_arrays_and_keeps_vectors(written, tmp_path):
    module = load_network(written, device="cpu").module
    write_network(tmp_path, module, small_card(), half=True)
    half = load_network(tmp_path, device="cpu").module.state_dict()
    for key, value in module.state_dict().items():
        exact = value.ndim < 2 or not value.is_floating_point()
        torch.testing.assert_close(half[key], value, rtol=0 if exact else 2**-11, atol=0 if exact else 1e-7)
        assert half[key].dtype == value.dtype


def test_values_beyond_float16_are_not_stored_as_half(written, tmp_path):
    module = load_network(written, device="cpu").module
    with torch.no_grad():
        module.head.weight[0, 0] = 1e6
    with pytest.raises(WeightsError, match=r"'head\.weight' holds values beyond float16's range; write it in float32"):
        write_network(tmp_path, module, small_card(), half=True)
    assert not (tmp_path / "card.toml").exists()
    write_network(tmp_path, module, small_card())
    assert load_network(tmp_path, device="cpu").module.head.weight[0, 0] == 1e6


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_never_written_and_the_reason_is_not_float16(written, tmp_path, value, half):
    module = load_network(written, device="cpu").module
    with torch.no_grad():
        module.head.bias[0] = value
    with pytest.raises(WeightsError, match=r"'head\.bias' holds 1 values of \d+ that are NaN or infinite"):
        write_network(tmp_path / "own", module, small_card(), half=half)
    assert not (tmp_path / "own").exists()


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_weights_of_another_precision_are_written_as_the_card_says(written, tmp_path, dtype):
    module = load_network(written, device="cpu").module.to(dtype)
    card = write_network(tmp_path / "own", module, small_card())
    assert card["weights"]["stored_as"] == "float32"
    stored = load_file(tmp_path / "own" / "weights.safetensors")
    assert {value.dtype for value in stored.values() if value.is_floating_point()} == {torch.float32}


def test_a_wrong_shape_names_file_key_and_both_shapes(folder):
    rewrite(folder, lambda tensors: tensors.update({KEY: torch.zeros(3, 5)}))
    with pytest.raises(WeightsError) as error:
        load_network(folder)
    for part in (str(folder / "weights.safetensors"), KEY, "(3, 5)", "(16, 64)"):
        assert part in str(error.value)


def test_a_missing_key_names_file_key_and_shape(folder):
    rewrite(folder, lambda tensors: tensors.pop(KEY))
    sentence = re.escape(f"{folder / 'weights.safetensors'}: 1 key(s) missing, the first is '{KEY}' of shape (16, 64)")
    with pytest.raises(WeightsError, match=sentence):
        load_network(folder)


def test_a_key_too_many_is_named(folder):
    rewrite(folder, lambda tensors: tensors.update({"tail.weight": torch.zeros(2)}))
    with pytest.raises(WeightsError, match=r"weights\.safetensors: 1 key.*'tail\.weight' of shape \(2,\)"):
        load_network(folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_no_number_names_file_and_key(folder, value):
    rewrite(folder, lambda tensors: tensors[KEY].view(-1)[7:8].fill_(value))
    with pytest.raises(WeightsError, match=rf"weights\.safetensors: '{re.escape(KEY)}' holds NaN or infinite"):
        load_network(folder)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda value: value.double() * 0 + 1e300, r"beyond the range of torch\.float32"),
        (lambda value: value.to(torch.complex64) + 1j, r"complex numbers \(torch\.complex64\)"),
    ],
)
def test_values_that_the_networks_precision_cannot_hold_are_refused(folder, change, sentence):
    rewrite(folder, lambda tensors: tensors.update({KEY: change(tensors[KEY])}))
    with pytest.raises(WeightsError, match=rf"weights\.safetensors: '{re.escape(KEY)}' holds .*{sentence}"):
        load_network(folder)


def test_weights_in_float64_that_fit_are_read_as_before(folder):
    before = load_network(folder, device="cpu").module.state_dict()[KEY]
    rewrite(folder, lambda tensors: tensors.update({KEY: tensors[KEY].double()}))
    assert torch.equal(load_network(folder, device="cpu").module.state_dict()[KEY], before)


@pytest.mark.parametrize("std", [[60.0, float("nan"), 60.0], [60.0, 60.0, 0.0], [-60.0, 60.0, 60.0]])
def test_a_card_whose_std_divides_by_no_positive_number_is_refused(folder, std):
    card = read_card(folder)
    card["preprocessing"]["std"] = std
    write_card(folder, card)
    with pytest.raises(WeightsError, match=r"card\.toml: mean and std have three finite values, std above 0"):
        load_network(folder)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["more", "cat", "dog", "tram"], r"card\.toml: small: logits .* \(4 names, 3 logits\)"),
        (["cat", "dog"], r"card\.toml: small: logits .* \(2 names, 3 logits\)"),
        (["cat", "dog", "cat"], r"card\.toml: the categories' names must differ; 'cat'"),
    ],
)
def test_names_of_categories_that_are_not_those_of_the_logits_are_refused(folder, names, sentence):
    """With one name too many in front, every category is called like its neighbour, and the top-1 error is wrong."""
    card = read_card(folder)
    card["categories"] = {"names": names}
    write_card(folder, card)
    with pytest.raises(WeightsError, match=sentence):
        load_network(folder, device="cpu")


def test_a_card_of_imagenet_with_other_outputs_is_refused(folder):
    card = read_card(folder)
    card["categories"] = {"source": "imagenet"}
    write_card(folder, card)
    with pytest.raises(WeightsError, match=r"\(1000 names, 3 logits\)"):
        load_network(folder, device="cpu")


def test_one_changed_byte_breaks_the_checksum(folder):
    path = folder / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=rf"{re.escape(str(path))}: its sha256 is [0-9a-f]+…, the card says"):
        load_network(folder)


def test_what_is_no_safetensors_file_is_refused_unread(folder):
    path = folder / "weights.safetensors"
    path.write_bytes(b"not tensors at all")
    card = read_card(folder)
    card["weights"]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    write_card(folder, card)
    with pytest.raises(WeightsError, match=rf"{re.escape(str(path))}: not a safetensors file"):
        load_network(folder)


@pytest.mark.parametrize("name", ["weights.safetensors", "card.toml"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(WeightsError, match=rf"{re.escape(str(folder / name))}: not found"):
        load_network(folder)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ({"builder": "resnett"}, r"card\.toml.*no network builder called 'resnett'.*Did you mean 'resnet'"),
        ({"arguments": ARGUMENTS | {"blocks": [0]}}, r"card\.toml.*blocks counts the bottlenecks"),
        ({"arguments": ARGUMENTS | {"depth": 50}}, r"card\.toml.*depth"),
        ({"builder": 5}, r"card\.toml: \[network\] needs builder as a text"),
    ],
)
def test_a_card_that_builds_no_network_is_named(folder, damage, sentence):
    card = read_card(folder)
    card["network"] |= damage
    write_card(folder, card)
    with pytest.raises(WeightsError, match=sentence):
        load_network(folder)


def test_a_card_that_is_no_toml_or_lacks_a_section_is_named(folder):
    text = (folder / "card.toml").read_text()
    (folder / "card.toml").write_text("= no card")
    with pytest.raises(WeightsError, match=r"card\.toml: not a TOML file"):
        read_card(folder)
    (folder / "card.toml").write_text(text.replace("[preprocessing]", "[preprocess]"))
    with pytest.raises(WeightsError, match=r"card\.toml: the section \[preprocessing\] is missing"):
        read_card(folder)


def test_trained_networks_are_found_by_name_and_near_misses_are_offered(written, monkeypatch):
    monkeypatch.setenv("GALA_VIZ_MODELS", str(written.parent))
    assert {"lite0", "small"} <= set(known_networks())
    assert network_folder("small") == written
    assert network_folder("lite0") is None
    with pytest.raises(ValueError, match=r"no network called 'smal'\. Did you mean 'small'"):
        load_network("smal")


def test_a_folder_without_a_card_says_what_a_network_is(tmp_path):
    with pytest.raises(WeightsError, match=r"card\.toml: not found; a network's folder holds"):
        load_network(tmp_path)
