"""Training on labels, with or without human maps, from random weights or those of a network."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gala_viz.deprecated_paths import deprecated_getattr
from gala_viz.networks.architectures import build_module
from gala_viz.networks.gala import GalaBlock, gala_layers
from gala_viz.networks.insert import open_gates
from gala_viz.networks.network import Network
from gala_viz.training.cotraining import CoTrainingModule
from gala_viz.training.recipes import SupervisedRecipe

START_GATE = 0.4
"""A of GALA blocks that are put behind pretrained modules: at random they would undo what these have learnt."""
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
        if not everywhere and not any(_GROUP.search(path) for path, _ in named):
            raise ValueError(
                f"{self.recipe.name}: decaying 'outside_groups' means a ResNet's stem and last layer, by modules "
                "called groupN; this network has none. Say decaying = 'matrices' (--decaying matrices)."
            )
        decays = {path for path, one in named if one.ndim >= 2 and (everywhere or not _GROUP.search(path))}
        rate = self.recipe.highest_rate
        return [
            {"params": [one for path, one in named if path in decays], "lr": rate},
            {"params": [one for path, one in named if path not in decays], "lr": rate, "weight_decay": 0.0},
        ]


def initial_network(
    recipe: SupervisedRecipe,
    n_categories: int,
    start: Network | None = None,
    categories: Sequence[str] | None = None,
) -> nn.Module:
    """Return the recipe's architecture, for ``n_categories``, with its first weights.

    Parameters
    ----------
    recipe : SupervisedRecipe
        Says how it is built. Random weights depend on its seed; networks that differ in ``attention`` alone start with
        the same body. New GALA blocks start as the recipe's ``gate`` says.
    n_categories : int
        Number of logits.
    start : Network, optional
        The network whose weights it begins with; a last layer for other categories stays random.
    categories : sequence of str, optional
        Their names; default: those of ``start``, where it has as many.

    Returns
    -------
    nn.Module
        On the CPU, in training mode.

    Raises
    ------
    ValueError
        ``start`` has weights for which the architecture has no place, or another shape.
    """
    arguments = {**recipe.arguments, "n_categories": n_categories}
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(recipe.seed)
        bare = {**arguments, "attention": "none", "attention_options": None} if "attention" in arguments else arguments
        body = build_module(recipe.builder, bare, input_px=recipe.input_px)
        network = build_module(recipe.builder, arguments, recipe.gala, recipe.gala_options, input_px=recipe.input_px)
    network.load_state_dict(placed_weights(body.state_dict(), network, "its own body", recipe.builder), strict=False)
    fresh = list(gala_layers(network).values())
    if start is not None:
        weights = weights_of_start(start, network, recipe.builder, n_categories, categories)
        network.load_state_dict(weights, strict=False)
        fresh = blocks_without(weights, network)
    if recipe.norm_momentum:
        for part in network.modules():
            if isinstance(part, nn.modules.batchnorm._BatchNorm):
                part.momentum = recipe.norm_momentum
    if start is not None and fresh and recipe.gate != 0:
        open_gates(network, START_GATE if recipe.gate is None else recipe.gate, fresh)
    elif recipe.gate:
        for block in fresh:
            block.open_gate(recipe.gate)
    return network.train()


def weights_of_start(
    start: Network, network: nn.Module, builder: str, n_categories: int, categories: Sequence[str] | None = None
) -> dict[str, Tensor]:
    """Return the weights of ``start`` for ``network``, all but those of its last layer where the categories differ.

    Parameters
    ----------
    start : Network
        The network that is begun as.
    network : nn.Module
        The one that begins.
    builder : str
        What it is called in messages.
    n_categories : int
        Number of its logits.
    categories : sequence of str, optional
        Their names; default: those of ``start``, where it has as many.

    Returns
    -------
    dict of str to Tensor
        As ``placed_weights`` gives them.

    Raises
    ------
    ValueError
        A weight has no place, or another shape.
    """
    own = tuple(start.categories)
    same = len(own) == n_categories and (categories is None or tuple(categories) == own)
    weights = start.module.state_dict()
    head = "" if same else last_layer(start.module, len(own))
    kept = {key: value for key, value in weights.items() if not head or key.rpartition(".")[0] != head}
    return placed_weights(kept, network, start.name, builder)


def last_layer(module: nn.Module, n_categories: int) -> str:
    """Return the path of the last layer of ``module`` that gives ``n_categories`` numbers; "" where there is none."""
    weights = {path: getattr(part, "weight", None) for path, part in module.named_modules()}
    matrices = {path: one for path, one in weights.items() if isinstance(one, Tensor) and one.ndim > 1}
    layers = [path for path, one in matrices.items() if len(one) == n_categories]
    return layers[-1] if layers else ""


def placed_weights(weights: Mapping[str, Tensor], network: nn.Module, source: str, builder: str) -> dict[str, Tensor]:
    """Return ``weights`` under the keys of ``network``.

    Parameters
    ----------
    weights : mapping of str to Tensor
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
        On the CPU.

    Raises
    ------
    ValueError
        ``network`` has no place for one of them, or another shape.
    """
    state = network.state_dict()
    bare = {key.replace(".body.", "."): key for key in state}
    placed = {}
    for key, value in weights.items():
        place = key if key in state else bare.get(key.replace(".body.", "."))
        if place is None:
            raise ValueError(f"{builder} has no place for {key!r} of {source}.")
        here, there = tuple(state[place].shape), tuple(value.shape)
        if here != there:
            raise ValueError(f"{builder}: {key!r} has the shape {here}, in {source} {there}: it cannot begin so.")
        placed[place] = value.detach().cpu().clone()
    return placed


def identity_of(network: Network) -> str:
    """Return a name of a network's weights: a hash of their values."""
    digest = hashlib.sha256()
    for key, value in network.module.state_dict().items():
        digest.update(key.encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return f"{network.name} {digest.hexdigest()[:16]}"


def blocks_without(weights: Mapping[str, Tensor], network: nn.Module) -> list[GalaBlock]:
    """Return the GALA blocks of ``network`` of which ``weights`` has nothing."""
    paths = {path: part for path, part in network.named_modules() if isinstance(part, GalaBlock)}
    return [block for path, block in paths.items() if not any(key.startswith(f"{path}.") for key in weights)]


__getattr__ = deprecated_getattr(__name__)
