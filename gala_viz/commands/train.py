"""``gala-viz train``: run a recipe and write the network's folder."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from gala_viz.commands.terminal_progress import progress_printer
from gala_viz.registry import unknown_name

if TYPE_CHECKING:
    from gala_viz.training.dataset import TrainingSource
    from gala_viz.training.recipes import DistillationRecipe, Recipe, ScratchRecipe


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Train a network by a named recipe, with or without human maps.

    rendered-resnet, rendered-se, rendered-gala, rendered-gala-clickme: from random weights, on a collection that they
    open themselves, without further options; one training takes 15 to 25 minutes on a CPU core, a minute on a GPU.

    lite0-gala-vanilla, lite0-gala-human: from a pretrained network of ImageNet's categories, on --maps (human maps) and
    --labels (photographs of these categories), both needed, and --plain. Categories of your own are trained from
    Python.
    """

    recipe: Annotated[str, tyro.conf.Positional]
    """Name of the recipe, for example rendered-gala-clickme or lite0-gala-human."""
    maps: Path | None = None
    """Collection with human maps, for example a folder in OSIE's layout."""
    labels: Path | None = None
    """Folder of photographs in folders named by ImageNet's categories or WordNet ids."""
    plain: tuple[Path, ...] = ()
    """Further folders of photographs, which only the unmodified network labels."""
    out: Path = Path("models")
    """Where the network's folder, OUT/NAME, is written."""
    runs: Path = Path("runs")
    """Where checkpoints and logs are kept; a stopped run goes on from there."""
    attention_weight: float | None = None
    """Lambda, in place of the recipe's."""
    epochs: int | None = None
    """Epochs, in place of the recipe's."""
    seed: int | None = None
    """Seed, in place of the recipe's."""
    name: str | None = None
    """Name of the network's folder (default: the recipe's name)."""
    licence: str | None = None
    """Licence of the weights, for the card; left out: this project's own for its rendered objects, that of
    EfficientNet-Lite0 for what starts from it, else "not given"."""
    device: Literal["auto", "cpu", "gpu", "cuda"] = "auto"
    """What computes; gpu and cuda mean the same."""
    devices: int = 1
    """How many processes or GPUs; under torchrun as many as it started."""
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    """Mixed precisions keep weights and losses in float32; 16-mixed needs a GPU."""
    restart: bool = False
    """Ignore an earlier checkpoint."""
    half: bool = False
    """Write weights as float16, vectors as float32: half as large, logits differ by some thousandths."""
    replace: bool = False
    """Write over a network of that name; else the training does not begin where one lies."""
    quiet: bool = False
    """No progress bar."""

    def run(self) -> int:
        """Train, write, and print where the network is."""
        # Read when torch starts. Threads that wait in a loop make a training on a busy machine four times as long.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        from gala_viz.training.recipes import RECIPES, ScratchRecipe

        if self.recipe not in RECIPES:
            raise ValueError(unknown_name("recipe", self.recipe, RECIPES))
        recipe = replace(RECIPES[self.recipe], **self.recipe_overrides())
        self._check_arguments(recipe)
        from gala_viz.training.fit import check_hardware

        check_hardware(self.device, self.precision)
        sys.stdout.write(f"{recipe.name}: reading collections\n")
        folder = self._scratch(recipe) if isinstance(recipe, ScratchRecipe) else self._distilled(recipe)
        if folder is not None:
            sys.stdout.write(f"{recipe.name}: written to {folder}\n")
        return 0

    def recipe_overrides(self) -> dict[str, Any]:
        """Return the settings of the recipe that options replace."""
        values = {key: getattr(self, key) for key in ("attention_weight", "epochs", "seed", "name")}
        return {key: value for key, value in values.items() if value is not None}

    def _check_arguments(self, recipe: Recipe) -> None:
        """Refuse, before anything slow is loaded, what the options alone show to be wrong.

        That is collections too many or too few, and a network that would be written over.
        """
        from gala_viz.training.recipes import ScratchRecipe

        if isinstance(recipe, ScratchRecipe):
            if self.maps or self.labels or self.plain:
                raise ValueError(
                    f"{recipe.name} learns from the collection {recipe.collection!r}; leave out --maps, "
                    "--labels, --plain."
                )
        else:
            missing = [f"--{name}" for name in ("maps", "labels") if getattr(self, name) is None]
            if missing:
                raise ValueError(
                    f"{recipe.name} needs --maps, a collection with human maps (for example a folder in OSIE's "
                    "layout), "
                    "and --labels, a folder of photographs in ImageNet's categories; add "
                    f"{' and '.join(missing)}. Recipes called rendered-... need neither."
                )
        self._check_free(recipe)

    def _scratch(self, recipe: ScratchRecipe) -> Path | None:
        """Train from random weights; return the network's folder, or None in a process that does not write."""
        from gala_viz.collections import open_collection
        from gala_viz.training.batches import InMemoryDataModule, validation_batches
        from gala_viz.training.in_memory_dataset import check_any_map, load_dataset
        from gala_viz.training.scratch import ScratchModule, initial_network
        from gala_viz.training.training_card import scratch_sections, write_trained_network
        from gala_viz.training.validation_metrics import validation_metrics

        collection = open_collection(recipe.collection)
        if hasattr(collection, "prepare"):
            collection.prepare(("train", "validation"), progress_printer("rendering", quiet=self.quiet))
        network = initial_network(recipe, len(collection.categories))
        module = ScratchModule(network, recipe)
        maps_by_split = {"train": recipe.attention_weight > 0, "validation": bool(module.layers)}
        training, validation = (
            load_dataset(
                collection,
                split,
                recipe.preprocessing,
                with_maps=with_maps,
                progress=progress_printer(f"reading {split} images", quiet=self.quiet),
            )
            for split, with_maps in maps_by_split.items()
        )
        self._tell([training.source], [validation.source])
        for split, dataset in (("train", training), ("validation", validation)):
            if maps_by_split[split]:
                sys.stdout.write(f"{recipe.name}: {split}: {dataset.describe_maps()}\n")
        if recipe.attention_weight > 0:
            check_any_map(training, collection.name)
        pictures = InMemoryDataModule(training, validation, recipe)
        if not self._fit(module, pictures):
            return None
        numbers = validation_metrics(network, validation_batches(validation, recipe))
        sections = scratch_sections(recipe, collection, training, validation, numbers, self.licence)
        return write_trained_network(
            self.out, network, recipe, recipe.preprocessing, sections, pictures.trainer, float16=self.half
        )

    def _distilled(self, recipe: DistillationRecipe) -> Path | None:
        """Train from a pretrained network; return the network's folder, or None in a process that does not write."""
        from gala_viz.collections import open_collection
        from gala_viz.collections.map_checks import describe_usable_maps
        from gala_viz.networks.zoo import load_network
        from gala_viz.training.dataset import sources_of_split
        from gala_viz.training.distillation import DistillationDataModule, DistillationModule, initial_student
        from gala_viz.training.held_out import HeldOutImages
        from gala_viz.training.training_card import distillation_sections, write_trained_network

        collections = [("maps", open_collection(self.maps)), ("labels", open_collection(self.labels))]
        collections += [("plain", open_collection(folder)) for folder in self.plain]
        start = load_network(recipe.start, device="cpu")  # the training takes it to each process's own device
        watched = [(role, collection) for role, collection in collections if role != "plain"]
        held_out = HeldOutImages(collection for _, collection in collections)
        options = {"frame": start.preprocessing, "held_out": held_out, "categories": start.categories}
        parts = [
            sources_of_split(collections, "train", **options),
            sources_of_split(watched, "validation", **options),
        ]
        self._tell(*parts)
        for split, sources in zip(("train", "validation"), parts, strict=True):
            for source in sources:
                if source.role == "maps":
                    maps_text = describe_usable_maps(len(source.images), source.unusable)
                    sys.stdout.write(f"{recipe.name}: {split}: {source.collection.name}: {maps_text}\n")
        network = initial_student(recipe, start)
        pictures = DistillationDataModule(*parts, start.preprocessing, recipe)
        if not self._fit(DistillationModule(network, recipe, start), pictures):
            return None
        sections = distillation_sections(start, parts, self.licence)
        return write_trained_network(
            self.out, network, recipe, start.preprocessing, sections, pictures.trainer, start, float16=self.half
        )

    def _tell(self, training: Sequence[TrainingSource], validation: Sequence[TrainingSource]) -> None:
        """Print by which rule the images are split, and what is left out."""
        from gala_viz.training.dataset import describe_sources

        sources = [*training, *(source for source in validation if source.left_out)]
        sys.stdout.write("".join(f"  {line}\n" for line in describe_sources(sources)))

    def _check_free(self, recipe: Recipe) -> None:
        """Raise ``ValueError`` where a network of this name is in the way, unless it may be replaced.

        Raises ``OSError`` where nothing can be written there: a training is long, and its end too late to find out.
        """
        from gala_viz.networks.network_folders import CARD

        folder = self.out / recipe.name
        if (folder / CARD).exists() and not self.replace:
            raise ValueError(
                f"{folder} holds a network already; give this one another --name or --out, or write over the other "
                "with --replace."
            )
        place = next(one for one in (self.out, *self.out.absolute().parents) if one.is_dir())
        with tempfile.TemporaryFile(dir=place):
            pass

    def _fit(self, module: Any, pictures: Any) -> bool:
        """Train; return whether this process is the one that writes the results."""
        from gala_viz.training.fit import fit

        logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
        warnings.filterwarnings("ignore", r".*isinstance\(treespec, LeafSpec\)")  # Lightning's, to PyTorch
        recipe: Recipe = module.recipe
        here = int(os.environ.get("LOCAL_WORLD_SIZE", self.devices))
        everywhere = int(os.environ.get("WORLD_SIZE", here))
        fit(
            module,
            pictures,
            self.runs / recipe.name,
            accelerator="gpu" if self.device == "cuda" else self.device,
            devices=here,
            num_nodes=everywhere // here,
            precision=self.precision,
            resume=not self.restart,
            quiet=self.quiet,
            tell=lambda line: print(f"{recipe.name}: {line}", flush=True),
        )
        return pictures.trainer is None or pictures.trainer.is_global_zero
