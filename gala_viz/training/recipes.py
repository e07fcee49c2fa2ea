"""Recipes: frozen, named settings of a training, in two families that share what every training has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.registry import Registry
from gala_viz.specs import check_file_name, check_finite, toml_values

_LITE0_TRUNK = ("_conv_stem", "_bn0", *(f"_blocks.{index}" for index in range(5)))
_SMALL_RESNET = {"blocks": (1, 1, 6, 1), "base_filters": 12, "strides": (1, 2, 1, 2)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """What every training has, and everything that determines it but the images.

    ``builder`` and ``arguments`` name the architecture (see ``gala_viz.networks.zoo``). The optimiser is AdamW; rates
    rise linearly over ``warmup_epochs`` and fall as a cosine to zero. ``attention_weight`` is lambda, reached linearly
    after ``attention_warmup_epochs``; with 0 no map is used in training.
    """

    name: str
    title: str
    builder: str
    arguments: dict[str, Any] = field(default_factory=dict)
    epochs: int
    batch_size: int
    warmup_epochs: float = 0.0
    weight_decay: float
    attention_weight: float = 0.0
    attention_warmup_epochs: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        check_finite(self)
        check_file_name("name", self.name)
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1; got {getattr(self, name)}.")
        if self.attention_weight < 0:
            raise ValueError(f"attention_weight (lambda) is 0 or more; got {self.attention_weight}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class DistillationRecipe(Recipe):
    """A training that starts from a pretrained network, which stays beside it as its teacher.

    The network starts as ``start`` with every gate at the constant ``gate``, undone in the batch norm before it.
    Parameters under the paths in ``frozen`` do not learn; batch-norm statistics never change. ``per_epoch`` bounds how
    many images of each role an epoch draws: "maps" (human maps), "labels" (labelled), "plain" (teacher only).
    ``batch_size`` counts the images of one process.
    """

    builder: str = "lite0_gala"
    epochs: int = 8
    batch_size: int = 32
    weight_decay: float = 1e-4
    start: str = "lite0"
    gate: float = 0.4
    frozen: tuple[str, ...] = _LITE0_TRUNK
    backbone_rate: float = 1e-4
    gala_rate: float = 2e-3
    temperature: float = 2.0
    label_share: float = 0.1
    per_epoch: dict[str, int] = field(default_factory=lambda: {"maps": 310, "labels": 400, "plain": 400})
    jitter_px: int = 32

    def __post_init__(self) -> None:
        Recipe.__post_init__(self)
        if not 0 <= self.label_share <= 1:
            raise ValueError(f"label_share lies between 0 and 1; got {self.label_share}.")
        unknown = set(self.per_epoch) - {"maps", "labels", "plain"}
        if unknown:
            raise ValueError(f"per_epoch knows 'maps', 'labels' and 'plain'; got {sorted(unknown)}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class ScratchRecipe(Recipe):
    """A training from random weights on the labels of one ``collection``, with its maps where lambda is not 0.

    ``maps`` says what these are, for cards. ``batch_size`` counts the images of all processes together. Every picture
    is a square crop whose side is between ``smallest_share`` and all of the photograph's, anywhere in it, mirrored half
    of the time, with contrast and brightness changed by up to the shares ``contrast`` and ``brightness``. Gaussian
    noise is added, of a standard deviation between 0 and the share ``noise`` of the pixels' range: a network that never
    saw noise is not itself on SmoothGrad's noisy copies. ``gate`` is the constant A with which GALA blocks start, None
    their own random start. ``norm_momentum`` is the share of a new batch in the batch norms' running statistics: the
    published 0.003 would lag behind a training of two thousand steps.

    The network that is kept is that of the last epoch. The rate falls to zero, so the last epochs differ by chance
    alone; the best of many epochs on the validation split would make its own number too good, and would compare
    networks that were trained for different times.
    """

    collection: str
    maps: str = "simulated ClickMe maps"
    builder: str = "resnet"
    epochs: int = 10
    batch_size: int = 64
    warmup_epochs: float = 2.0
    weight_decay: float = 0.05
    rate: float = 4e-3
    label_smoothing: float = 0.1
    input_px: int = 128
    smallest_share: float = 0.7
    brightness: float = 0.2
    contrast: float = 0.2
    noise: float = 0.0
    gate: float | None = None
    norm_momentum: float = 0.02

    def __post_init__(self) -> None:
        Recipe.__post_init__(self)
        if not 0 < self.smallest_share <= 1:
            raise ValueError(
                f"smallest_share is a share of the photograph's side, at most 1; got {self.smallest_share}."
            )
        for name in ("brightness", "contrast", "label_smoothing", "noise"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is a share from 0 to below 1; got {getattr(self, name)}.")

    @property
    def preprocessing(self) -> Preprocessing:
        """The whole photograph at ``input_px``; pixels from 0..255 to about two standard deviations around 0."""
        return Preprocessing(
            short_px=self.input_px,
            crop_px=self.input_px,
            interpolation="bilinear",
            mean=(127.0, 127.0, 127.0),
            std=(64.0, 64.0, 64.0),
        )


def recipe_settings(card: Mapping[str, Any], recipe: Recipe | None) -> dict[str, Any]:
    """What [recipe] of a network's card says; a setting of ``recipe`` that is newer than the card has its default."""
    known = () if recipe is None else fields(recipe)
    return toml_values({one.name: one.default for one in known if one.default is not MISSING}) | card.get("recipe", {})


RECIPES: Registry[Recipe] = Registry("recipe")


def _add(recipe: Recipe) -> None:
    RECIPES.add(recipe.name, recipe)


def _rendered(name: str, title: str, attention: str, **settings: Any) -> ScratchRecipe:
    arguments = {**_SMALL_RESNET, "attention": attention}
    return ScratchRecipe(name=name, title=title, collection="rendered", arguments=arguments, noise=0.15, **settings)


_add(DistillationRecipe(name="lite0-gala-vanilla", title="GALA vanilla"))
_add(DistillationRecipe(name="lite0-gala-human", title="GALA + fixations", attention_weight=0.12))
_add(_rendered("rendered-resnet", "ResNet", "none"))
_add(_rendered("rendered-se", "SE-ResNet", "se"))
_add(_rendered("rendered-gala", "GALA-ResNet", "gala"))
_add(_rendered("rendered-gala-clickme", "GALA-ResNet + simulated ClickMe", "gala", attention_weight=1.0))
