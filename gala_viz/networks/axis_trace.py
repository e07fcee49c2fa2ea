"""Which axes of a layer's output are rows and columns of the image, followed through one forward pass.

A shape alone does not tell: (1, 8, 8, 48) may be 8 channels of 8 x 48 or 48 channels of 8 x 8, and 197 tokens a class
token before 14 x 14. So every operation of one forward pass moves the rows and columns of its input to its output:
a convolution keeps them, ``permute`` carries them along, ``reshape`` merges and splits them, a class token is put
before them. What an unknown operation gives has no axes until a convolution, a pooling or a batch norm, which know
theirs, takes it. Nothing is concluded from sizes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from gala_viz.networks.layer_labels import CHANNELS_FIRST, CHANNELS_LAST


@dataclass(frozen=True, slots=True)
class LayerLayout:
    """Where the positions of a layer's output are.

    Parameters
    ----------
    kind : {"channels_first", "channels_last", "tokens"}
        (B, C, H, W), (B, H, W, C), or tokens (B, N, C) in the order of rows.
    grid : tuple of int, optional
        Rows and columns of tokens.
    before, after : int
        Tokens before and behind those of the grid: class, distillation and register tokens.
    """

    kind: str
    grid: tuple[int, int] | None = None
    before: int = 0
    after: int = 0

    def to_grid(self, output: Tensor) -> Tensor:
        """Return a layer's ``output`` as (B, C, H, W), without tokens that have no position.

        Raises ``ValueError`` for an output of another shape.
        """
        if self.grid is not None:
            rows, columns = self.grid
            if output.ndim != 3 or output.shape[1] != self.before + rows * columns + self.after:
                raise ValueError(f"{self.before} + {rows} x {columns} + {self.after} tokens; got {tuple(output.shape)}")
            tokens = output[:, self.before : self.before + rows * columns]
            return tokens.transpose(1, 2).reshape(len(output), -1, rows, columns)
        if output.ndim != 4:
            raise ValueError(f"an output of four dims; got {tuple(output.shape)}")
        return output.permute(0, 3, 1, 2) if self.kind == CHANNELS_LAST else output

    def from_grid(self, grid: Tensor, output: Tensor) -> Tensor:
        """Return ``output`` with ``grid`` (B, C, H, W) in place of its positions."""
        if self.grid is not None:
            tokens = grid.flatten(2).transpose(1, 2)
            end = output.shape[1] - self.after
            return torch.cat([output[:, : self.before], tokens, output[:, end:]], dim=1)
        return grid.permute(0, 2, 3, 1) if self.kind == CHANNELS_LAST else grid

    def size(self, output: Tensor) -> tuple[int, int, int]:
        """Return channels, rows and columns of ``output``."""
        if self.grid is not None:
            return (output.shape[2], *self.grid)
        _, first, second, third = output.shape
        return (third, first, second) if self.kind == CHANNELS_LAST else (first, second, third)

    def description(self) -> str:
        """Return the layout in words."""
        if self.grid is None:
            return "channels last (B, H, W, C)" if self.kind == CHANNELS_LAST else "channels first (B, C, H, W)"
        others = [f", {n} {where} them" for n, where in ((self.before, "before"), (self.after, "behind")) if n]
        return f"tokens (B, N, C) of {self.grid[0]} x {self.grid[1]} positions{''.join(others)}"


@dataclass(frozen=True, slots=True)
class _Part:
    """Part of an axis: every ``stride``-th of ``extent`` rows ("y") or columns ("x"), or of what has no position ("").

    Windows split rows into two parts, whose order of strides tells how they become rows again. ``shift`` is by how much
    they are rolled, ``padding`` what was added before and behind.
    """

    name: str
    size: int
    stride: int = 1
    extent: int = 0
    shift: int = 0
    padding: tuple[int, int] = (0, 0)

    def covers(self, name: str) -> bool:
        """Return whether this part is all rows or all columns, in order."""
        return self.name == name and self.stride * self.size == self.extent and self.shift == 0

    @property
    def origin(self) -> tuple:
        return self.name, self.extent, self.shift, self.padding


@dataclass(frozen=True, slots=True)
class _Tokens:
    """An axis of tokens: ``before``, then ``parts``, then ``after``; it cannot be split."""

    size: int
    before: int
    parts: tuple[_Part, ...]
    after: int


Axis = tuple["_Part | _Tokens", ...]
Axes = tuple[Axis, ...]
"""An axis for each dim; an axis is its parts, outermost first. None in their place: nobody knows them."""


class UntracedError(Exception):
    """An operation whose effect on rows and columns is not known."""


class AxisTrace(TorchFunctionMode):
    """Within the context, follow the rows and columns of ``image`` through what this thread computes.

    Parameters
    ----------
    image : Tensor, (B, channel, y, x)
        It needs a gradient, and parameters none: that tells what depends on the image.
    """

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        batch, channels, height, width = image.shape
        self._axes: dict[int, Axes | None] = {
            id(image): (_plain(batch), _plain(channels), _whole("y", height), _whole("x", width))
        }
        self._alive: list[Tensor] = [image]  # an identity is not used again while its tensor lives

    def layout(self, output: Tensor) -> LayerLayout | None:
        """Return where the positions of ``output`` are; None where its axes are not known, or are no grid."""
        axes = self._axes.get(id(output))
        if axes is None or len(axes) != output.ndim or _position(axes[0]):
            return None
        rest = axes[1:]
        if len(axes) == 4:
            rows = [place for place, axis in enumerate(rest) if len(axis) == 1 and _covers(axis[0], "y")]
            columns = [place for place, axis in enumerate(rest) if len(axis) == 1 and _covers(axis[0], "x")]
            if sum(map(_position, rest)) == 2 and (rows, columns) in (([1], [2]), ([0], [1])):
                return LayerLayout(CHANNELS_FIRST if rows == [1] else CHANNELS_LAST)
        if len(axes) == 3 and not _position(rest[1]):
            parts, before, after = rest[0], 0, 0
            tokens = parts[0] if len(parts) == 1 else None
            if isinstance(tokens, _Tokens):
                parts, before, after = tokens.parts, tokens.before, tokens.after
            if len(parts) == 2 and _covers(parts[0], "y") and _covers(parts[1], "x"):
                return LayerLayout("tokens", (parts[0].size, parts[1].size), before, after)
        return None

    def is_known(self, output: Tensor) -> bool:
        """Return whether the axes of ``output`` are known, be they a grid or not."""
        return self._axes.get(id(output)) is not None

    def __torch_function__(self, function: Any, types: Any, args: tuple = (), kwargs: Mapping | None = None) -> Any:
        keywords = dict(kwargs or {})
        name = getattr(function, "__name__", "")
        if name == "__get__":  # of a property: x.mT
            name = getattr(getattr(function, "__self__", None), "__name__", "")
        name = name.strip("_")
        operands = [_Operand(one, self._of(one), tuple(one.shape)) for one in _tensors((*args, *keywords.values()))]
        result = function(*args, **keywords)
        given = [one for one in (result if isinstance(result, (tuple, list)) else (result,)) if isinstance(one, Tensor)]
        if given and any(operand.depends for operand in operands):
            try:
                axes = _RULES.get(name, _unknown)(_Call(args, keywords, operands, given))
            except (UntracedError, IndexError, KeyError, TypeError, ValueError):
                axes = [None] * len(given)
            for one, each in zip(given, axes, strict=False):
                self._axes[id(one)] = each if each is not None and _sizes(each) == tuple(one.shape) else None
                self._alive.append(one)
        return result

    def _of(self, tensor: Tensor) -> Axes | bool | None:
        """Return a tensor's axes, None where they are not known, or False where it does not depend on the image."""
        if id(tensor) in self._axes:
            return self._axes[id(tensor)]
        return None if tensor.requires_grad else False


