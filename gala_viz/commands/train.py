"""``gala-viz train``: run a recipe and write the network's folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from gala_viz.commands.terminal_progress import progress_printer
from gala_viz.registry import unknown_name

if TYPE_CHECKING:
    from gala_viz.training.recipe_file import RecipeFile
    from gala_viz.training.recipes import Recipe
    from gala_viz.training.run import Hardware
    from gala_viz.training.sources import PhotoCollection

MAX_MEMORY_GB = 1_000_000
RECIPE_OPTIONS = (
    *("attention_weight", "attention_loss", "harmonizer_weight", "epochs", "batch_size", "rate", "optimizer"),
    *("schedule", "step_epochs", "warmup_epochs", "weight_decay", "accumulate", "clip_norm", "ema", "input_px"),
    *("short_px", "decaying", "categories", "start", "seed", "name", "title"),
)
"""Options that replace a setting of the recipe."""


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """What ``train`` and ``sweep`` have in common: images, settings in place of the recipe's, hardware."""

    labels: str | None = None
    """Photographs of known categories: a folder of one folder for each, TFRecords, or another collection."""
    maps: str | None = None
    """Photographs with human maps: TFRecords of ClickMe, a folder in OSIE's layout, or another collection."""
    human_maps: Path | None = None
    """Human maps for the photographs of --labels: a folder of maps, a table of clicks, or an HDF5 file."""
    plain: tuple[str, ...] = ()
    """Further folders of photographs, which the teacher of lite0-... alone labels."""
    keep_duplicates: bool = False
    """Train also with photographs that are held out under another name; the card says so."""
    epochs: int | None = None
    """Epochs, in place of the recipe's."""
    batch_size: int | None = None
    """Images of a step, over all processes, in place of the recipe's."""
    rate: float | None = None
    """Highest learning rate in place of the recipe's; of resnet50 and its kin that of 256 images a step."""
    optimizer: Literal["adamw", "sgd"] | None = None
    """Optimiser in place of the recipe's; sgd has Nesterov momentum 0.9."""
    schedule: Literal["cosine", "steps"] | None = None
    """How the rate falls, in place of the recipe's: as a cosine to 0, or by 10 at --step-epochs."""
    step_epochs: tuple[int, ...] = ()
    """Epochs at which a rate of "steps" is divided by 10, in place of the recipe's."""
    warmup_epochs: float | None = None
    """Epochs over which the rate rises, in place of the recipe's."""
    weight_decay: float | None = None
    """Weight decay in place of the recipe's."""
    accumulate: int | None = None
    """Parts in which a step is computed, for a device that does not hold it whole."""
    clip_norm: float | None = None
    """Largest norm of a step's gradients; 0: not clipped."""
    ema: float | None = None
    """Decay of a moving average of the weights, for example 0.9999; 0: none."""
    decaying: Literal["matrices", "outside_groups"] | None = None
    """Which weights decay: all of two or more dims, or a ResNet's stem and last layer."""
    input_px: int | None = None
    """Side of the network's input in pixels, in place of the recipe's."""
    short_px: int | None = None
    """Short side to which photographs are resized; left out: in the recipe's proportion to --input-px."""
    categories: tuple[str, ...] = ()
    """own, imagenet, or the names of the categories in order; left out: as the recipe has it, which is to look."""
    start: str | None = None
    """Name or folder of a network whose weights it begins with; transformers:NAME and timm:NAME too."""
    allow_code: tuple[str, ...] = ()
    """Functions of your own, package.module:function, that a recipe's file may run."""
    attention_loss: Literal["paper", "code"] | None = None
    """Form of the attention loss in place of the recipe's."""
    harmonizer_weight: float | None = None
    """Weight of the harmonizer's loss (Fel et al. 2022) in place of the recipe's."""
    runs: Path = Path("runs")
    """Where checkpoints and logs are kept; a stopped run goes on from there."""
    device: Literal["auto", "cpu", "gpu", "cuda"] = "auto"
    """What computes; gpu and cuda mean the same."""
    precision: Literal["32-true", "tf32", "bf16-mixed", "16-mixed"] = "32-true"
    """Mixed precisions keep weights and losses in float32; 16-mixed and tf32 need a GPU."""
    workers: int | None = None
    """Processes that read photographs ahead, for each process of the training; left out: as many as suit."""
    memory_gb: float = 2.0
    """Images of a split that take more are read from their files in every epoch."""
    half: bool = False
    """Write weights as float16, vectors as float32: half as large, logits differ by some thousandths."""

    def recipe_overrides(self) -> dict[str, Any]:
        """Return the settings of the recipe that options replace."""
        values = {key: getattr(self, key) for key in RECIPE_OPTIONS if hasattr(self, key)}
        given = {key: value for key, value in values.items() if value is not None and value != ()}
        if given.get("categories") in (("own",), ("imagenet",), ("auto",)):
            given["categories"] = given["categories"][0]
        return given

    def read_recipe_file(self, name: str) -> RecipeFile:
        """Return the recipe called ``name``, or that of the file ``name``, as options change it, and its collections.

        Raises ``ValueError`` where recipe and collections do not suit each other; nothing slow is loaded before.
        """
        from gala_viz.networks.network_folders import own_code_of
        from gala_viz.training.recipe_file import (
            RecipeFile,
            changed_recipe,
            is_recipe_file,
            own_functions,
            read_recipe,
        )
        from gala_viz.training.recipes import RECIPES

        if is_recipe_file(name):
            found = read_recipe(Path(name))
        elif name in RECIPES:
            found = RecipeFile(recipe=RECIPES[name])
        else:
            raise ValueError(unknown_name("recipe", name, RECIPES))
        given = {key: getattr(self, key) for key in ("labels", "maps", "plain") if getattr(self, key)}
        if self.human_maps is not None:
            given["human_maps"] = str(self.human_maps)
        try:
            recipe = changed_recipe(found.recipe, self.recipe_overrides())
        except ValueError as error:
            raise ValueError(f"{found.recipe.name}: {error}") from None
        found = replace(found, recipe=recipe, **given)
        check_collections(found)
        allowed = {*self.allow_code, self.start, own_code_of(self.start or "")}
        if refused := [function for function in own_functions(recipe) if function not in allowed]:
            raise ValueError(
                f"{name} runs the function {refused[0]}, which is somebody's code; where you trust it, add "
                f"--allow-code {refused[0]}."
            )
        if recipe.builder.startswith("transformers:"):
            from gala_viz.networks.architectures import complete_arguments

            complete = complete_arguments(recipe.builder, recipe.arguments)
            found = replace(found, recipe=replace(recipe, arguments=complete))
        return found

    def hardware(self) -> Hardware:
        """Return on what the training runs; under torchrun as many processes as it started."""
        from gala_viz.training.run import Hardware

        here = int(os.environ.get("LOCAL_WORLD_SIZE", getattr(self, "devices", 1)))
        everywhere = int(os.environ.get("WORLD_SIZE", here))
        if not 0 <= self.memory_gb <= MAX_MEMORY_GB or (self.workers or 0) < 0:
            raise ValueError(
                f"--memory-gb lies between 0 and {MAX_MEMORY_GB:,}, --workers is 0 or more; got {self.memory_gb} and "
                f"{self.workers}."
            )
        return Hardware(
            device="gpu" if self.device == "cuda" else self.device,
            devices=here,
            num_nodes=everywhere // here,
            precision=self.precision,
            compile_network=getattr(self, "compile", False),
            n_workers=self.workers,
            memory_bytes=int(self.memory_gb * 2**30),
        )


