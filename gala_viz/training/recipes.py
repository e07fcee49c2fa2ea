"""Recipes: frozen, named settings of a training, in two families that share what every training has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Literal

from gala_viz.deprecated_paths import deprecated_getattr
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.registry import Registry
from gala_viz.specs import check_file_name, check_finite, toml_values

_LITE0_TRUNK = ("_conv_stem", "_bn0", *(f"_blocks.{index}" for index in range(5)))
_SMALL_RESNET = {"blocks": (1, 1, 6, 1), "base_filters": 12, "strides": (1, 2, 1, 2)}

Optimizer = Literal["adamw", "sgd"]
Schedule = Literal["cosine", "steps"]
Decaying = Literal["matrices", "outside_groups"]
AttentionLoss = Literal["paper", "code"]
Crop = Literal["resized", "window"]
MAX_PX = 8192
"""Longest side of an input, in pixels."""
_CHOICES = {
    "optimizer": ("adamw", "sgd"),
    "schedule": ("cosine", "steps"),
    "decaying": ("matrices", "outside_groups"),
    "attention_loss": ("paper", "code"),
    "crop": ("resized", "window"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """What every training has, and everything that determines it but the images.

    Parameters
    ----------
    name : str
        Name of the recipe, and of the network's folder.
    title : str
        What pages call the network.
    builder : str
        Name of the architecture, see ``gala_viz.networks.zoo.build_module``: one of ``BUILDERS``, "timm:NAME",
        "transformers:NAME", or a function of one's own, "package.module:function".
    arguments : dict
        Arguments of the builder.
    gala : tuple of str
        Paths of the builder's modules behind which GALA blocks are put, see ``gala_viz.networks.insert.add_gala``.
    gala_options : dict
        Settings of these blocks: "form", "ratio", "squash".
    epochs : int
        At least 1.
    batch_size : int
        Images of one step, over all processes, at least 1.
    accumulate : int
        Parts in which a step is computed one after the other, for a device that does not hold it whole; it divides
        ``batch_size``. Batch norms, and the mean over maps, are then of each part.
    optimizer : {"adamw", "sgd"}
        AdamW (Loshchilov and Hutter 2019), or SGD with Nesterov momentum 0.9 (the authors' code).
    schedule : {"cosine", "steps"}
        How the rate falls once it has risen: as a cosine to zero, or by 10 at each of ``step_epochs``.
    step_epochs : tuple of int
        Epochs at whose begin a rate of "steps" is divided by 10.
    warmup_epochs : float
        Epochs over which rates rise linearly; a fraction counts.
    weight_decay : float
        AdamW's; of SGD the factor of half the squared norm.
    clip_norm : float
        Largest L2 norm of a step's gradients; 0: not clipped.
    ema : float
        Decay of the exponential moving average of the weights, which is then the network; 0: none. In the first ``n``
        steps it is at most ``(1 + n) / (10 + n)``, so that the first weights are soon forgotten.
    attention_weight : float
        Lambda, at least 0; with 0 no map is used by the attention loss.
    attention_warmup_epochs : float
        Epochs after which lambda is reached, linearly.
    attention_loss : {"paper", "code"}
        Form of the attention loss, see ``gala_viz.training.losses``.
    harmonizer_weight : float
        Weight of the harmonizer's loss, at least 0, see ``gala_viz.training.harmonizer``.
    seed : int
        Determines initial weights, orders and augmentations.

    Raises
    ------
    ValueError
        A number is NaN, infinite or out of its range, a word is unknown, or ``name`` cannot be a folder's name.
    """

    name: str
    title: str
    builder: str
    arguments: dict[str, Any] = field(default_factory=dict)
    gala: tuple[str, ...] = ()
    gala_options: dict[str, Any] = field(default_factory=dict)
    epochs: int
    batch_size: int
    accumulate: int = 1
    optimizer: Optimizer = "adamw"
    schedule: Schedule = "cosine"
    step_epochs: tuple[int, ...] = (30, 60, 80)
    warmup_epochs: float = 0.0
    weight_decay: float
    clip_norm: float = 0.0
    ema: float = 0.0
    attention_weight: float = 0.0
    attention_warmup_epochs: float = 1.0
    attention_loss: AttentionLoss = "paper"
    harmonizer_weight: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        _check_types(self)
        check_finite(self)
        check_file_name("name", self.name)
        for name in ("epochs", "batch_size", "accumulate"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1; got {getattr(self, name)}.")
        if self.attention_weight < 0:
            raise ValueError(f"attention_weight (lambda) is 0 or more; got {self.attention_weight}.")
        not_negative = ("warmup_epochs", "weight_decay", "attention_warmup_epochs", "clip_norm", "harmonizer_weight")
        for name in (*not_negative, "seed"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is 0 or more; got {getattr(self, name)}.")
        if self.batch_size % self.accumulate:
            raise ValueError(f"accumulate divides batch_size; got {self.accumulate} and {self.batch_size}.")
        for name, most in {"epochs": 10**6, "batch_size": 10**6, "seed": 2**63 - 1, "warmup_epochs": 10**6}.items():
            if getattr(self, name) > most:
                raise ValueError(f"{name} is at most {most:,}; got {getattr(self, name):,}.")
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema is a share from 0 (none) to below 1; got {self.ema}.")
        if list(self.step_epochs) != sorted(set(self.step_epochs)) or min(self.step_epochs, default=1) < 1:
            raise ValueError(f"step_epochs are whole numbers from 1 on that rise; got {self.step_epochs}.")
        for name, choices in _CHOICES.items():
            if getattr(self, name, choices[0]) not in choices:
                raise ValueError(f"{name} is {' or '.join(map(repr, choices))}; got {getattr(self, name)!r}.")

    @property
    def uses_maps(self) -> bool:
        """Whether human maps are a part of the loss."""
        return self.attention_weight > 0 or self.harmonizer_weight > 0


_TYPES: dict[str, tuple[type | tuple[type, ...], str]] = {
    "str": (str, "a text"),
    "int": (int, "a whole number"),
    "float": ((int, float), "a number"),
    "tuple[str, ...]": (str, "a list of texts"),
    "tuple[int, ...]": (int, "a list of whole numbers"),
    "tuple[float, float, float]": ((int, float), "a list of three numbers"),
}


def _check_types(recipe: Recipe) -> None:
    """Raise ``ValueError`` for a setting of another type than its field's: a file may hold anything."""
    for one in fields(recipe):
        value, annotation = getattr(recipe, one.name), str(one.type)
        if value is None and annotation.endswith("| None"):
            continue
        annotation = annotation.removesuffix(" | None")
        if annotation.startswith("dict"):
            fits, expected = isinstance(value, Mapping), "a table"
        elif annotation in _TYPES:
            kind, expected = _TYPES[annotation]
            is_list = annotation.startswith("tuple")
            items = value if is_list and isinstance(value, list | tuple) else (value,)
            fits = isinstance(value, list | tuple) is is_list
            fits = fits and all(isinstance(item, kind) and not isinstance(item, bool) for item in items)
            fits = fits and ("three" not in expected or len(items) == 3)
        else:
            continue  # a choice of words, or categories, which are checked by themselves
        if not fits:
            raise ValueError(f"{one.name} is {expected}; got {value!r}.")


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
    name, title, builder, arguments, gala, gala_options, epochs, batch_size, accumulate, optimizer, schedule
        See ``Recipe``.
    step_epochs, warmup_epochs, weight_decay, clip_norm, ema
        See ``Recipe``.
    attention_weight, attention_warmup_epochs, attention_loss, harmonizer_weight, seed
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
        Range of the crop's position, in pixels of the resized photograph, about the centre crop's; at most the
        preprocessing's margin, ``short_px - crop_px``.

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

    def stored_frame(self, preprocessing: Preprocessing) -> Preprocessing:
        """Return the part of a photograph out of which training pictures are cut, in the network's scale."""
        return _wider(preprocessing, self.jitter_px)

    @property
    def augmentation(self) -> dict[str, Any]:
        """Settings of ``augment`` and ``add_noise``."""
        return {"crop": "window", "smallest_share": 1.0, "brightness": 0.0, "contrast": 0.0, "noise": 0.0}


@dataclass(frozen=True, kw_only=True, slots=True)
class SupervisedRecipe(Recipe):
    """A training on labels, with human maps where lambda is not 0, from random weights or from those of a network.

    The network that is stored is that of the last epoch. The rate falls to zero, so the last epochs differ by chance
    alone; the best of many epochs on the validation split would make its own number too good, and would compare
    networks that were trained for different times.

    Parameters
    ----------
    name, title, builder, arguments, gala, gala_options, epochs, batch_size, accumulate, optimizer, schedule
        See ``Recipe``.
    step_epochs, warmup_epochs, weight_decay, clip_norm, ema
        See ``Recipe``.
    attention_weight, attention_warmup_epochs, attention_loss, harmonizer_weight, seed
        See ``Recipe``.
    collection : str
        Name of the collection that the recipe opens by itself; "" for one that learns from what it is given.
    maps : str
        What human maps are, for cards; "": as their collection says.
    categories : {"auto", "imagenet", "own"} or tuple of str
        The network's categories: ImageNet's thousand; those of the training images, by name; the listed ones; "auto"
        takes ImageNet's where each of the thousand has a training image, else their own.
    start : str
        Name or folder of the network whose weights it begins with; "": random ones. Weights of other shapes, such as
        those of a last layer for other categories, begin at random.
    rate : float
        Highest learning rate, or, with ``rate_batch``, that of a batch of so many images.
    rate_batch : int
        Batch size for which ``rate`` is meant; the highest rate is ``rate * batch_size / rate_batch`` (Goyal et al.
        2017). 0: ``rate`` itself.
    decaying : {"matrices", "outside_groups"}
        Which weights decay: those of two or more dims, or of these only the ones outside of ``groupN`` modules, that is
        a ResNet's stem and last layer, as the filter of names in the authors' code has it in effect.
    label_smoothing : float
        Share of each label's weight that is spread over all categories, from 0 to below 1.
    input_px : int
        Side of the network's input in pixels.
    short_px : int
        Short side to which photographs are resized; training pictures are cut out of their central square, the
        network's preprocessing takes the middle. 0: ``input_px``.
    interpolation : str
        Filter of the resize, see ``Preprocessing``.
    mean : tuple of float
        Subtracted from each channel, in pixel units.
    std : tuple of float
        What each channel is divided by then, in pixel units.
    crop : {"resized", "window"}
        How a training picture is cut out: a square of any size from ``smallest_share`` on, resized to the input, or a
        window of the input's size at a place of whole pixels (the authors' code). Half are mirrored.
    smallest_share : float
        Smallest side of a "resized" crop, as a share of the square's, above 0 and at most 1.
    brightness : float
        Share by which the brightness changes at most, from 0 to below 1.
    contrast : float
        Share by which the contrast changes at most, from 0 to below 1.
    noise : float
        Largest standard deviation of the Gaussian noise that is added, as a share of the pixels' range, from 0 to below
        1; the smallest is 0. A network that never met noise is not itself on SmoothGrad's noisy copies.
    gate : float, optional
        Constant value of A at which new GALA blocks start; 0: their own random start. Behind weights of ``start`` it is
        undone in the batch norm before each block, so that the network begins as what it starts from. None: 0.4 there,
        else 0.
    norm_momentum : float
        Share of a new batch in the batch norms' running statistics: the published 0.003 would lag behind a training of
        two thousand steps. 0: as the builder has it.

    Raises
    ------
    ValueError
        As ``Recipe``, and for a share out of its range.
    """

    collection: str = ""
    maps: str = ""
    categories: str | tuple[str, ...] = "auto"
    start: str = ""
    builder: str = "resnet"
    epochs: int = 10
    batch_size: int = 64
    warmup_epochs: float = 2.0
    weight_decay: float = 0.05
    rate: float = 4e-3
    rate_batch: int = 0
    decaying: Decaying = "matrices"
    label_smoothing: float = 0.1
    input_px: int = 128
    short_px: int = 0
    interpolation: str = "bilinear"
    mean: tuple[float, float, float] = (127.0, 127.0, 127.0)
    std: tuple[float, float, float] = (64.0, 64.0, 64.0)
    crop: Crop = "resized"
    smallest_share: float = 0.7
    brightness: float = 0.2
    contrast: float = 0.2
    noise: float = 0.0
    gate: float | None = None
    norm_momentum: float = 0.02

    def __post_init__(self) -> None:
        Recipe.__post_init__(self)
        _check_positive(self, ("rate", "input_px"))
        for name, most in {"rate": 10**6, "input_px": MAX_PX, "short_px": MAX_PX}.items():
            if getattr(self, name) > most:
                raise ValueError(f"{name} is at most {most:,}; got {getattr(self, name):g}.")
        if not 0 <= self.norm_momentum <= 1:
            raise ValueError(f"norm_momentum is a share, 0 for the builder's own; got {self.norm_momentum}.")
        if not 0 < self.smallest_share <= 1:
            raise ValueError(
                f"smallest_share is a share of the photograph's side, at most 1; got {self.smallest_share}."
            )
        for name in ("brightness", "contrast", "label_smoothing", "noise"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is a share from 0 to below 1; got {getattr(self, name)}.")
        if self.rate_batch < 0:
            raise ValueError(f"rate_batch is 0 or more; got {self.rate_batch}.")
        if self.short_px and self.short_px < self.input_px:
            raise ValueError(f"short_px is 0 or at least input_px ({self.input_px}); got {self.short_px}.")
        if self.crop == "window" and self.smallest_share != 1:
            raise ValueError(f"a window has one size: smallest_share is 1 there; got {self.smallest_share}.")
        if not isinstance(self.categories, str | tuple | list):
            raise ValueError(f"categories are a word or a list of names; got {self.categories!r}.")
        if not isinstance(self.categories, str):
            names = list(self.categories)
            if not names or not all(isinstance(name, str) and name for name in names) or len(set(names)) < len(names):
                raise ValueError(f"categories are names of which none is empty and none occurs twice; got {names!r}.")
        if isinstance(self.categories, str) and self.categories not in ("auto", "imagenet", "own"):
            raise ValueError(f"categories are 'auto', 'imagenet', 'own', or a list of names; got {self.categories!r}.")
        _ = self.preprocessing

    @property
    def preprocessing(self) -> Preprocessing:
        """How the network's input is made: the middle of the resized photograph."""
        return Preprocessing(
            short_px=self.short_px or self.input_px,
            crop_px=self.input_px,
            interpolation=self.interpolation,
            mean=self.mean,
            std=self.std,
        )

    @property
    def highest_rate(self) -> float:
        """The highest learning rate."""
        return self.rate * self.batch_size / self.rate_batch if self.rate_batch else self.rate

    def stored_frame(self, preprocessing: Preprocessing) -> Preprocessing:
        """Return the part of a photograph out of which training pictures are cut: its central square."""
        return _wider(preprocessing, min(preprocessing.resize_px))

    @property
    def augmentation(self) -> dict[str, Any]:
        """Settings of ``augment`` and ``add_noise``."""
        return {name: getattr(self, name) for name in ("crop", "smallest_share", "brightness", "contrast", "noise")}


def _wider(preprocessing: Preprocessing, more_px: int) -> Preprocessing:
    """Return the preprocessing with a crop larger by ``more_px``, as far as the resized photograph goes."""
    side = min(*preprocessing.resize_px, preprocessing.side_px + more_px)
    return Preprocessing.from_settings({**preprocessing.settings(), "crop_px": side})


def with_defaults(settings: Mapping[str, Any], recipe: Recipe | None) -> dict[str, Any]:
    """Return the settings of a training of before, as plain values, with those that ``recipe`` has since then.

    A setting that is newer has its default, except ``arguments`` and ``per_epoch``.
    """
    known = () if recipe is None else fields(recipe)
    defaults: dict[str, Any] = {one.name: one.default for one in known if one.default is not MISSING}
    defaults |= {one.name: {} for one in known if one.name == "gala_options"}
    return toml_values(defaults | dict(settings))


def recipe_settings(card: Mapping[str, Any], recipe: Recipe | None) -> dict[str, Any]:
    """Return what [recipe] of a network's ``card`` says, see ``with_defaults``."""
    return with_defaults(card.get("recipe", {}), recipe)


RECIPES: Registry[Recipe] = Registry("recipe")
"""Name -> recipe."""


def _add(recipe: Recipe) -> None:
    RECIPES.add(recipe.name, recipe)


def _rendered(name: str, title: str, attention: str, **settings: Any) -> SupervisedRecipe:
    return SupervisedRecipe(
        name=name,
        title=title,
        collection="rendered",
        maps="simulated ClickMe maps",
        arguments={**_SMALL_RESNET, "attention": attention},
        noise=0.15,
        **settings,
    )


def _small(name: str, title: str, attention: str, **settings: Any) -> SupervisedRecipe:
    return SupervisedRecipe(
        name=name,
        title=title,
        arguments={**_SMALL_RESNET, "attention": attention},
        epochs=20,
        batch_size=24,
        rate=2e-3,
        noise=0.15,
        norm_momentum=0.05,
        **settings,
    )


def _resnet50(name: str, title: str, arguments: Mapping[str, Any], **settings: Any) -> SupervisedRecipe:
    """Return a recipe with the schedule of the authors' public code, see docs/definitions/cotraining.md."""
    imagenet = Preprocessing.imagenet()
    return SupervisedRecipe(
        name=name,
        title=title,
        arguments=dict(arguments),
        epochs=160,
        batch_size=1024,
        optimizer="sgd",
        schedule="steps",
        warmup_epochs=5.0,
        rate=0.1,
        rate_batch=256,
        weight_decay=1e-4,
        decaying="outside_groups",
        attention_warmup_epochs=0.0,
        label_smoothing=0.0,
        input_px=224,
        short_px=256,
        mean=imagenet.mean,
        std=imagenet.std,
        crop="window",
        smallest_share=1.0,
        brightness=0.0,
        contrast=0.0,
        norm_momentum=0.0,
        **settings,
    )


_add(DistillationRecipe(name="lite0-gala-vanilla", title="GALA vanilla"))
_add(DistillationRecipe(name="lite0-gala-human", title="GALA + fixations", attention_weight=0.12))
_add(_rendered("rendered-resnet", "ResNet", "none"))
_add(_rendered("rendered-se", "SE-ResNet", "se"))
_add(_rendered("rendered-gala", "GALA-ResNet", "gala"))
_add(_rendered("rendered-gala-clickme", "GALA-ResNet + simulated ClickMe", "gala", attention_weight=1.0))
_add(_small("small-resnet", "Small ResNet", "none"))
_add(_small("small-gala", "Small GALA-ResNet", "gala"))
_add(_small("small-gala-clickme", "Small GALA-ResNet + human maps", "gala", attention_weight=1.0))
_add(_resnet50("resnet50", "ResNet-50", {"attention": "none"}))
_add(_resnet50("se-resnet50", "SE-ResNet-50", {"attention": "se", "attention_groups": (1, 2, 3, 4)}))
_add(_resnet50("gala-resnet50", "GALA-ResNet-50", {"attention": "gala"}))
_add(_resnet50("gala-resnet50-clickme", "GALA-ResNet-50 + ClickMe", {"attention": "gala"}, attention_weight=6.0))
_add(
    _resnet50(
        "gala-resnet50-clickme-code",
        "GALA-ResNet-50 + ClickMe (code's loss)",
        {"attention": "gala"},
        attention_weight=1.0,
        attention_loss="code",
    )
)


__getattr__ = deprecated_getattr(__name__)
