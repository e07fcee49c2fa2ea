"""Samples of many images in batches of one shape: the loop in which every attribution map is computed.

Every batch has the same shape; what does not fill it is padded. A sample's values depend on the shape of its batch, in
the last bits, and not on its place or on what else is in the batch; samples are added in their order. So a map is the
same to the last bit alone, among others, and after a resume, given the network, the device, the precision and the
number of threads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gala_viz.attribution.map_state import N_GROUPS, MapState
from gala_viz.attribution.method import AttributionMethod, ExplainedImage
from gala_viz.networks.frozen_eval import outside_inference_mode

SMALLER_BATCHES = "memory ran out, batches were made smaller"

_OUT_OF_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "defaultcpuallocator",
    "cannot allocate",
)


def never_cancelled() -> bool:
    """Return False: the cancellation callback of computations that are always finished."""
    return False


class MapJob:
    """The map of one image while it is computed: its samples so far as sums, on the network's device.

    Parameters
    ----------
    method : AttributionMethod
        The method, with its settings and network.
    network_input : ndarray, (channel, y, x)
        The image in the network's input space.
    image : str
        Id of the image, which names its noise.
    target : int
        Category index of the logit that is explained.
    values : Tensor, (channel, y, x), float32, optional
        The image on the network's device, where it is there already.
    resume : MapState, optional
        State to go on from, of a stochastic method: of the same image, network, target, noise and seed, with at most
        as many samples.

    Raises
    ------
    ValueError
        The input is not one image, or ``resume`` has another shape, target or noise, or too many samples.
    TypeError
        The method is stochastic, and its map is no mean of what its samples give.
    """

    def __init__(
        self,
        method: AttributionMethod,
        network_input: np.ndarray,
        *,
        image: str,
        target: int,
        values: Tensor | None = None,
        resume: MapState | None = None,
    ) -> None:
        kind = type(method)
        own = kind.finish is AttributionMethod.finish and kind.contribution is AttributionMethod.contribution
        if method.stochastic and not own:
            raise TypeError(f"{method.title}: the map of a stochastic method is the mean over its samples.")
        self.method = method
        self.explained: ExplainedImage = method.explained(network_input, image=image, target=target, values=values)
        self.n_samples = method.n_samples(network_input.shape)
        self.n = 0
        self.note = ""
        self._at_first: Tensor | None = None
        self._sums: Tensor | None = None
        if resume is not None:
            self._resume(resume)

    @property
    def done(self) -> bool:
        """Whether nothing is left to compute."""
        return self.n >= self.n_samples

    def add(self, values: Tensor) -> None:
        """Add what ``method.attribute`` returned for the samples that follow, (sample, ...)."""
        if self._at_first is None:
            self._at_first = values[0].clone()  # of sample 0: only methods that cannot be resumed look at it
        addends = self.method.contribution(values, self.explained, self.n, self._at_first)
        if self._sums is None:
            groups = N_GROUPS if self.method.stochastic else 1
            self._sums = torch.zeros((groups, *addends.shape[1:]), dtype=torch.float32, device=addends.device)
        sums: Any = self._sums
        if addends.device.type == "cpu":  # NumPy's one thread: PyTorch's would wait for each other at every sum
            sums, addends = sums.numpy(), addends.numpy()
        for addend in addends:  # one after the other, so that sums do not show how samples are cut into batches
            sums[self.n % len(sums)] += addend
            self.n += 1

    def state(self, *, on_device: bool = False) -> MapState:
        """Return the map so far, as arrays; with ``on_device`` as tensors that the next sample changes."""
        sums: Any = self._sums
        if sums is None:
            raise ValueError("there is no sample yet.")
        explained = self.explained
        state = {"n": self.n, "n_samples": self.n_samples, "target": explained.target, "sigma": explained.sigma}
        if not self.method.stochastic:
            mean: Any = self.method.finish(sums[0], self.n, explained)
            mean = mean if on_device else mean.to("cpu", copy=True).numpy()
            return MapState(mean=mean, note=self.note, **state)
        if on_device:
            wide = sums if sums.device.type == "mps" else sums.double()  # which MPS does not have
            mean = (wide.sum(0) / self.n).float()
        else:
            sums = sums.to("cpu", copy=True).numpy()
            mean = (sums.sum(axis=0, dtype=np.float64) / self.n).astype(np.float32)
        return MapState(mean=mean, group_sums=sums, note=self.note, **state)

    def _resume(self, state: MapState) -> None:
        shape, explained = tuple(self.explained.values.shape[-2:]), self.explained
        same = (state.mean.shape[-2:], state.target, state.sigma) == (shape, explained.target, explained.sigma)
        if not same or state.group_sums is None or state.n > self.n_samples:
            raise ValueError(
                f"a state can be resumed for the same image, target and noise and at most {self.n_samples} samples; it "
                f"has shape {state.mean.shape[-2:]}, target {state.target}, sigma {state.sigma:g}, n {state.n}; asked "
                f"were shape {shape}, target {explained.target}, sigma {explained.sigma:g}."
            )
        self.n, self.note = state.n, state.note
        self._sums = torch.from_numpy(state.group_sums.copy()).to(explained.values.device)


def run_jobs(
    jobs: Iterable[MapJob],
    *,
    batch_size: int | None = None,
    cancelled: Callable[[], bool] = never_cancelled,
) -> Iterator[MapJob]:
    """Compute maps, and yield each job whenever a batch has brought it further.

    Jobs are taken up in their order, the next one as soon as a batch has room for it. All are of one method and one
    network, with inputs of one shape.

    Parameters
    ----------
    jobs : iterable of MapJob
        The maps; they may be made as they are needed.
    batch_size : int, optional
        Samples in a batch; default: ``method.batch_size()``. Where memory runs out it is halved, which the jobs'
        ``note`` says.
    cancelled : callable
        Cancellation callback; once it returns True, no further batch is computed.

    Yields
    ------
    MapJob
        A job with more samples than before, after every batch; a finished one once.

    Raises
    ------
    ValueError
        ``batch_size`` is below 1.
    MemoryError
        One sample alone does not fit into memory.
    """
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"a batch has at least one sample; got {batch_size}.")
    waiting = iter(jobs)
    running: deque[MapJob] = deque()
    batch: _Batch | None = None
    note = ""
    while not cancelled():
        planned = sum(job.n_samples - job.n for job in running)
        while batch_size is None or planned < batch_size:
            job = next(waiting, None)
            if job is None:
                break
            if job.done:
                yield job
                continue
            batch_size = batch_size or job.method.batch_size()
            running.append(job)
            planned += job.n_samples - job.n
        if not running or batch_size is None:
            return
        batch = batch or _Batch(running[0].explained.values, batch_size)
        before = [(job, job.n) for job in running]
        too_large = False
        try:
            batch.run(running)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if batch_size == 1:
                raise MemoryError(
                    "one sample of one image does not fit into memory; use a smaller input or network, or device='cpu'."
                ) from error
            too_large = True
        if too_large:  # here the error, and what its traceback held, is gone
            batch, batch_size, note = None, batch_size // 2, SMALLER_BATCHES
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        for job, n in before:
            if job.n > n:
                job.note = note or job.note
                if job.done:
                    running.remove(job)
                yield job


def map_states(
    method: AttributionMethod,
    network_input: np.ndarray,
    *,
    image: str,
    target: int,
    resume: MapState | None = None,
    batch_size: int | None = None,
    cancelled: Callable[[], bool] = never_cancelled,
) -> Iterator[MapState]:
    """Yield the map of one image after every batch of its samples.

    Parameters
    ----------
    method : AttributionMethod
        The method, with its settings and network.
    network_input : ndarray, (channel, y, x)
        The image in the network's input space.
    image : str
        Id of the image, which names its noise.
    target : int
        Category index of the logit that is explained.
    resume : MapState, optional
        State to go on from, see ``MapJob``.
    batch_size : int, optional
        Samples in a batch; default: ``method.batch_size()``.
    cancelled : callable
        Cancellation callback.

    Yields
    ------
    MapState
        In the method's unit; the last one is done unless cancelled.
    """
    job = MapJob(method, network_input, image=image, target=target, resume=resume)
    for advanced in run_jobs([job], batch_size=batch_size, cancelled=cancelled):
        yield advanced.state()


class _Batch:
    """The one batch of a run: samples and targets of fixed shape, filled anew again and again."""

    def __init__(self, like: Tensor, size: int) -> None:
        self.size = size
        with outside_inference_mode():
            self._samples = like.new_zeros((size, *like.shape))
            self._targets = torch.zeros(size, dtype=torch.int64, device=like.device)

    @outside_inference_mode()
    def run(self, jobs: Iterable[MapJob]) -> None:
        """Fill the batch with the next samples of ``jobs``, compute it, and add what it gives to them."""
        parts: list[tuple[MapJob, slice]] = []
        filled = 0
        for job in jobs:
            count = min(self.size - filled, job.n_samples - job.n)
            if count == 0:
                break
            part = slice(filled, filled + count)
            job.method.write_samples(self._samples[part], job.explained, job.n)
            self._targets[part] = job.explained.target
            parts.append((job, part))
            filled += count
        method = parts[0][0].method
        self._samples[filled:] = 0
        self._targets[filled:] = parts[0][0].explained.target
        with method.network.computing():
            values = method.attribute(self._samples.detach().requires_grad_(), self._targets).detach().float()
        for job, part in parts:
            job.add(values[part])


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
