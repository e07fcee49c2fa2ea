"""Losses of co-training: categories, a teacher's soft predictions, and where people look.

The attention loss has two forms by name: "paper" (Linsley et al. 2019, equation 5, in the form of the per-layer norm of
the difference) and "code" (the authors' public training code).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from gala_viz.deprecated_paths import deprecated_getattr

_SMALLEST = 1e-8
CODE_SIGMA_PX, CODE_WINDOW_PX, CODE_INPUT_PX = 28.0, 49, 224
"""Blur of human maps in the authors' code: a Gaussian's sigma and its window, of maps of 224 px."""


def with_mass(maps: Tensor, has_map: Tensor) -> Tensor:
    """Return whose map counts, (B,) bool: those of ``has_map`` (B,) whose ``maps`` (B, H, W) are not constant.

    A crop may have cut a map off. The loss and every mean over maps count by this.
    """
    values = maps.flatten(1)
    return has_map & (values.amax(dim=1) > values.amin(dim=1))


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
    has_map = _which_count(norms, maps, has_map)
    if not has_map.any():
        return _zero(norms)
    wanted = maps[has_map].float()
    terms = []
    for norm in norms.values():
        height, width = norm.shape[-2:]
        grid = F.adaptive_avg_pool2d(wanted[:, None], (height, width))[:, 0]
        distance = _unit(grid) - _unit(norm[has_map].float())
        terms.append(torch.sqrt(distance.square().sum(dim=1) + _SMALLEST).mean())
    return torch.stack(terms).sum()


def attention_loss_of_code(norms: Mapping[str, Tensor], maps: Tensor, has_map: Tensor) -> Tensor:
    """Return the attention loss as the authors' public code has it, summed over the images that have a map.

    Of each layer half the squared L2 distance between map and attention, both of L2 norm 1 over space; mean over the
    layers. Attention is the mean over channels of A squared, that is the squared attention norm but for a factor. Maps
    are blurred first, by a Gaussian of ``CODE_SIGMA_PX`` in a window of ``CODE_WINDOW_PX`` for maps of
    ``CODE_INPUT_PX`` and in proportion for others, then brought to the grid bilinearly with aligned corners.

    Parameters
    ----------
    norms : mapping of str to Tensor, (B, h, w)
        As in ``attention_loss``.
    maps : Tensor, (B, H, W)
        As in ``attention_loss``.
    has_map : Tensor, (B,), bool
        As in ``attention_loss``.

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
    serre-lab/gala_tpu, resnet_main.py.
    """
    has_map = _which_count(norms, maps, has_map)
    if not has_map.any():
        return _zero(norms)
    wanted = _blurred(maps[has_map].float())
    terms = []
    for norm in norms.values():
        grid = F.interpolate(wanted, norm.shape[-2:], mode="bilinear", align_corners=True)[:, 0]
        distance = _unit(grid) - _unit(norm[has_map].float().square())
        terms.append(0.5 * distance.square().sum())
    return torch.stack(terms).mean()


def _which_count(norms: Mapping[str, Tensor], maps: Tensor, has_map: Tensor) -> Tensor:
    """Return whose map an attention loss counts, see ``with_mass``; raise ``ValueError`` where there are no layers."""
    if not norms:
        raise ValueError("the attention loss compares GALA layers with maps; this network has no GALA layer.")
    return with_mass(maps, has_map)


def _zero(norms: Mapping[str, Tensor]) -> Tensor:
    """Return 0 that still depends on every layer, so that each process of a distributed run has gradients."""
    return sum(norm.sum() * 0.0 for norm in norms.values())  # type: ignore[return-value]


def _blurred(maps: Tensor) -> Tensor:
    """Return maps (B, H, W), blurred as ``attention_loss_of_code`` says, with zeros around them: (B, 1, H, W)."""
    scale = maps.shape[-1] / CODE_INPUT_PX
    radius = max(1, round((CODE_WINDOW_PX - 1) / 2 * scale))
    steps = torch.arange(-radius, radius + 1, device=maps.device, dtype=maps.dtype)
    line = torch.exp(-0.5 * (steps / (CODE_SIGMA_PX * scale)).square())
    line = line / line.sum()
    rows = F.conv2d(maps[:, None], line[None, None, :, None], padding=(radius, 0))
    return F.conv2d(rows, line[None, None, None, :], padding=(0, radius))


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