@dataclass(frozen=True, slots=True, eq=False)
class _Operand:
    tensor: Tensor
    found: Axes | bool | None
    shape: tuple[int, ...]

    @property
    def depends(self) -> bool:
        return self.found is not False

    @property
    def axes(self) -> Axes:
        """The axes; those of what does not depend on the image have no position."""
        if self.found is None:
            raise UntracedError
        if isinstance(self.found, bool):
            return tuple(_plain(size) for size in self.shape)
        return self.found


@dataclass(frozen=True, slots=True, eq=False)
class _Call:
    """One operation: arguments, operands (tensors among them, in order) as they were before it, and what it gave."""

    args: tuple
    keywords: dict[str, Any]
    operands: list[_Operand]
    given: list[Tensor]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.given[0].shape)

    def argument(self, place: int, name: str, default: Any = None) -> Any:
        return self.args[place] if len(self.args) > place else self.keywords.get(name, default)


_Rule = Callable[[_Call], list[Axes | None]]


def _plain(size: int) -> Axis:
    return (_Part("", size),) if size != 1 else ()


def _whole(name: str, size: int) -> Axis:
    """Return the axis of all rows or columns; a single one is no position."""
    return (_Part(name, size, 1, size),) if size != 1 else ()


def _position(axis: Axis) -> bool:
    """Return whether an axis has to do with rows or columns."""
    return any(isinstance(part, _Tokens) or part.name for part in axis)


