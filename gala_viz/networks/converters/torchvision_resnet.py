"""The ResNet whose weights most labs have: post-activation, with torchvision's parameter names.

Source: He et al. 2016, "Deep residual learning"; Xie et al. 2017 for ``groups``; Zagoruyko and Komodakis 2016 for wide
bottlenecks. The stride of a bottleneck lies on its 3x3 convolution, as in torchvision ("v1.5").
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS = (64, 128, 256, 512)


class TorchvisionResNet(nn.Module):
    """Post-activation ResNet: (B, 3, H, W) to (B, ``n_categories``) logits, with torchvision's parameter names.

    Parameters
    ----------
    n_categories : int
        Number of logits.
    blocks : sequence of int, (4,)
        Number of blocks in each group.
    bottleneck : bool
        Build bottlenecks; else basic blocks.
    groups : int
        Groups of the bottlenecks' 3x3 convolutions: 1 for a ResNet, 32 for ResNeXt-50.
    group_width : int
        Channels of each of these in layer1, doubled in each further layer: 64 for a ResNet, 4 for ResNeXt-50, 128
        for a wide one.

    Raises
    ------
    ValueError
        The sizes make no network.

    References
    ----------
    He et al. 2016, "Deep residual learning"; Xie et al. 2017; Zagoruyko and Komodakis 2016.
    """

    def __init__(
        self,
        n_categories: int = 1000,
        *,
        blocks: Sequence[int] = (3, 4, 6, 3),
        bottleneck: bool = True,
        groups: int = 1,
        group_width: int = 64,
    ) -> None:
        super().__init__()
        if len(blocks) != len(WIDTHS) or min(blocks) < 1 or n_categories < 1:
            raise ValueError(f"four groups of at least one block and one category were expected; got {blocks!r}.")
        if not bottleneck and (groups, group_width) != (1, 64):
            raise ValueError(f"only bottlenecks have groups and widths; got {groups} and {group_width}.")
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        channels = 64
        for number, (count, planes) in enumerate(zip(blocks, WIDTHS, strict=True), start=1):
            layer = nn.Sequential()
            for block in range(count):
                stride = 2 if block == 0 and number > 1 else 1
                made: BasicBlock | Bottleneck
                if bottleneck:
                    made = Bottleneck(channels, planes, stride, groups, planes * group_width // 64 * groups)
                else:
                    made = BasicBlock(channels, planes, stride)
                layer.add_module(str(block), made)
                channels = made.out_channels
            self.add_module(f"layer{number}", layer)
        self.fc = nn.Linear(channels, n_categories)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, ``n_categories``) of ``images`` (B, 3, H, W)."""
        activity = F.max_pool2d(F.relu(self.bn1(self.conv1(images))), 3, stride=2, padding=1)
        for number in range(1, len(WIDTHS) + 1):
            activity = self.get_submodule(f"layer{number}")(activity)
        return self.fc(activity.mean(dim=(2, 3)))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions from ``channels`` to ``planes`` beside a shortcut; the first has the ``stride``."""

    def __init__(self, channels: int, planes: int, stride: int) -> None:
        super().__init__()
        self.out_channels = planes
        self.conv1 = nn.Conv2d(channels, planes, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = _shortcut(channels, planes, stride)

    def forward(self, activity: Tensor) -> Tensor:
        """Return the output (B, planes, H / stride, W / stride) for ``activity`` (B, channels, H, W)."""
        branch = F.relu(self.bn1(self.conv1(activity)))
        branch = self.bn2(self.conv2(branch))
        return F.relu(branch + (activity if self.downsample is None else self.downsample(activity)))


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions beside a shortcut, as torchvision's "v1.5".

    ``channels`` come in, ``width`` are in the middle, 4 * ``planes`` go out. ``stride`` and ``groups`` are those of the
    3x3 convolution.
    """

    def __init__(self, channels: int, planes: int, stride: int, groups: int, width: int) -> None:
        super().__init__()
        self.out_channels = 4 * planes
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, self.out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(self.out_channels)
        self.downsample = _shortcut(channels, self.out_channels, stride)

    def forward(self, activity: Tensor) -> Tensor:
        """Return the output (B, 4 * planes, H / stride, W / stride) for ``activity`` (B, channels, H, W)."""
        branch = F.relu(self.bn1(self.conv1(activity)))
        branch = F.relu(self.bn2(self.conv2(branch)))
        branch = self.bn3(self.conv3(branch))
        return F.relu(branch + (activity if self.downsample is None else self.downsample(activity)))


def infer_torchvision_arguments(shapes: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """Return the arguments of ``TorchvisionResNet`` that the ``shapes`` of a state dict imply.

    Raises ``ValueError`` for another network's.
    """
    needed = ("conv1.weight", "layer1.0.conv2.weight", "layer4.0.conv2.weight", "fc.weight")
    missing = [name for name in needed if name not in shapes]
    if missing:
        raise ValueError(f"a ResNet with torchvision's names has {', '.join(missing)}; these weights do not.")
    blocks = []
    for number in range(1, len(WIDTHS) + 1):
        start = f"layer{number}."
        blocks.append(len({name.split(".")[1] for name in shapes if name.startswith(start)}))
    bottleneck = "layer1.0.conv3.weight" in shapes
    arguments: dict[str, Any] = {
        "n_categories": shapes["fc.weight"][0],
        "blocks": tuple(blocks),
        "bottleneck": bottleneck,
    }
    if bottleneck:
        width, per_group = shapes["layer1.0.conv2.weight"][:2]
        groups = width // max(1, per_group)
        arguments |= {"groups": groups, "group_width": math.ceil(width / groups)}
    return arguments


def _shortcut(channels: int, out_channels: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and channels == out_channels:
        return None
    convolution = nn.Conv2d(channels, out_channels, 1, stride=stride, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(out_channels))
