"""The harmonizer's loss: a network's gradient beside people's maps, at several resolutions.

Source: Fel, Felipe, Linsley, Serre 2022, "Harmonizing the object recognition strategies of deep neural networks with
humans", with what their public code adds (how maps are scaled to each other, the pyramid's filter, five levels).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

N_LEVELS = 5
_SMALLEST = 1e-6


def input_gradient(images: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
    """Return the gradient of each label's logit, mean over the colour channels: float32 (B, y, x), differentiable.

    Parameters
    ----------
    images : Tensor, (B, 3, y, x)
        Inputs that require a gradient, and of which ``logits`` were computed.
    logits : Tensor, (B, category)
        The network's.
    labels : Tensor, (B,), int64
        Index of the category; of images with -1 the largest logit counts.
    """
    targets = torch.where(labels >= 0, labels, logits.detach().argmax(dim=1))
    chosen = logits.gather(1, targets[:, None]).sum()
    (gradient,) = torch.autograd.grad(chosen, images, create_graph=True)
    return gradient.float().mean(dim=1)


def harmonizer_loss(gradients: Tensor, maps: Tensor, has_map: Tensor, *, n_levels: int = N_LEVELS) -> Tensor:
    """Return the mean squared difference of gradient and human map, averaged over the levels of a pyramid.

    Both are brought to mean 0 and standard deviation 1 over space, and what is below 0 is cut off; the map is then
    scaled to the gradient's largest value, which is taken as a constant. Averaged over the images that have a map.

    Parameters
    ----------
    gradients : Tensor, (B, y, x)
        As ``input_gradient`` gives them.
    maps : Tensor, (B, y, x)
        Human maps in the frame of the network's input.
    has_map : Tensor, (B,), bool
        Whose map counts.
    n_levels : int
        Levels of the pyramid, the full resolution among them.

    Returns
    -------
    Tensor
        A scalar; 0 where no image has a map.

    References
    ----------
    Fel et al. 2022, section 3.
    """
    if not has_map.any():
        return gradients.sum() * 0.0
    found, wanted = standardise_and_cut(gradients[has_map]), standardise_and_cut(maps[has_map].float())
    top = found.detach().amax(dim=(1, 2), keepdim=True)
    wanted = wanted / (wanted.amax(dim=(1, 2), keepdim=True) + _SMALLEST) * (top + _SMALLEST)
    levels = zip(pyramid(found[:, None], n_levels), pyramid(wanted[:, None], n_levels), strict=True)
    return torch.stack([(one - other).square().mean() for one, other in levels]).mean()


def standardise_and_cut(maps: Tensor) -> Tensor:
    """Return maps (B, y, x) of mean 0 and standard deviation 1 over space, with 0 in place of what is below it."""
    centred = maps - maps.mean(dim=(1, 2), keepdim=True)
    return F.relu(centred / (maps.std(dim=(1, 2), keepdim=True, correction=0) + 1e-5))


def pyramid(maps: Tensor, n_levels: int) -> list[Tensor]:
    """Return ``maps`` (B, 1, y, x) and ``n_levels`` - 1 smaller ones, each half as large as the one before.

    The filter is binomial, 1 4 6 4 1 in rows and columns; zeros pad as TensorFlow's "SAME" does. Source: Burt and
    Adelson 1983.
    """
    line = maps.new_tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    kernel = torch.outer(line, line)[None, None]
    levels = [maps]
    for _ in range(n_levels - 1):
        last = levels[-1]
        pads = []
        for side in (last.shape[3], last.shape[2]):
            whole = max(0, ((side + 1) // 2 - 1) * 2 + len(line) - side)
            pads += [whole // 2, whole - whole // 2]
        levels.append(F.conv2d(F.pad(last, pads), kernel, stride=2))
    return levels
