"""Activation hooks: note modules' outputs in a forward pass, for each thread apart, without changing the network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from torch import Tensor, nn

_record: ContextVar[dict[nn.Module, Tensor] | None] = ContextVar("record", default=None)


@contextmanager
def record_activations() -> Iterator[dict[nn.Module, Tensor]]:
    """Yield a dict, module -> activation, that the forward passes of this thread fill.

    Within the context, GALA blocks note their attention map A and modules with an activation hook note their output,
    each as (B, C, H, W). Other threads note nothing, so several readers may use one network at once.
    """
    record: dict[nn.Module, Tensor] = {}
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
    if _record.get() is not None:
        store_activation(part, activation_grid(part, output))


def activation_grid(module: nn.Module, output: object) -> Tensor:
    """Return the ``output`` of ``module`` as a grid (B, C, H, W).

    An output of four dims is returned as it is. Tokens (B, N, C) of a square grid are reshaped; one class token before
    them is left out. Of a tuple or list the first item counts. Raises ``ValueError`` for an output of another shape.
    """
    if isinstance(output, (tuple, list)) and output:
        output = output[0]
    if isinstance(output, Tensor) and output.ndim == 4:
        return output
    if isinstance(output, Tensor) and output.ndim == 3:
        n_tokens = output.shape[1]
        side = int(n_tokens**0.5)
        if side > 1 and n_tokens - side * side in (0, 1):
            grid = output[:, n_tokens - side * side :]
            return grid.transpose(1, 2).reshape(len(output), -1, side, side)
    description = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    raise ValueError(
        f"a layer's map has channels, rows and columns (B, C, H, W); {type(module).__name__} gives {description}."
    )
