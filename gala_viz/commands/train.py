"""``gala-viz train``: run a recipe and write the network's folder."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import tyro

from gala_viz.registry import unknown_name


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Train a network by a named recipe, on photographs and, for the co-trained one, on human maps."""

    recipe: Annotated[str, tyro.conf.Positional]
    """Name of the recipe, for example lite0-gala-human."""
    maps: Path
    """Collection with human maps, for example a folder in OSIE's layout."""
    labels: Path
    """Folder of labelled photographs in ImageNet's layout."""
    plain: tuple[Path, ...] = ()
    """Further folders of photographs, which only the unmodified network labels."""
    out: Path = Path("models")
    """Where the network's folder is written."""
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
    device: str = "auto"
    """cpu, gpu, or auto."""
    devices: int = 1
    """How many processes or GPUs; under torchrun the number of local processes."""
    precision: str = "32-true"
    """32-true or bf16-mixed."""
    restart: bool = False
    """Ignore an earlier checkpoint."""
    quiet: bool = False
    """No progress bar."""

    def run(self) -> int:
        """Train, write, tell where."""
        from gala_viz.training.recipes import RECIPES

        if self.recipe not in RECIPES:
            raise ValueError(unknown_name("recipe", self.recipe, RECIPES))
        changes: dict[str, Any] = {
            key: value
            for key in ("attention_weight", "epochs", "seed", "name")
            if (value := getattr(self, key)) is not None
        }
        recipe = replace(RECIPES[self.recipe], **changes)
        sys.stdout.write(f"{recipe.name}: reading collections\n")
        folder = self._train(recipe)
        if folder is not None:
            sys.stdout.write(f"{recipe.name}: written to {folder}\n")
        return 0

    def _train(self, recipe: Any) -> Path | None:
        from gala_viz.collections import open_collection
        from gala_viz.networks.zoo import load_network
        from gala_viz.training.fit import Pictures, fit, starting_network
        from gala_viz.training.outcome import write_outcome
        from gala_viz.training.samples import sources_of_split

        collections = [("maps", open_collection(self.maps)), ("labels", open_collection(self.labels))]
        collections += [("plain", open_collection(folder)) for folder in self.plain]
        start = load_network(recipe.start, device=None if self.device == "auto" else self.device.replace("gpu", "cuda"))
        watched = [(role, collection) for role, collection in collections if role != "plain"]
        parts = [sources_of_split(collections, "train"), sources_of_split(watched, "validation")]
        network = starting_network(recipe, start)
        pictures = Pictures(*parts, start.preprocessing, recipe)
        fit(
            recipe,
            network,
            start,
            pictures,
            self.runs / recipe.name,
            accelerator=self.device,
            devices=self.devices,
            precision=self.precision,
            resume=not self.restart,
            quiet=self.quiet,
        )
        if pictures.trainer is not None and not pictures.trainer.is_global_zero:
            return None
        return write_outcome(self.out, network, recipe, start, parts)
