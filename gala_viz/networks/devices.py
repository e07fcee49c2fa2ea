"""Devices and precisions: chosen by name, described in words."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

PRECISIONS = ("float32", "tf32", "bfloat16", "auto")
"""How a network multiplies: "tf32" in TensorFloat-32 of NVIDIA GPUs, "bfloat16" by autocast, "auto" in the fastest that
changes maps by less than their error with 50 samples (``gala_viz.engine.precision``). Weights, logits and maps are
float32."""

_EXPECTED = "a device is 'auto', 'cpu', 'cuda', 'cuda:1' or 'mps'"
_arithmetic_lock = threading.RLock()
_running: list[bool] = []
"""Whether each context of ``arithmetic`` that is open, the innermost last, is of TensorFloat-32."""


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


def choose_precision(name: str | torch.dtype | None = None, device: torch.device | None = None) -> str:
    """Return a precision of ``PRECISIONS``; "float32" by default.

    "fp32", "bf16" and types of PyTorch are understood too. Raises ``ValueError`` for another precision, and for "tf32"
    where ``device`` is given and is no CUDA device.
    """
    asked = str(name).removeprefix("torch.") if name is not None else "float32"
    precision = {"fp32": "float32", "bf16": "bfloat16"}.get(asked, asked)
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {', '.join(map(repr, PRECISIONS[:-1]))} or {PRECISIONS[-1]!r}; got {asked!r}.")
    if precision == "tf32" and device is not None and device.type != "cuda":
        raise ValueError(
            f"precision 'tf32' is of NVIDIA GPUs, and the device is {str(device)!r}; use 'float32', 'bfloat16' or "
            "'auto'."
        )
    return precision


@contextmanager
def arithmetic(precision: str, device: torch.device) -> Iterator[None]:
    """Let a CUDA device multiply float32 in TensorFloat-32 or in float32, until the end of the context.

    PyTorch's setting is of the whole process, so that one pass, forward and backward, runs at a time; contexts may lie
    within each other. On other devices nothing is set: they compute float32 as float32.
    """
    if device.type != "cuda":
        yield
        return
    with _arithmetic_lock:
        _running.append(precision == "tf32")
        try:
            _allow_tf32(_running[-1])
            yield
        finally:
            _running.pop()
            _allow_tf32(bool(_running) and _running[-1])


def disable_tf32() -> None:
    """Let cuDNN convolve float32 as float32 in this process, as a CPU does.

    Its default on newer GPUs, TensorFloat-32, has a mantissa of 10 bits and changes SmoothGrad maps by about a percent.
    A pass that runs in TensorFloat-32 ends as it began.
    """
    with _arithmetic_lock:
        if not _running:
            _allow_tf32(False)


def _allow_tf32(allowed: bool) -> None:
    """Set PyTorch's older switches: those of 2.9 and later, set one by one, make the older ones unreadable."""
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = allowed


def describe_device(device: torch.device, precision: str) -> str:
    """Return device and precision in words, for example "CPU, float32" or "NVIDIA H100 80GB HBM3, bfloat16"."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()
    return f"{name}, {precision}"


def upload(values: np.ndarray, device: torch.device) -> Tensor:
    """Return an array as a float32 tensor on ``device``; to a CUDA device it goes from pinned memory, without waiting.

    It is copied also where the device is the CPU.
    """
    tensor = torch.from_numpy(np.array(values, np.float32))
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)
