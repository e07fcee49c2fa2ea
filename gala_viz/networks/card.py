"""A trained network on disk: ``weights.safetensors`` beside ``card.toml``, and nothing that could run code.

The card names architecture, preprocessing, categories, recipe, data, split, seed, licence, the weights' sha256 and the
numbers measured on held-out images. Reading checks the checksum first, then every key, shape and value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import tomli_w
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from gala_viz.networks.network_folders import CARD, WEIGHTS, WeightsError, read_verified_weights


def write_network(
    folder: Path,
    module: nn.Module,
    card: Mapping[str, Any],
    *,
    half: bool = False,
    beside: Mapping[str, bytes | None] = MappingProxyType({}),
) -> dict[str, Any]:
    """Write ``module``'s weights and ``card`` into ``folder`` and return the card with its [weights] filled in.

    ``beside`` are more files of it by name; None takes an older one away. All are written before one takes its place,
    the card as the last: a network that was there stays whole where this one cannot be written.

    Weights are stored as float32. With ``half``, arrays of two or more dims are stored as float16 (a relative rounding
    of at most 2^-11), and vectors, among them the batch norms' statistics, stay float32. Raises ``WeightsError``,
    before anything is written, for values that are NaN or infinite, and with ``half`` for those beyond float16's range.
    """
    tensors = {key: _stored(key, value, half) for key, value in module.state_dict().items()}
    content = save_tensors(tensors)
    weights = {
        "file": WEIGHTS,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "parameters": sum(parameter.numel() for parameter in module.parameters()),
        "stored_as": "float16, vectors float32" if half else "float32",
    }
    full = {**card, "weights": {**card.get("weights", {}), **weights}}
    _write(folder, {**beside, WEIGHTS: content, CARD: _card_text(full)})
    return full


def write_card(folder: Path, card: Mapping[str, Any]) -> None:
    """Write a card in TOML; keys keep their order."""
    _write(folder, {CARD: _card_text(card)})


def _card_text(card: Mapping[str, Any]) -> bytes:
    return tomli_w.dumps(dict(card)).encode()


def _write(folder: Path, files: Mapping[str, bytes | None]) -> None:
    """Write all ``files`` beside their places, then rename them in their order; those that are None go at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    begun = {name: folder / f".{name}.partial" for name, content in files.items() if content is not None}
    try:
        for name, path in begun.items():
            path.write_bytes(files[name])  # type: ignore[arg-type]
        for name, path in begun.items():
            path.replace(folder / name)
    finally:
        for path in begun.values():
            path.unlink(missing_ok=True)
    for name in files.keys() - begun.keys():
        (folder / name).unlink(missing_ok=True)


def read_weights(folder: Path, card: Mapping[str, Any], module: nn.Module) -> nn.Module:
    """Fill ``module`` from the folder's weights, checked against ``card`` and against the module; return it.

    Raises ``WeightsError`` that names the file and, for a wrong key or shape, the key and both shapes.
    """
    path, content = folder / WEIGHTS, read_verified_weights(folder, card)
    try:
        tensors = load_tensors(content)
    except SafetensorError as error:
        raise WeightsError(f"{path}: not a safetensors file ({error}).") from None
    check_weights(path, tensors, module)
    module.load_state_dict({key: value.to(module.state_dict()[key].dtype) for key, value in tensors.items()})
    return module


def check_weights(path: Path, tensors: Mapping[str, Tensor], module: nn.Module) -> None:
    """Raise ``WeightsError`` unless ``tensors`` are finite and have exactly the module's keys and shapes."""
    expected = module.state_dict()
    missing, extra = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected.keys())
    if missing:
        shape = tuple(expected[missing[0]].shape)
        raise WeightsError(f"{path}: {len(missing)} key(s) missing, the first is {missing[0]!r} of shape {shape}.")
    if extra:
        shape = tuple(tensors[extra[0]].shape)
        raise WeightsError(
            f"{path}: {len(extra)} key(s) that the network lacks, the first is {extra[0]!r} of shape {shape}."
        )
    for key, value in tensors.items():
        if value.shape != expected[key].shape:
            raise WeightsError(
                f"{path}: {key!r} has shape {tuple(value.shape)}, the network expects {tuple(expected[key].shape)}."
            )
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise WeightsError(f"{path}: {key!r} holds NaN or infinite values.")


def _stored(key: str, value: Tensor, half: bool) -> Tensor:
    value = value.detach().cpu().contiguous()
    if not value.is_floating_point():
        return value
    whole = value.to(torch.float32)
    if not torch.isfinite(whole).all():
        count = int((~torch.isfinite(whole)).sum())
        raise WeightsError(
            f"{key!r} holds {count} values of {whole.numel()} that are NaN or infinite; such a network gives no "
            "answers, and nothing is written. After a training: it has diverged; lower its rate."
        )
    if not half or value.ndim < 2:
        return whole
    stored = whole.to(torch.float16)
    if not torch.isfinite(stored).all():
        raise WeightsError(f"{key!r} holds values beyond float16's range; write it in float32, without half.")
    return stored
