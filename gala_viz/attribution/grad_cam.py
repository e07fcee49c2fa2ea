"""Grad-CAM through Captum, interpolated to the input's frame, and the rule for the layer that it is computed at.

One forward pass tells which modules run, what they give and what the logits depend on; no architecture is known by
name. "last" is the last module with a map (B, C, H, W) that no shortcut goes around: in a ResNet the output of the last
residual block, not a layer of its residual branch. Layers that would give a wrong map are refused by name.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import captum.attr
import torch
from torch import Tensor, nn

from gala_viz.attribution.method import AttributionMethod, DifferentiableNetwork
from gala_viz.networks.fuse_batchnorm import FusedBatchNorm
from gala_viz.registry import unknown_name
from gala_viz.specs import LAST_LAYER

_POOLING = (
    nn.AvgPool2d,
    nn.MaxPool2d,
    nn.LPPool2d,
    nn.FractionalMaxPool2d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool2d,
)
_CHANNELS_FIRST = (
    nn.Conv2d,
    nn.ConvTranspose2d,
    nn.BatchNorm2d,
    nn.SyncBatchNorm,
    nn.InstanceNorm2d,
    nn.GroupNorm,
    FusedBatchNorm,
    *_POOLING,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class GradCamSpec:
    """Settings of Grad-CAM: the layer whose output is weighted.

    Parameters
    ----------
    layer : str
        A module's path as in ``named_modules()``, or "last": the last module with more than one position and more than
        one channel through whose output all passes that the logits take from the image. In a ResNet that is the last
        block's output, behind the addition and its ReLU, in a VGG the ReLU behind the last convolution. Pooling does
        not count, nor does a module that runs more than once. Of several modules that end with one tensor, the
        innermost with modules of its own, a block, gives the name. ``cam_layer_path`` tells which it is.

    References
    ----------
    Selvaraju et al. 2017.
    """

    layer: str = LAST_LAYER

    def __post_init__(self) -> None:
        if not isinstance(self.layer, str) or not self.layer:
            raise ValueError(f"layer is a module's path or {LAST_LAYER!r}; got {self.layer!r}.")


class GradCam(AttributionMethod):
    """Grad-CAM: channel activities of a layer weighted by their mean gradients, summed, then ReLU.

    It is computed on the layer's grid and interpolated bilinearly to the input's size. Its unit is logits times
    activity per position, so that only its shape is comparable between networks. Batch norms that are fused change
    nothing: a convolution that is named gives its own map, not that of the batch norm behind it.

    References
    ----------
    Selvaraju et al. 2017.
    """

    title: ClassVar[str] = "Grad-CAM"
    spec_type: ClassVar[type] = GradCamSpec
    units: ClassVar[str] = "logits times activity"
    version: ClassVar[int] = 2  # the output of the last residual block, not of its branch

    _layer: _CamLayer | None = None

    @property
    def layer_path(self) -> str | None:
        """Path of the layer that is used; None before the first sample, see ``cam_layer_path``."""
        return None if self._layer is None else self._layer.path

    def attribute(self, samples: Tensor, targets: Tensor) -> Tensor:
        """Return the map at each sample (B, 1, y, x).

        Raises ``ValueError`` where ``find_cam_layer`` does.
        """
        if self._layer is None:
            self._layer = _cam_layer(self.network, samples, self.spec.layer)
        with self._layer.own_output():
            cam = captum.attr.LayerGradCam(self.network.logits, self._layer.module).attribute(
                samples, target=targets, relu_attributions=True
            )
        assert isinstance(cam, Tensor)  # a layer of several outputs is refused
        return captum.attr.LayerAttribution.interpolate(cam.float(), samples.shape[-2:], "bilinear")


def find_cam_layer(network: DifferentiableNetwork, inputs: Tensor, name: str = LAST_LAYER) -> nn.Module:
    """Return the module that ``GradCamSpec.layer`` names.

    Parameters
    ----------
    network : DifferentiableNetwork
        The network to search.
    inputs : Tensor, (B, channel, y, x), float32
        One forward pass of the first of them tells what runs.
    name : str
        A module's path, or "last".

    Returns
    -------
    nn.Module
        The module.

    Raises
    ------
    ValueError
        No module has this path; it runs more than once or not at all; its output is not a map (B, C, H, W) with more
        than one position, but tokens (B, N, C), say, or (B, H, W, C). For "last": no module gives such a map, tokens or
        maps of channels last follow, or shortcuts go around every layer with the last grid. The message names what to
        take instead.
    """
    return _cam_layer(network, inputs, name).module


def cam_layer_path(network: DifferentiableNetwork, inputs: Tensor, name: str = LAST_LAYER) -> str:
    """Return the path of the module that ``GradCamSpec.layer`` names, for example "layer4.2" for "last".

    Parameters
    ----------
    network, inputs, name
        As in ``find_cam_layer``. The values of the inputs do not matter, only their shape.

    Returns
    -------
    str
        A path as in ``network.module.named_modules()``, the same whether batch norms are fused or not.

    Raises
    ------
    ValueError
        As in ``find_cam_layer``.
    """
    return _cam_layer(network, inputs, name).path


def cam_layer_paths(network: DifferentiableNetwork, inputs: Tensor) -> tuple[str, ...]:
    """Return all paths that ``GradCamSpec.layer`` may name.

    Parameters
    ----------
    network, inputs
        As in ``find_cam_layer``. The values of the inputs do not matter, only their shape.

    Returns
    -------
    tuple of str
        Paths of the modules that run once and give one map (B, C, H, W), in the order in which their calls end; empty
        for a network that has none.
    """
    trace = _forward_trace(network, inputs)
    return tuple(call.path for call in trace.calls if not _describe_wrong_output(trace, call.module))


@dataclass(frozen=True, slots=True, eq=False)
class _CamLayer:
    """The layer, and the batch norm behind it that was fused into it, if any."""

    path: str
    module: nn.Module
    norm: FusedBatchNorm | None = None

    @contextmanager
    def own_output(self) -> Iterator[None]:
        """Let the layer give its own output times the scale of the fused batch norm, and the norm add its shift.

        The scale cancels in a Grad-CAM: it multiplies the activity and divides the gradient.
        """
        if self.norm is None:
            yield
            return
        shift = self.norm.shift[:, None, None]

        def subtract(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
            return output - shift

        def add(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
            return output + shift

        handles = [self.module.register_forward_hook(subtract), self.norm.register_forward_hook(add)]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


@dataclass(frozen=True, slots=True, eq=False)
class _Call:
    """One call of a module that gives a tensor: its place in the order in which calls end, and what it gives.

    ``tensor`` is the output, or the first of several (then not ``alone``). ``edge`` is where it comes from in the graph
    of gradients, and ``version`` counts the writes to it, as both are when the call ends.
    """

    number: int
    path: str
    module: nn.Module
    tensor: Tensor
    alone: bool
    edge: tuple[Any, int]
    version: int


@dataclass(frozen=True, slots=True, eq=False)
class _ForwardTrace:
    """One forward pass of one image: what its modules give, but for the whole network.

    ``outputs`` has one entry for each call of a module. ``givers`` and ``takers`` are the modules that give and take a
    tensor, by its identity, the latter with the number of their call. Outputs keep the tensors alive.
    """

    image: Tensor
    logits: Tensor
    calls: list[_Call]
    outputs: dict[nn.Module, list[object]]
    givers: dict[int, list[nn.Module]]
    takers: dict[int, list[tuple[int, nn.Module]]]


def _forward_trace(network: DifferentiableNetwork, inputs: Tensor) -> _ForwardTrace:
    """Return what runs in a forward pass of the first of the ``inputs``."""
    image = inputs[:1].detach().clone().requires_grad_()
    paths = {module: path for path, module in network.module.named_modules() if path}
    calls: list[_Call] = []
    outputs: dict[nn.Module, list[object]] = {}
    givers: dict[int, list[nn.Module]] = {}
    takers: dict[int, list[tuple[int, nn.Module]]] = {}
    references: list[Tensor] = []  # an identity is not used again while its tensor lives

    def note(module: nn.Module, args: tuple, kwargs: Mapping[str, Any], output: object) -> None:
        outputs.setdefault(module, []).append(output)
        for value in (*args, *kwargs.values()):
            if isinstance(value, Tensor):
                references.append(value)
                takers.setdefault(id(value), []).append((len(calls), module))
        tensor = output[0] if isinstance(output, (tuple, list)) and output else output
        if isinstance(tensor, Tensor):
            givers.setdefault(id(tensor), []).append(module)
            version = 0 if tensor.is_inference() else tensor._version
            edge = (tensor.grad_fn, tensor.output_nr)
            calls.append(_Call(len(calls), paths[module], module, tensor, tensor is output, edge, version))

    with network.computing(), torch.enable_grad():
        handles = [module.register_forward_hook(note, with_kwargs=True) for module in paths]
        try:
            logits = network.logits(image)
        finally:
            for handle in handles:
                handle.remove()
    return _ForwardTrace(image, logits, calls, outputs, givers, takers)


def _cam_layer(network: DifferentiableNetwork, inputs: Tensor, name: str) -> _CamLayer:
    """Return the layer that ``name`` means; ``ValueError`` as ``find_cam_layer`` raises it."""
    modules = dict(network.module.named_modules(remove_duplicate=False))
    if name != LAST_LAYER and name not in modules:
        raise ValueError(unknown_name("module", name, [path for path in modules if path]))
    trace = _forward_trace(network, inputs)
    if name == LAST_LAYER:
        last = _last_layer(trace)
        return _CamLayer(last.path, last.module)
    module = modules[name]
    if wrong := _describe_wrong_output(trace, module):
        raise ValueError(f"Grad-CAM needs a layer that gives one map (B, C, H, W); {name!r} {wrong}. {_advice(trace)}")
    return _CamLayer(name, module, _fused_norm_behind(trace, module))


def _describe_wrong_output(trace: _ForwardTrace, module: nn.Module) -> str:
    """Return why the output of ``module`` has no Grad-CAM, as the end of a sentence; "" where it has one."""
    outputs = trace.outputs.get(module, [])
    if len(outputs) != 1:
        return f"runs {len(outputs)} times in a forward pass" if outputs else "does not run in a forward pass"
    (output,) = outputs
    if not isinstance(output, Tensor):
        return f"gives several outputs ({type(output).__name__})"
    shape = tuple(output.shape)
    if output.ndim == 3:
        return f"gives tokens (B, N, C), {shape}"
    if output.ndim != 4:
        return f"gives {output.ndim} dims, {shape}"
    if _is_channels_last(trace, output):
        return f"gives channels last (B, H, W, C), {shape}"
    return "" if _is_map(trace, output) else f"gives one position, {shape}"


def _advice(trace: _ForwardTrace) -> str:
    """Return what to do where a named layer is refused."""
    try:
        return f"Name another layer; {LAST_LAYER!r} takes {_last_layer(trace).path!r}."
    except ValueError:
        return "Name another layer, or use 'smoothgrad', which needs none."


def _last_layer(trace: _ForwardTrace) -> _Call:
    """Return the call that "last" means; ``ValueError`` as ``find_cam_layer`` raises it."""
    maps = [
        calls
        for calls in _calls_by_tensor(trace)
        if calls[0].tensor.shape[1] > 1
        and _is_map(trace, calls[0].tensor)
        and not any(isinstance(call.module, _POOLING) for call in calls)
    ]
    named = [call for calls in reversed(maps) if (call := _naming_call(trace, calls)) is not None]
    if not named:
        raise ValueError(
            "Grad-CAM needs a layer that gives a map (B, C, H, W) and runs once; this network has none. "
            "Use 'smoothgrad', which needs none."
        )
    layer = next((call for call in named if _takes_all(trace, call)), None)
    if layer is not None:
        for later in trace.calls[maps[-1][-1].number + 1 :]:
            if not isinstance(later.module, nn.Flatten) and _is_tokens(trace, later.tensor):
                raise ValueError(
                    f"Grad-CAM's {LAST_LAYER!r} layer would be {layer.path!r}, but tokens or channels-last layers "
                    f"follow: {later.path!r} gives {tuple(later.tensor.shape)}. Use 'smoothgrad', which needs no "
                    "layer, or name a layer that gives a map (B, C, H, W)."
                )
    if layer is None or layer.tensor.shape[2:] != maps[-1][0].tensor.shape[2:]:
        raise ValueError(
            f"Grad-CAM's {LAST_LAYER!r} layer takes all that the logits depend on, but something goes around "
            f"{named[0].path!r}, the last layer with a map. Name a layer, put torch.nn.Identity() behind the sum in "
            "forward(), or use 'smoothgrad', which needs no layer."
        )
    return layer


def _calls_by_tensor(trace: _ForwardTrace) -> list[list[_Call]]:
    """Return the calls in groups that give the very same tensor, in the order in which the tensors are made."""
    groups: dict[tuple[int, int], list[_Call]] = {}
    for call in trace.calls:
        if call.alone and call.tensor.ndim == 4:
            groups.setdefault((id(call.tensor), call.version), []).append(call)
    return list(groups.values())


def _naming_call(trace: _ForwardTrace, calls: list[_Call]) -> _Call | None:
    """Return which of the ``calls`` that give one tensor names the layer; None where all of their modules run again.

    It is the innermost that has modules of its own, else the first. What comes before a fused batch norm does not
    count: in the network as it was, it gives another tensor.
    """
    fused = [place for place, call in enumerate(calls) if isinstance(call.module, FusedBatchNorm)]
    single = [call for call in calls[max(fused, default=0) :] if len(trace.outputs[call.module]) == 1]
    blocks = [call for call in single if next(call.module.children(), None) is not None]
    return next(iter(blocks or single), None)


def _takes_all(trace: _ForwardTrace, call: _Call) -> bool:
    """Return whether the logits depend on the image through the output of ``call`` alone."""
    reached, visited, edges = False, set(), [(trace.logits.grad_fn, trace.logits.output_nr)]
    while edges:
        edge = edges.pop()
        node = edge[0]
        if edge == call.edge:
            reached = True
        elif node is not None and node not in visited:
            if getattr(node, "variable", None) is trace.image:
                return False
            visited.add(node)
            edges.extend(node.next_functions)
    return reached


def _fused_norm_behind(trace: _ForwardTrace, module: nn.Module) -> FusedBatchNorm | None:
    """Return the batch norm that takes the output of ``module`` and is fused into a convolution, if there is one."""
    (call,) = (call for call in trace.calls if call.module is module)
    takers = trace.takers.get(id(call.tensor), [])
    return next((one for n, one in takers if n > call.number and isinstance(one, FusedBatchNorm)), None)


def _is_map(trace: _ForwardTrace, tensor: Tensor) -> bool:
    """Return whether a tensor is a map (B, C, H, W) with more than one position."""
    return tensor.ndim == 4 and tensor.shape[2] * tensor.shape[3] > 1 and not _is_channels_last(trace, tensor)


def _is_tokens(trace: _ForwardTrace, tensor: Tensor) -> bool:
    """Return whether a tensor has several positions and channels, but is no map: (B, N, C) or (B, H, W, C)."""
    if tensor.ndim not in (3, 4) or tensor.shape[-1] == 1 or tensor.shape[1:-1].numel() == 1:
        return False
    return tensor.ndim == 3 or _is_channels_last(trace, tensor)


def _is_channels_last(trace: _ForwardTrace, tensor: Tensor) -> bool:
    """Return whether a tensor of four dims is (B, H, W, C) rather than (B, C, H, W).

    The modules that give or take it tell: a convolution, batch norm or pooling means (B, C, H, W), a linear layer or
    layer norm over the last dim (B, H, W, C). Where none does, it is that whose ratio of height to width is nearer to
    the image's; where both are as near, (B, C, H, W).
    """
    for module in trace.givers.get(id(tensor), []):
        if (known := _module_is_channels_last(module, tensor, is_output=True)) is not None:
            return known
    for _, module in trace.takers.get(id(tensor), []):
        if (known := _module_is_channels_last(module, tensor, is_output=False)) is not None:
            return known
    height, width = trace.image.shape[2:]

    def misfit(rows: int, columns: int) -> float:
        return abs(math.log(rows * width / (columns * height)))

    return min(tensor.shape) > 0 and misfit(*tensor.shape[1:3]) < misfit(*tensor.shape[2:4])


def _module_is_channels_last(module: nn.Module, tensor: Tensor, *, is_output: bool) -> bool | None:
    """Return what a module tells of the layout of a tensor that it gives or takes; None: nothing.

    A layer norm that overrides ``forward`` may permute inside, as torchvision's ``LayerNorm2d``: its sizes tell.
    """
    if isinstance(module, _CHANNELS_FIRST):
        return False
    if isinstance(module, nn.Linear):
        plain, channels = nn.Linear, module.out_features if is_output else module.in_features
    elif isinstance(module, (nn.LayerNorm, nn.RMSNorm)) and len(module.normalized_shape) == 1:
        plain = nn.LayerNorm if isinstance(module, nn.LayerNorm) else nn.RMSNorm
        channels = module.normalized_shape[0]
    else:
        return None
    if type(module).forward is plain.forward:
        return True
    first, last = tensor.shape[1] == channels, tensor.shape[3] == channels
    return last if first != last else None
