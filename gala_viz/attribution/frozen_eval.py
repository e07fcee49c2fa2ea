"""Taking a network for one computation, and giving it back as it was found."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from torch import nn

_locks: WeakKeyDictionary[nn.Module, threading.RLock] = WeakKeyDictionary()
_locks_lock = threading.Lock()


@contextmanager
def frozen_eval(module: nn.Module) -> Iterator[nn.Module]:
    """Hold ``module`` alone, in eval mode, without gradients for its parameters, and restore it at the end.

    Every submodule's training flag, every parameter's requires_grad and .grad, and every ``inplace`` flag come back,
    also after an error. Other threads that hold the same module wait; it is held for one chunk at a time, never
    across a ``yield`` to somebody else. In-place activations are switched off meanwhile: hooks and gradients need
    the value before them.
    """
    with _lock_of(module):
        training = [(part, part.training) for part in module.modules() if part.training]
        inplace = [part for part in module.modules() if getattr(part, "inplace", False) is True]
        asking = [parameter for parameter in module.parameters() if parameter.requires_grad]
        try:
            if training:
                module.eval()
            for part in inplace:
                part.inplace = False  # pyright: ignore[reportArgumentType]  # torch's stubs know tensors and modules only
            for parameter in asking:
                parameter.requires_grad_(False)
            yield module
        finally:
            for parameter in asking:
                parameter.requires_grad_(True)
            for part in inplace:
                part.inplace = True  # pyright: ignore[reportArgumentType]  # as above
            for part, flag in training:
                part.training = flag


def _lock_of(module: nn.Module) -> threading.RLock:
    with _locks_lock:
        return _locks.setdefault(module, threading.RLock())
