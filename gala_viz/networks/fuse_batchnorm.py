"""Batch norms fused into the convolutions before them: the same network in fewer steps, for inference only.

In eval mode a batch norm behind a convolution is a scaling and a shift per channel, which the convolution can do
itself. Logits, attention maps and gradients with respect to the input stay the same up to rounding; on a CPU a gradient
of EfficientNet-Lite0 takes two thirds of the time.

Only what a forward pass proves is fused: its operations and its graph of gradients say that the batch norm alone takes
the convolution's output, and that no value of a tensor chose what ran. Other networks stay as they are.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

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
    input: where their logits differ, or nothing can be fused, the network itself is returned. The copy is not for
    training: its batch-norm statistics are fixed. It is made once for all who ask, who change nothing of it and run it
    within ``computing``, and anew where a weight, a setting, a hook or a ``forward`` of a module was changed since, or
    the network's logits on the random input are not to the last bit what they were.
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
    try:
        module = copy.deepcopy(network.module)
    except Exception:  # somebody's own module that was used in place
        return None
    one = example.to(network.device, memory_format=network.memory_format)
    # Two images: the logits of one are compared below, in case the size of a batch chooses what runs.
    if not fuse_conv_bn(module, one.expand(2, -1, -1, -1)) + merge_padding(module):
        return None
    quick = network.with_module(module)
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
    """Fuse, in place, every batch norm that takes a convolution's output alone, and return how many.

    A forward pass of ``example`` proves it, see ``provable_pairs``. ``module`` is put into eval mode.
    """
    pairs = provable_pairs(module.eval(), example)
    fused: dict[nn.Module, nn.Module] = {}
    for norm, convolution in pairs.items():
        scale = (_precise(norm.get_buffer("running_var")) + norm.eps).rsqrt()
        if norm.weight is not None:
            scale = scale * _precise(norm.weight)
        shift = -_precise(norm.get_buffer("running_mean")) * scale
        if norm.bias is not None:
            shift = shift + _precise(norm.bias)
        weight, bias = convolution.weight, convolution.bias
        fused[norm] = FusedBatchNorm(shift.to(weight.dtype).to(weight.device))
        if bias is not None:
            shift = shift + _precise(bias) * scale
        shape = (-1, *([1] * (weight.ndim - 1)))
        scaled = _precise(weight) * scale.view(shape)
        convolution.weight = nn.Parameter(scaled.to(weight.dtype).to(weight.device), requires_grad=False)
        convolution.bias = nn.Parameter(shift.to(weight.dtype).to(weight.device), requires_grad=False)
    for part in list(module.modules()):
        for name, child in part.named_children():
            if child in fused:
                setattr(part, name, fused[child])
    return len(pairs)


def _precise(values: Tensor) -> Tensor:
    """Return values in double precision, on the CPU: MPS has none."""
    return values.detach().cpu().double()


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


_VALUE_READERS = {
    "bool", "int", "float", "complex", "index", "item", "tolist", "numpy", "array", "contains", "equal", "allclose",
    "is_nonzero", "nonzero", "argwhere", "unique", "masked_select",
}  # fmt: skip
"""Operations, without underscores, by which values of a tensor can choose what runs."""


class _Operations(TorchFunctionMode):
    """Within the context, note which convolution and batch norm gave a tensor, and which operations take it."""

    def __init__(self) -> None:
        super().__init__()
        self.values_read = False
        self._alive: list[Tensor] = []  # an identity is not used again while its tensor lives
        self.takers: dict[int, int] = {}
        """Identity of a tensor -> number of operations that take it."""
        self.convolutions: dict[int, tuple[Tensor, Tensor, Tensor | None]] = {}
        """Identity of a convolution's output -> output, weight, bias."""
        self.norms: dict[int, tuple[Tensor, Tensor, Tensor | None, Tensor | None]] = {}
        """Identity of a batch norm's output -> output, input, running mean, weight."""

    def __torch_function__(self, function: Any, types: Any, args: tuple = (), kwargs: Mapping | None = None) -> Any:
        keywords = dict(kwargs or {})
        name = getattr(function, "__name__", "").strip("_")
        if name in _VALUE_READERS:
            self.values_read = True
        result = function(*args, **keywords)
        if not (given := _tensors(result)):  # a shape, a dim: no value goes on
            return result
        self._alive += given
        for one in _tensors((*args, *keywords.values())):
            self.takers[id(one)] = self.takers.get(id(one), 0) + 1
        if name == "conv2d" and isinstance(result, Tensor):
            weight, bias = (_argument(args, keywords, place, key) for place, key in ((1, "weight"), (2, "bias")))
            self.convolutions[id(result)] = (result, weight, bias)
        elif name == "batch_norm" and isinstance(result, Tensor):
            places = ((0, "input"), (1, "running_mean"), (3, "weight"))
            self.norms[id(result)] = (result, *(_argument(args, keywords, place, key) for place, key in places))
        return result


