"""The paper's networks on this machine: which seeds of each are there, which are missing, and how to train those."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PER_TRAINING_SETTINGS = ("seed", "name", "title")
"""Settings in which two trainings of one recipe may differ."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PaperNetwork:
    """The network of recipe ``name`` trained with ``seed``; ``folder`` is None where it is missing."""

    name: str
    seed: int
    folder: Path | None = None

    @property
    def label(self) -> str:
        """Its name in tables beside other seeds."""
        return f"{self.name}, seed {self.seed}"

    @property
    def folder_name(self) -> str:
        """The folder that a training of this seed writes."""
        return f"{self.name}-seed{self.seed}"

    def training_command(self, runs: Path) -> str:
        """Return the command that trains it."""
        return f"gala-viz train {self.name} --seed {self.seed} --name {self.folder_name} --out {runs} --runs {runs}"


def find_paper_networks(names: Sequence[str], seeds: Sequence[int], runs: Path) -> list[PaperNetwork]:
    """Return one network for each name and seed, in the order of the seeds; without ``seeds`` the seeds that are there.

    A network is looked for as NAME and NAME-seedSEED among the models and in ``runs``; its card says its seed.
    """
    folders = {(name, seed): folder for name in names for seed, folder in find_seeds(name, runs).items()}
    ordered = list(dict.fromkeys(seeds)) or sorted({seed for _, seed in folders})
    return [PaperNetwork(name=name, seed=seed, folder=folders.get((name, seed))) for seed in ordered for name in names]


def find_seeds(name: str, runs: Path) -> dict[int, Path]:
    """Return seed -> folder of every network of the recipe ``name``; of one seed the first folder counts.

    Raises ``ValueError`` where the trainings differ in more than their seed: a mean over them would mean nothing.
    """
    from gala_viz.networks.network_folders import CARD, model_folders, read_card
    from gala_viz.specs import check_file_name
    from gala_viz.training.recipes import RECIPES, recipe_settings

    check_file_name("--networks", name)
    known = RECIPES.get(name)
    folders: dict[int, Path] = {}
    recipes: dict[Path, dict[str, Any]] = {}
    for root in (*model_folders(), runs):
        for folder in (root / name, *sorted(root.glob(f"{name}-seed*"))):
            if (folder / CARD).is_file():
                card = read_card(folder)
                card_seed = card.get("recipe", {}).get("seed")
                tail = folder.name.removeprefix(f"{name}-seed")
                seed = card_seed if isinstance(card_seed, int) else int(tail) if tail.isdecimal() else 0
                if folders.setdefault(seed, folder) == folder:
                    recipe = recipe_settings(card, known)
                    recipes[folder] = {key: value for key, value in recipe.items() if key not in PER_TRAINING_SETTINGS}
    _check_alike(recipes)
    return folders


def _check_alike(recipes: dict[Path, dict[str, Any]]) -> None:
    """Raise ``ValueError`` where the recipes of several folders differ."""
    if not recipes:
        return
    (first, expected), *others = recipes.items()
    for folder, recipe in others:
        different = sorted(key for key in expected | recipe if expected.get(key) != recipe.get(key))
        if different:
            values = "; ".join(f"{key}: {expected.get(key)!r} and {recipe.get(key)!r}" for key in different)
            raise ValueError(
                f"{first} and {folder} were trained by different recipes ({values}), so that they are no seeds of one; "
                "rename one of them, or name others with --runs."
            )
