"""A Keras model of plain layers as a PyTorch module: a graph of steps, each of a kind that stands here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from gala_viz.registry import Registry

IMAGE = "image"
"""The name of the graph's input."""


class KerasGraph(nn.Module):
    """A graph of ``steps``; ``converters.keras_file`` makes them of a Keras file.

    Parameters
    ----------
    steps : sequence of mapping
        In an order in which they can run: "name", "kind" (a name in ``KINDS``), "inputs" (names of earlier steps, or
        "image"), and the kind's settings. The last one gives logits.
    n_categories : int
        Number of logits.
    scales_inputs : bool
        Whether its first steps scale pixels of 0 to 255.
    """

    def __init__(self, steps: Sequence[Mapping[str, Any]], n_categories: int, *, scales_inputs: bool = False) -> None:
        super().__init__()
        self.n_categories, self.scales_inputs = n_categories, scales_inputs
        self._order: list[tuple[str, tuple[str, ...]]] = []
        known = {IMAGE}
        for step in steps:
            settings = {key: value for key, value in step.items() if key not in ("name", "kind", "inputs")}
            name, inputs = str(step["name"]), tuple(step["inputs"])
            if missing := set(inputs) - known:
                raise ValueError(f"step {name!r} takes {sorted(missing)[0]!r}, which does not come before it.")
            self.add_module(name, KINDS[step["kind"]](**settings))
            self._order.append((name, inputs))
            known.add(name)
        self._last_use = {one: number for number, (_, inputs) in enumerate(self._order) for one in inputs}

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, category) of ``images`` (B, 3, y, x)."""
        values = {IMAGE: images}
        for number, (name, inputs) in enumerate(self._order):
            values[name] = self.get_submodule(name)(*(values[one] for one in inputs))
            for one in inputs:
                if self._last_use[one] == number:
                    values.pop(one, None)
        return values[self._order[-1][0]]


class SamePadding(nn.Module):
    """TensorFlow's SAME padding: as many outputs as inputs by stride, the odd pixel at the bottom and at the right."""

    def __init__(self, size: Sequence[int], stride: Sequence[int], dilation: Sequence[int], value: float) -> None:
        super().__init__()
        self.size, self.stride, self.dilation, self.value = tuple(size), tuple(stride), tuple(dilation), value

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` (B, C, y, x) with its border."""
        border: list[int] = []
        for axis in (1, 0):  # functional.pad begins with the last axis
            n, stride = x.shape[2 + axis], self.stride[axis]
            reach = self.dilation[axis] * (self.size[axis] - 1) + 1
            total = max((-(-n // stride) - 1) * stride + reach - n, 0)
            border += [total // 2, total - total // 2]
        return functional.pad(x, border, value=self.value) if any(border) else x


class Rescale(nn.Module):
    """scale * x + offset of each channel."""

    scale: Tensor
    offset: Tensor

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.register_buffer("scale", torch.ones(channels, 1, 1))
        self.register_buffer("offset", torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` (B, C, y, x) scaled."""
        return x * self.scale + self.offset


class Merge(nn.Module):
    """The sum, product or concatenation along channels of its inputs."""

    def __init__(self, of: str) -> None:
        super().__init__()
        self.of = of

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return one tensor."""
        if self.of == "concatenate":
            return torch.cat(inputs, dim=1)
        result = inputs[0]
        for one in inputs[1:]:
            result = result + one if self.of == "add" else result * one
        return result


class FlattenChannelsLast(nn.Module):
    """All values of an image in the order row, column, channel, as Keras has them."""

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, y * x * C)."""
        return (x.permute(0, 2, 3, 1) if x.ndim == 4 else x).flatten(1)


class GlobalPool(nn.Module):
    """Mean or maximum over positions."""

    def __init__(self, of: str, keepdims: bool = False) -> None:
        super().__init__()
        self.of, self.keepdims = of, keepdims

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C), or (B, C, 1, 1) with ``keepdims``."""
        if self.of == "mean":
            return x.mean((2, 3), keepdim=self.keepdims)
        return x.amax((2, 3), keepdim=self.keepdims)


class OnePosition(nn.Module):
    """Channels (B, C) as an image of one position."""

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, 1, 1)."""
        return x.flatten(1)[:, :, None, None]


def _conv(channels: Sequence[int], size: Sequence[int], **settings: Any) -> nn.Module:
    plain: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()}
    return nn.Conv2d(channels[0], channels[1], (size[0], size[1]), **plain)


def _pool(of: str, size: Sequence[int], stride: Sequence[int]) -> nn.Module:
    kind = nn.MaxPool2d if of == "max" else nn.AvgPool2d
    return kind((size[0], size[1]), (stride[0], stride[1]))


KINDS: Registry[Callable[..., nn.Module]] = Registry(
    "kind of step",
    {
        "conv": _conv,
        "same": SamePadding,
        "batch_norm": lambda channels, eps: nn.BatchNorm2d(channels, eps=eps),
        "dense": lambda channels, bias: nn.Linear(*channels, bias=bias),
        "linear": nn.Identity,
        "relu": nn.ReLU,
        "relu6": nn.ReLU6,
        "swish": nn.SiLU,
        "sigmoid": nn.Sigmoid,
        "tanh": nn.Tanh,
        "gelu": nn.GELU,
        "pool": _pool,
        "global_pool": GlobalPool,
        "zero_pad": lambda border: nn.ZeroPad2d(tuple(border)),
        "flatten": FlattenChannelsLast,
        "one_position": OnePosition,
        "merge": Merge,
        "rescale": Rescale,
    },
)
"""Kind -> module of its settings. No other code runs, whatever a file says."""
