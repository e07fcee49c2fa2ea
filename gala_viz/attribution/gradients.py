"""Plain gradient, Input x Gradient and Integrated Gradients through Captum, as iterators of map states."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from captum.attr import InputXGradient, IntegratedGradients, Saliency
from torch import Tensor

from gala_viz.attribution.chunks import chunk_size, run_in_chunks
from gala_viz.attribution.frozen_eval import frozen_eval
from gala_viz.attribution.map_state import MapState
from gala_viz.attribution.smoothgrad import DifferentiableNetwork, never_cancelled


@dataclass(frozen=True, kw_only=True, slots=True)
class GradientSpec:
    """Methods of one backward pass have nothing to set."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IntegratedGradientsSpec:
    """Settings of Integrated Gradients (Sundararajan et al. 2017).

    ``n_steps`` midpoints lie on the straight path from a constant ``baseline``, in the network's input units, to the
    image; 0 is the grey that the network's preprocessing subtracts.
    """

    n_steps: int = 50
    baseline: float = 0.0

    def __post_init__(self) -> None:
        if isinstance(self.n_steps, bool) or not isinstance(self.n_steps, int) or self.n_steps < 1:
            raise ValueError(f"n_steps counts steps of the path and is at least 1; got {self.n_steps!r}.")
        if not np.isfinite(self.baseline):
            raise ValueError(f"baseline is a number in input units; got {self.baseline!r}.")


def saliency_states(
    network: DifferentiableNetwork, network_input: np.ndarray, *, target: int, **options: object
) -> Iterator[MapState]:
    """One state: the signed gradient of the target's logit, in logits per input unit (channel, y, x)."""
    method = Saliency(network.logits)
    yield from single_pass_states(
        network, network_input, target, options, lambda x: method.attribute(x, target=target, abs=False)
    )


def input_x_gradient_states(
    network: DifferentiableNetwork, network_input: np.ndarray, *, target: int, **options: object
) -> Iterator[MapState]:
    """One state: input times gradient, in logits (channel, y, x); 0 where the input is 0 (Shrikumar et al. 2016)."""
    method = InputXGradient(network.logits)
    yield from single_pass_states(network, network_input, target, options, lambda x: method.attribute(x, target=target))


def integrated_gradients_states(
    network: DifferentiableNetwork,
    network_input: np.ndarray,
    *,
    target: int,
    spec: IntegratedGradientsSpec,
    chunk: int | None = None,
    cancelled: Callable[[], bool] = never_cancelled,
    **_options: object,
) -> Iterator[MapState]:
    """Yield the attribution of the path so far, in logits (channel, y, x), after every chunk of steps.

    The path is cut into pieces and Captum integrates each by the midpoint rule, which together is the midpoint rule
    with ``n_steps`` over the whole; the full path's attributions sum to logit(image) - logit(baseline), up to the
    rule's error.
    """
    method = IntegratedGradients(network.logits)
    image = torch.from_numpy(np.ascontiguousarray(network_input, np.float32))[None].to(network.device)
    baseline = torch.full_like(image, spec.baseline)
    total = np.zeros(network_input.shape, np.float64)

    def piece(first: int, last: int) -> np.ndarray:
        start, stop = (torch.lerp(baseline, image, step / spec.n_steps) for step in (first, last))
        # Gauss-Legendre with one node is the midpoint too; Captum's midpoint rule wants two at least.
        rule = "riemann_middle" if last - first > 1 else "gausslegendre"
        with frozen_eval(network.module):
            values = method.attribute(stop, baselines=start, target=target, n_steps=last - first, method=rule)
            return values[0].detach().to("cpu", torch.float32).numpy()

    for values, n, note in run_in_chunks(piece, 0, spec.n_steps, chunk or chunk_size(network.device), cancelled):
        total += values
        yield MapState(mean=total.astype(np.float32), n=n, n_samples=spec.n_steps, target=target, note=note)


def single_pass_states(
    network: DifferentiableNetwork,
    network_input: np.ndarray,
    target: int,
    options: dict[str, object],
    attribute: Callable[[Tensor], Tensor],
) -> Iterator[MapState]:
    """One state of a method that needs one pass; nothing when it is cancelled before."""

    def compute(_first: int, _last: int) -> np.ndarray:
        with frozen_eval(network.module):
            batch = torch.from_numpy(np.array(network_input[None], np.float32)).to(network.device).requires_grad_()
            return attribute(batch)[0].detach().to("cpu", torch.float32).numpy()

    asked = options.get("cancelled")

    def cancelled() -> bool:
        return callable(asked) and bool(asked())

    for values, n, note in run_in_chunks(compute, 0, 1, 1, cancelled):
        yield MapState(mean=values, n=n, n_samples=1, target=target, note=note)
