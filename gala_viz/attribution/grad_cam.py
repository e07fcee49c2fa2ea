"""Grad-CAM through Captum, interpolated to the input's frame, and the rule for the layer that it is computed at.

One forward pass tells which modules run, what they give, where rows and columns of the image are in it, and what the
logits depend on; no architecture is known by name. "last" is the last module with a map that no shortcut goes around:
in a ResNet the output of the last residual block, not a layer of its residual branch; in a transformer whose class
token alone is read, the tokens that its last block takes. Layers that would give a wrong map are refused by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import captum.attr
import torch
from torch import Tensor, nn

from gala_viz.attribution.method import AttributionMethod, DifferentiableNetwork
from gala_viz.networks.activation_hooks import first_tensor
from gala_viz.networks.axis_trace import AxisTrace, LayerLayout
from gala_viz.networks.frozen_eval import outside_inference_mode
from gala_viz.networks.fuse_batchnorm import FusedBatchNorm
from gala_viz.networks.layer_labels import CHANNELS_FIRST, CHANNELS_LAST, LayerName
from gala_viz.specs import LAST_LAYER

_POOLING = (
    nn.AvgPool2d,
    nn.MaxPool2d,
    nn.LPPool2d,
    nn.FractionalMaxPool2d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool2d,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class GradCamSpec:
    """Settings of Grad-CAM: the layer whose output is weighted.

    Parameters
    ----------
    layer : str
        A module's path as in ``named_modules()``, "PATH#2" for the second of its calls, with ":channels_first" or
        ":channels_last" behind it where a forward pass does not tell; or "last": the last module with more than one
        position and more than one channel through whose output all passes that the logits take from the image. In a
        ResNet that is the last block's output, behind the addition and its ReLU, in a VGG the ReLU behind the last
        convolution, in a Swin the last layer norm. Of a vision transformer whose class token alone is read, nothing
        follows from the other tokens behind its last block; it is then the output of the block before, which the last
        one takes. Pooling does not count, nor does a module that runs more than once. Of several modules that end with
        one tensor, the innermost with modules of its own, a block, gives the name. ``cam_layer_path`` tells which it
        is.

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

    It is computed on the layer's grid and interpolated bilinearly to the input's size; tokens without a position (class
    tokens and others) are left out. What a later function writes into the layer's output does not count. Its unit is
    logits times activity per position, so that only its shape is comparable between networks. Batch norms that are
    fused change nothing: a convolution that is named gives its own map, not that of the batch norm behind it.

    References
    ----------
    Selvaraju et al. 2017.
    """

    title: ClassVar[str] = "Grad-CAM"
    spec_type: ClassVar[type] = GradCamSpec
    units: ClassVar[str] = "logits times activity"
    version: ClassVar[int] = 3  # the layer's output as it was before a function wrote into it

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
        with self._layer.as_map(self.network.module) as layer:
            cam = captum.attr.LayerGradCam(self.network.logits, layer).attribute(
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
        As ``GradCamSpec.layer``.

    Returns
    -------
    nn.Module
        The module.

    Raises
    ------
    ValueError
        No module has this path; it runs more than once or not at all; it is not known where rows and columns are in its
        output, or that has one position. For "last": no module gives a map, layers follow of which it is not known, or
        shortcuts go around every layer with the last grid. The message names what to take instead.
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
        Paths of the modules that give one map, in the order in which their calls end, with the number of the call where
        they run more than once; empty for a network that has none.
    """
    trace = _forward_trace(network, inputs)
    numbers: dict[nn.Module, int] = {}
    paths = []
    for call in trace.calls:
        numbers[call.module] = number = numbers.get(call.module, 0) + 1
        layer = LayerName(call.path, number if len(trace.outputs[call.module]) > 1 else None)
        if isinstance(_cam_call(trace, layer, call.module), _Call):
            paths.append(call.path if layer.call is None else f"{call.path}#{number}")
    return tuple(paths)


