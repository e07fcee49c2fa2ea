"""Guided Backprop through Captum, for every form of ReLU.

Captum guides ``nn.ReLU`` modules only, and clips the summed gradient of a ReLU's input, also the part that came past
the ReLU over a shortcut. Networks here use ReLU6, ReLU as a function and shortcuts. So all rectifiers of one forward
pass are routed through one ReLU of our own, which Captum guides: a positive part of the gradient passes where the input
is above 0, and below the ceiling for ReLU6. The network itself gets no hooks; two threads do not disturb each other.
Source: Springenberg et al. 2015, "Striving for simplicity", section 3.4.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import captum.attr
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from gala_viz.attribution.method import AttributionMethod

_RELU = {torch.relu, torch.relu_, F.relu, F.relu_, Tensor.relu, Tensor.relu_}
_HARDTANH = {F.hardtanh, F.hardtanh_}


class _Rectifier(nn.ReLU):
    """max(x, 0), or min of that and ``ceiling``: what Captum puts its hooks on."""

    ceiling: float | None = None

    def forward(self, input: Tensor) -> Tensor:
        return torch.relu(input) if self.ceiling is None else F.hardtanh(input, 0.0, self.ceiling)


class _Guided(nn.Module):
    """The network's logits with every rectifier routed through ``rectifier``; ``rectified`` counts them."""

    def __init__(self, logits: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.rectifier = _Rectifier()
        self.rectified = 0
        self._logits = logits

    def forward(self, batch: Tensor) -> Tensor:
        with _Rerouted(self):
            return self._logits(batch)

    def rectify(self, values: Tensor, ceiling: float | None) -> Tensor:
        """Apply the rectifier with Captum's hooks to a view, so that a shortcut beside it keeps its own gradient."""
        self.rectified += 1
        self.rectifier.ceiling = ceiling
        return self.rectifier(values.view_as(values))


class _Rerouted(TorchFunctionMode):
    """In this thread, and until the end of the block, ReLU, ReLU6 and Hardtanh from 0 go through ``guided``."""

    def __init__(self, guided: _Guided) -> None:
        super().__init__()
        self._guided = guided

    def __torch_function__(self, function: Any, types: Any, args: tuple = (), kwargs: Mapping | None = None) -> Any:
        keywords = dict(kwargs or {})
        if function in _RELU:
            return self._guided.rectify(args[0] if args else keywords["input"], None)
        if function is F.relu6:
            return self._guided.rectify(args[0] if args else keywords["input"], 6.0)
        if function in _HARDTANH:
            values, low, high = _hardtanh_arguments(*args, **keywords)
            if low == 0:
                return self._guided.rectify(values, float(high))
        return function(*args, **keywords)


class GuidedBackprop(AttributionMethod):
    """Guided gradients, in logits per input unit, though not the gradient of any function.

    References
    ----------
    Springenberg et al. 2015, section 3.4.
    """

    title: ClassVar[str] = "Guided Backprop"

    def attribute(self, samples: Tensor, targets: Tensor) -> Tensor:
        """Return the guided gradient at each sample (B, channel, y, x).

        Raises ``ValueError`` for a network without rectifiers, in which there is nothing to guide.
        """
        guided = _Guided(self.network.logits)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Setting backward hooks on ReLU")
            values = captum.attr.GuidedBackprop(guided).attribute(samples, target=targets)
        if not guided.rectified:
            raise ValueError("Guided Backprop changes the gradient of ReLUs; this network has none. Use 'saliency'.")
        return values


def _hardtanh_arguments(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> tuple[Tensor, float, float]:
    return input, min_val, max_val
