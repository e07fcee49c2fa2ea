"""Devices and precisions: chosen by name, described in words."""

from __future__ import annotations

import torch

_EXPECTED = "a device is 'auto', 'cpu', 'cuda', 'cuda:1' or 'mps'"
_DTYPES = {"float32": torch.float32, "fp32": torch.float32, "bfloat16": torch.bfloat16, "bf16": torch.bfloat16}


def choose_device(name: str | torch.device | None = None) -> torch.device:
    """Return the device called ``name``; by default (None or "auto") CUDA where it is available, else the CPU.

    Raises ``ValueError`` for a name that PyTorch does not know and for a device that this machine does not have.
    """
    if name is None or name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f"{_EXPECTED}; got {str(name)!r}.") from None
    if device.type == "cuda" and (not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count()):
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        raise ValueError(
            f"device {str(name)!r} was asked for; this machine has {count} CUDA device(s). Use device 'cpu'."
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError("device 'mps' was asked for; this machine has none. Use device 'cpu'.")
    if device.type not in ("cpu", "cuda", "mps") and not _holds_values(device):
        raise ValueError(f"{_EXPECTED}; got {str(name)!r}, which cannot compute here.")
    return device


def _holds_values(device: torch.device) -> bool:
    """Return whether a value on ``device`` can be read back: not so on "meta", nor where a backend is missing."""
    try:
        return torch.ones(1, device=device).cpu().item() == 1
    except Exception:  # each backend that is missing has an error of its own
        return False


def choose_dtype(name: str | torch.dtype | None = None) -> torch.dtype:
    """Return the precision called ``name``: "float32" (the default) or "bfloat16".

    bfloat16 is used by autocast; weights stay float32. Raises ``ValueError`` for another precision.
    """
    if isinstance(name, torch.dtype):
        name = str(name).removeprefix("torch.")
    if name is None:
        return torch.float32
    try:
        return _DTYPES[name]
    except KeyError:
        raise ValueError(f"dtype is 'float32' or 'bfloat16'; got {name!r}.") from None


def disable_tf32() -> None:
    """Let cuDNN convolve float32 as float32 in this process, as a CPU does.

    Its default on newer GPUs, TensorFloat-32, has a mantissa of 10 bits and changes SmoothGrad maps by about a percent.
    """
    for part in ("conv", "rnn"):  # different settings of the two make PyTorch's older switch unreadable
        settings = getattr(torch.backends.cudnn, part, None)
        if settings is not None and hasattr(settings, "fp32_precision"):
            settings.fp32_precision = "ieee"
        else:
            torch.backends.cudnn.allow_tf32 = False


def describe_device(device: torch.device, dtype: torch.dtype) -> str:
    """Return device and precision in words, for example "CPU, float32" or "NVIDIA H100 80GB HBM3, bfloat16"."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()
    return f"{name}, {str(dtype).removeprefix('torch.')}"