def _covers(part: _Part | _Tokens, name: str) -> bool:
    return isinstance(part, _Part) and part.covers(name)


def _size(axis: Axis) -> int:
    return math.prod(part.size for part in axis)


def _sizes(axes: Axes) -> tuple[int, ...]:
    return tuple(map(_size, axes))


def _tensors(values: Sequence[Any]) -> list[Tensor]:
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, (tuple, list)):
            found.extend(one for one in value if isinstance(one, Tensor))
    return found


def _same(first: Axis, second: Axis) -> Axis:
    """Return the axis of what two operands have in one dim."""
    if not _position(first):
        return second if _position(second) or _size(first) == 1 else first
    if _position(second) and first != second:
        raise UntracedError
    return first


def _broadcast(operands: Sequence[Axes], n_dims: int) -> Axes:
    """Return the axes of operands that are combined element by element."""
    result: list[Axis] = [()] * n_dims
    for axes in operands:
        for place in range(1, len(axes) + 1):
            result[-place] = _same(result[-place], axes[-place])
    return tuple(result)


def _unknown(call: _Call) -> list[Axes | None]:
    return [None] * len(call.given)


def _elementwise(call: _Call) -> list[Axes | None]:
    """Each value depends on those at the same place; what is not known of one operand, another tells."""
    known = [one.axes for one in call.operands if one.found is not None and len(one.shape) <= len(call.shape)]
    if not any(any(map(_position, axes)) for axes in known) and any(one.found is None for one in call.operands):
        raise UntracedError
    return [_broadcast(known, len(call.shape))]


def _like_first(call: _Call) -> list[Axes | None]:
    return [call.operands[0].axes] + [None] * (len(call.given) - 1)


def _channels_first(call: _Call) -> list[Axes | None]:
    """Batch norms and the like: axes as before, and where these are not known (B, C, H, W) by what they do."""
    first = call.operands[0]
    if first.found is None and len(first.shape) == 4:
        return [_new_map(call.shape)]
    return [first.axes]


def _new_map(shape: tuple[int, ...]) -> Axes:
    batch, channels, height, width = shape
    return _plain(batch), _plain(channels), _whole("y", height), _whole("x", width)


def _spatial(call: _Call) -> list[Axes | None]:
    """Convolutions, pooling, interpolation: rows and columns are resized, channels are others."""
    first, shape = call.operands[0], call.shape
    if len(first.shape) != len(shape) or len(shape) not in (3, 4):
        raise UntracedError
    if first.found is None:
        if len(shape) != 4:
            raise UntracedError
        return [_new_map(shape)] + [None] * (len(call.given) - 1)
    axes = [first.axes[0], _plain(shape[1])]
    if _position(first.axes[1]):
        raise UntracedError
    for axis, before, size in zip(first.axes[2:], first.shape[2:], shape[2:], strict=True):
        if size == before:
            axes.append(axis)
        elif not _position(axis):
            axes.append(_plain(size))
        elif len(axis) == 1 and isinstance(axis[0], _Part) and axis[0].covers(axis[0].name):
            axes.append(_whole(axis[0].name, size))
        else:
            raise UntracedError
    return [tuple(axes)] + [None] * (len(call.given) - 1)


def _merged(parts: Sequence[_Part | _Tokens]) -> list[_Part | _Tokens]:
    """Return parts after neighbours that belong together have become one."""
    result: list[_Part | _Tokens] = []
    for part in parts:
        last = result[-1] if result else None
        if isinstance(part, _Part) and isinstance(last, _Part) and part.name == last.name:
            if not part.name:
                result[-1] = _Part("", last.size * part.size)
                continue
            if part.origin == last.origin and last.stride == part.size * part.stride:
                result[-1] = replace(part, size=last.size * part.size)
                continue
        result.append(part)
    return result


