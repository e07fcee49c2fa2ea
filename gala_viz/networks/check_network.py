"""The check of a network before it is used: one forward and backward pass, and where its layers' positions are.

Whatever somebody's own module does is found out here, and told in one sentence, and not at the first photograph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from gala_viz.error_text import error_text
from gala_viz.networks.activation_hooks import first_tensor
from gala_viz.networks.axis_trace import AxisTrace, LayerLayout
from gala_viz.networks.frozen_eval import outside_inference_mode
from gala_viz.networks.layer_labels import LayerName
from gala_viz.networks.network_output import BINARY, LOG, describe_output
from gala_viz.networks.preprocessing import Preprocessing

PROBABILITY_TOLERANCE = 1e-3
"""How far from 1 the sum of probabilities may be, half precision allowed for."""

_HEADS = ("fc", "head", "heads", "classifier", "head.fc", "classif", "last_linear", "output")
"""Paths under which libraries keep the last layer of a classifier."""


class CheckedNetwork(Protocol):
    """What the check needs of a network; ``gala_viz.networks.network.Network`` has it."""

    name: str
    module: nn.Module
    device: torch.device
    preprocessing: Preprocessing
    categories: tuple[str, ...]
    output: str
    memory_format: torch.memory_format

    def computing(self) -> AbstractContextManager[Any]:
        """Return the context of one pass."""
        ...

    def logits(self, batch: Tensor) -> Tensor:
        """Return the logits of a batch.

        Parameters
        ----------
        batch : Tensor, (B, 3, y, x)
            Network inputs.

        Returns
        -------
        Tensor, (B, category), float32
            Logits.
        """
        ...


@outside_inference_mode()
def check_network(network: CheckedNetwork, *, declared: bool) -> tuple[int, torch.memory_format]:
    """Run a network on two images of noise, forward and backward, and return its number of logits and memory format.

    The module is put into the memory format that is returned: channels innermost, or contiguous where that fails.

    Parameters
    ----------
    network : CheckedNetwork
        With module, output and preprocessing; nothing else is used.
    declared : bool
        Whether its categories were given, and not counted.

    Returns
    -------
    n_logits : int
        Logits of an image.
    memory_format : torch.memory_format
        How its inputs lie in memory.

    Raises
    ------
    ValueError
        The module fails, its output is not (B, category) logits of its categories, or the image gets no gradient.
    """
    logits, memory_format = _tried(network)
    _check_shape(network, logits, declared)
    _check_values(network, logits)
    return logits.shape[1], memory_format


def _noise(network: CheckedNetwork) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 3, *network.preprocessing.input_px, generator=generator).to(network.device)


def _tried(network: CheckedNetwork) -> tuple[Tensor, torch.memory_format]:
    """Return logits and memory format of the first format in which a pass and its gradient can be computed."""
    first: Exception | None = None
    for memory_format in (torch.channels_last, torch.contiguous_format):
        with torch.no_grad():
            # torch's stubs lack memory_format
            network.module.to(memory_format=memory_format)  # pyright: ignore[reportCallIssue]
        network.memory_format = memory_format
        try:
            return _pass(network), memory_format
        except torch.OutOfMemoryError:
            raise
        except ValueError as error:
            if str(error).startswith(f"{network.name}: "):  # it runs; what it gives is no logits
                raise
            first = first or error
        except Exception as error:  # the module is external code
            first = first or error
    assert first is not None
    shape = tuple(_noise(network).shape)
    raise ValueError(
        f"{network.name}: a forward pass on images {shape} raised {error_text(first)}.{_channel_advice(network.module)}"
    ) from first


def _pass(network: CheckedNetwork) -> Tensor:
    """Return the logits of noise, after a backward pass; ``ValueError`` where there is none."""
    image = _noise(network).requires_grad_()
    with network.computing(), torch.enable_grad():
        logits = network.logits(image)
        try:
            (gradient,) = torch.autograd.grad(logits.sum(), image, allow_unused=True)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            if logits.requires_grad:
                raise RuntimeError(f"{error} (in its backward pass)") from error
            gradient = None
    if gradient is None:
        raise ValueError(
            f"{network.name}: the image gets no gradient, so that nothing of it can be explained. Does its forward() "
            "use torch.no_grad(), detach(), .data or NumPy?"
        )
    return logits


def _check_shape(network: CheckedNetwork, logits: Tensor, declared: bool) -> None:
    name, shape = network.name, tuple(logits.shape)
    choice = "output" if network.output else "it"
    if logits.ndim == 4 and shape[2:] != (1, 1):
        raise ValueError(
            f"{name} should map images (B, 3, y, x) to logits (B, category); {choice} gives maps {shape}, one for each "
            "position, as networks for segmentation or without a head do. Average them over positions in forward()."
        )
    if (logits.ndim == 1 and shape == (2,)) or (logits.ndim == 2 and shape[1] == 1):
        advice = (
            f"output={LOG!r} (--output {LOG})"
            if _is_from(logits, "Sigmoid")
            else f"output={BINARY!r} (--output {BINARY})"
        )
        raise ValueError(
            f"{name} gives one number an image, {shape} for two. Of one category nothing can be explained; {advice} "
            "makes two categories of it, the second one's being this number."
        )
    if logits.ndim != 2 or shape[0] != 2:
        raise ValueError(
            f"{name} should map images (B, 3, y, x) to logits (B, category); it gives {shape} for two images."
        )
    n_names = len(network.categories)
    if declared and n_names != shape[1]:
        raise ValueError(
            f"{name}: logits {(2, n_names)} of two images, one for each of its categories, were expected; got {shape} "
            f"({n_names} names, {shape[1]} logits).{_head_advice(network.module)}"
        )
    if not declared and (advice := _head_advice(network.module)):
        raise ValueError(
            f"{name}: logits of categories were expected; it gives {shape[1]} numbers an image.{advice} Where they are "
            "logits, name their categories."
        )


def _check_values(network: CheckedNetwork, logits: Tensor) -> None:
    """Refuse probabilities that are given for logits: their gradients vanish where the network is sure."""
    values = logits.detach().float()
    if network.output.endswith(LOG):
        total = values.exp().sum(1)
        if ((total - 1).abs() > PROBABILITY_TOLERANCE).any():
            raise ValueError(
                f"{network.name}: output {LOG!r} is for probabilities; those of two images sum to {total[0]:.4g} and "
                f"{total[1]:.4g}."
            )
        return
    sums_to_one = ((values.sum(1) - 1).abs() <= PROBABILITY_TOLERANCE).all()
    if _is_from(logits, "Softmax") or (bool((values >= 0).all()) and bool(sums_to_one)):
        raise ValueError(
            f"{network.name} gives probabilities (none is negative, and they sum to 1), not logits, whose gradients "
            f"are explained. Leave its softmax out, or take logarithms: output={LOG!r} (--output {LOG})."
        )


def _is_from(output: Tensor, function: str) -> bool:
    """Return whether the graph of gradients says that ``function`` gave a tensor."""
    node = output.grad_fn
    while node is not None and type(node).__name__.startswith(("ToCopy", "View", "Squeeze", "Select", "Reshape")):
        node = node.next_functions[0][0] if node.next_functions else None
    return type(node).__name__.startswith(f"{function}Backward")


def _head_advice(module: nn.Module) -> str:
    """Return what tells that a network's classifier was taken away, as a sentence; "" where nothing does."""
    if getattr(module, "num_classes", None) == 0:
        return " Its classifier was left out (num_classes=0): these are features."
    parts = dict(module.named_modules())
    if path := next((path for path in _HEADS if type(parts.get(path)) is nn.Identity), ""):
        return f" Its classifier {path!r} is an nn.Identity: these are features."
    return ""