@dataclass(frozen=True, slots=True, eq=False)
class _CamLayer:
    """The layer: which call of its module, where its positions are, and the batch norm that is fused into it."""

    path: str
    module: nn.Module
    layout: LayerLayout
    call: int = 1
    norm: FusedBatchNorm | None = None

    @contextmanager
    def as_map(self, network: nn.Module) -> Iterator[nn.Module]:
        """Let the layer's output pass through a module as a map (B, C, H, W), and yield this module for Captum.

        What follows gets a copy, so that nothing writes into the map. Of a layer into which a batch norm is fused, it
        is the layer's own output times the norm's scale, and the norm adds its shift: the scale cancels in a Grad-CAM,
        as it multiplies the activity and divides the gradient.
        """
        passage, shift, calls = nn.Identity(), None if self.norm is None else self.norm.shift[:, None, None], [0]

        def begin(_module: nn.Module, _inputs: object) -> None:
            calls[0] = 0

        def expose(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor | None:
            calls[0] += 1
            if calls[0] != self.call:
                return None
            output = output if shift is None else output - shift
            return self.layout.from_grid(passage(self.layout.to_grid(output)), output).clone()

        def shifted(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
            return output if shift is None else output + shift

        handles = [network.register_forward_pre_hook(begin), self.module.register_forward_hook(expose)]
        if self.norm is not None:
            handles.append(self.norm.register_forward_hook(shifted))
        try:
            yield passage
        finally:
            for handle in handles:
                handle.remove()


@dataclass(frozen=True, slots=True, eq=False)
class _Call:
    """One call of a module that gives a tensor: its place in the order in which calls end, and what it gives.

    ``tensor`` is the output, or the first of several (then not ``alone``). ``edge`` is where it comes from in the graph
    of gradients, and ``version`` counts the writes to it, as both are when the call ends. ``layout`` is where its
    positions are, None where it has none or nobody knows (then not ``known``).
    """

    number: int
    path: str
    module: nn.Module
    tensor: Tensor
    alone: bool
    edge: tuple[Any, int]
    version: int
    layout: LayerLayout | None
    known: bool


@dataclass(frozen=True, slots=True, eq=False)
class _ForwardTrace:
    """One forward pass of one image: what its modules give, but for the whole network.

    ``outputs`` has one entry for each call of a module. ``takers`` are the modules that take a tensor, by its identity,
    with the number of their call. Outputs keep the tensors alive.
    """

    image: Tensor
    logits: Tensor
    calls: list[_Call]
    outputs: dict[nn.Module, list[object]]
    takers: dict[int, list[tuple[int, nn.Module]]]


def _forward_trace(network: DifferentiableNetwork, inputs: Tensor) -> _ForwardTrace:
    """Return what runs in a forward pass of an image of noise with the shape of the ``inputs``."""
    shape, generator = (1, *inputs.shape[1:]), torch.Generator().manual_seed(0)
    with outside_inference_mode():
        image = torch.randn(shape, generator=generator).to(network.device).requires_grad_()
    axes = AxisTrace(image)
    paths = {module: path for path, module in network.module.named_modules() if path}
    calls: list[_Call] = []
    outputs: dict[nn.Module, list[object]] = {}
    takers: dict[int, list[tuple[int, nn.Module]]] = {}
    references: list[Tensor] = []  # an identity is not used again while its tensor lives

    def note(module: nn.Module, args: tuple, kwargs: Mapping[str, Any], output: object) -> None:
        outputs.setdefault(module, []).append(output)
        for value in (*args, *kwargs.values()):
            if isinstance(value, Tensor):
                references.append(value)
                takers.setdefault(id(value), []).append((len(calls), module))
        tensor = first_tensor(output)
        if tensor is not None:
            version = 0 if tensor.is_inference() else tensor._version
            place = {"edge": (tensor.grad_fn, tensor.output_nr), "version": version}
            positions = {"layout": axes.layout(tensor), "known": axes.is_known(tensor)}
            calls.append(_Call(len(calls), paths[module], module, tensor, tensor is output, **place, **positions))

    with network.computing(), torch.enable_grad(), axes:
        handles = [module.register_forward_hook(note, with_kwargs=True) for module in paths]
        try:
            logits = network.logits(image)
        finally:
            for handle in handles:
                handle.remove()
    return _ForwardTrace(image, logits, calls, outputs, takers)


def _cam_layer(network: DifferentiableNetwork, inputs: Tensor, name: str) -> _CamLayer:
    """Return the layer that ``name`` means; ``ValueError`` as ``find_cam_layer`` raises it."""
    modules = dict(network.module.named_modules(remove_duplicate=False))
    modules.pop("")
    layer = None if name == LAST_LAYER else LayerName.parse(name, modules)
    trace = _forward_trace(network, inputs)
    if layer is None:
        last = _last_layer(trace)
        assert last.layout is not None
        return _CamLayer(last.path, last.module, last.layout)
    call = _cam_call(trace, layer, modules[layer.path])
    if isinstance(call, str):
        raise ValueError(f"Grad-CAM needs a layer that gives one map; {name!r} {call}. {_advice(trace)}")
    layout = LayerLayout(layer.layout) if layer.layout else call.layout
    assert layout is not None
    return _CamLayer(name, call.module, layout, layer.call or 1, _fused_norm_behind(trace, call))


def _cam_call(trace: _ForwardTrace, layer: LayerName, module: nn.Module) -> _Call | str:
    """Return the call that a layer's name means, or why its output has no Grad-CAM, as the end of a sentence."""
    outputs, calls = trace.outputs.get(module, []), [call for call in trace.calls if call.module is module]
    if len(outputs) < (layer.call or 1):
        return f"runs {len(outputs)} times in a forward pass" if outputs else "does not run in a forward pass"
    if layer.call is None and len(outputs) > 1:
        count = len(outputs)
        return f"runs {count} times in a forward pass: {layer.path}#1 to {layer.path}#{count} are its calls"
    if len(calls) != len(outputs) or not (call := calls[(layer.call or 1) - 1]).alone:
        return f"gives several outputs ({type(outputs[(layer.call or 1) - 1]).__name__})"
    shape = tuple(call.tensor.shape)
    if call.tensor.ndim not in (3, 4):
        return f"gives {call.tensor.ndim} dims, {shape}"
    if layer.layout is not None:
        if call.tensor.ndim != 4:
            return f"gives no four dims, but {shape}"
        told = call.layout is None or call.layout.kind == layer.layout
        return call if told else f"is declared, but gives {call.layout.description()}, {shape}"  # type: ignore[union-attr]
    if call.layout is not None:
        return call
    if call.tensor.ndim == 4 and shape[2:] == (1, 1):
        return f"gives one position, {shape}"
    if call.known or call.tensor.ndim == 3:
        return f"gives {shape}, which are no rows and columns of the image"
    return (
        f"gives {shape}, and the forward pass does not tell which axes are rows and columns, as "
        f"{layer.path}:{CHANNELS_FIRST} or {layer.path}:{CHANNELS_LAST} would"
    )


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
        if calls[0].layout is not None
        and calls[0].layout.size(calls[0].tensor)[0] > 1
        and not any(isinstance(call.module, _POOLING) for call in calls)
    ]
    named = [call for calls in reversed(maps) if (call := _naming_call(trace, calls)) is not None]
    if not named:
        raise ValueError(
            "Grad-CAM needs a layer that gives a map and runs once; this network has none. Use 'smoothgrad', which "
            "needs none."
        )
    all_pass = [call for call in named if _takes_all(trace, call)]
    layer = next((call for call in all_pass if _counts(trace, call)), next(iter(all_pass), None))
    if layer is not None:
        for later in trace.calls[maps[-1][-1].number + 1 :]:
            if not later.known and _has_positions(later.tensor):
                raise ValueError(
                    f"Grad-CAM's {LAST_LAYER!r} layer would be {layer.path!r}, but layers follow of which the forward "
                    f"pass does not tell where rows and columns are: {later.path!r} gives {tuple(later.tensor.shape)}. "
                    "Use 'smoothgrad', which needs no layer, or name a layer."
                )
    if layer is None or _grid(layer) != _grid(maps[-1][0]):
        raise ValueError(
            f"Grad-CAM's {LAST_LAYER!r} layer takes all that the logits depend on, but something goes around "
            f"{named[0].path!r}, the last layer with a map. Name a layer, put torch.nn.Identity() behind the sum in "
            "forward(), or use 'smoothgrad', which needs no layer."
        )
    return layer


def _grid(call: _Call) -> tuple[int, int]:
    assert call.layout is not None
    return call.layout.size(call.tensor)[1:]


def _counts(trace: _ForwardTrace, call: _Call) -> bool:
    """Return whether the logits depend on the positions of a layer, and not on tokens before or behind them alone."""
    layout = call.layout
    if layout is None or not (layout.before or layout.after):
        return True
    weights = torch.linspace(1, 2, trace.logits.shape[1], device=trace.logits.device)
    (gradient,) = torch.autograd.grad((trace.logits * weights).sum(), call.tensor, retain_graph=True, allow_unused=True)
    return gradient is not None and bool(layout.to_grid(gradient).any())


def _has_positions(tensor: Tensor) -> bool:
    """Return whether a tensor may have several positions and channels: (B, N, C) or four dims."""
    return tensor.ndim in (3, 4) and tensor.shape[-1] != 1 and tensor.shape[1:-1].numel() != 1


def _calls_by_tensor(trace: _ForwardTrace) -> list[list[_Call]]:
    """Return the calls in groups that give the very same tensor, in the order in which the tensors are made."""
    groups: dict[tuple[int, int], list[_Call]] = {}
    for call in trace.calls:
        if call.alone:
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


def _fused_norm_behind(trace: _ForwardTrace, call: _Call) -> FusedBatchNorm | None:
    """Return the batch norm that takes the output of a call and is fused into a convolution, if there is one."""
    takers = trace.takers.get(id(call.tensor), [])
    return next((one for n, one in takers if n > call.number and isinstance(one, FusedBatchNorm)), None)
