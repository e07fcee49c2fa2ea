"""The pre-activation ResNet that GALA was published with, at any depth and width, with attention built in or without.

The full size is ``resnet(1000)``: ResNet-50 "v2", four groups of 3, 4, 6 and 3 bottlenecks on 64 base filters. Source:
He et al. 2016, "Identity mappings in deep residual networks", with the paddings and constants of the TPU code that
Linsley et al. 2018 trained.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import torch.nn.functional as F
from torch import Tensor, nn

from gala_viz.networks.gala import GalaBlock
from gala_viz.networks.pooling import max_pool_same
from gala_viz.networks.se import SEBlock
from gala_viz.registry import Registry

AttentionBuilder = Callable[[int], nn.Module]
"""Function from C to a module that maps (B, C, H, W) to the same shape."""
Position = Literal["output", "input"]

RESNET50 = (3, 4, 6, 3)
BATCH_NORM_EPSILON = 1e-5
BATCH_NORM_MOMENTUM = 0.003
"""The share of a new batch in the running statistics; TensorFlow's "momentum" is the share of the old, 0.997."""

ATTENTION_BLOCKS: Registry[Callable[..., nn.Module] | None] = Registry(
    "attention", {"none": None, "se": SEBlock, "gala": GalaBlock}
)
"""Name -> block, called with the number of channels and its options; it maps (B, C, H, W) to the same shape."""


def resnet(
    n_categories: int = 1000,
    *,
    attention: str = "none",
    attention_options: Mapping[str, Any] | None = None,
    **sizes: Any,
) -> ResNet:
    """Return a ``ResNet`` from plain values, as a card holds them.

    ``resnet(1000, attention="gala")`` is GALA-ResNet-50.

    Parameters
    ----------
    n_categories : int
        Number of logits.
    attention : str
        A name in ``ATTENTION_BLOCKS``: "none", "se" or "gala".
    attention_options : mapping, optional
        The block's own settings, for example ``{"form": "tpu2018", "ratio": 4}``.
    **sizes
        Further arguments of ``ResNet``.

    Returns
    -------
    ResNet
        With random weights.

    Raises
    ------
    KeyError
        The attention is unknown; the message offers the nearest name.
    ValueError
        Options without attention, or sizes or options that ``ResNet`` or the block refuses.
    TypeError
        An argument that ``ResNet`` or the block does not have.
    """
    block = ATTENTION_BLOCKS[attention]
    if block is None and attention_options:
        raise ValueError(f"attention 'none' has no options; got {dict(attention_options)}.")
    return ResNet(n_categories, attention=block and partial(block, **(attention_options or {})), **sizes)