def _channel_advice(module: nn.Module) -> str:
    """Return what to do where the first convolution takes other than three channels, as a sentence."""
    first = next((part for part in module.modules() if isinstance(part, (nn.Conv2d, nn.LazyConv2d))), None)
    if first is None or first.in_channels in (0, 3) or first.groups != 1:
        return ""
    how = "batch.mean(1, keepdim=True)" if first.in_channels == 1 else "its channels"
    return (
        f" Its first convolution takes {first.in_channels} channel{'s' * (first.in_channels != 1)}; photographs have 3 "
        f"(red, green, blue): let a module of yours give it {how}."
    )


@outside_inference_mode()
def hooked_layouts(network: CheckedNetwork, layers: Mapping[str, LayerName]) -> list[LayerLayout]:
    """Return where the positions of layers with activation hooks are, in the order of ``layers``.

    Parameters
    ----------
    network : CheckedNetwork
        One that was checked; it runs once more, where there are layers.
    layers : mapping of str to LayerName
        By the names that errors tell.

    Returns
    -------
    list of LayerLayout
        Told by the forward pass, or declared by the name.

    Raises
    ------
    ValueError
        A layer does not run, runs more than once, or gives no map, or it is not known where its positions are.
    """
    if not layers:
        return []
    image = _noise(network).requires_grad_()
    modules = {one.path: network.module.get_submodule(one.path) for one in layers.values()}
    found: dict[nn.Module, list[tuple[object, LayerLayout | None]]] = {part: [] for part in modules.values()}
    trace = AxisTrace(image)

    def note(part: nn.Module, _inputs: object, output: object) -> None:
        tensor = first_tensor(output)
        found[part].append((output if tensor is None else tensor, None if tensor is None else trace.layout(tensor)))

    handles = [part.register_forward_hook(note) for part in found]
    try:
        with network.computing(), torch.enable_grad(), trace:
            network.logits(image)
    finally:
        for handle in handles:
            handle.remove()
    layouts = []
    for name, one in layers.items():
        try:
            layouts.append(layer_layout(name, one, found[modules[one.path]]))
        except ValueError as error:
            raise ValueError(f"{network.name}: {error}") from None
    return layouts