@dataclass(frozen=True, kw_only=True)
class Arguments(TrainingOptions):
    """Train a network by a recipe, with or without human maps.

    rendered-resnet, rendered-se, rendered-gala, rendered-gala-clickme: from random weights, on a collection that they
    open themselves, without further options; one training takes 15 to 25 minutes on a CPU core, a minute on a GPU.

    small-resnet, small-gala, small-gala-clickme: the same networks, for photographs of yours, on --labels (any
    categories), --maps or both; made for laptops.

    resnet50, se-resnet50, gala-resnet50, gala-resnet50-clickme, gala-resnet50-clickme-code: at 224 px with the authors'
    schedule, likewise; made for GPUs.

    lite0-gala-vanilla, lite0-gala-human: from a pretrained network of ImageNet's categories, on --maps (human maps) and
    --labels (photographs of these categories), both needed, and --plain.

    A file that ends in .toml: a recipe of your own.
    """

    recipe: Annotated[str, tyro.conf.Positional]
    """Name of the recipe, for example rendered-gala-clickme or gala-resnet50-clickme, or a file."""
    out: Path = Path("models")
    """Where the network's folder, OUT/NAME, is written."""
    attention_weight: float | None = None
    """Lambda, in place of the recipe's."""
    seed: int | None = None
    """Seed, in place of the recipe's."""
    name: str | None = None
    """Name of the network's folder (default: the recipe's name)."""
    title: str | None = None
    """What pages call the network (default: the recipe's title, and behind it a --name that is not the recipe's)."""
    licence: str | None = None
    """Licence of the weights, for the card; left out: this project's own for its rendered objects, that of
    EfficientNet-Lite0 for what starts from it, else "not given"."""
    devices: int = 1
    """How many processes or GPUs; under torchrun as many as it started."""
    compile: bool = False
    """Compile the network with torch.compile; gains on GPUs."""
    checkpoint_minutes: float = 15.0
    """A checkpoint is written in the middle of an epoch after so many minutes."""
    keep_every: int | None = None
    """Keep the network of every so many epochs, to be opened as RUNS/NAME@EPOCH; default: about ten, 0: none."""
    score_every: int = 0
    """Score attention, or SmoothGrad, against the human maps of validation images every so many epochs; 0: never."""
    restart: bool = False
    """Ignore an earlier checkpoint."""
    replace: bool = False
    """Write over a network of that name; else the training does not begin where one lies."""
    quiet: bool = False
    """No progress bar."""

    def run(self) -> int:
        """Train, write, and print where the network is."""
        # Read when torch starts. Threads that wait in a loop make a training on a busy machine four times as long.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        found = self.read_recipe_file(self.recipe)
        recipe = found.recipe
        self._check_free(recipe)
        from gala_viz.training.fit import check_hardware

        if self.devices < 1:
            raise ValueError(f"--devices counts processes, from 1 on; got {self.devices}.")
        check_hardware(self.device, self.precision, self.devices)
        sys.stdout.write(f"{recipe.name}: reading collections\n")
        sys.stdout.flush()
        from gala_viz.training.run import train

        if self.score_every < 0 or (self.keep_every or 0) < 0 or not self.checkpoint_minutes >= 0:
            raise ValueError("--score-every, --keep-every and --checkpoint-minutes are 0 or more.")
        labels, maps, plain = open_collections(found, quiet=self.quiet)

        def tell(line: str) -> None:
            text = line if line.startswith(" ") else f"{recipe.name}: {line}"
            print("".join(one if one.isprintable() else "?" for one in text), flush=True)  # names may hold anything

        folder = train(
            recipe,
            labels=labels,
            maps=maps,
            plain=plain,
            out=self.out,
            runs=self.runs,
            hardware=self.hardware(),
            licence=self.licence,
            keep_duplicates=self.keep_duplicates,
            keep_every=self.keep_every,
            half=self.half,
            resume=not self.restart,
            replace_network=self.replace,
            quiet=self.quiet,
            checkpoint_minutes=self.checkpoint_minutes,
            callbacks=self._scores(recipe, maps or labels, tell) if self.score_every else (),
            tell=tell,
            progress=lambda task: progress_printer(task, quiet=self.quiet),
        )
        if folder is not None:
            sys.stdout.write(f"{recipe.name}: written to {folder}\n")
            draw_run(self.runs / recipe.name)
        return 0

    def _scores(self, recipe: Recipe, collection: Any, tell: Callable[[str], None]) -> Sequence[Any]:
        """Return the callback that scores the network on the validation images with human maps."""
        from gala_viz.evaluation.score_alignment import AlignmentCallback, AlignmentMonitor
        from gala_viz.networks.zoo import load_network
        from gala_viz.training.recipes import SupervisedRecipe

        if isinstance(recipe, SupervisedRecipe):
            preprocessing = recipe.preprocessing
        else:
            preprocessing = load_network(recipe.start, device="cpu").preprocessing  # type: ignore[attr-defined]
        return [AlignmentCallback(AlignmentMonitor(collection, preprocessing, every=self.score_every), tell)]

    def _check_free(self, recipe: Recipe) -> None:
        """Raise ``ValueError`` where a network of this name is in the way, unless it may be replaced."""
        from gala_viz.networks.network_folders import check_free, check_writable

        if not self.replace:
            check_free(self.out / recipe.name)
        check_writable(self.out)


