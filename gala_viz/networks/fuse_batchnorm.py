"""Batch norms fused into the convolutions before them: the same network in fewer steps, for inference only.

In eval mode a batch norm behind a convolution is a scaling and a shift per channel, which the convolution can do
itself. Logits, attention maps and gradients with respect to the input stay the same up to rounding; on a CPU a gradient
of EfficientNet-Lite0 takes two thirds of the time.
"""

from __future__ import annotations

import copy
import threading
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from gala_viz.networks.activation_hooks import has_activation_hook
from gala_viz.networks.network import Network

LOGIT_TOLERANCE = 1e-4
"""Largest difference of a logit, as a share of the largest logit, that rounding may make."""


class FusedBatchNorm(nn.Identity):
    """What stands in the place of a batch norm that is fused into the convolution before it; it returns its input.

    The convolution's own output times the norm's scale is the fused convolution's output minus ``shift``.

    Parameters
    ----------
    shift : Tensor, (C,)
        What the batch norm adds to each channel after scaling it.
    """

    shift: Tensor

    def __init__(self, shift: Tensor) -> None:
        super().__init__()
        self.register_buffer("shift", shift, persistent=False)


@dataclass(frozen=True, slots=True, eq=False)
class _Fused:
    """What was made of a network (None: nothing, it is used itself), and what tells whether the network has changed."""

    quick: Network | None
    state: tuple
    logits: Tensor


_fused: WeakKeyDictionary[Network, _Fused] = WeakKeyDictionary()
_lock = threading.RLock()


@torch.no_grad()
def fuse_batchnorm(network: Network) -> Network:
    """Return a copy of ``network`` that computes the same, faster, or ``network`` itself where that fails.

    Name, card, checksum of the weights and preprocessing stay. The copy is compared with the original on a random
    input: where their logits differ (a convolution's output is used twice, say), or nothing can be fused, the network
    itself is returned. The copy is not for training: its batch-norm statistics are fixed. It is made once for all who
    ask, who change nothing of it and run it within ``computing``, and anew where a weight, a setting, a hook or a
    ``forward`` of a module was changed since, or the network's logits on the random input are not to the last bit what
    they were.
    """
    height, width = network.preprocessing.input_px
    example = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    with _lock, network.computing():
        logits, state = network.logits(example), _state(network.module)
        made = _fused.get(network)
        if made is None or made.state != state or not torch.equal(made.logits.nan_to_num(), logits.nan_to_num()):
            made = _Fused(_quick_copy(network, example, logits), state, logits)
            _fused[network] = made
    return made.quick or network


def _quick_copy(network: Network, example: Tensor, logits: Tensor) -> Network | None:
    """Return the fused copy, or None where nothing can be fused or the copy's logits on ``example`` are others."""
    module = copy.deepcopy(network.module)
    if not fuse_conv_bn(module, example.to(network.device)) + merge_padding(module):
        return None
    quick = Network(
        module,
        name=network.name,
        title=network.title,
        preprocessing=network.preprocessing,
        categories=network.categories,
        card=network.card,
        sha256=network.sha256,
        known_by_weights=network.known_by_weights,
        hooked_layers=network.hooked_layers,
        training_data=network.training_data,
        device=network.device,
        precision=network.precision,
        in_place=True,
    )
    quick.precision_note = network.precision_note
    tolerance = LOGIT_TOLERANCE if network.precision in ("float32", "auto") else 0.05
    same = (quick.logits(example) - logits).abs().max() <= tolerance * logits.abs().max()
    return quick if bool(same) else None


def _state(module: nn.Module) -> tuple:
    """Return what tells that a module is as it was: its parts with settings, hooks and functions, and writes so far.

    PyTorch counts writes to tensors, but not those through ``.data``, which the logits tell.
    """
    tensors = [*module.parameters(), *module.buffers()]
    writes = tuple((id(tensor), 0 if tensor.is_inference() else tensor._version) for tensor in tensors)
    own = tuple(
        (id(vars(part).get("forward")), *(len(hooks) for name, hooks in vars(part).items() if name.endswith("_hooks")))
        for part in module.modules()
    )
    return repr(module), own, writes


@torch.no_grad()
def fuse_conv_bn(module: nn.Module, example: Tensor) -> int:
    """Fuse, in place, every batch norm that directly follows a convolution, and return how many.

    A forward pass on ``example`` tells which follow which; both must run exactly once in it, and the convolution must
    have no activation hook. The caller makes sure that nothing else uses the convolution's output. ``module`` is put
    into eval mode.
    """
    pairs = _following(module.eval(), example)
    fused: dict[nn.Module, nn.Module] = {}
    for norm, convolution in pairs.items():
        scale = (norm.get_buffer("running_var").double() + norm.eps).rsqrt()
        if norm.weight is not None:
            scale = scale * norm.weight.double()
        shift = -norm.get_buffer("running_mean").double() * scale
        if norm.bias is not None:
            shift = shift + norm.bias.double()
        weight, bias = convolution.weight, convolution.bias
        fused[norm] = FusedBatchNorm(shift.to(weight.dtype))
        if bias is not None:
            shift = shift + bias.double() * scale
        shape = (-1, *([1] * (weight.ndim - 1)))
        convolution.weight = nn.Parameter((weight.double() * scale.view(shape)).to(weight.dtype), requires_grad=False)
        convolution.bias = nn.Parameter(shift.to(weight.dtype), requires_grad=False)
    _replace(module, fused)
    return len(pairs)


def merge_padding(module: nn.Module) -> int:
    """Let convolutions that own a symmetric zero padding (``static_padding``) pad themselves; return how many do."""
    merged = 0
    for part in module.modules():
        padding = getattr(part, "static_padding", None)
        if not isinstance(part, nn.Conv2d) or not isinstance(padding, nn.ZeroPad2d):
            continue
        left, right, top, bottom = padding.padding
        if left == right and top == bottom and tuple(part.padding) == (0, 0):
            part.static_padding, part.padding = nn.Identity(), (top, left)
            merged += 1
    return merged


def _following(module: nn.Module, example: Tensor) -> dict[nn.BatchNorm2d, nn.Conv2d]:
    """Return the batch norms whose input is a convolution's output, each with its convolution."""
    outputs: list[tuple[nn.Conv2d, Tensor]] = []
    pairs: dict[nn.BatchNorm2d, nn.Conv2d] = {}
    runs: dict[nn.Module, int] = {}

    def note(part: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        runs[part] = runs.get(part, 0) + 1
        if isinstance(part, nn.Conv2d):
            outputs.append((part, output))
        elif isinstance(part, nn.BatchNorm2d):
            for convolution, tensor in outputs:
                if tensor is inputs[0] and not has_activation_hook(convolution):
                    pairs[part] = convolution

    parts = [part for part in module.modules() if isinstance(part, nn.Conv2d) or _foldable(part)]
    handles = [part.register_forward_hook(note) for part in parts]
    try:
        module(example)
    finally:
        for handle in handles:
            handle.remove()
    return {norm: convolution for norm, convolution in pairs.items() if runs[norm] == runs[convolution] == 1}


def _foldable(part: nn.Module) -> bool:
    return isinstance(part, nn.BatchNorm2d) and part.running_mean is not None


def _replace(module: nn.Module, replacements: dict[nn.Module, nn.Module]) -> None:
    for part in list(module.modules()):
        for name, child in part.named_children():
            if child in replacements:
                setattr(part, name, replacements[child])
