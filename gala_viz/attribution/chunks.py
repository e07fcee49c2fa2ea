"""How many samples are computed at once: few at first, so that a first map comes soon; fewer when memory runs out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

Result = TypeVar("Result")

FIRST_CHUNK_SIZE = 2
CPU_CHUNK_SIZE = 5
ACCELERATOR_CHUNK_SIZE = 25

_OUT_OF_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "defaultcpuallocator",
    "cannot allocate",
)

CHUNKS_HALVED = "memory ran out, chunks were halved"


def chunk_size(device: torch.device) -> int:
    """Return the number of samples in a chunk.

    Parameters
    ----------
    device : torch.device
        Where the samples are computed.

    Returns
    -------
    int
        5 on a CPU, where more is slower (its caches overflow), 25 on an accelerator.
    """
    return CPU_CHUNK_SIZE if device.type == "cpu" else ACCELERATOR_CHUNK_SIZE


def run_in_chunks(
    compute: Callable[[int, int], Result], start: int, stop: int, size: int, cancelled: Callable[[], bool]
) -> Iterator[tuple[Result, int, str]]:
    """Call ``compute(first, last)`` over a range of samples in chunks, and yield each result.

    The first chunk of all has at most ``FIRST_CHUNK_SIZE`` samples. Where memory runs out the chunk is halved and
    computed again.

    Parameters
    ----------
    compute : callable
        Computes the samples from ``first`` to below ``last``.
    start : int
        First sample.
    stop : int
        Number after the last sample.
    size : int
        Samples in a chunk, at least 1.
    cancelled : callable
        Cancellation callback; once it returns True, no further chunk is computed.

    Yields
    ------
    result : object
        What ``compute`` returned.
    last : int
        Number after the last sample of the chunk.
    note : str
        ``CHUNKS_HALVED`` once a chunk was halved, else "".

    Raises
    ------
    ValueError
        ``size`` is below 1.
    MemoryError
        One sample alone does not fit into memory.
    """
    if size < 1:
        raise ValueError(f"a chunk has at least one sample; got {size}.")
    note, first = "", start
    while first < stop and not cancelled():
        last = min(stop, first + (min(size, FIRST_CHUNK_SIZE) if first == 0 else size))
        try:
            result = compute(first, last)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if last - first == 1:
                raise MemoryError(
                    "one sample of one image does not fit into memory; use a smaller input or network, or device='cpu'."
                ) from error
            size, note = (last - first) // 2, CHUNKS_HALVED
        else:
            yield result, last, note
            first = last
            continue
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory ran out.

    Parameters
    ----------
    error : BaseException
        An error of PyTorch or Python, on any device.

    Returns
    -------
    bool
        True for PyTorch's and Python's own errors, and for a ``RuntimeError`` whose text says so.
    """
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _OUT_OF_MEMORY)