def check_collections(found: RecipeFile) -> None:
    """Raise ``ValueError`` for collections too many or too few, by their names alone."""
    from gala_viz.training.recipes import SupervisedRecipe

    recipe = found.recipe
    given = found.labels or found.maps or found.plain or found.human_maps
    if isinstance(recipe, SupervisedRecipe):
        if recipe.collection and given:
            raise ValueError(
                f"{recipe.name} learns from the collection {recipe.collection!r}; leave out --maps, "
                "--labels, --human-maps, --plain."
            )
        if not recipe.collection and not (found.labels or found.maps):
            raise ValueError(
                f"{recipe.name} needs --labels, photographs of known categories (for example a folder of one folder "
                "for each), --maps, photographs with human maps (for example TFRecords of ClickMe), or both."
            )
    else:
        missing = [f"--{name}" for name in ("maps", "labels") if getattr(found, name) is None]
        if missing:
            raise ValueError(
                f"{recipe.name} needs --maps, a collection with human maps (for example a folder in OSIE's "
                "layout), and --labels, a folder of photographs in ImageNet's categories; add "
                f"{' and '.join(missing)}. Recipes called rendered-... need neither."
            )
    if found.human_maps and not found.labels:
        raise ValueError("--human-maps belongs to the photographs of --labels; add them.")


