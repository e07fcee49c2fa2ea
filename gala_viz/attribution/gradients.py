"""Saliency, Input x Gradient and Integrated Gradients: gradients of a logit with respect to the input, by Captum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import captum.attr
import numpy as np
import torch
from torch import Tensor

from gala_viz.attribution.method import AttributionMethod, ExplainedImage


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


class Saliency(AttributionMethod):
    """The signed gradient of the target's logit with respect to the input, in logits per input unit.

    References
    ----------
    Simonyan et al. 2014.
    """

    title: ClassVar[str] = "Gradient"

    def attribute(self, samples: Tensor, targets: Tensor) -> Tensor:
        """Return the gradient at each sample (B, channel, y, x)."""
        return captum.attr.Saliency(self.network.logits).attribute(samples, target=targets, abs=False)


class InputXGradient(Saliency):
    """The input times the gradient of the target's logit, in logits; 0 where the input is 0.

    References
    ----------
    Shrikumar et al. 2016.
    """

    title: ClassVar[str] = "Input x Gradient"
    units: ClassVar[str] = "logits"

    def finish(self, total: Tensor, n: int, explained: ExplainedImage) -> Tensor:
        """Return the gradient times the input."""
        return total / n * explained.values


class IntegratedGradients(Saliency):
    """Gradients along the straight path from a baseline to the image, by the midpoint rule, in logits.

    The attributions of the full path sum to logit(image) - logit(baseline), up to the rule's error. A map of fewer than
    all steps is that of the path so far.

    References
    ----------
    Sundararajan et al. 2017.
    """

    title: ClassVar[str] = "Integrated Gradients"
    spec_type: ClassVar[type] = IntegratedGradientsSpec
    units: ClassVar[str] = "logits"

    def n_samples(self, shape: tuple[int, ...]) -> int:
        """Return the number of steps."""
        return self.spec.n_steps

    def write_samples(self, samples: Tensor, explained: ExplainedImage, first: int) -> None:
        """Write midpoints of steps of the path."""
        steps = torch.arange(first, first + len(samples), device=samples.device, dtype=torch.float32)
        share = ((steps + 0.5) / self.spec.n_steps)[:, None, None, None]
        torch.lerp(torch.full_like(explained.values, self.spec.baseline), explained.values, share, out=samples)

    def finish(self, total: Tensor, n: int, explained: ExplainedImage) -> Tensor:
        """Return the mean gradient times the way from the baseline."""
        return total / self.spec.n_steps * (explained.values - self.spec.baseline)
