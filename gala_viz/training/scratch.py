"""Training from random weights on labels, with or without human maps."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gala_viz.deprecated_paths import deprecated_getattr
from gala_viz.networks.gala import gala_layers
from gala_viz.networks.zoo import build
from gala_viz.training.cotraining import CoTrainingModule
from gala_viz.training.recipes import ScratchRecipe


class ScratchModule(CoTrainingModule):
    """Co-training on labels alone: cross-entropy with smoothed labels, batch norm in training mode."""

    recipe: ScratchRecipe

    def category_loss(self, batch: dict[str, Tensor], logits: Tensor) -> Tensor:
        """Return the cross-entropy; ``label_smoothing`` of each label's weight is spread over all categories."""
        return F.cross_entropy(logits, batch["label"], label_smoothing=self.recipe.label_smoothing)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return two groups with one rate: weights of two or more dims, which decay, and the rest.

        Biases, batch norms and GALA's vectors do not decay.
        """
        parameters = list(self.network.parameters())
        return [
            {"params": [p for p in parameters if p.ndim >= 2], "lr": self.recipe.rate},
            {"params": [p for p in parameters if p.ndim < 2], "lr": self.recipe.rate, "weight_decay": 0.0},
        ]


def initial_network(recipe: ScratchRecipe, n_categories: int) -> nn.Module:
    """Return the recipe's architecture, for ``n_categories``, with random weights that depend on its seed.

    Networks that differ in ``attention`` alone start with the same body. GALA blocks start as the recipe's ``gate``
    says.
    """
    arguments = {**recipe.arguments, "n_categories": n_categories}
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(recipe.seed)
        bare = {**arguments, "attention": "none", "attention_options": None} if "attention" in arguments else arguments
        body = build(recipe.builder, bare)
        network = build(recipe.builder, arguments)
    network.load_state_dict(body.state_dict(), strict=False)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = recipe.norm_momentum
    if recipe.gate is not None:
        for block in gala_layers(network).values():
            block.open_gate(recipe.gate)
    return network


__getattr__ = deprecated_getattr(__name__)
