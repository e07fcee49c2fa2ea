"""Recipes: frozen, named settings of a training, in two families that share what every training has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

    The optimiser is AdamW; rates rise linearly over ``warmup_epochs`` and fall as a cosine to zero.

    Parameters
    ----------
    name : str
        Name of the recipe, and of the network's folder.
    title : str
        What pages call the network.
    builder : str
        Name of the architecture, see ``gala_viz.networks.zoo.BUILDERS``.
    arguments : dict
        Arguments of the builder.
    epochs : int
        At least 1.
    batch_size : int
        Images of a batch, at least 1.
    warmup_epochs : float
        Epochs over which rates rise; a fraction counts.
    weight_decay : float
        AdamW's.
    attention_weight : float
        Lambda, at least 0; with 0 no map is used in training.
    attention_warmup_epochs : float
        Epochs after which lambda is reached, linearly.
    seed : int
        Determines initial weights, orders and augmentations.

    Raises
    ------
    ValueError
        A number is NaN, infinite or out of its range, or ``name`` cannot be a folder's name.
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
        for name in ("warmup_epochs", "weight_decay", "attention_warmup_epochs", "seed"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is 0 or more; got {getattr(self, name)}.")
        for name in ("epochs", "batch_size", "seed"):
            if not isinstance(getattr(self, name), int):
                raise ValueError(f"{name} is a whole number; got {getattr(self, name)!r}.")


def _check_positive(recipe: Recipe, names: Sequence[str]) -> None:
    for name in names:
        if getattr(recipe, name) <= 0:
            raise ValueError(f"{name} is above 0; got {getattr(recipe, name)}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class DistillationRecipe(Recipe):
    """A training that starts from a pretrained network, which stays beside it as its teacher.

    Batch-norm statistics never change.

    Parameters
    ----------
    name, title, builder, arguments, epochs, batch_size, warmup_epochs, weight_decay
        See ``Recipe``; ``batch_size`` counts the images of one process.
    attention_weight, attention_warmup_epochs, seed
        See ``Recipe``.
    start : str
        Name of the network that it starts as, and that teaches it.
    gate : float
        Constant value of A at which every GALA block starts, undone in the batch norm before it.
    frozen : tuple of str
        Paths of modules whose parameters do not learn.
    backbone_rate : float
        Highest learning rate of the backbone.
    gala_rate : float
        Highest learning rate of the GALA blocks.
    temperature : float
        See ``distillation_loss``.
    label_share : float
        See ``distillation_loss``; from 0 to 1.
    per_epoch : dict of str to int
        How many images of each role an epoch draws at most: "maps" (human maps), "labels" (labelled), "plain" (teacher
        only).
    jitter_px : int
        Range of the crop's position, see ``CollectionDataset``.

    Raises
    ------
    ValueError
        As ``Recipe``, and for a ``label_share`` out of its range or an unknown role.

    References
    ----------
    Hinton, Vinyals, Dean 2015; Linsley et al. 2019, section 4.
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
        _check_positive(self, ("backbone_rate", "gala_rate", "temperature"))
        if self.jitter_px < 0 or min(self.per_epoch.values(), default=0) < 0:
            raise ValueError(f"jitter_px and per_epoch are 0 or more; got {self.jitter_px} and {self.per_epoch}.")
        if not 0 <= self.label_share <= 1:
            raise ValueError(f"label_share lies between 0 and 1; got {self.label_share}.")
        unknown = set(self.per_epoch) - {"maps", "labels", "plain"}
        if unknown:
            raise ValueError(f"per_epoch knows 'maps', 'labels' and 'plain'; got {sorted(unknown)}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class ScratchRecipe(Recipe):
    """A training from random weights on the labels of one collection, with its maps where lambda is not 0.

    The network that is stored is that of the last epoch. The rate falls to zero, so the last epochs differ by chance
    alone; the best of many epochs on the validation split would make its own number too good, and would compare
    networks that were trained for different times.

    Parameters
    ----------
    name, title, builder, arguments, epochs, batch_size, warmup_epochs, weight_decay
        See ``Recipe``; ``batch_size`` counts the images of all processes together.
    attention_weight, attention_warmup_epochs, seed
        See ``Recipe``.
    collection : str
        Name of the collection.
    maps : str
        What its human maps are, for cards.
    rate : float
        Highest learning rate.
    label_smoothing : float
        Share of each label's weight that is spread over all categories, from 0 to below 1.
    input_px : int
        Side of the network's input in pixels.
    smallest_share : float
        Smallest side of the square crop that makes a picture, as a share of the photograph's, above 0 and at most 1.
        The crop lies anywhere in the photograph and is mirrored half of the time.
    brightness : float
        Share by which the brightness changes at most, from 0 to below 1.
    contrast : float
        Share by which the contrast changes at most, from 0 to below 1.
    noise : float
        Largest standard deviation of the Gaussian noise that is added, as a share of the pixels' range, from 0 to below
        1; the smallest is 0. A network that never met noise is not itself on SmoothGrad's noisy copies.
    gate : float, optional
        Constant value of A at which GALA blocks start; None: their own random start.
    norm_momentum : float
        Share of a new batch in the batch norms' running statistics: the published 0.003 would lag behind a training of
        two thousand steps.

    Raises
    ------
    ValueError
        As ``Recipe``, and for a share out of its range.
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
        _check_positive(self, ("rate", "input_px"))
        if not 0 < self.norm_momentum <= 1:
            raise ValueError(f"norm_momentum is a share above 0, at most 1; got {self.norm_momentum}.")
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
    """Return what [recipe] of a network's ``card`` says.

    A setting of ``recipe`` that is newer than the card has its default, except ``arguments`` and ``per_epoch``.
    """
    known = () if recipe is None else fields(recipe)
    return toml_values({one.name: one.default for one in known if one.default is not MISSING}) | card.get("recipe", {})


RECIPES: Registry[Recipe] = Registry("recipe")
"""Name -> recipe."""


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
