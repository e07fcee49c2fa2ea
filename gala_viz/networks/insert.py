"""GALA added to any convolutional backbone, behind the modules that are named."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import torch
from torch import Tensor, nn

from gala_viz.networks.gala import GalaBlock, GalaForm, Squashing
from gala_viz.networks.resnet import Bottleneck
from gala_viz.registry import unknown_name


class GatedModule(nn.Module):
    """A module of the backbone, ``body``, followed by the ``attention`` that gates its output."""

    attention: GalaBlock

    def __init__(self, body: nn.Module, attention: GalaBlock) -> None:
        super().__init__()
        self.body = body
        self.attention = attention

    def forward(self, *args: Tensor, **kwargs: Tensor) -> Tensor:
        """Return the body's output, gated."""
        return self.attention(self.body(*args, **kwargs))


def add_gala(
    backbone: nn.Module,
    modules: Mapping[str, str] | list[str],
    *,
    form: GalaForm = "iclr2019",
    ratio: int = 4,
    squash: Squashing | None = None,
    example: Tensor | None = None,
) -> nn.Module:
    """Put a GALA block behind each named module of ``backbone``, in place, and return the backbone.

    Parameters
    ----------
    backbone : nn.Module
        A network whose named modules give (B, C, H, W).
    modules : list of str, or mapping of str to str
        Paths as in ``backbone.named_modules()``, or path -> the layer's label. Name the last module of a residual
        branch to gate the branch before its addition (the paper's placement).
    form : {"iclr2019", "tpu2018"}
        See ``GalaBlock``.
    ratio : int
        See ``GalaBlock``.
    squash : {"tanh", "sigmoid"}, optional
        See ``GalaBlock``.
    example : Tensor, (B, C, H, W), optional
        An input of the backbone. Where a module does not tell its channels, a forward pass on it does.

    Returns
    -------
    nn.Module
        ``backbone``, each named module now a ``GatedModule``.

    Raises
    ------
    ValueError
        A path is unknown (the message names the nearest), a module is gated already, or its channels cannot be found.
    """
    labels = dict(modules) if isinstance(modules, Mapping) else {path: path for path in modules}
    known = dict(backbone.named_modules())
    for path in labels:
        if not path or path not in known:
            raise ValueError(unknown_name("module", path, [name for name in known if name]))
        if isinstance(known[path], GatedModule):
            raise ValueError(f"module {path!r} is gated already.")
    channels = _channels(backbone, {path: known[path] for path in labels}, example)
    for path, label in labels.items():
        block = GalaBlock(channels[path], form=form, ratio=ratio, squash=squash, name=label)
        parent, _, child = path.rpartition(".")
        holder = known[parent]
        holder.add_module(child, GatedModule(known[path], block))
    return backbone


@torch.no_grad()
def open_gates(network: nn.Module, gate: float, blocks: Collection[GalaBlock] | None = None) -> nn.Module:
    """Open gates of ``network`` without changing what it computes, in place, and return the network.

    These are all, or those of ``blocks``: the others have learnt what they do.

    Each GALA block begins at A = ``gate`` (see ``GalaBlock.open_gate``) and the batch norm before it, or the last
    convolution of the branch that a ``Bottleneck`` gates, is scaled by 1 / ``gate``, so a trained backbone computes
    what it did before. Raises ``ValueError`` where a gated body is not an affine batch norm.
    """
    for path, module in network.named_modules():
        if blocks is not None and not any(getattr(module, "attention", None) is block for block in blocks):
            continue
        if isinstance(module, Bottleneck) and isinstance(module.attention, GalaBlock) and module.position == "output":
            module.attention.open_gate(gate)
            module.conv3.weight.div_(gate)  # the last of the branch, without a bias
            continue
        if not isinstance(module, GatedModule):
            continue
        if not isinstance(module.body, nn.BatchNorm2d) or module.body.weight is None:
            raise ValueError(f"only an affine BatchNorm2d can undo the gate; {path!r} is {type(module.body).__name__}.")
        module.attention.open_gate(gate)
        module.body.weight.div_(gate)
        module.body.bias.div_(gate)
    return network


def _channels(backbone: nn.Module, named: Mapping[str, nn.Module], example: Tensor | None) -> dict[str, int]:
    channels = {
        path: getattr(module, "num_features", getattr(module, "out_channels", None)) for path, module in named.items()
    }
    missing = {path: module for path, module in named.items() if not isinstance(channels[path], int)}
    if missing and example is None:
        raise ValueError(f"{sorted(missing)} do not tell their channels; pass example=, an input of the backbone.")
    if missing:
        channels.update(_observed_channels(backbone, missing, example))
    return {path: int(count) for path, count in channels.items()}  # type: ignore[arg-type]


def _observed_channels(backbone: nn.Module, named: Mapping[str, nn.Module], example: Tensor | None) -> dict[str, int]:
    """Return the channels of each named module's output, from a forward pass of ``backbone`` on ``example``."""
    channels: dict[str, int] = {}

    def watch(path: str) -> Callable[..., None]:
        def note(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            if not isinstance(output, Tensor) or output.ndim != 4:
                raise ValueError(
                    f"GALA gates outputs (B, C, H, W); {path!r} gives {getattr(output, 'shape', type(output))}."
                )
            channels[path] = output.shape[1]

        return note

    was_training = backbone.training
    handles = [module.register_forward_hook(watch(path)) for path, module in named.items()]
    try:
        backbone.eval()
        with torch.no_grad():
            backbone(example)
    finally:
        backbone.train(was_training)
        for handle in handles:
            handle.remove()
    absent = sorted(set(named) - set(channels))
    if absent:
        raise ValueError(f"{absent} did not run on the example input.")
    return channels
