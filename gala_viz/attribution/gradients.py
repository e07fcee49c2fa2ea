"""Saliency, Input x Gradient and Integrated Gradients through Captum, as iterators of map states."""

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
    """Settings of methods of one backward pass: there are none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IntegratedGradientsSpec:
    """Settings of Integrated Gradients.

    Parameters
    ----------
    n_steps : int
        Midpoints on the straight path from the baseline to the image, at least 1.
    baseline : float
        Constant start of the path, in the network's input units; 0 is the grey that the preprocessing subtracts.

    References
    ----------
    Sundararajan et al. 2017.
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
    """Yield the signed gradient of the target's logit with respect to one input.

    Parameters
    ----------
    network : DifferentiableNetwork
        Whose logit is explained.
    network_input : ndarray, (channel, y, x), float32
        One image in the network's input space.
    target : int
        Category index of the logit.
    **options : object
        Further keyword arguments of all methods, of which ``cancelled`` is used.

    Yields
    ------
    MapState
        One state, in logits per input unit (channel, y, x); none where the computation is cancelled before it begins.

    References
    ----------
    Simonyan et al. 2014.
    """
    method = Saliency(network.logits)
    yield from single_pass_states(
        network, network_input, target, options, lambda x: method.attribute(x, target=target, abs=False)
    )


def input_x_gradient_states(
    network: DifferentiableNetwork, network_input: np.ndarray, *, target: int, **options: object
) -> Iterator[MapState]:
    """Yield one input times the gradient of the target's logit.

    Parameters
    ----------
    network : DifferentiableNetwork
        Whose logit is explained.
    network_input : ndarray, (channel, y, x), float32
        One image in the network's input space.
    target : int
        Category index of the logit.
    **options : object
        Further keyword arguments of all methods, of which ``cancelled`` is used.

    Yields
    ------
    MapState
        One state, in logits (channel, y, x), 0 where the input is 0; none where the computation is cancelled before it
        begins.

    References
    ----------
    Shrikumar et al. 2016.
    """
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
    """Yield the attribution of the path so far after every chunk of steps.

    The path is cut into pieces, and Captum integrates each by the midpoint rule; together that is the midpoint rule
    with ``spec.n_steps`` over the whole. The attributions of the full path sum to logit(image) - logit(baseline), up to
    the rule's error.

    Parameters
    ----------
    network : DifferentiableNetwork
        Whose logit is explained.
    network_input : ndarray, (channel, y, x)
        One image in the network's input space; it is converted to float32.
    target : int
        Category index of the logit.
    spec : IntegratedGradientsSpec
        Steps and baseline.
    chunk : int, optional
        Steps that are computed at once; default: by device.
    cancelled : callable
        Cancellation callback.
    **_options : object
        Further keyword arguments of all methods, which are ignored.

    Yields
    ------
    MapState
        In logits (channel, y, x); n counts steps.

    References
    ----------
    Sundararajan et al. 2017.
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
    """Yield the state of a method that needs one pass.

    Parameters
    ----------
    network : DifferentiableNetwork
        It is frozen in eval mode for the pass.
    network_input : ndarray, (channel, y, x)
        One image in the network's input space; it is converted to float32.
    target : int
        Category index that the state names.
    options : dict of str to object
        Keyword arguments of the method, of which ``cancelled`` is used.
    attribute : callable
        Maps a batch (1, channel, y, x), which requires a gradient, to attributions (1, channel, y, x).

    Yields
    ------
    MapState
        One state with n = 1; none where the computation is cancelled before it begins.
    """

    def compute(_first: int, _last: int) -> np.ndarray:
        with frozen_eval(network.module):
            batch = torch.from_numpy(np.array(network_input[None], np.float32)).to(network.device).requires_grad_()
            return attribute(batch)[0].detach().to("cpu", torch.float32).numpy()

    callback = options.get("cancelled")

    def cancelled() -> bool:
        return callable(callback) and bool(callback())

    for values, n, note in run_in_chunks(compute, 0, 1, 1, cancelled):
        yield MapState(mean=values, n=n, n_samples=1, target=target, note=note)
