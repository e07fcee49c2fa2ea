"""Validation metrics of a training: accuracy, and how much attention is like the maps, on one split."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gala_viz.alignment.resolution import area_average
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
        rows.append(spearman_kernel(norm[has_map].detach().float().cpu().numpy(), _at_grid(wanted, (height, width))))
    return np.nan_to_num(np.stack(rows), nan=0.0)


def _at_grid(maps: Tensor, grid: tuple[int, int]) -> np.ndarray:
    """Return area averages of ``maps`` (B, 1, H, W) at ``grid`` (h, w), as ``evaluate`` has them: (B, h, w)."""
    if maps.shape[-2] % grid[0] or maps.shape[-1] % grid[1]:  # torch's cells would overlap
        return area_average(maps[:, 0].cpu().numpy(), grid)
    return F.adaptive_avg_pool2d(maps, grid)[:, 0].cpu().numpy()


@dataclass(frozen=True, eq=False)
class ValidationValues:
    """What a network does on each of ``images``, of ``collections``.

    ``correct`` and ``correct_in_five`` (image,) are 1 or 0, NaN without a label; the latter is None for a network of
    five categories or fewer. ``rho`` (layer, image) compares attention norm and map at the layer's grid, NaN without a
    map.
    """

    images: tuple[str, ...]
    collections: tuple[str, ...]
    correct: np.ndarray
    correct_in_five: np.ndarray | None
    layers: tuple[str, ...]
    rho: np.ndarray

    def summary(self) -> dict[str, Any]:
        """Return the means and their n, for [selection] of a card."""
        numbers: dict[str, Any] = {"n_labelled": int(np.isfinite(self.correct).sum())}
        if numbers["n_labelled"]:
            numbers["accuracy"] = round(float(np.nanmean(self.correct)), 4)
            if self.correct_in_five is not None:
                numbers["accuracy_top5"] = round(float(np.nanmean(self.correct_in_five)), 4)
        known = np.isfinite(self.rho).all(axis=0) if len(self.layers) else np.zeros(len(self.images), bool)
        if known.any():
            rho = self.rho[:, known]
            by_layer = {layer: round(float(row.mean()), 4) for layer, row in zip(self.layers, rho, strict=True)}
            numbers |= {"n_with_maps": int(known.sum()), "rho_attention": by_layer}
            numbers["rho_attention"]["mean_of_layers"] = round(float(rho.mean()), 4)
        return numbers

    def table(self) -> bytes:
        """Return the values as CSV: collection, image, correct, rho (mean over layers); what is not known is empty."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(("collection", "image", "correct", "rho"))
        rho = self.rho.mean(axis=0) if len(self.layers) else np.full(len(self.images), np.nan)
        names = zip(self.collections, self.images, strict=True)
        for name, correct, one in zip(names, self.correct.tolist(), rho.tolist(), strict=True):
            told = "" if math.isnan(correct) else int(correct), "" if math.isnan(one) else f"{one:.5f}"
            writer.writerow((*name, *told))
        return text.getvalue().encode()


@torch.no_grad()
def validation_values(network: nn.Module, batches: Iterable[Mapping[str, Any]]) -> ValidationValues:
    """Return what ``network`` does on each image of ``batches``.

    The network is used as it is and where it is, and is left in eval mode; batches are those of ``CoTrainingModule``,
    on any device.
    """
    blocks = gala_layers(network.eval())
    device = next(network.parameters()).device
    images: list[str] = []
    collections: list[str] = []
    first, five, rhos = [], [], []
    n_categories = 0
    for batch in batches:
        with record_activations() as record:
            logits = network(batch["input"].to(device).contiguous(memory_format=torch.channels_last))
        n_categories = logits.shape[1]
        labels = batch["label"].to(device)
        right = (logits.topk(min(5, n_categories), dim=1).indices == labels[:, None]).double()
        right[labels < 0] = torch.nan
        images += batch["images"]
        collections += batch["collections"]
        first.append(right[:, 0].cpu().numpy())
        five.append(right.amax(dim=1).cpu().numpy())
        rho = np.full((len(blocks), len(labels)), np.nan)
        if blocks and batch["has_map"].any():
            norms = {label: attention_norm(record[block]) for label, block in blocks.items()}
            has_map = batch["has_map"]
            rho[:, has_map.cpu().numpy()] = attention_rho(norms, batch["map"].to(device), has_map.to(device))
        rhos.append(rho)
    counts = np.array([bool(image) for image in images])  # one without a name stands for some that cannot be read
    return ValidationValues(
        images=tuple(image for image in images if image),
        collections=tuple(name for name, image in zip(collections, images, strict=True) if image),
        correct=np.concatenate(first)[counts],
        correct_in_five=np.concatenate(five)[counts] if n_categories > 5 else None,
        layers=tuple(blocks),
        rho=np.concatenate(rhos, axis=1)[:, counts],
    )


def validation_metrics(network: nn.Module, batches: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return accuracy and, for a network with GALA, the mean rho of each layer, over ``batches`` of images.

    Accuracy counts images with a label; top-5 accuracy stands beside it from six categories on. See
    ``validation_values``.
    """
    return validation_values(network, batches).summary()
