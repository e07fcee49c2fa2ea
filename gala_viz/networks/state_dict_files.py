"""State dicts from files of others, without running what they hold: safetensors, and PyTorch's own files."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from gala_viz.networks.network_folders import WeightsError

_HOLDERS = ("state_dict", "model_state_dict", "model", "network")
_ASKED_FOR = re.compile(r"(?:GLOBAL|class|function) ([\w.]+)")
_PREFIXES = ("module.", "_orig_mod.", "model.", "network.")


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Return the tensors of a .safetensors, .pth or .pt file by name, on the CPU.

    A checkpoint of a training is searched for its weights, and prefixes that wrappers add are removed. PyTorch's files
    are read with its restricted unpickler: a file that needs anything but tensors is refused before anything runs.
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
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Detected pickle protocol")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        match = _ASKED_FOR.search(str(error))
        reason = f"it asks for {match[1]}" if match else "it is no file of tensors"
        raise WeightsError(f"{path}: refused, nothing in it was run: {reason}; only tensors are read.") from None
    except (RuntimeError, EOFError, ValueError, OSError, KeyError) as error:
        raise WeightsError(f"{path}: no file of weights, or a damaged one ({str(error)[:160]}).") from None
    return _unwrap(path, content)


def _unwrap(path: Path, content: Any) -> dict[str, Tensor]:
    """Return the state dict in ``content``, without the keys around it and the prefixes of its names."""
    for holder in _HOLDERS:
        if isinstance(content, Mapping) and isinstance(content.get(holder), Mapping):
            content = content[holder]
    if not isinstance(content, Mapping) or not content or not all(isinstance(one, Tensor) for one in content.values()):
        raise WeightsError(f"{path}: a dict of tensors was expected, or a checkpoint that holds one as 'state_dict'.")
    state = dict(content)
    for prefix in _PREFIXES:
        if all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state
