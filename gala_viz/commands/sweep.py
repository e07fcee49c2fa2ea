"""``gala-viz sweep``: one recipe at several lambdas and seeds, the curve of the trade-off, and a lambda to choose."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import tyro

from gala_viz.commands.train import TrainingOptions, open_collections
from gala_viz.cpu_threads import available_cores
from gala_viz.specs import toml_values

if TYPE_CHECKING:
    import torch

    from gala_viz.training.recipe_file import RecipeFile
    from gala_viz.training.recipes import SupervisedRecipe
    from gala_viz.training.run import TrainingSetup
    from gala_viz.training.trade_off import Trial

TABLE_FILE, CURVE_FILE = "trade_off.csv", "trade_off_curve.csv"
"""A row for each training; a row for each lambda, with intervals."""
_POLL_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Arguments(TrainingOptions):
    """Train a recipe once for each lambda and seed; draw validation accuracy against likeness to the maps.

    Each training is a ``gala-viz train`` of its own. What is done already is left as it is, what was stopped goes on.
    At the end a lambda is proposed, by the one-standard-error rule.
    """

    recipe: Annotated[str, tyro.conf.Positional]
    """Name of a recipe that learns from labels, for example rendered-gala-clickme, or a file."""
    weights: tuple[float, ...]
    """The lambdas, for example 0 0.5 1 2 4 6."""
    seeds: tuple[int, ...] = (0,)
    """The seeds."""
    jobs: int = 1
    """How many trainings at a time, at most: on a processor no more than there are cores for their threads."""
    threads: int | None = None
    """Threads of each training; left out: OMP_NUM_THREADS, or PyTorch's own number. Weights differ between numbers."""

    def run(self) -> int:
        """Train what is not done, keep the table up to date, and print where it is."""
        from gala_viz.training.recipes import SupervisedRecipe

        recipe = self.recipe_file.recipe
        if not isinstance(recipe, SupervisedRecipe):
            raise ValueError(
                f"a sweep needs a recipe that learns from labels without a teacher; {recipe.name} has one."
            )
        for name, value in (("jobs", self.jobs), ("threads", self.n_threads)):
            if value < 1:
                raise ValueError(f"{name} is at least 1; got {value}.")
        if not self.weights or not self.seeds:
            raise ValueError("at least one lambda and one seed were expected, for example --weights 0 1 6 --seeds 0 1.")
        from gala_viz.training.fit import check_hardware
        from gala_viz.training.run import check_maps_are_there

        check_hardware(self.device, self.precision)
        for weight in self.weights:
            replace(recipe, attention_weight=weight)  # a lambda without sense is refused before anything is opened
        weights = dict.fromkeys(weight + 0.0 for weight in self.weights)  # each once, and no -0
        trials = [self._trial(recipe, weight, seed) for weight in weights for seed in dict.fromkeys(self.seeds)]
        waiting = [trial for trial in trials if self.trial_folder(trial) is None]
        sys.stdout.write(f"{len(trials)} trainings, {len(trials) - len(waiting)} of them done\n")
        if waiting and self.n_at_once < self.jobs:
            sys.stdout.write(f"{self.n_at_once} at a time: each has {self.n_threads} threads of {available_cores()}\n")
        if any(self.weights):
            check_maps_are_there(replace(recipe, attention_weight=max(self.weights)), self.setup)
        self.folder.mkdir(parents=True, exist_ok=True)
        if waiting:
            open_collections(self.recipe_file)  # rendered once, before several trainings need them
        from gala_viz.training.run_lock import locked_run

        with locked_run(self.folder):
            try:
                failed = self._train(waiting, trials)
            finally:
                table = self.write_table(trials)
            sys.stdout.write(f"{table}\n")
            self._draw(trials)
        if failed:
            logs = ", ".join(str(self.folder / f"{trial.name}.txt") for trial in failed)
            raise ValueError(f"{len(failed)} of {len(trials)} trainings failed; what they said is in {logs}.")
        return 0

    @cached_property
    def recipe_file(self) -> RecipeFile:
        """The recipe, as options change it, and its collections."""
        return self.read_recipe_file(self.recipe)

    @property
    def folder(self) -> Path:
        """Folder of checkpoints, networks, logs of the trainings, and the table."""
        return self.runs / f"sweep-{self.recipe_file.recipe.name}"

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
    def setup(self) -> TrainingSetup:
        """Which images train and validate, and what is learnt of them."""
        from gala_viz.training.run import set_up_training

        labels, maps, _ = open_collections(self.recipe_file, prepare=False)
        return set_up_training(
            self.recipe_file.recipe,
            labels=labels,
            maps=maps,
            keep_duplicates=self.keep_duplicates,
            tell=lambda line: print(line, flush=True),
        )

    @cached_property
    def circumstances(self) -> dict[str, Any]:
        """What a finished training shares with this sweep beside its recipe: images, hardware, precision, threads."""
        from gala_viz.specs import fingerprint
        from gala_viz.training.checkpoints import hardware_text

        setup = self.setup
        images: dict[tuple[str, str], dict[str, str]] = {}
        for split, sources in (("train", setup.training), ("validation", setup.validation)):
            for source in sources:
                entry = images.setdefault((source.role, source.collection.name), {})
                entry |= {"collection_fingerprint": source.collection.fingerprint}
                entry |= {f"ids_{split}": fingerprint(list(source.images))}
        return {
            "images": [{"role": role, "name": name, **about} for (role, name), about in sorted(images.items())],
            "trained_on": hardware_text(_torch_device(self.device), 1, self.precision, self.n_threads),
        }

    def trial_folder(self, trial: SupervisedRecipe) -> Path | None:
        """Return the folder of a finished training with exactly these settings, whatever its name, or None.

        Its images, hardware, precision and threads are those of this sweep: numbers of others are not comparable. It is
        looked for in the sweep's own folder, in RUNS and among the models.
        """
        from gala_viz.networks.network_folders import CARD, model_folders

        roots = (self.folder / "networks", self.runs, *model_folders())
        folders = (path.parent for root in roots for path in sorted(root.glob(f"*/{CARD}")))
        return next((folder for folder in folders if _selection(folder, trial, self.circumstances)), None)

    def trial_metrics(self, trial: SupervisedRecipe) -> dict[str, Any] | None:
        """Return the [selection] of a finished training, see ``trial_folder``, or None."""
        folder = self.trial_folder(trial)
        return None if folder is None else _selection(folder, trial, self.circumstances)

    def write_table(self, trials: Sequence[SupervisedRecipe]) -> Path:
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
                    "accuracy": metrics.get("accuracy", ""),
                }
                rows.append({**base, **first, **counts, **rho})
        return _write_rows(self.folder / TABLE_FILE, rows)

    def _draw(self, trials: Sequence[SupervisedRecipe]) -> None:
        """Write the curve over lambda with its intervals as table and picture, and propose a lambda."""
        from gala_viz.plots.figures.trade_off_figure import write_trade_off
        from gala_viz.training.trade_off import RULE, choose_weight, trade_off

        found = self._values(trials)
        if not found:
            return
        points = trade_off(found)
        weight = choose_weight(points)
        rows = [{**asdict(point), "proposed": int(point.attention_weight == weight)} for point in points]
        sys.stdout.write(f"{_write_rows(self.folder / CURVE_FILE, rows)}\n")
        path = write_trade_off(points, weight, self.folder / "trade_off.png")
        sys.stdout.write(f"{path}\n")
        if weight is not None:
            sys.stdout.write(f"proposed lambda: {weight:g}, by the {RULE}. Chosen on validation images.\n")

    def _values(self, trials: Sequence[SupervisedRecipe]) -> list[Trial]:
        """Return what each finished training's network does on each validation image, those of all trainings."""
        from gala_viz.training.trade_off import Trial, read_values
        from gala_viz.training.training_card import VALIDATION_FILE

        tables = {}
        for trial in trials:
            folder = self.trial_folder(trial)
            try:
                if folder is not None:
                    tables[trial.attention_weight, trial.seed] = read_values(folder / VALIDATION_FILE)
            except (OSError, ValueError):
                sys.stdout.write(f"{trial.name}: {folder} does not tell single images; it is left out of the curve\n")
        images = set.intersection(*(set(table) for table in tables.values())) if tables else set()
        order = sorted(images)
        found = []
        for (weight, seed), table in tables.items():
            values = np.array([table[image] for image in order]).reshape(-1, 2)
            found.append(Trial(weight, seed, values[:, 0], values[:, 1]))
        return found if order else []

    def _trial(self, recipe: SupervisedRecipe, weight: float, seed: int) -> SupervisedRecipe:
        from gala_viz.specs import fingerprint, settings

        changed = {name: value for name, value in settings(recipe).items() if name not in ("name", "title", "seed")}
        # Checkpoints and networks of other settings, images, hardware or threads have names of their own and stay.
        where = fingerprint(self.circumstances, toml_values({**changed, "attention_weight": 0}))[:6]
        number = f"{weight:g}" if float(f"{weight:g}") == weight else repr(weight)
        name = f"{recipe.name}-lambda{number}-seed{seed}-{where}"
        return replace(recipe, name=name, attention_weight=weight, seed=seed)

    def _train(self, queue: list[SupervisedRecipe], trials: Sequence[SupervisedRecipe]) -> list[SupervisedRecipe]:
        """Run the trainings that are not done, ``jobs`` at a time; return those that failed."""
        running: list[tuple[SupervisedRecipe, subprocess.Popen[bytes], float]] = []
        failed: list[SupervisedRecipe] = []
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

    def _start(self, trial: SupervisedRecipe) -> subprocess.Popen[bytes]:
        """Start a training in a process of its own, which receives Ctrl-C and SIGTERM from this one alone."""
        threads = str(self.n_threads)
        environment = {**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        with (self.folder / f"{trial.name}.txt").open("ab") as log:
            return subprocess.Popen(
                training_command(self, trial), env=environment, stdout=log, stderr=log, start_new_session=True
            )


def training_command(sweep: Arguments, trial: SupervisedRecipe) -> list[str]:
    """Return the ``gala-viz train`` of one lambda and seed, with the sweep's own options."""
    own = {one.name for one in fields(Arguments)} - {one.name for one in fields(TrainingOptions)}
    given = {
        one.name: getattr(sweep, one.name)
        for one in fields(TrainingOptions)
        if one.name not in own and getattr(sweep, one.name) not in (one.default, None, ())
    }
    settings = given | {
        "attention_weight": trial.attention_weight,
        "seed": trial.seed,
        "name": trial.name,
        "runs": sweep.folder,
        "out": sweep.folder / "networks",
        "device": sweep.device,
        "precision": sweep.precision,
        "keep_every": 0,
    }
    options: list[str] = []
    for name, value in settings.items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            options += [option] if value else []
        else:
            options += [option, *(map(str, value) if isinstance(value, tuple) else [str(value)])]
    return [sys.executable, "-m", "gala_viz", "train", sweep.recipe, *options, "--replace", "--quiet"]


def _write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    partial = path.with_suffix(".partial")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)
    return partial.replace(path)


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


