"""State dicts from files of others, without running what they hold: safetensors, and PyTorch's own files."""

from __future__ import annotations

import argparse
import datetime
import pathlib
import pickle
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from gala_viz.networks.card import fitting_weights
from gala_viz.networks.network_folders import WeightsError

_HOLDERS = ("state_dict", "model_state_dict", "model", "network", "net", "module")
_AVERAGES = ("state_dict_ema", "model_ema", "ema_state_dict", "ema", "model_ema_state_dict")
"""Keys of running averages of the weights, which are what such a training evaluates; timm takes them first too."""
_ASKED_FOR = re.compile(r"(?:GLOBAL|class|function) ([\w.]+)")
_PREFIXES = ("module.", "_orig_mod.", "model.", "network.", "net.", "ema_model.")
_PLAIN_CLASSES = [argparse.Namespace, datetime.timedelta, pathlib.PosixPath, pathlib.PurePosixPath]
"""What trainings write beside weights, and what holds nothing but values: torchvision's settings are a Namespace."""

_NUMPY_SCALARS: list[Any] = [
    np.dtype, np.float64(0).__reduce__()[0],
    *(type(np.dtype(one)) for one in ("f4", "f8", "i4", "i8", "?")),
]  # fmt: skip
"""Numbers of NumPy, as a best accuracy is one."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A state dict and, as sentences, what was taken away around it.

    ``settings`` are those of the training ("args"), where the file holds them.
    """

    state: dict[str, Tensor]
    notes: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Return the tensors of a .safetensors, .pth or .pt file by name, on the CPU; see ``read_checkpoint``."""
    return read_checkpoint(path).state


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Return the tensors of a .safetensors, .pth, .pt or .ckpt file by name, on the CPU.

    A checkpoint of a training (Lightning's, timm's, torchvision's) is searched for its weights, and prefixes that
    wrappers add (DistributedDataParallel, torch.compile, running averages) are removed. PyTorch's files are read with
    its restricted unpickler: a file that needs anything but tensors and plain values is refused before anything runs.
    Raises ``WeightsError``.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise WeightsError(f"{path}: not found; a file of weights (.safetensors, .pth, .pt) was expected.")
    if path.suffix == ".safetensors":
        try:
            return _unwrap(path, load_file(path))
        except (SafetensorError, OSError) as error:
            raise WeightsError(f"{path}: not a safetensors file ({error}).") from None
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals([*_PLAIN_CLASSES, *_NUMPY_SCALARS]):
            warnings.filterwarnings("ignore", "Detected pickle protocol")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        match = _ASKED_FOR.search(str(error))
        reason = f"it asks for {match[1]}" if match else "it is no file of tensors"
        raise WeightsError(f"{path}: refused, nothing in it was run: {reason}; only tensors are read.") from None
    except (RuntimeError, EOFError, ValueError, OSError, KeyError, TypeError) as error:
        raise WeightsError(f"{path}: no file of weights, or a damaged one ({str(error)[:160]}).") from None
    return _unwrap(path, content)


def load_weights(path: str | Path, state: Mapping[str, Tensor], module: nn.Module) -> None:
    """Fill ``module`` with the weights of a file; raise ``WeightsError`` unless they have its keys and shapes."""
    own = module.state_dict()
    counters = {key: own[key] for key in own if key.endswith("num_batches_tracked")}  # older files have none
    module.load_state_dict(fitting_weights(Path(path), {**counters, **state}, module))


def _unwrap(path: Path, content: Any) -> Checkpoint:
    """Return the state dict in ``content``, without the keys around it and the prefixes of its names."""
    notes: list[str] = []
    settings: dict[str, Any] = {}
    for _ in range(4):
        holders = [key for key in (*_AVERAGES, *_HOLDERS) if isinstance(content, Mapping) and _is_mapping(content, key)]
        if not holders:
            break
        rest = [key for key in holders[1:] if key in _AVERAGES or holders[0] in _AVERAGES]
        other = f", and not those under {' and '.join(map(repr, rest))}" if rest else ""
        beside = sorted(str(key) for key in content if key not in holders)
        passed = f"; passed over: {', '.join(beside[:8])}" if beside else ""
        notes.append(f"weights under {holders[0]!r} are taken{other}{passed}")
        args = content.get("args")
        settings |= vars(args) if isinstance(args, argparse.Namespace) else args if isinstance(args, dict) else {}
        content = content[holders[0]]
    if isinstance(content, Mapping):
        content = {key: value for key, value in content.items() if key not in ("n_averaged", "_metadata")}
    if not isinstance(content, Mapping) or not content or not all(isinstance(one, Tensor) for one in content.values()):
        raise WeightsError(f"{path}: a dict of tensors was expected, or a checkpoint that holds one as 'state_dict'.")
    if unnamed := [key for key in content if not isinstance(key, str)]:
        raise WeightsError(
            f"{path}: weights have names such as 'conv1.weight'; {len(unnamed)} of {len(content)} here have none, "
            f"for example {str(unnamed[0])[:40]!r}. Save network.state_dict()."
        )
    state, removed = dict(content), ""
    while prefix := next((one for one in _PREFIXES if all(key.startswith(one) for key in state)), ""):
        state, removed = {key.removeprefix(prefix): value for key, value in state.items()}, removed + prefix
    if not removed and (prefix := _prefix_of_most(state)):
        left_out = [key for key in state if not key.startswith(prefix)]
        notes.append(f"without the prefix {prefix!r}, so no weights of the network: {', '.join(left_out[:5])}")
        state = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
        removed = prefix
    if removed:
        notes.append(f"the prefix {removed!r} of all names is removed")
    return Checkpoint(state, tuple(notes), settings)


def _prefix_of_most(state: Mapping[str, Tensor]) -> str:
    """Return a prefix that all names have but those of a training's own tensors, as a loss's weights; else ""."""
    others = re.compile(r"(?:loss|criterion|loss_fn|train_|val_|test_|metric|ema)\w*\b")
    for prefix in _PREFIXES:
        rest = [key for key in state if not key.startswith(prefix)]
        if 0 < len(rest) < len(state) and all(others.match(key) for key in rest):
            return prefix
    return ""


def _is_mapping(content: Mapping[Any, Any], key: str) -> bool:
    return isinstance(content.get(key), Mapping)
