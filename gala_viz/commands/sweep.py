"""``gala-viz sweep``: one recipe at several lambdas and seeds, and the table of the trade-off between them."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from gala_viz.commands.terminal_progress import progress_printer
from gala_viz.cpu_threads import available_cores
from gala_viz.registry import unknown_name

if TYPE_CHECKING:
    import torch

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
    """How many trainings at a time, at most: on a processor no more than there are cores for their threads."""
    threads: int | None = None
    """Threads of each training; left out: OMP_NUM_THREADS, or PyTorch's own number. Weights differ between numbers."""
    epochs: int | None = None
    """Epochs, in place of the recipe's."""
    runs: Path = Path("runs")
    """Everything goes into RUNS/sweep-RECIPE."""
    device: Literal["auto", "cpu", "gpu", "cuda"] = "auto"
    """What computes; gpu and cuda mean the same."""
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    """Mixed precisions keep weights and losses in float32; 16-mixed needs a GPU."""
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
        for name, value in (("jobs", self.jobs), ("threads", self.n_threads)):
            if value < 1:
                raise ValueError(f"{name} is at least 1; got {value}.")
        if not self.weights or not self.seeds:
            raise ValueError("at least one lambda and one seed were expected, for example --weights 0 1 6 --seeds 0 1.")
        from gala_viz.training.fit import check_hardware

        check_hardware(self.device, self.precision)
        trials = [self._trial(recipe, weight, seed) for weight in self.weights for seed in self.seeds]
        waiting = [trial for trial in trials if self.trial_metrics(trial) is None]
        sys.stdout.write(f"{len(trials)} trainings, {len(trials) - len(waiting)} of them done\n")
        if waiting and self.n_at_once < self.jobs:
            sys.stdout.write(f"{self.n_at_once} at a time: each has {self.n_threads} threads of {available_cores()}\n")
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

    @cached_property
    def n_threads(self) -> int:
        """Threads of each training."""
        import torch

        return torch.get_num_threads() if self.threads is None else self.threads

    @cached_property
    def n_at_once(self) -> int:
        """How many trainings run at a time."""
        on_cpu = _torch_device(self.device).type == "cpu"
        fit = available_cores() // self.n_threads if on_cpu else self.jobs
        return max(1, min(self.jobs, fit))

    @cached_property
    def circumstances(self) -> dict[str, str]:
        """What a finished training shares with this sweep beside its recipe: images, hardware, precision, threads."""
        from gala_viz.collections import open_collection
        from gala_viz.specs import fingerprint
        from gala_viz.training.checkpoints import hardware_text
        from gala_viz.training.dataset import sources_of_split
        from gala_viz.training.recipes import RECIPES

        collection: Any = open_collection(RECIPES[self.recipe].collection)  # type: ignore[attr-defined]
        images = {
            split: sources_of_split([("plain", collection)], split)[0].images for split in ("train", "validation")
        }
        return {
            "collection_fingerprint": collection.fingerprint,
            **{f"ids_{split}": fingerprint(list(ids)) for split, ids in images.items()},
            "trained_on": hardware_text(_torch_device(self.device), 1, self.precision, self.n_threads),
        }

    def trial_metrics(self, trial: ScratchRecipe) -> dict[str, Any] | None:
        """Return the [selection] of a finished training with exactly these settings, whatever its name, or None.

        Its images, hardware, precision and threads are those of this sweep: numbers of others are not comparable. It is
        looked for in the sweep's own folder, in RUNS and among the models.
        """
        from gala_viz.networks.network_folders import CARD, model_folders

        roots = (self.folder / "networks", self.runs, *model_folders())
        folders = (path.parent for root in roots for path in sorted(root.glob(f"*/{CARD}")))
        found = (_selection(folder, trial, self.circumstances) for folder in folders)
        return next((metrics for metrics in found if metrics), None)

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
        from gala_viz.specs import fingerprint

        changes: dict[str, Any] = {"attention_weight": weight, "seed": seed, "epochs": self.epochs or recipe.epochs}
        budget = "" if self.epochs is None else f"-epochs{self.epochs}"
        # Checkpoints and networks of other images, hardware or threads have names of their own and stay.
        where = fingerprint(self.circumstances)[:6]
        return replace(recipe, name=f"{self.recipe}-lambda{weight:g}-seed{seed}{budget}-{where}", **changes)

    def _train(self, queue: list[ScratchRecipe], trials: Sequence[ScratchRecipe]) -> list[ScratchRecipe]:
        """Run the trainings that are not done, ``jobs`` at a time; return those that failed."""
        running: list[tuple[ScratchRecipe, subprocess.Popen[bytes], float]] = []
        failed: list[ScratchRecipe] = []
        queue = list(queue)
        former = signal.signal(signal.SIGTERM, _interrupt) if _in_main_thread() else None
        try:
            while queue or running:
                while queue and len(running) < self.n_at_once:
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
                process.terminate()  # Ctrl-C is ignored by what a script started in the background
            for _, process, _ in running:
                process.wait()
            raise
        finally:
            if former is not None:
                signal.signal(signal.SIGTERM, former)
        return failed

    def _start(self, trial: ScratchRecipe) -> subprocess.Popen[bytes]:
        """Start a training in a process of its own, which receives Ctrl-C and SIGTERM from this one alone."""
        threads = str(self.n_threads)
        environment = {**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
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


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _torch_device(device: str) -> torch.device:
    """Return the device that a training takes, as Lightning chooses it."""
    import torch

    if device != "cpu" and torch.cuda.is_available():
        return torch.device("cuda", 0)
    return torch.device("mps" if device != "cpu" and torch.backends.mps.is_available() else "cpu")


def _selection(folder: Path, trial: ScratchRecipe, circumstances: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the [selection] of the network in ``folder`` if its training was that of ``trial``, else None.

    Name and title may differ; ``circumstances`` may not, see ``Arguments.circumstances``.
    """
    from gala_viz.networks.network_folders import WeightsError, read_card
    from gala_viz.specs import toml_values
    from gala_viz.training.recipes import recipe_settings

    try:
        card = read_card(folder)
    except WeightsError:
        return None
    data = next(iter(card.get("data", {}).get("collections", ())), {})
    about = {**{name: data.get(name) for name in circumstances}, "trained_on": card.get("made", {}).get("trained_on")}
    if about != dict(circumstances):
        return None
    trial_settings = toml_values(asdict(trial))
    card_settings = recipe_settings(card, trial) | {key: trial_settings[key] for key in ("name", "title")}
    return card.get("selection") if card_settings == trial_settings else None


def _metrics_text(metrics: dict[str, Any] | None) -> str:
    if metrics is None:
        return "failed"
    rho = metrics.get("rho_attention", {}).get("mean_of_layers")
    return f"accuracy {metrics['accuracy']:.3f}" + ("" if rho is None else f", rho {rho:.3f}")