def _selection(folder: Path, trial: SupervisedRecipe, circumstances: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the [selection] of the network in ``folder`` if its training was that of ``trial``, else None.

    Name and title may differ; ``circumstances`` may not, see ``Arguments.circumstances``.
    """
    from gala_viz.networks.network_folders import WeightsError, read_card
    from gala_viz.training.recipes import recipe_settings

    try:
        card = read_card(folder)
    except WeightsError:
        return None
    keys = ("role", "name", "collection_fingerprint", "ids_train", "ids_validation")
    entries = [one for one in card.get("data", {}).get("collections", ()) if not one.get("learnt_by")]
    images = [{key: one[key] for key in keys if key in one} for one in entries]
    images.sort(key=lambda one: (one.get("role", ""), one.get("name", "")))
    if {"images": images, "trained_on": card.get("made", {}).get("trained_on")} != dict(circumstances):
        return None
    trial_settings = toml_values(asdict(trial))
    card_settings = recipe_settings(card, trial) | {key: trial_settings[key] for key in ("name", "title")}
    return card.get("selection") if card_settings == trial_settings else None


def _metrics_text(metrics: dict[str, Any] | None) -> str:
    if metrics is None:
        return "failed"
    rho = metrics.get("rho_attention", {}).get("mean_of_layers")
    accuracy = f"accuracy {metrics['accuracy']:.3f}" if "accuracy" in metrics else "no accuracy"
    return accuracy + ("" if rho is None else f", rho {rho:.3f}")