def _reshaped(axes: Axes, shape: Sequence[int]) -> Axes:
    parts = _merged([part for axis in axes for part in axis if part.size != 1])
    result: list[Axis] = []
    for size in shape:
        axis: list[_Part | _Tokens] = []
        left = size
        while left != 1:
            if left == 0 or not parts:
                raise UntracedError
            part = parts.pop(0)
            if left % part.size == 0:
                axis.append(part)
                left //= part.size
                continue
            if isinstance(part, _Tokens) or part.size % left:
                raise UntracedError
            inner = part.size // left
            axis.append(replace(part, size=left, stride=part.stride * inner))
            parts.insert(0, replace(part, size=inner))
            left = 1
        result.append(tuple(_merged(axis)))
    if parts:
        raise UntracedError
    return tuple(result)


def _reshape(call: _Call) -> list[Axes | None]:
    return [_reshaped(call.operands[0].axes, call.shape)]


def _order(call: _Call) -> list[int]:
    """Return the dims that ``permute`` puts in order."""
    dims = call.args[1:] or (call.keywords["dims"],)
    return [int(dim) for dim in (dims[0] if isinstance(dims[0], (tuple, list)) else dims)]


def _permute(call: _Call) -> list[Axes | None]:
    axes = call.operands[0].axes
    return [tuple(axes[dim] for dim in _order(call))]


def _transpose(call: _Call) -> list[Axes | None]:
    axes = list(call.operands[0].axes)
    first, second = (call.argument(place, f"dim{place - 1}", call.keywords.get(f"axis{place - 1}")) for place in (1, 2))
    axes[first], axes[second] = axes[second], axes[first]
    return [tuple(axes)]


def _turn(call: _Call) -> list[Axes | None]:
    """``t``, ``mT`` and the like: the last two dims change places."""
    axes = call.operands[0].axes
    return [(*axes[:-2], axes[-1], axes[-2])]


def _expand(call: _Call) -> list[Axes | None]:
    axes = call.operands[0].axes
    axes = ((),) * (len(call.shape) - len(axes)) + axes
    return [tuple(axis if _size(axis) == size else _plain(size) for axis, size in zip(axes, call.shape, strict=True))]


def _linear(call: _Call) -> list[Axes | None]:
    axes = call.operands[0].axes
    if _position(axes[-1]) and any(isinstance(part, _Tokens) or _covers(part, part.name) for part in axes[-1]):
        raise UntracedError  # all rows or tokens are mixed
    return [(*axes[:-1], _plain(call.shape[-1]))]


def _matmul(call: _Call) -> list[Axes | None]:
    first, second = (one.axes for one in call.operands[-2:])
    if len(first) < 2 or len(second) < 2:
        raise UntracedError
    return [(*_broadcast([first[:-2], second[:-2]], len(call.shape) - 2), first[-2], second[-1])]


def _attention(call: _Call) -> list[Axes | None]:
    query, _, value = (one.axes for one in call.operands[:3])
    return [(*query[:-1], value[-1])]


def _einsum(call: _Call) -> list[Axes | None]:
    inputs, _, output = str(call.args[0]).replace(" ", "").partition("->")
    if "." in inputs or not output:
        raise UntracedError
    letters: dict[str, Axis] = {}
    for names, one in zip(inputs.split(","), call.operands, strict=True):
        for letter, axis in zip(names, one.axes, strict=True):
            letters[letter] = _same(letters.get(letter, ()), axis)
    return [tuple(letters[letter] for letter in output)]


def _cat(call: _Call) -> list[Axes | None]:
    """Positions of at most one operand along the dim stay; what stands before and behind them are other tokens."""
    dim = call.argument(1, "dim", 0) % len(call.shape)
    every = [one.axes for one in call.operands if one.shape != (0,)]
    others = [tuple(() if place == dim else axis for place, axis in enumerate(axes)) for axes in every]
    axes = list(_broadcast(others, len(call.shape)))
    along = [one[dim] for one in every]
    placed = [number for number, axis in enumerate(along) if _position(axis)]
    if not placed:
        axes[dim] = _plain(call.shape[dim])
    elif len(placed) == 1:
        before = sum(map(_size, along[: placed[0]]))
        axes[dim] = (_with_tokens(along[placed[0]], before, sum(map(_size, along[placed[0] + 1 :]))),)
    else:
        raise UntracedError
    return [tuple(axes)]


def _with_tokens(axis: Axis, before: int, after: int) -> _Part | _Tokens:
    parts = axis
    if len(axis) == 1 and isinstance(axis[0], _Tokens):
        parts, before, after = axis[0].parts, before + axis[0].before, after + axis[0].after
    if any(isinstance(part, _Tokens) for part in parts):
        raise UntracedError
    plain = tuple(part for part in parts if isinstance(part, _Part))
    return _Tokens(before + _size(plain) + after, before, plain, after)


