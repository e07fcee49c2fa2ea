"""The paper's networks on this machine: which seeds of each are there, which are missing, and how to make those."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """The network of recipe ``name`` trained with ``seed``; ``folder`` is None where it is missing."""

    name: str
    seed: int
    folder: Path | None = None

    @property
    def label(self) -> str:
        """How tables call it beside other seeds."""
        return f"{self.name}, seed {self.seed}"

    @property
    def folder_name(self) -> str:
        """The folder that a training of this seed writes."""
        return f"{self.name}-seed{self.seed}"

    def training(self, runs: Path) -> str:
        """The command that makes it."""
        return f"gala-viz train {self.name} --seed {self.seed} --name {self.folder_name} --out {runs} --runs {runs}"


def wanted_networks(names: Sequence[str], seeds: Sequence[int], runs: Path) -> list[Wanted]:
    """One for each name and seed, in the order of the seeds; without ``seeds`` the seeds that are there.

    A network is looked for as NAME and NAME-seedSEED among the models and in ``runs``; its card says its seed.
    """
    there = {(name, seed): folder for name in names for seed, folder in seeds_of(name, runs).items()}
    asked = list(dict.fromkeys(seeds)) or sorted({seed for _, seed in there})
    return [Wanted(name=name, seed=seed, folder=there.get((name, seed))) for seed in asked for name in names]


def seeds_of(name: str, runs: Path) -> dict[int, Path]:
    """Seed -> folder of every network of the recipe ``name``; the first found of a seed counts."""
    from gala_viz.networks.card import read_card
    from gala_viz.networks.folders import CARD, models_folders

    found: dict[int, Path] = {}
    for root in (*models_folders(), runs):
        for folder in (root / name, *sorted(root.glob(f"{name}-seed*"))):
            if (folder / CARD).is_file():
                told = read_card(folder).get("recipe", {}).get("seed")
                tail = folder.name.removeprefix(f"{name}-seed")
                seed = told if isinstance(told, int) else int(tail) if tail.isdecimal() else 0
                found.setdefault(seed, folder)
    return found
