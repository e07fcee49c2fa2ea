"""Grad-CAM by its formula, without a library."""

from __future__ import annotations

import numpy as np
import torch
from captum.attr import LayerAttribution
from torch import nn

from tests.attribution.tiny import one_input


def cam_by_hand(module: nn.Module, layer: nn.Module, to_grid, size: int) -> np.ndarray:
    """The formula, at the output of ``layer``, which ``to_grid`` makes (B, C, H, W), for category 2."""
    captured = {}
    handle = layer.register_forward_hook(lambda _m, _i, output: captured.update(activity=output))
    logit = module(torch.from_numpy(one_input(3, size))[None])[0, 2]
    handle.remove()
    (gradient,) = torch.autograd.grad(logit, captured["activity"])
    activity, gradient = to_grid(captured["activity"]), to_grid(gradient)
    cam = torch.relu((gradient.mean((2, 3), keepdim=True) * activity).sum(1, keepdim=True))
    return LayerAttribution.interpolate(cam, (size, size), "bilinear")[0].detach().numpy()
