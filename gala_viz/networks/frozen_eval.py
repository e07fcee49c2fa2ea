"""Frozen eval: a network in eval mode without gradients for its parameters, restored afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

import torch
from torch import nn

_locks: WeakKeyDictionary[nn.Module, threading.RLock] = WeakKeyDictionary()
_locks_lock = threading.Lock()


@contextmanager
def frozen_eval(module: nn.Module) -> Iterator[nn.Module]:
    """Lock a module, put it in eval mode without gradients for its parameters, and restore it at the end.

    At the end, also after an error, every submodule's training flag, every parameter's ``requires_grad`` and ``.grad``,
    and every ``inplace`` flag are as before. Other threads that use the same module wait: hold it for one batch at a
    time, never across a ``yield`` to another caller. In-place activations are switched off meanwhile, since hooks and
    gradients need the value before them. Gradients are possible within it, also where the caller is in
    ``torch.inference_mode``.

    Parameters
    ----------
    module : nn.Module
        The network's module.

    Yields
    ------
    nn.Module
        ``module`` itself.
    """
    with _lock_of(module), outside_inference_mode():
        training = [(part, part.training) for part in module.modules() if part.training]
        inplace = [part for part in module.modules() if getattr(part, "inplace", False) is True]
        trainable = [parameter for parameter in module.parameters() if parameter.requires_grad]
        try:
            if training:
                module.eval()
            for part in inplace:
                part.inplace = False  # pyright: ignore[reportArgumentType]  # torch's stubs know tensors and modules only
            for parameter in trainable:
                parameter.requires_grad_(False)
            yield module
        finally:
            for parameter in trainable:
                parameter.requires_grad_(True)
            for part in inplace:
                part.inplace = True  # pyright: ignore[reportArgumentType]  # as above
            for part, flag in training:
                part.training = flag


@contextmanager
def outside_inference_mode() -> Iterator[None]:
    """Make tensors that gradients can use, also where the caller is in ``torch.inference_mode``.

    There it is as within ``torch.no_grad``: who wants a gradient asks for it. Elsewhere nothing changes.
    """
    if not torch.is_inference_mode_enabled():
        yield
        return
    with torch.inference_mode(False), torch.no_grad():
        yield


def _lock_of(module: nn.Module) -> threading.RLock:
    with _locks_lock:
        return _locks.setdefault(module, threading.RLock())