def provable_pairs(module: nn.Module, example: Tensor) -> dict[nn.BatchNorm2d, nn.Conv2d]:
    """Return the batch norms that can be fused into the convolution before them, each with its convolution.

    Parameters
    ----------
    module : nn.Module
        In eval mode.
    example : Tensor, (B, channel, y, x)
        One batch, of a forward pass.

    Returns
    -------
    dict of nn.BatchNorm2d to nn.Conv2d
        Of each pair both run once, and give what their operation gives, with their own weights and without hooks; no
        other operation takes the convolution's output, and in the graph of gradients nothing else depends on it. None,
        where a value of a tensor is read, which could choose what runs.
    """
    outputs: dict[nn.Module, list[Tensor]] = {}

    def note(part: nn.Module, _inputs: object, output: Tensor) -> None:
        outputs.setdefault(part, []).append(output)

    parts = [part for part in module.modules() if _is_plain(part)]
    handles = [part.register_forward_hook(note) for part in parts]
    try:
        with torch.enable_grad(), _Operations() as operations:
            logits = module(example.detach().clone().requires_grad_())
    finally:
        for handle in handles:
            handle.remove()
    if operations.values_read:
        return {}
    uses = _uses(logits)
    convolutions = {id(given[0]): part for part, given in outputs.items() if len(given) == 1}
    pairs: dict[nn.BatchNorm2d, nn.Conv2d] = {}
    for norm, given in outputs.items():
        if not isinstance(norm, nn.BatchNorm2d) or len(given) != 1 or id(given[0]) not in operations.norms:
            continue
        _, between, mean, scale = operations.norms[id(given[0])]
        convolution = convolutions.get(id(between))
        if not isinstance(convolution, nn.Conv2d) or id(between) not in operations.convolutions:
            continue
        _, weight, bias = operations.convolutions[id(between)]
        own = weight is convolution.weight and bias is convolution.bias
        alone = operations.takers.get(id(between)) == 1 and uses.get(between.grad_fn) == 1
        if own and alone and mean is norm.running_mean and scale is norm.weight:
            pairs[norm] = convolution
    return pairs


def _is_plain(part: nn.Module) -> bool:
    """Return whether a convolution or batch norm has weights of its own, statistics, and no hooks."""
    if not isinstance(part, (nn.Conv2d, nn.BatchNorm2d)) or part.weight is not part._parameters.get("weight"):
        return False
    hooks = (part._forward_hooks, part._forward_pre_hooks, part._backward_hooks, part._backward_pre_hooks)
    return not any(hooks) and (isinstance(part, nn.Conv2d) or part.running_mean is not None)


def _uses(logits: object) -> dict[Any, int]:
    """Return how many operations that the logits depend on take what a node of the graph of gradients gives."""
    uses: dict[Any, int] = {}
    waiting = [one.grad_fn for one in _tensors((logits,)) if one.grad_fn is not None]
    visited = set(waiting)
    while waiting:
        for node, _ in waiting.pop().next_functions:
            if node is not None:
                uses[node] = uses.get(node, 0) + 1
                if node not in visited:
                    visited.add(node)
                    waiting.append(node)
    return uses


def _argument(args: tuple, keywords: Mapping[str, Any], place: int, name: str) -> Any:
    return args[place] if len(args) > place else keywords.get(name)


def _tensors(values: Any) -> list[Tensor]:
    """Return the tensors in nested tuples, lists and dicts."""
    if isinstance(values, Tensor):
        return [values]
    if isinstance(values, Mapping):
        values = list(values.values())
    return [tensor for one in values for tensor in _tensors(one)] if isinstance(values, (tuple, list)) else []
