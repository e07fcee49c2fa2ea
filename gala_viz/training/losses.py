"""Losses of co-training: categories, a teacher's soft predictions, and where people look.

Source of the attention loss: Linsley et al. 2019, equation 5 (in the form of the per-layer norm of the difference).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from gala_viz.deprecated_paths import deprecated_getattr

_SMALLEST = 1e-8


def with_mass(maps: Tensor, has_map: Tensor) -> Tensor:
    """Return whose map counts, (B,) bool: those of ``has_map`` (B,) whose ``maps`` (B, H, W) have any mass.

    A crop may have cut a map off. The loss and every mean over maps count by this.
    """
    return has_map & (maps.flatten(1).sum(dim=1) > 0)


def attention_loss(norms: Mapping[str, Tensor], maps: Tensor, has_map: Tensor) -> Tensor:
    """Return the sum over layers of || R / ||R|| - N / ||N|| ||, averaged over the images that have a map.

    All norms are L2 over space, so a layer's term lies in [0, sqrt(2)].

    Parameters
    ----------
    norms : mapping of str to Tensor, (B, h, w)
        Label -> attention norms N of the layer.
    maps : Tensor, (B, H, W)
        Human maps R, never negative, in the frame of the network's input; each layer's grid gets their area averages.
    has_map : Tensor, (B,), bool
        Whose R counts. A map without any mass counts as no map, see ``with_mass``.

    Returns
    -------
    Tensor
        A scalar; 0 where no image has a map.

    Raises
    ------
    ValueError
        There are no layers.

    References
    ----------
    Linsley et al. 2019, equation 5.
    """
    has_map = with_mass(maps, has_map)
    if not norms:
        raise ValueError("the attention loss compares GALA layers with maps; this network has no GALA layer.")
    if not has_map.any():
        return sum(norm.sum() * 0.0 for norm in norms.values())  # type: ignore[return-value]
    wanted = maps[has_map].float()
    terms = []
    for norm in norms.values():
        height, width = norm.shape[-2:]
        grid = F.adaptive_avg_pool2d(wanted[:, None], (height, width))[:, 0]
        distance = _unit(grid) - _unit(norm[has_map].float())
        terms.append(torch.sqrt(distance.square().sum(dim=1) + _SMALLEST).mean())
    return torch.stack(terms).sum()


def distillation_loss(
    logits: Tensor, labels: Tensor, teacher_logits: Tensor, *, temperature: float, label_share: float
) -> Tensor:
    """Return cross-entropy with the label where there is one, and with the teacher's soft predictions everywhere.

    An image without a label has the distillation loss alone: the Kullback-Leibler divergence at ``temperature``, times
    its square.

    Parameters
    ----------
    logits : Tensor, (B, category)
        The student's.
    labels : Tensor, (B,), int64
        Index of the category; -1 for none.
    teacher_logits : Tensor, (B, category)
        The teacher's.
    temperature : float
        What the logits are divided by for soft predictions.
    label_share : float
        Share of the label's cross-entropy in a labelled image's loss, from 0 to 1; the rest is distillation.

    Returns
    -------
    Tensor
        A scalar, the mean over the batch.

    References
    ----------
    Hinton, Vinyals, Dean 2015.
    """
    student = F.log_softmax(logits / temperature, dim=1)
    teacher = F.log_softmax(teacher_logits / temperature, dim=1)
    soft = F.kl_div(student, teacher, reduction="none", log_target=True).sum(dim=1) * temperature**2
    labelled = labels >= 0
    hard = F.cross_entropy(logits, labels.clamp(min=0), reduction="none")
    share = label_share * labelled.float()
    return (share * hard + (1 - share) * soft).mean()


def warmup_weight(weight: float, *, epoch: float, warmup_epochs: float) -> float:
    """Return the attention weight lambda at ``epoch`` (a fraction counts).

    It rises linearly from 0 to ``weight`` over ``warmup_epochs``.
    """
    return weight if warmup_epochs <= 0 else weight * min(1.0, epoch / warmup_epochs)


def _unit(maps: Tensor) -> Tensor:
    flat = maps.flatten(1)
    return flat / (flat.norm(dim=1, keepdim=True) + _SMALLEST)


__getattr__ = deprecated_getattr(__name__)
