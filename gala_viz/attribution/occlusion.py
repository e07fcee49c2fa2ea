"""Occlusion through Captum: how much the logit falls when a window is covered, one row of windows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from captum.attr import Occlusion
from torch import Tensor

from gala_viz.attribution.chunks import chunk_size, run_in_chunks
from gala_viz.attribution.frozen_eval import frozen_eval
from gala_viz.attribution.map_state import MapState
from gala_viz.attribution.smoothgrad import DifferentiableNetwork, never_cancelled
from gala_viz.specs import check_finite


@dataclass(frozen=True, kw_only=True, slots=True)
class OcclusionSpec:
    """Settings of Occlusion: a square window that moves over the input.

    It starts at the top left; at the bottom and the right it may be cut off.

    Parameters
    ----------
    window_px : int
        Side of the window in input pixels; at most the input's sides are used.
    stride_px : int
        Step of the window in input pixels, from 1 to ``window_px``.
    baseline : float
        What fills the window, in the network's input units; 0 is the grey that the preprocessing subtracts.

    References
    ----------
    Zeiler and Fergus 2014.
    """

    window_px: int = 28
    stride_px: int = 14
    baseline: float = 0.0

    def __post_init__(self) -> None:
        check_finite(self)
        if not 1 <= self.stride_px <= self.window_px:
            raise ValueError(
                "stride_px lies between 1 and window_px, so that every pixel is covered; "
                f"got stride_px {self.stride_px!r} and window_px {self.window_px!r}."
            )


def occlusion_states(
    network: DifferentiableNetwork,
    network_input: np.ndarray,
    *,
    target: int,
    spec: OcclusionSpec,
    chunk: int | None = None,
    cancelled: Callable[[], bool] = never_cancelled,
    **_options: object,
) -> Iterator[MapState]:
    """Yield a map after every row of windows: how much the logit falls where the input is covered.

    A pixel's value is the mean fall of the logit over the windows that cover it, as in one call of Captum's
    ``Occlusion``; rows that are not reached yet are 0. A window covers all colour channels, so that they share one map.

    Parameters
    ----------
    network : DifferentiableNetwork
        Whose logit is explained.
    network_input : ndarray, (channel, y, x)
        One image in the network's input space; it is converted to float32.
    target : int
        Category index of the logit.
    spec : OcclusionSpec
        Window, stride and baseline.
    chunk : int, optional
        Windows that are computed at once; default: by device.
    cancelled : callable
        Cancellation callback.
    **_options : object
        Further keyword arguments of all methods, which are ignored.

    Yields
    ------
    MapState
        A map with one channel (1, y, x), in logits; n counts windows.

    References
    ----------
    Zeiler and Fergus 2014.
    """
    height, width = network_input.shape[-2:]
    window = min(spec.window_px, height, width)
    tops = _starts(height, window, spec.stride_px)
    across = len(_starts(width, window, spec.stride_px))
    image = torch.from_numpy(np.array(network_input[None], np.float32)).to(network.device)
    total, covered = np.zeros((height, width)), np.zeros((height, 1))

    def row(first: int, _last: int) -> np.ndarray:
        """Return the fall of the logit (y, x) over one row of windows, float64."""
        top, bottom = tops[first], min(tops[first] + window, height)

        def logits(strip: Tensor) -> Tensor:
            whole = image.repeat(strip.shape[0], 1, 1, 1)
            whole[:, :, top:bottom] = strip
            return network.logits(whole)

        with frozen_eval(network.module), torch.no_grad():
            values = Occlusion(logits).attribute(
                image[:, :, top:bottom],
                sliding_window_shapes=(image.shape[1], bottom - top, window),
                strides=(image.shape[1], bottom - top, spec.stride_px),
                baselines=spec.baseline,
                target=target,
                perturbations_per_eval=chunk or 2 * chunk_size(network.device),
            )
        return values[0, 0].to("cpu", torch.float64).numpy()

    for values, rows, note in run_in_chunks(row, 0, len(tops), 1, cancelled):
        top, bottom = tops[rows - 1], min(tops[rows - 1] + window, height)
        total[top:bottom] += values
        covered[top:bottom] += 1
        yield MapState(
            mean=(total / np.maximum(covered, 1))[None].astype(np.float32),
            n=rows * across,
            n_samples=len(tops) * across,
            target=target,
            note=note,
        )


def _starts(size: int, window: int, stride: int) -> range:
    """Return where windows start: as many as it takes to reach the end, the last one perhaps cut off."""
    count = -(-(size - window) // stride) + 1
    return range(0, count * stride, stride)