def _cut(axis: Axis, start: int, stop: int, step: int) -> Axis:
    """Return the axis of ``start:stop:step``."""
    size = _size(axis)
    if (start, stop, step) == (0, size, 1):
        return axis
    count = len(range(start, stop, step))
    if not _position(axis):
        return _plain(count)
    part, *others = axis
    if step == 1 and (others or isinstance(part, _Tokens)):
        return _cut_tokens(axis, start, stop)
    if others or isinstance(part, _Tokens) or not part.covers(part.name):
        raise UntracedError
    if step > 1 and start < step and stop == size:
        return _whole(part.name, count)
    low, high = part.padding
    if step == 1 and start <= low and size - stop <= high:  # only padding is cut off
        return (_Part(part.name, count, 1, count, 0, (low - start, high - (size - stop))),)
    raise UntracedError


def _cut_tokens(axis: Axis, start: int, stop: int) -> Axis:
    tokens = axis[0] if isinstance(axis[0], _Tokens) else _with_tokens(axis, 0, 0)
    assert isinstance(tokens, _Tokens)
    end = tokens.size - tokens.after
    if stop <= tokens.before or start >= end:
        return _plain(stop - start)
    if start > tokens.before or stop < end:
        raise UntracedError
    before, after = tokens.before - start, stop - end
    return (_Tokens(stop - start, before, tokens.parts, after),) if before or after else tokens.parts


def _dropped(axis: Axis, index: int) -> None:
    """Check that one index of an axis is no position."""
    if _position(axis):
        size = _size(axis)
        index %= size
        if _position(_cut_tokens(axis, index, index + 1)):
            raise UntracedError


def _getitem(call: _Call) -> list[Axes | None]:
    keys = call.args[1] if isinstance(call.args[1], tuple) else (call.args[1],)
    axes = list(call.operands[0].axes)
    taken = sum(key is not None and key is not Ellipsis for key in keys)
    result: list[Axis] = []
    for key in keys:
        if key is Ellipsis:
            for _ in range(len(axes) - taken):
                result.append(axes.pop(0))
        elif key is None:
            result.append(())
        elif isinstance(key, slice):
            taken -= 1
            axis = axes.pop(0)
            result.append(_cut(axis, *key.indices(_size(axis))))
        elif isinstance(key, int) and not isinstance(key, bool):
            taken -= 1
            _dropped(axes.pop(0), key)
        else:
            raise UntracedError
    return [(*result, *axes)]


def _select(call: _Call) -> list[Axes | None]:
    axes = list(call.operands[0].axes)
    _dropped(axes.pop(int(call.argument(1, "dim"))), int(call.argument(2, "index")))
    return [tuple(axes)]


def _narrow(call: _Call) -> list[Axes | None]:
    axes = list(call.operands[0].axes)
    dim, start, length = (int(call.argument(place, name)) for place, name in ((1, "dim"), (2, "start"), (3, "length")))
    axes[dim] = _cut(axes[dim], start, start + length, 1)
    return [tuple(axes)]


def _split(call: _Call) -> list[Axes | None]:
    """``split`` and ``chunk``: what was given tells where was cut."""
    axes = call.operands[0].axes
    dim = int(call.argument(2, "dim", 0)) % len(axes)
    result: list[Axes | None] = []
    start = 0
    for one in call.given:
        stop = start + one.shape[dim]
        try:
            result.append((*axes[:dim], _cut(axes[dim], start, stop, 1), *axes[dim + 1 :]))
        except UntracedError:
            result.append(None)
        start = stop
    return result


def _unbind(call: _Call) -> list[Axes | None]:
    axes = list(call.operands[0].axes)
    if _position(axes.pop(int(call.argument(1, "dim", 0)))):
        raise UntracedError
    return [tuple(axes)] * len(call.given)


def _reduce(call: _Call) -> list[Axes | None]:
    axes, dims = call.operands[0].axes, call.argument(1, "dim", call.keywords.get("axis"))
    if len(call.shape) == len(axes):
        kept = tuple(() if size == 1 else axis for axis, size in zip(axes, call.shape, strict=True))
    elif dims is None:
        kept = ()
    else:
        gone = {int(dim) % len(axes) for dim in (dims if isinstance(dims, (tuple, list)) else (dims,))}
        kept = tuple(axis for place, axis in enumerate(axes) if place not in gone)
    return [kept] * len(call.given)