def open_collections(
    found: RecipeFile, *, prepare: bool = True, quiet: bool = False
) -> tuple[PhotoCollection | None, PhotoCollection | None, list[PhotoCollection]]:
    """Return the collections of labels, of maps and of plain photographs, opened.

    With ``prepare`` images that are rendered on demand are rendered now.
    """
    from gala_viz.collections import open_collection

    own: str = getattr(found.recipe, "collection", "")
    if own:
        collection: Any = open_collection(own)
        if prepare and hasattr(collection, "prepare"):
            collection.prepare(("train", "validation"), progress_printer("rendering", quiet=quiet))
        return collection, None, []
    labels = None if found.labels is None else open_collection(found.labels, human_maps=found.human_maps)
    maps = None if found.maps is None else open_collection(found.maps)
    return labels, maps, [open_collection(name) for name in found.plain]


def draw_run(run: Path) -> None:
    """Draw the curves of a training beside its table of epochs; a picture that cannot be drawn ends nothing."""
    from gala_viz.training.epoch_log import EPOCHS_FILE, read_epochs

    rows = read_epochs(run / EPOCHS_FILE)
    if not rows:
        return
    from gala_viz.plots.figures.training_curves import draw_training_curves

    try:
        path = draw_training_curves(rows, run / "epochs.png")
    except OSError as error:
        sys.stderr.write(f"the curves of the training cannot be drawn ({error})\n")
        return
    sys.stdout.write(f"curves: {path}\n")
