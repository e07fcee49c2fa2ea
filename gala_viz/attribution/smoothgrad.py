"""SmoothGrad as an iterator: the running mean of signed gradients at noisy copies of one image.

Source: Smilkov et al. 2017. The gradient is Captum's ``Saliency`` with ``abs=False``; the result equals Captum's
``NoiseTunnel`` around it with the same noise. Unlike there, noise belongs to (seed, image, sample), memory does not
grow with n, every chunk gives a map, and any chunk can be the last. The map's Monte-Carlo error is
``gala_viz.attribution.map_state.monte_carlo_error``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Protocol

import numpy as np
import torch
from captum.attr import Saliency
from torch import Tensor, nn

from gala_viz.attribution.chunks import chunk_size, run_in_chunks
from gala_viz.attribution.frozen_eval import frozen_eval
from gala_viz.attribution.map_state import MapState, add_samples, initial_state
from gala_viz.attribution.noise import noise_sigma, standard_normal
from gala_viz.specs import SmoothGradSpec

MAX_NOISE_THREADS = 8
"""Threads that draw noise, at most."""


class DifferentiableNetwork(Protocol):
    """What attribution needs of a network; ``gala_viz.networks.network.Network`` has it.

    Attributes
    ----------
    module : nn.Module
        What ``frozen_eval`` puts in eval mode.
    device : torch.device
        Where inputs are put.
    """

    module: nn.Module
    device: torch.device

    def logits(self, batch: Tensor) -> Tensor:
        """Return the logits of a batch, differentiable with respect to it.

        Parameters
        ----------
        batch : Tensor, (B, C, y, x), float32
            Network inputs.

        Returns
        -------
        Tensor, (B, category)
            Logits.
        """
        ...


def never_cancelled() -> bool:
    """Return False: the cancellation callback of a computation that is never cancelled.

    Returns
    -------
    bool
        False.
    """
    return False


def smoothgrad_states(
    network: DifferentiableNetwork,
    network_input: np.ndarray,
    *,
    image: str,
    target: int,
    spec: SmoothGradSpec,
    resume: MapState | None = None,
    chunk: int | None = None,
    cancelled: Callable[[], bool] = never_cancelled,
) -> Iterator[MapState]:
    """Yield the state after every chunk of samples.

    The network is restored afterwards. Samples of ``resume`` are not computed again.

    Parameters
    ----------
    network : DifferentiableNetwork
        Whose logit is explained.
    network_input : ndarray, (channel, y, x), float32
        One image in the network's input space.
    image : str
        Id of the image, which names its noise.
    target : int
        Category index of the logit.
    spec : SmoothGradSpec
        Samples, noise and seed.
    resume : MapState, optional
        State to go on from: of the same image, network, target, noise and seed, with at most ``spec.n_samples``
        samples.
    chunk : int, optional
        Samples that are computed at once; default: by device. It is halved when memory runs out.
    cancelled : callable
        Cancellation callback.

    Yields
    ------
    MapState
        In logits per input unit (channel, y, x); the last state has n = ``spec.n_samples`` unless cancelled.

    Raises
    ------
    ValueError
        The input is not one image, or ``resume`` has another shape, target or noise, or too many samples.

    References
    ----------
    Smilkov et al. 2017.
    """
    sigma = noise_sigma(network_input, spec.noise_fraction)
    state = _start(resume, network_input.shape, spec, target, sigma)
    saliency = Saliency(network.logits)

    def gradients(first: int, last: int) -> np.ndarray:
        batch = noisy_copies(network_input, image, range(first, last), spec.seed, sigma)
        with frozen_eval(network.module):
            inputs = torch.from_numpy(batch).to(network.device).requires_grad_()
            values = saliency.attribute(inputs, target=target, abs=False)
            return values.detach().to("cpu", torch.float32).numpy()

    for values, _last, note in run_in_chunks(
        gradients, state.n, spec.n_samples, chunk or chunk_size(network.device), cancelled
    ):
        state = replace(add_samples(state, values), note=note)
        yield state


def noisy_copies(network_input: np.ndarray, image: str, samples: range, seed: int, sigma: float) -> np.ndarray:
    """Return noisy copies of one input.

    The noise depends on (seed, image, sample) only. As many threads draw it as PyTorch computes with: on a GPU the
    noise would otherwise take longer than the gradients.

    Parameters
    ----------
    network_input : ndarray, (channel, y, x)
        One image in the network's input space.
    image : str
        Id of the image.
    samples : range
        Numbers of the samples.
    seed : int
        Seed of the noise.
    sigma : float
        Standard deviation of the noise in input units; 0: plain copies.

    Returns
    -------
    ndarray, (sample, channel, y, x), float32
        The copies.
    """
    batch = np.repeat(network_input[None].astype(np.float32), len(samples), axis=0)

    def add_noise(copy: np.ndarray, sample: int) -> None:
        copy += np.float32(sigma) * standard_normal(seed, image, sample, network_input.shape)

    if sigma > 0:
        with ThreadPoolExecutor(min(len(samples), torch.get_num_threads(), MAX_NOISE_THREADS)) as pool:
            deque(pool.map(add_noise, batch, samples), maxlen=0)
    return batch


def _start(
    resume: MapState | None, shape: tuple[int, ...], spec: SmoothGradSpec, target: int, sigma: float
) -> MapState:
    """Return the state to begin with: an empty one, or ``resume`` after checks."""
    if len(shape) != 3:
        raise ValueError(f"one image (channel, y, x) was expected; got shape {shape}.")
    if resume is None:
        return initial_state(shape, n_samples=spec.n_samples, target=target, sigma=sigma)
    same = (resume.mean.shape, resume.target, resume.sigma) == (tuple(shape), target, sigma)
    if not same or resume.squares is None or resume.n > spec.n_samples:
        raise ValueError(
            f"a state can be resumed for the same image, target and noise and at most {spec.n_samples} samples; it has "
            f"shape {resume.mean.shape}, target {resume.target}, sigma {resume.sigma:g}, n {resume.n}; asked were "
            f"shape {tuple(shape)}, target {target}, sigma {sigma:g}."
        )
    return replace(resume, n_samples=spec.n_samples, note="")
