"""Occlusion: how much a logit falls where the input is covered; the numbers are those of Captum's ``Occlusion``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from gala_viz.attribution.method import AttributionMethod, ExplainedImage
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


class Occlusion(AttributionMethod):
    """How much the target's logit falls where the input is covered by a window, in logits.

    A pixel's value is the mean fall of the logit over the windows that cover it. A window covers all colour channels,
    so that they share one map. Sample 0 is the uncovered image; places that no window has reached yet are 0.

    References
    ----------
    Zeiler and Fergus 2014.
    """

    title: ClassVar[str] = "Occlusion"
    spec_type: ClassVar[type] = OcclusionSpec
    units: ClassVar[str] = "logits"

    def n_samples(self, shape: tuple[int, ...]) -> int:
        """Return the number of windows, and one for the uncovered image."""
        return 1 + len(self._windows(shape))

    def write_samples(self, samples: Tensor, explained: ExplainedImage, first: int) -> None:
        """Write covered copies."""
        super().write_samples(samples, explained, first)
        windows = self._windows(explained.values.shape)
        for number, sample in enumerate(samples, start=first):
            if number > 0:
                sample[:, *windows[number - 1]] = self.spec.baseline

    def attribute(self, samples: Tensor, targets: Tensor) -> Tensor:
        """Return the target's logit of each sample (B, 1, 1, 1)."""
        with torch.no_grad():
            return self.network.logits(samples).gather(1, targets[:, None])[:, :, None, None]

    def contribution(self, values: Tensor, explained: ExplainedImage, first: int, at_first: Tensor) -> Tensor:
        """Return the fall of the logit within each sample's window.

        Parameters
        ----------
        values : Tensor, (sample, 1, 1, 1)
            Logits of consecutive samples of the image.
        explained : ExplainedImage
            The image.
        first : int
            Number of the first of them.
        at_first : Tensor, (1, 1, 1)
            Logit of the uncovered image.

        Returns
        -------
        Tensor, (sample, 1, y, x)
            Falls of the logit; 0 outside of the windows.
        """
        windows = self._windows(explained.values.shape)
        falls = values.new_zeros((len(values), 1, *explained.values.shape[-2:]))
        for number, (fall, value) in enumerate(zip(falls, values, strict=True), start=first):
            if number > 0:
                fall[:, *windows[number - 1]] = at_first - value
        return falls

    def finish(self, total: Tensor, n: int, explained: ExplainedImage) -> Tensor:
        """Return the mean fall over the windows that cover each pixel."""
        covered = torch.zeros_like(total)
        for window in self._windows(explained.values.shape)[: n - 1]:
            covered[:, *window] += 1
        return total / covered.clamp(min=1)

    def _windows(self, shape: tuple[int, ...]) -> list[tuple[slice, slice]]:
        """Return all windows (rows, columns) of an input of ``shape`` (channel, y, x), row by row."""
        height, width = shape[-2:]
        side = min(self.spec.window_px, height, width)
        return [
            (slice(top, min(top + side, height)), slice(left, min(left + side, width)))
            for top in _starts(height, side, self.spec.stride_px)
            for left in _starts(width, side, self.spec.stride_px)
        ]


def _starts(size: int, window: int, stride: int) -> range:
    """Return where windows start: as many as it takes to reach the end, the last one perhaps cut off."""
    count = -(-(size - window) // stride) + 1
    return range(0, count * stride, stride)