class ResNet(nn.Module):
    """Pre-activation bottleneck ResNet: (B, 3, H, W) to (B, ``n_categories``) logits.

    The last average pool covers the whole map: that is the published 7 x 7 pool at 224 px input, and for any other
    input the mean over all positions.

    Parameters
    ----------
    n_categories : int
        Number of logits.
    blocks : sequence of int
        Number of bottlenecks in each group.
    base_filters : int
        Width of the stem and of the first group's inner convolutions; each further group doubles it.
    attention : callable, optional
        Builds a module from a number of channels; each bottleneck of ``attention_groups`` gets its own.
    attention_groups : sequence of int
        Groups with attention, counted from 1. The published GALA networks attend in group 3; Hu et al.'s SE-ResNet-50
        in all four.
    position : {"output", "input"}
        What is attended: "output" is the residual branch before the addition, "input" the bottleneck's input before
        batch norm and before the shortcut splits off.
    strides : sequence of int
        Stride of each group's first bottleneck; default: the published 1, 2, 2, 2. With 1, 2, 1, 2 the third group has
        16 x 16 positions at 128 px input, near the published 14 x 14 at 224.

    Raises
    ------
    ValueError
        The sizes, the groups or the position make no network.

    References
    ----------
    He et al. 2016, "Identity mappings in deep residual networks"; Linsley et al. 2018.
    """

    def __init__(
        self,
        n_categories: int = 1000,
        *,
        blocks: Sequence[int] = RESNET50,
        base_filters: int = 64,
        attention: AttentionBuilder | None = None,
        attention_groups: Sequence[int] = (3,),
        position: Position = "output",
        strides: Sequence[int] = (),
    ) -> None:
        super().__init__()
        strides = tuple(strides) or (1,) + (2,) * (len(blocks) - 1)
        _check_sizes(n_categories, blocks, base_filters, strides)
        if attention and (unknown := [group for group in attention_groups if not 1 <= group <= len(blocks)]):
            raise ValueError(f"attention_groups are counted from 1 to {len(blocks)} here; got {unknown}.")
        if position not in ("output", "input"):
            raise ValueError(f"position is 'output' or 'input'; got {position!r}.")
        self.blocks = tuple(blocks)
        self.stem = convolution(3, base_filters, 7, stride=2)
        channels = base_filters
        for number, (n_blocks, stride) in enumerate(zip(blocks, strides, strict=True), start=1):
            filters = base_filters * 2 ** (number - 1)
            attend = attention if number in attention_groups else None
            group = nn.Sequential()
            for block in range(1, n_blocks + 1):
                first = block == 1
                bottleneck = Bottleneck(
                    channels, filters, stride=stride if first else 1, project=first, attention=attend, position=position
                )
                group.add_module(f"block{block}", bottleneck)
                channels = 4 * filters
            self.add_module(f"group{number}", group)
        self.norm = batch_norm(channels)
        self.relu = nn.ReLU()
        self.head = nn.Linear(channels, n_categories)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)

    def features(self, images: Tensor) -> Tensor:
        """Return the last map before pooling, after batch norm and ReLU: (B, C, H / 32, W / 32) as published."""
        activity = max_pool_same(self.stem(images))
        for number in range(1, len(self.blocks) + 1):
            activity = self.get_submodule(f"group{number}")(activity)
        return self.relu(self.norm(activity))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, ``n_categories``) of ``images`` (B, 3, H, W) in the network's input units."""
        return self.head(self.features(images).mean(dim=(2, 3)))


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions, each after batch norm and ReLU, with attention, added to a shortcut.

    Parameters
    ----------
    channels : int
        Channels of the input.
    filters : int
        Channels of the inner convolutions; 4 * ``filters`` go out.
    stride : int
        Stride of the 3x3 convolution and of the shortcut.
    project : bool
        Make the shortcut a 1x1 convolution of the normalised input; else it is the input itself.
    attention : callable, optional
        Builds the attention from a number of channels.
    position : {"output", "input"}
        Where the attention stands, see ``ResNet``.
    """

    def __init__(
        self,
        channels: int,
        filters: int,
        *,
        stride: int = 1,
        project: bool = False,
        attention: AttentionBuilder | None = None,
        position: Position = "output",
    ) -> None:
        super().__init__()
        self.position = position
        self.norm1 = batch_norm(channels)
        self.shortcut = convolution(channels, 4 * filters, 1, stride=stride) if project else None
        self.conv1 = convolution(channels, filters, 1)
        self.norm2 = batch_norm(filters)
        self.conv2 = convolution(filters, filters, 3, stride=stride)
        self.norm3 = batch_norm(filters)
        self.conv3 = convolution(filters, 4 * filters, 1)
        self.attention = attention(4 * filters if position == "output" else channels) if attention else None

    def forward(self, activity: Tensor) -> Tensor:
        """Return the output (B, 4 * filters, H / stride, W / stride) for ``activity`` (B, channels, H, W)."""
        if self.attention is not None and self.position == "input":
            activity = self.attention(activity)
        normalised = F.relu(self.norm1(activity))
        shortcut = activity if self.shortcut is None else self.shortcut(normalised)
        branch = self.conv1(normalised)
        branch = self.conv2(F.relu(self.norm2(branch)))
        branch = self.conv3(F.relu(self.norm3(branch)))
        if self.attention is not None and self.position == "output":
            branch = self.attention(branch)
        return branch + shortcut


def paper_layer(layer: str, blocks: Sequence[int] = RESNET50) -> int:
    """Return the paper's number of ``layer``, for example 24 for "group3.block1" of ResNet-50, 39 for "group3.block6".

    The paper counts convolutions from 0 at the stem, without projection shortcuts, and names a bottleneck by its last
    one. Raises ``ValueError`` on a layer that a network of these ``blocks`` does not have.
    """
    known = {
        f"group{group}.block{block}": 3 * (sum(blocks[: group - 1]) + block)
        for group, n_blocks in enumerate(blocks, start=1)
        for block in range(1, n_blocks + 1)
    }
    if layer not in known:
        names = list(known)
        raise ValueError(f"a layer is called 'groupG.blockB', from {names[0]!r} to {names[-1]!r} here; got {layer!r}.")
    return known[layer]


def convolution(channels: int, filters: int, size: int, *, stride: int = 1) -> nn.Conv2d:
    """Return a convolution of the body, with random weights.

    Parameters
    ----------
    channels : int
        Channels of the input.
    filters : int
        Channels of the output.
    size : int
        Side of the kernel, odd; (``size`` - 1) / 2 zeros pad each side.
    stride : int
        Stride in both directions.

    Returns
    -------
    nn.Conv2d
        Without bias, with He et al.'s normal initialisation.
    """
    layer = nn.Conv2d(channels, filters, size, stride=stride, padding=size // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_in", nonlinearity="relu")
    return layer


def batch_norm(channels: int) -> nn.BatchNorm2d:
    """Return a batch norm over ``channels`` with the published epsilon and momentum."""
    return nn.BatchNorm2d(channels, eps=BATCH_NORM_EPSILON, momentum=BATCH_NORM_MOMENTUM)


def _check_sizes(n_categories: int, blocks: Sequence[int], base_filters: int, strides: Sequence[int]) -> None:
    if n_categories < 1 or base_filters < 1:
        raise ValueError(f"a network has categories and filters from 1 on; got {n_categories=}, {base_filters=}.")
    if not blocks or min(blocks) < 1:
        raise ValueError(f"blocks counts the bottlenecks of each group, from 1 on, like {RESNET50}; got {blocks!r}.")
    if len(strides) != len(blocks) or min(strides) < 1:
        raise ValueError(f"strides has a number from 1 on for each of the {len(blocks)} groups; got {strides!r}.")