def layer_layout(name: str, layer: LayerName, calls: Sequence[tuple[object, LayerLayout | None]]) -> LayerLayout:
    """Return the layout of one layer, of what its calls gave; ``ValueError`` as ``hooked_layouts`` raises it."""
    if len(calls) < (layer.call or 1) or (layer.call is None and len(calls) > 1):
        raise ValueError(f"{name!r} {runs_text(len(calls), layer.path)}")
    output, layout = calls[(layer.call or 1) - 1]
    if not isinstance(output, Tensor):
        raise ValueError(f"{name!r} gives no map, but {describe_output(output)}; name another layer.")
    if layer.layout is not None:
        if output.ndim != 4:
            raise ValueError(f"{name!r} gives no four dims, but {tuple(output.shape)}; name another layer.")
        if layout is not None and layout.kind != layer.layout:
            raise ValueError(f"{name!r} is declared, but a forward pass says {layout.description()}.")
        return LayerLayout(layer.layout)
    if layout is None:
        advice = (
            f" Where they are known, say so: {layer.path}:channels_first (B, C, H, W) or {layer.path}:channels_last "
            "(B, H, W, C)."
            if output.ndim == 4 and min(output.shape[1:]) > 1
            else ""
        )
        raise ValueError(
            f"a layer's map has rows and columns of the image; {name!r} gives {tuple(output.shape)}, of which the "
            f"forward pass does not tell them. Name another layer.{advice}"
        )
    return layout


def runs_text(count: int, path: str) -> str:
    """Return why a layer that runs ``count`` times has no map of its own, as the end of a sentence."""
    if not count:
        return "does not run in a forward pass; name another layer."
    path = path.partition("#")[0]
    return f"runs {count} times in a forward pass; name one of its calls: {path}#1 to {path}#{count}."
