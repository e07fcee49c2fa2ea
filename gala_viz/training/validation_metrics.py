"""Validation metrics of a training: accuracy, and how much attention is like the maps, on one split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gala_viz.alignment.similarity import spearman_kernel
from gala_viz.networks.activation_hooks import record_activations
from gala_viz.networks.gala import attention_norm, gala_layers


def attention_rho(norms: Mapping[str, Tensor], maps: Tensor, has_map: Tensor) -> np.ndarray:
    """Return Spearman's rho of attention norm and map at each layer's grid: float64 (layer, image with a map).

    ``norms`` (B, h, w) are by layer, ``maps`` (B, H, W) in the input's frame and brought to the grid by area averages;
    ``has_map`` (B,) says whose map counts. A norm without differences counts as rho = 0: it follows no map.
    """
    wanted = maps[has_map].float()[:, None]
    rows = []
    for norm in norms.values():
        height, width = norm.shape[-2:]
        grid = F.adaptive_avg_pool2d(wanted, (height, width))[:, 0].cpu().numpy()
        rows.append(spearman_kernel(norm[has_map].detach().float().cpu().numpy(), grid))
    return np.nan_to_num(np.stack(rows), nan=0.0)


@torch.no_grad()
def validation_metrics(network: nn.Module, batches: Iterable[Mapping[str, Tensor]]) -> dict[str, Any]:
    """Return accuracy and, for a network with GALA, the mean rho of each layer, over ``batches`` of labelled images.

    The network is used as it is and where it is, and is left in eval mode; batches are those of ``CoTrainingModule``.
    """
    blocks = gala_layers(network.eval())
    right: list[bool] = []
    rhos: list[np.ndarray] = []
    for batch in batches:
        with record_activations() as record:
            logits = network(batch["input"].contiguous(memory_format=torch.channels_last))
        right += (logits.argmax(dim=1) == batch["label"]).tolist()
        if blocks and batch["has_map"].any():
            norms = {label: attention_norm(record[block]) for label, block in blocks.items()}
            rhos.append(attention_rho(norms, batch["map"], batch["has_map"]))
    numbers: dict[str, Any] = {"n_labelled": len(right), "accuracy": round(float(np.mean(right)), 4)}
    if rhos:
        every = np.concatenate(rhos, axis=1)
        by_layer = {label: round(float(value), 4) for label, value in zip(blocks, every.mean(axis=1), strict=True)}
        numbers |= {"n_with_maps": every.shape[1], "rho_attention": by_layer}
        numbers["rho_attention"]["mean_of_layers"] = round(float(every.mean()), 4)
    return numbers
