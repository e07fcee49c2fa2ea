"""SmoothGrad as an iterator: the running mean of signed gradients at noisy copies of one image.

Source: Smilkov et al. 2017. The gradient is Captum's ``Saliency`` with ``abs=False``; the result equals Captum's
``NoiseTunnel`` around it, given the same noise. Unlike there, noise belongs to (seed, image, sample), memory does not
grow with n, every chunk can be seen, and any chunk can be the last.
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
    """What attribution needs of a network; ``gala_viz.networks.network.Network`` has it."""

    module: nn.Module
    device: torch.device

    def logits(self, batch: Tensor) -> Tensor:
        """Logits (B, category), differentiable with respect to ``batch`` (B, C, y, x)."""
        ...


def never_cancelled() -> bool:
    """Not cancelled."""
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
    """Yield the state after every chunk of samples; the last one has n = ``spec.n_samples`` unless cancelled.

    ``network_input`` is one image (channel, y, x), float32, in the network's input space; ``image`` its id, which
    names the noise; ``target`` the index of the logit explained. The unit of the map is logits per input unit.
    ``resume`` is a state of the same image, network, target, noise and seed with fewer samples: they are not computed
    again. ``chunk`` samples are computed at once (None: by device) and halved when memory runs out. The network is
    given back as it was found. Raises ``ValueError`` where ``resume`` belongs to something else.
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
    """Noisy copies (sample, channel, y, x), float32, of one input; the noise depends on (seed, image, sample) only.

    As many threads draw as PyTorch computes with: on a GPU the noise else takes longer than the gradients.
    """
    batch = np.repeat(network_input[None].astype(np.float32), len(samples), axis=0)

    def add_noise(copy: np.ndarray, sample: int) -> None:
        copy += np.float32(sigma) * standard_normal(seed, image, sample, network_input.shape)

    if sigma > 0:
        with ThreadPoolExecutor(min(len(samples), torch.get_num_threads(), MAX_NOISE_THREADS)) as drawers:
            deque(drawers.map(add_noise, batch, samples), maxlen=0)
    return batch


def _start(
    resume: MapState | None, shape: tuple[int, ...], spec: SmoothGradSpec, target: int, sigma: float
) -> MapState:
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
