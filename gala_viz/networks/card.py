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
    folder: str | Path,
    module: nn.Module,
    card: Mapping[str, Any],
    *,
    half: bool = False,
    beside: Mapping[str, bytes | None] = MappingProxyType({}),
) -> dict[str, Any]:
    """Write the weights of ``module`` and its card into ``folder``, and return the card with [weights] filled in.

    All files are written under temporary names first, then renamed, the card last: a network that was there stays whole
    where this one cannot be written.

    Parameters
    ----------
    folder : str or Path
        The network's folder; made where it is missing.
    module : nn.Module
        Its state dict is stored.
    card : mapping
        Sections of card.toml; [weights] gets the file's name, checksum and size, the number of parameters, and the
        dtype.
    half : bool
        Store floating-point arrays of two or more dims as float16 (a relative rounding of at most 2^-11). Vectors,
        among them the batch norms' statistics, stay float32, as all do without ``half``.
    beside : mapping of str to bytes or None
        Further files of the folder by name; None deletes an older one.

    Returns
    -------
    dict
        The card as it is written.

    Raises
    ------
    WeightsError
        A weight is NaN or infinite or, with ``half``, beyond float16's range. Nothing is written then.
    """
    folder = Path(folder)
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
    """Write ``card`` as card.toml into ``folder``; keys keep their order."""
    _write(folder, {CARD: _card_text(card)})


def _card_text(card: Mapping[str, Any]) -> bytes:
    return tomli_w.dumps(dict(card)).encode()


def _write(folder: Path, files: Mapping[str, bytes | None]) -> None:
    """Write all ``files`` under temporary names, rename them in their order, then delete those that are None."""
    folder.mkdir(parents=True, exist_ok=True)
    partial_files = {name: folder / f".{name}.partial" for name, content in files.items() if content is not None}
    try:
        for name, path in partial_files.items():
            path.write_bytes(files[name])  # type: ignore[arg-type]
        for name, path in partial_files.items():
            path.replace(folder / name)
    finally:
        for path in partial_files.values():
            path.unlink(missing_ok=True)
    for name in files.keys() - partial_files.keys():
        (folder / name).unlink(missing_ok=True)


def read_weights(folder: Path, card: Mapping[str, Any], module: nn.Module) -> nn.Module:
    """Fill ``module`` from the weights in ``folder`` and return it.

    The file is checked against ``card`` and against the module. Raises ``WeightsError`` that names the file and, for a
    wrong key or shape, the key and both shapes.
    """
    path, content = folder / WEIGHTS, read_verified_weights(folder, card)
    try:
        tensors = load_tensors(content)
    except SafetensorError as error:
        raise WeightsError(f"{path}: not a safetensors file ({error}).") from None
    module.load_state_dict(fitting_weights(path, tensors, module))
    return module


def fitting_weights(path: Path, tensors: Mapping[str, Tensor], module: nn.Module) -> dict[str, Tensor]:
    """Return ``tensors`` in the module's own dtypes.

    Raises ``WeightsError``, which names ``path``, unless they have exactly the module's keys and shapes, are real and
    finite, also in these dtypes, and whole numbers where the module's are integers.
    """
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
    return {key: cast_weight(path, key, value, expected[key].dtype) for key, value in tensors.items()}


def cast_weight(path: Path, key: str, value: Tensor, dtype: torch.dtype) -> Tensor:
    """Return one weight in ``dtype``.

    Parameters
    ----------
    path : Path
        The file, named in errors.
    key : str
        The weight's name, named in errors.
    value : Tensor
        The weight, of any shape and dtype.
    dtype : torch.dtype
        The dtype in which the network computes.

    Returns
    -------
    Tensor
        The same numbers, rounding apart.

    Raises
    ------
    WeightsError
        The weight is complex, NaN or infinite, beyond the range of ``dtype``, or not whole where ``dtype`` is of
        integers.
    """
    named = f"{path}: {key!r}"
    if value.is_complex():
        raise WeightsError(f"{named} holds complex numbers ({value.dtype}); real ones were expected.")
    if not torch.isfinite(value.float() if value.dtype.itemsize == 1 else value).all():
        raise WeightsError(f"{named} holds NaN or infinite values.")
    cast = value.to(dtype)
    if not torch.isfinite(cast).all():
        raise WeightsError(f"{named} holds values beyond the range of {dtype}, in which the network computes.")
    if not dtype.is_floating_point and not torch.equal(cast.to(value.dtype), value):
        raise WeightsError(f"{named} holds numbers that are not whole; {dtype} was expected.")
    return cast


def _stored(key: str, value: Tensor, half: bool) -> Tensor:
    """Return ``value`` as it is stored: float32, or float16 with ``half`` from two dims on; integers as they are."""
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
