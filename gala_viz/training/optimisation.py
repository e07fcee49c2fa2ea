"""Optimisers and learning rates of trainings, by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from gala_viz.counts import counted
from gala_viz.training.recipes import Recipe

MOMENTUM = 0.9
"""Of SGD, with Nesterov's form (the authors' public code)."""
STEP_FACTOR = 0.1
"""What a rate of "steps" is multiplied by at each of the recipe's ``step_epochs``."""


def make_optimizer(recipe: Recipe, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """Return the recipe's optimiser of parameter ``groups``, which have their highest rates as ``lr``."""
    if recipe.optimizer == "sgd":
        rate = max(group["lr"] for group in groups)
        return torch.optim.SGD(groups, lr=rate, momentum=MOMENTUM, nesterov=True, weight_decay=recipe.weight_decay)
    return torch.optim.AdamW(groups, weight_decay=recipe.weight_decay)


def rate_schedule(recipe: Recipe, steps_per_epoch: int) -> Callable[[int], float]:
    """Return the function from a step, from 0 on, to the share of its highest value that every rate has there."""
    warmup = round(steps_per_epoch * recipe.warmup_epochs)
    if recipe.schedule == "steps":
        drops = [steps_per_epoch * epoch for epoch in recipe.step_epochs]
        return lambda step: stepped_rate_factor(step, warmup, drops)
    total = max(1, steps_per_epoch * recipe.epochs)
    return lambda step: learning_rate_factor(step, total, warmup)


def learning_rate_factor(step: int, total: int, warmup: int) -> float:
    """Return the share of its highest value that a rate of "cosine" has at ``step`` of ``total``.

    It rises linearly to 1 over the ``warmup`` steps, then falls as a cosine to 0.
    """
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return 0.5 * (1 + math.cos(math.pi * (min(step, total) - warmup) / max(1, total - warmup)))


def stepped_rate_factor(step: int, warmup: int, drops: Sequence[int]) -> float:
    """Return the share of its highest value that a rate of "steps" has at ``step``.

    It rises linearly from 0 over the ``warmup`` steps, and is multiplied by ``STEP_FACTOR`` at each of ``drops``.
    """
    rise = step / warmup if step < warmup else 1.0
    return rise * STEP_FACTOR ** sum(step >= drop for drop in drops)


def describe_schedule(recipe: Recipe) -> str:
    """Return optimiser and rates in a sentence, with what of the schedule a shorter training never reaches."""
    name = "SGD with Nesterov momentum 0.9" if recipe.optimizer == "sgd" else "AdamW"
    rates = [getattr(recipe, key) for key in ("highest_rate", "backbone_rate", "gala_rate") if hasattr(recipe, key)]
    text = f"{name}, highest rate {' and '.join(f'{rate:.4g}' for rate in rates)}"
    n_epochs = counted(recipe.epochs, "epoch")
    if recipe.warmup_epochs >= recipe.epochs:
        return f"{text} NOT REACHED: the warm-up takes {recipe.warmup_epochs:g} epochs, the training has {n_epochs}"
    if recipe.warmup_epochs:
        text += f" after a rise over {recipe.warmup_epochs:g} epochs"
    if recipe.schedule == "cosine":
        return f"{text}, falling as a cosine to 0 over {n_epochs}"
    reached = [epoch for epoch in recipe.step_epochs if epoch < recipe.epochs]
    text += f", divided by 10 at epochs {', '.join(map(str, reached))}" if reached else ", never lowered"
    missed = [epoch for epoch in recipe.step_epochs if epoch >= recipe.epochs]
    if missed:
        listed = ", ".join(map(str, missed))
        text += f" (those at {listed} lie beyond its {n_epochs}; --step-epochs sets others)"
    return text
