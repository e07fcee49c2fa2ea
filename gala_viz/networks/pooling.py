"""Pooling as TensorFlow pads it, for networks that were trained there."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def max_pool_same(activity: Tensor, *, size: int = 3, stride: int = 2) -> Tensor:
    """Return the max pool of ``activity`` (B, C, H, W) with TensorFlow's SAME padding: ceil(H / ``stride``) rows.

    Windows are ``size`` wide; the odd padded row and column are the last. At 112 x 112 this pads one row at the bottom
    and one column at the right, where PyTorch's ``padding=1`` would shift every window by a pixel. Padded positions
    never win.
    """
    height, width = activity.shape[-2:]
    top, bottom = _same_padding(height, size, stride)
    left, right = _same_padding(width, size, stride)
    return F.max_pool2d(F.pad(activity, (left, right, top, bottom), value=-torch.inf), size, stride)


def _same_padding(length: int, size: int, stride: int) -> tuple[int, int]:
    total = max((-(-length // stride) - 1) * stride + size - length, 0)
    return total // 2, total - total // 2
