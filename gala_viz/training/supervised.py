"""Training on labels, with or without human maps, from random weights or those of a network."""

from __future__ import annotations

import re
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gala_viz.deprecated_paths import deprecated_getattr
from gala_viz.networks.architectures import build_module
from gala_viz.networks.gala import gala_layers
from gala_viz.networks.insert import open_gates
from gala_viz.networks.network import Network
from gala_viz.training.cotraining import CoTrainingModule
from gala_viz.training.recipes import SupervisedRecipe

_GROUP = re.compile(r"(^|\.)group\d+\.")


class SupervisedModule(CoTrainingModule):
    """Co-training on labels alone: cross-entropy with smoothed labels, batch norm in training mode."""

    recipe: SupervisedRecipe

    def category_loss(self, batch: dict[str, Tensor], logits: Tensor) -> Tensor:
        """Return the cross-entropy over the images with a label.

        ``label_smoothing`` of each label's weight is spread over all categories.
        """
        if not bool((batch["label"] >= 0).any()):
            return logits.sum() * 0.0 * self.share_of(batch["label"] >= 0)
        loss = F.cross_entropy(logits, batch["label"], ignore_index=-1, label_smoothing=self.recipe.label_smoothing)
        return loss * self.share_of(batch["label"] >= 0)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return two groups with one rate: the weights that decay, as the recipe's ``decaying`` says, and the rest.

        Biases, batch norms and GALA's vectors never decay.
        """
        named = [(path, one) for path, one in self.network.named_parameters() if one.requires_grad]
        everywhere = self.recipe.decaying == "matrices"
        decays = {path for path, one in named if one.ndim >= 2 and (everywhere or not _GROUP.search(path))}
        rate = self.recipe.highest_rate
        return [
            {"params": [one for path, one in named if path in decays], "lr": rate},
            {"params": [one for path, one in named if path not in decays], "lr": rate, "weight_decay": 0.0},
        ]


def initial_network(recipe: SupervisedRecipe, n_categories: int, start: Network | None = None) -> nn.Module:
    """Return the recipe's architecture, for ``n_categories``, with its first weights.

    Parameters
    ----------
    recipe : SupervisedRecipe
        Says how it is built. Random weights depend on its seed; networks that differ in ``attention`` alone start with
        the same body. GALA blocks start as the recipe's ``gate`` says.
    n_categories : int
        Number of logits.
    start : Network, optional
        The network whose weights it begins with. A weight of another shape, that of a last layer for other categories
        for example, stays random.

    Returns
    -------
    nn.Module
        On the CPU, in training mode.

    Raises
    ------
    ValueError
        ``start`` has weights for which the architecture has no place.
    """
    arguments = {**recipe.arguments, "n_categories": n_categories}
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(recipe.seed)
        bare = {**arguments, "attention": "none", "attention_options": None} if "attention" in arguments else arguments
        body = build_module(recipe.builder, bare, input_px=recipe.input_px)
        network = build_module(recipe.builder, arguments, recipe.gala, recipe.gala_options, input_px=recipe.input_px)
    network.load_state_dict(placed_weights(body.state_dict(), network, "its own body", recipe.builder), strict=False)
    if start is not None:
        weights = placed_weights(start.module.state_dict(), network, start.name, recipe.builder)
        network.load_state_dict(weights, strict=False)
    if recipe.norm_momentum:
        for part in network.modules():
            if isinstance(part, nn.modules.batchnorm._BatchNorm):
                part.momentum = recipe.norm_momentum
    if recipe.gate is not None:
        if start is not None:
            open_gates(network, recipe.gate)
        for block in gala_layers(network).values():
            block.open_gate(recipe.gate)
    return network.train()


def placed_weights(weights: dict[str, Tensor], network: nn.Module, source: str, builder: str) -> dict[str, Tensor]:
    """Return those of the ``weights`` that fit ``network``, under its own keys.

    Parameters
    ----------
    weights : dict of str to Tensor
        A state dict; behind a GALA block a module's keys have "body." before their last part.
    network : nn.Module
        Where they belong.
    source : str
        Where they come from, for the message.
    builder : str
        What ``network`` is called in the message.

    Returns
    -------
    dict of str to Tensor
        On the CPU; without those that have another shape there.

    Raises
    ------
    ValueError
        ``network`` has no place for one of them.
    """
    state = network.state_dict()
    placed = {}
    for key, value in weights.items():
        owner, _, leaf = key.rpartition(".")
        places = [key, f"{owner}.body.{leaf}"]
        place = next((one for one in places if one in state), None)
        if place is None:
            place = next((one for one in state if one.replace(".body.", ".") == key), None)
        if place is None:
            raise ValueError(f"{builder} has no place for {key!r} of {source}.")
        if state[place].shape == value.shape:
            placed[place] = value.detach().cpu().clone()
    return placed


__getattr__ = deprecated_getattr(__name__)
