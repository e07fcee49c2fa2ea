"""``gala-viz sweep``: one recipe at several lambdas and seeds, and the table of the trade-off between them."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from gala_viz.commands.terminal_progress import progress_printer
from gala_viz.registry import unknown_name

if TYPE_CHECKING:
    from gala_viz.training.recipes import ScratchRecipe

TABLE_FILE = "trade_off.csv"
_POLL_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Train a recipe once for each lambda and seed; write validation accuracy and likeness to the maps as a table.

    Each training is a ``gala-viz train`` of its own. What is done already is left as it is, what was stopped goes on.
    """

    recipe: Annotated[str, tyro.conf.Positional]
    """Name of a recipe that learns from scratch, for example rendered-gala-clickme."""
    weights: tuple[float, ...]
    """The lambdas, for example 0 0.5 1 2 4 6."""
    seeds: tuple[int, ...] = (0,)
    """The seeds."""
    jobs: int = 1
    """How many trainings at a time; they share the processor's cores."""
    epochs: int | None = None
    """Epochs, in place of the recipe's."""
    runs: Path = Path("runs")
    """Everything goes into RUNS/sweep-RECIPE."""
    device: str = "auto"
    """cpu, gpu, or auto."""
    precision: str = "32-true"
    """32-true or bf16-mixed."""
    half: bool = False
    """Write the networks' weights as float16, vectors as float32."""

    def run(self) -> int:
        """Train what is not done, keep the table up to date, and print where it is."""
        from gala_viz.training.recipes import RECIPES, ScratchRecipe

        if self.recipe not in RECIPES:
            raise ValueError(unknown_name("recipe", self.recipe, RECIPES))
        recipe = RECIPES[self.recipe]
        if not isinstance(recipe, ScratchRecipe):
            raise ValueError(f"a sweep needs a recipe that opens its own collection; {self.recipe} does not.")
        if self.jobs < 1:
            raise ValueError(f"jobs is at least 1; got {self.jobs}.")
        trials = [self._trial(recipe, weight, seed) for weight in self.weights for seed in self.seeds]
        waiting = [trial for trial in trials if self.trial_metrics(trial) is None]
        sys.stdout.write(f"{len(trials)} trainings, {len(trials) - len(waiting)} of them done\n")
        self.folder.mkdir(parents=True, exist_ok=True)
        if waiting:
            prepare_collection(recipe)
        try:
            failed = self._train(waiting, trials)
        finally:
            table = self.write_table(trials)
        sys.stdout.write(f"{table}\n")
        if failed:
            logs = ", ".join(str(self.folder / f"{trial.name}.txt") for trial in failed)
            raise ValueError(f"{len(failed)} of {len(trials)} trainings failed; what they said is in {logs}.")
        return 0

    @property
    def folder(self) -> Path:
        """Folder of checkpoints, networks, logs of the trainings, and the table."""
        return self.runs / f"sweep-{self.recipe}"

    def trial_metrics(self, trial: ScratchRecipe) -> dict[str, Any] | None:
        """Return the [selection] of a finished training with exactly these settings, whatever its name, or None.

        It is looked for in the sweep's own folder, in RUNS and among the models: a sweep does not train again what is
        known as a network of the paper.
        """
        from gala_viz.networks.network_folders import CARD, model_folders

        roots = (self.folder / "networks", self.runs, *model_folders())
        folders = (path.parent for root in roots for path in sorted(root.glob(f"*/{CARD}")))
        return next((metrics for folder in folders if (metrics := _selection(folder, trial))), None)

    def write_table(self, trials: Sequence[ScratchRecipe]) -> Path:
        """Write one row for each finished training: lambda, seed, accuracy, rho (mean over layers, then each layer)."""
        rows: list[dict[str, Any]] = []
        for trial in trials:
            if (metrics := self.trial_metrics(trial)) is not None:
                rho = {f"rho_{layer}": value for layer, value in metrics.get("rho_attention", {}).items()}
                first = {"rho_attention": rho.pop("rho_mean_of_layers", "")}
                counts = {"n_labelled": metrics["n_labelled"], "n_with_maps": metrics.get("n_with_maps", 0)}
                base = {
                    "attention_weight": trial.attention_weight,
                    "seed": trial.seed,
                    "accuracy": metrics["accuracy"],
                }
                rows.append({**base, **first, **counts, **rho})
        path = self.folder / TABLE_FILE
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
            writer.writeheader()
            writer.writerows(rows)
        return path

    def _trial(self, recipe: ScratchRecipe, weight: float, seed: int) -> ScratchRecipe:
        changes: dict[str, Any] = {"attention_weight": weight, "seed": seed, "epochs": self.epochs or recipe.epochs}
        budget = "" if self.epochs is None else f"-epochs{self.epochs}"
        return replace(recipe, name=f"{self.recipe}-lambda{weight:g}-seed{seed}{budget}", **changes)

    def _train(self, queue: list[ScratchRecipe], trials: Sequence[ScratchRecipe]) -> list[ScratchRecipe]:
        """Run the trainings that are not done, ``jobs`` at a time; return those that failed."""
        running: list[tuple[ScratchRecipe, subprocess.Popen[bytes], float]] = []
        failed: list[ScratchRecipe] = []
        queue = list(queue)
        try:
            while queue or running:
                while queue and len(running) < self.jobs:
                    trial = queue.pop(0)
                    running.append((trial, self._start(trial), time.monotonic()))
                time.sleep(_POLL_S)
                for entry in [entry for entry in running if entry[1].poll() is not None]:
                    running.remove(entry)
                    trial, process, since = entry
                    metrics = self.trial_metrics(trial) if process.returncode == 0 else None
                    failed += [trial] if metrics is None else []
                    self.write_table(trials)
                    sys.stdout.write(
                        f"{trial.name}: {_metrics_text(metrics)}, {(time.monotonic() - since) / 60:.1f} min\n"
                    )
                    sys.stdout.flush()
        except KeyboardInterrupt:
            for _, process, _ in running:
                process.send_signal(signal.SIGINT)
            for _, process, _ in running:
                process.wait()
            raise
        return failed

    def _start(self, trial: ScratchRecipe) -> subprocess.Popen[bytes]:
        """Start a training in a process of its own, which receives Ctrl-C from this one alone."""
        threads = max(1, (os.cpu_count() or 1) // self.jobs)
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        with (self.folder / f"{trial.name}.txt").open("ab") as log:
            return subprocess.Popen(
                training_command(self, trial), env=environment, stdout=log, stderr=log, start_new_session=True
            )


def training_command(sweep: Arguments, trial: ScratchRecipe) -> list[str]:
    """Return the ``gala-viz train`` of one lambda and seed."""
    settings = {
        "attention-weight": trial.attention_weight,
        "seed": trial.seed,
        "epochs": trial.epochs,
        "name": trial.name,
        "runs": sweep.folder,
        "out": sweep.folder / "networks",
        "device": sweep.device,
        "precision": sweep.precision,
    }
    options = [text for key, value in settings.items() for text in (f"--{key}", str(value))]
    halved = ["--half"] if sweep.half else []
    return [sys.executable, "-m", "gala_viz", "train", sweep.recipe, *options, *halved, "--replace", "--quiet"]


def prepare_collection(recipe: ScratchRecipe) -> None:
    """Make the collection's images once, before several trainings need them."""
    from gala_viz.collections import open_collection

    collection: Any = open_collection(recipe.collection)
    if hasattr(collection, "prepare"):
        collection.prepare(("train", "validation"), progress_printer("rendering"))


def _selection(folder: Path, trial: ScratchRecipe) -> dict[str, Any] | None:
    """Return the [selection] of the network in ``folder`` if its training had the settings of ``trial``, else None.

    Name and title may differ.
    """
    from gala_viz.networks.network_folders import WeightsError, read_card
    from gala_viz.specs import toml_values
    from gala_viz.training.recipes import recipe_settings

    try:
        card = read_card(folder)
    except WeightsError:
        return None
    trial_settings = toml_values(asdict(trial))
    card_settings = recipe_settings(card, trial) | {key: trial_settings[key] for key in ("name", "title")}
    return card.get("selection") if card_settings == trial_settings else None


def _metrics_text(metrics: dict[str, Any] | None) -> str:
    if metrics is None:
        return "failed"
    rho = metrics.get("rho_attention", {}).get("mean_of_layers")
    return f"accuracy {metrics['accuracy']:.3f}" + ("" if rho is None else f", rho {rho:.3f}")
