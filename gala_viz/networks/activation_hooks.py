"""Activation hooks: note modules' outputs in a forward pass, for each thread apart, without changing the network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from torch import Tensor, nn


class ActivationRecord(dict[nn.Module, Tensor]):
    """Module -> activation of its last call.

    Attributes
    ----------
    calls : dict of nn.Module to list of Tensor
        Activations of all of a module's calls, in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: dict[nn.Module, list[Tensor]] = {}


_record: ContextVar[ActivationRecord | None] = ContextVar("record", default=None)


@contextmanager
def record_activations() -> Iterator[ActivationRecord]:
    """Yield a dict, module -> activation, that the forward passes of this thread fill.

    Within the context, GALA blocks note their attention map A, (B, C, H, W), and modules with an activation hook a copy
    of their output as it is before anything writes into it. Other threads note nothing, so several readers may use one
    network at once.
    """
    record = ActivationRecord()
    token = _record.set(record)
    try:
        yield record
    finally:
        _record.reset(token)


def store_activation(module: nn.Module, activation: Tensor) -> None:
    """Note the ``activation`` of ``module`` if a record is open in this thread."""
    record = _record.get()
    if record is not None:
        record[module] = activation
        record.calls.setdefault(module, []).append(activation)


def add_activation_hook(module: nn.Module) -> nn.Module:
    """Let ``module`` note its output whenever somebody records, and return the module.

    What it computes stays the same. A second call adds no second hook.
    """
    if not has_activation_hook(module):
        module.register_forward_hook(_note_output)
    return module


def has_activation_hook(module: nn.Module) -> bool:
    """Return whether ``module`` has an activation hook."""
    return _note_output in module._forward_hooks.values()


def _note_output(part: nn.Module, _inputs: object, output: object) -> None:
    if _record.get() is not None and (tensor := first_tensor(output)) is not None:
        store_activation(part, tensor.clone())  # what follows may write into it: relu_


def first_tensor(output: object) -> Tensor | None:
    """Return a module's output, or the first of several; None where that is no tensor."""
    if isinstance(output, (tuple, list)) and output:
        output = output[0]
    return output if isinstance(output, Tensor) else None