def _pad(call: _Call) -> list[Axes | None]:
    axes, widths = list(call.operands[0].axes), [int(one) for one in call.argument(1, "pad")]
    for place in range(len(widths) // 2):
        low, high = widths[2 * place : 2 * place + 2]
        axis = axes[-1 - place]
        if not (low or high):
            continue
        if min(low, high) < 0:
            raise UntracedError
        if not _position(axis):
            axes[-1 - place] = _plain(_size(axis) + low + high)
        elif len(axis) == 1 and isinstance(axis[0], _Part) and axis[0].covers(axis[0].name):
            part, size = axis[0], _size(axis) + low + high
            padding = (part.padding[0] + low, part.padding[1] + high)
            axes[-1 - place] = (_Part(part.name, size, 1, size, 0, padding),)
        else:
            axes[-1 - place] = (_with_tokens(axis, low, high),)
    return [tuple(axes)]


def _roll(call: _Call) -> list[Axes | None]:
    """Rows that are rolled are rows again once they are rolled back."""
    axes = list(call.operands[0].axes)
    shifts, dims = call.argument(1, "shifts"), call.argument(2, "dims")
    pairs = zip(shifts, dims, strict=True) if isinstance(shifts, (tuple, list)) else [(shifts, dims)]
    for shift, dim in pairs:
        axis = axes[dim]
        if not _position(axis):
            continue
        part = axis[0]
        if len(axis) > 1 or isinstance(part, _Tokens) or part.stride * part.size != part.extent:
            raise UntracedError
        axes[dim] = (replace(part, shift=(part.shift + int(shift)) % part.size),)
    return [tuple(axes)]


def _named(rule: _Rule, names: str) -> dict[str, _Rule]:
    return dict.fromkeys(names.split(), rule)


_RULES: dict[str, _Rule] = {
    **_named(
        _elementwise,
        "add radd iadd sub rsub isub subtract mul rmul imul multiply div truediv rtruediv itruediv divide true_divide "
        "pow rpow where maximum minimum clamp clip abs neg negative exp log sqrt rsqrt square reciprocal sign sigmoid "
        "tanh relu relu6 leaky_relu elu selu celu gelu silu mish hardswish hardsigmoid hardtanh softplus softsign "
        "logsigmoid threshold prelu softmax log_softmax softmin layer_norm rms_norm masked_fill lerp addcmul addcdiv "
        "copy gt lt ge le eq ne float_power",
    ),
    **_named(
        _like_first,
        "multi_head_attention_forward dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout rrelu "
        "normalize contiguous clone alias detach data to type type_as float double half bfloat16 cpu cuda erf sin cos "
        "tan atan floor ceil round nan_to_num requires_grad",
    ),
    **_named(_channels_first, "batch_norm instance_norm group_norm local_response_norm"),
    **_named(
        _spatial,
        "conv1d conv2d conv_transpose1d conv_transpose2d max_pool1d max_pool2d avg_pool1d avg_pool2d lp_pool2d "
        "adaptive_avg_pool1d adaptive_max_pool1d adaptive_avg_pool2d adaptive_max_pool2d fractional_max_pool2d "
        "max_pool2d_with_indices adaptive_max_pool2d_with_indices interpolate upsample upsample_nearest "
        "upsample_bilinear pixel_shuffle pixel_unshuffle channel_shuffle",
    ),
    **_named(_reshape, "reshape view flatten unflatten unsqueeze squeeze view_as reshape_as ravel"),
    **_named(_permute, "permute"),
    **_named(_transpose, "transpose swapaxes swapdims"),
    **_named(_turn, "t mT adjoint H"),
    **_named(_expand, "expand expand_as broadcast_to"),
    **_named(_linear, "linear"),
    **_named(_matmul, "matmul bmm mm addmm baddbmm"),
    **_named(_attention, "scaled_dot_product_attention"),
    **_named(_einsum, "einsum"),
    **_named(_cat, "cat concat concatenate"),
    **_named(_getitem, "getitem"),
    **_named(_select, "select"),
    **_named(_narrow, "narrow"),
    **_named(_split, "split chunk tensor_split split_with_sizes"),
    **_named(_unbind, "unbind"),
    **_named(_reduce, "mean sum amax amin std var logsumexp max min"),
    **_named(_pad, "pad"),
    **_named(_roll, "roll"),
}
"""What operations, by PyTorch's names without underscores, do with the axes of their operands."""
