"""Recipes: frozen, named settings of a training."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gala_viz.registry import Registry

_LITE0_TRUNK = ("_conv_stem", "_bn0", *(f"_blocks.{index}" for index in range(5)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """Everything that determines a training but the images.

    ``builder`` and ``arguments`` name the architecture (see ``gala_viz.networks.zoo``); it starts as the pretrained
    ``start`` network with every gate at the constant ``gate``, undone in the batch norm before it. Parameters under the
    paths in ``frozen`` do not learn; batch-norm statistics never change. ``attention_weight`` is lambda, reached
    linearly after ``attention_warmup_epochs``. Learning rates fall as a cosine to zero. ``per_epoch`` bounds how many
    images of each role an epoch draws: "maps" (human maps), "labels" (labelled), "plain" (teacher only).
    """

    name: str
    title: str
    builder: str = "lite0_gala"
    arguments: dict[str, Any] = field(default_factory=dict)
    start: str = "lite0"
    gate: float = 0.4
    frozen: tuple[str, ...] = _LITE0_TRUNK
    epochs: int = 8
    batch_size: int = 32
    backbone_rate: float = 1e-4
    gala_rate: float = 2e-3
    weight_decay: float = 1e-4
    attention_weight: float = 0.0
    attention_warmup_epochs: float = 1.0
    temperature: float = 2.0
    label_share: float = 0.1
    per_epoch: dict[str, int] = field(default_factory=lambda: {"maps": 310, "labels": 400, "plain": 400})
    jitter_px: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1; got {getattr(self, name)}.")
        if self.attention_weight < 0:
            raise ValueError(f"attention_weight (lambda) is 0 or more; got {self.attention_weight}.")
        if not 0 <= self.label_share <= 1:
            raise ValueError(f"label_share lies between 0 and 1; got {self.label_share}.")
        unknown = set(self.per_epoch) - {"maps", "labels", "plain"}
        if unknown:
            raise ValueError(f"per_epoch knows 'maps', 'labels' and 'plain'; got {sorted(unknown)}.")


RECIPES: Registry[Recipe] = Registry("recipe")
RECIPES.add("lite0-gala-vanilla", Recipe(name="lite0-gala-vanilla", title="GALA vanilla"))
RECIPES.add("lite0-gala-human", Recipe(name="lite0-gala-human", title="GALA + fixations", attention_weight=0.12))
