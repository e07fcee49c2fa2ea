"""Checkpoints: after every epoch, every so many minutes and at Ctrl-C; a training resumes exactly there."""

from __future__ import annotations

import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from torch.utils.data import DataLoader

from gala_viz.counts import counted
from gala_viz.networks.network_folders import CARD, EPOCHS_FOLDER
from gala_viz.specs import fingerprint, toml_values
from gala_viz.training.recipes import Recipe, with_defaults

LAST_CHECKPOINT, INTERRUPTED_CHECKPOINT, PREVIOUS_CHECKPOINT = "last.ckpt", "interrupted.ckpt", "previous.ckpt"
"""Checkpoints of the last finished epoch, of the last step since then that has one (that at which Ctrl-C stopped the
training, or the last after so many minutes), and of the epoch before the last."""
_CHECKPOINTS = (INTERRUPTED_CHECKPOINT, LAST_CHECKPOINT, PREVIOUS_CHECKPOINT)
"""The newest first."""
EPOCHS_FILE = "epochs.csv"
"""One row for each epoch; a training that is resumed goes on in it."""
CHECKPOINT_MINUTES = 15.0
"""After so many minutes in an epoch a checkpoint is written in its middle."""


class ResumableDataLoader(DataLoader):
    """A loader that resumes in the middle of an epoch: a checkpoint notes how many batches it has given.

    Its sampler leaves out those given before by its own ``skip``, so that none of them is read again.
    """

    _given = _skipped = 0

    def __iter__(self) -> Iterator[Any]:
        self._given, self._skipped = self._skipped, 0
        self.sampler.skip(self._given)  # type: ignore[union-attr]
        for batch in super().__iter__():
            self._given += 1
            yield batch

    def state_dict(self) -> dict[str, Any]:
        """Return how many batches of this epoch were given; Lightning stores it with a checkpoint."""
        return {"given": self._given}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Skip, in the next epoch only, the batches given before.

        Lightning calls this where an epoch was not finished.
        """
        self._skipped = int(state["given"])


AFTER_DIVERGENCE = "the last good checkpoint is kept. A smaller rate or lambda, or a longer warm-up, helps."


class DivergedError(ValueError):
    """A training whose loss or weights are NaN or infinite; the last good checkpoint is kept."""


class TrainingStopped(Exception):
    """Training was stopped after a whole step, by request; the checkpoint of that step is written."""


@contextmanager
def catch_interrupt() -> Iterator[threading.Event]:
    """Yield an event that a first Ctrl-C sets; a second one interrupts.

    SIGTERM, by which schedulers and containers end a program, does the same. In other threads than the main one nothing
    changes.
    """
    stop_requested = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        if stop_requested.is_set():
            raise KeyboardInterrupt
        stop_requested.set()
        sys.stderr.write("\nstopping after this step; Ctrl-C once more stops at once\n")

    if threading.current_thread() is not threading.main_thread():
        yield stop_requested
        return
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop_requested
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class CheckpointCallback(Callback):
    """Writes ``last.ckpt`` after every epoch, and stops a training on request.

    Once ``stop_requested`` is set, it finishes the step, writes ``interrupted.ckpt`` into ``folder`` and raises
    ``TrainingStopped``. Under several processes all stop after the same step. The same file is written, and the
    training goes on, where an epoch has run for ``minutes`` since the last checkpoint. After the last step of an epoch
    the epoch's own checkpoint is written in its place, and that of the epoch before stays as ``previous.ckpt``. A file
    is whole or not there: it is written under another name and renamed. Weights that are NaN or infinite are never
    written: ``DivergedError`` ends the training.
    """

    def __init__(self, folder: Path, stop_requested: threading.Event, *, minutes: float = CHECKPOINT_MINUTES) -> None:
        self._folder, self._asked, self._minutes = folder, stop_requested, minutes
        self._written_s = time.monotonic()

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Start the clock."""
        self._written_s = time.monotonic()

    def on_train_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write the step's checkpoint, if it is time, and stop, if that is requested.

        Parameters
        ----------
        trainer : L.Trainer
            Its checkpoint is written.
        module : L.LightningModule
            Not used.
        outputs : Any
            Not used.
        batch : Any
            Not used.
        batch_idx : int
            Number of the step in its epoch; after the last one ``on_train_epoch_end`` stops.

        Raises
        ------
        TrainingStopped
            After the checkpoint is written.
        """
        whole_step = (batch_idx + 1) % trainer.accumulate_grad_batches == 0
        if batch_idx + 1 >= trainer.num_training_batches or not whole_step:
            return
        stops = self._stop_requested_anywhere(trainer)
        due = time.monotonic() - self._written_s >= 60 * self._minutes
        if stops or self._anywhere(trainer, due):
            self._save(trainer, INTERRUPTED_CHECKPOINT)
        if stops:
            raise TrainingStopped

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Write the epoch's checkpoint, delete that of an earlier step, and stop if that is requested."""
        self._save(trainer, LAST_CHECKPOINT)
        if trainer.is_global_zero:
            (self._folder / INTERRUPTED_CHECKPOINT).unlink(missing_ok=True)
        if self._stop_requested_anywhere(trainer):
            raise TrainingStopped

    def _save(self, trainer: L.Trainer, name: str) -> None:
        for key, value in trainer.lightning_module.named_parameters():
            if not bool(torch.isfinite(value.detach()).all()):
                raise DivergedError(
                    f"after step {trainer.global_step} (epoch {trainer.current_epoch}) the weights are not finite, the "
                    f"first of them {key}; {AFTER_DIVERGENCE}"
                )
        partial, file = self._folder / f"{name}.partial", self._folder / name
        trainer.save_checkpoint(partial, weights_only=False)
        if trainer.is_global_zero:
            if name == LAST_CHECKPOINT and file.is_file():
                file.replace(self._folder / PREVIOUS_CHECKPOINT)
            partial.replace(file)
        self._written_s = time.monotonic()

    def _stop_requested_anywhere(self, trainer: L.Trainer) -> bool:
        return self._anywhere(trainer, self._asked.is_set())

    @staticmethod
    def _anywhere(trainer: L.Trainer, here: bool) -> bool:
        return here if trainer.world_size == 1 else trainer.strategy.reduce_boolean_decision(here, all=False)


def checkpoint_to_resume(folder: Path) -> Path | None:
    """Return the checkpoint of ``folder`` to resume from: the interrupted step, else the last epoch, or None.

    After a kill between two renamings it is that of the epoch before. Raises ``ValueError`` where the file is damaged.
    """
    files = [folder / name for name in _CHECKPOINTS if (folder / name).is_file()]
    if not files:
        return None
    try:
        torch.load(files[0], map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # zip, pickle and torch each raise their own
        others = f", or with {files[1].name} after moving this one away" if len(files) > 1 else ""
        raise ValueError(
            f"{files[0]} is damaged ({type(error).__name__}) and cannot be resumed from; begin anew with "
            f"resume=False (--restart){others}."
        ) from error
    return files[0]


def clear_run(folder: Path) -> None:
    """Remove what an earlier training left in its folder: checkpoints, the table of epochs, networks of single epochs.

    Checkpoints are those that Lightning wrote for SLURM too.
    """
    for old in (*(folder / name for name in (*_CHECKPOINTS, EPOCHS_FILE)), *folder.glob("hpc_ckpt_*")):
        old.unlink(missing_ok=True)
    for card in (folder / EPOCHS_FOLDER).glob(f"*/{CARD}"):
        if card.parent.is_symlink():
            card.parent.unlink()
        else:
            shutil.rmtree(card.parent)


class CheckRecipeCallback(Callback):
    """Writes recipe, images and hardware into every checkpoint, and refuses to resume those of others.

    Another recipe, other images, files that were replaced, another precision and another number of processes are
    refused with ``ValueError``: the weights would hold what the card does not say. A training may go on on another
    device or with other threads; ``hardware`` then names all, in their order.

    Parameters
    ----------
    recipe : Recipe
        The recipe of this training.
    precision : str
        One of ``gala_viz.training.fit.PRECISIONS``.
    """

    def __init__(self, recipe: Recipe, precision: str) -> None:
        self.precision = precision
        self._recipe, self._settings = recipe, toml_values(asdict(recipe))
        self.hardware: list[str] = []
        """What the training ran on so far."""

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Note what the training runs on: after a checkpoint is loaded, and not where nothing is left to train."""
        here = describe_hardware(trainer)
        if here not in self.hardware[-1:]:
            self.hardware.append(here)

    def on_save_checkpoint(self, trainer: L.Trainer, module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Add the settings, the images and the hardware to ``checkpoint``."""
        checkpoint["recipe"], checkpoint["images"] = self._settings, _images(trainer)
        checkpoint["hardware"], checkpoint["alike"] = self.hardware, _alike(trainer)

    def on_load_checkpoint(self, trainer: L.Trainer, module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Raise ``ValueError`` where recipe, images, precision or processes of ``checkpoint`` are not those of now."""
        saved = with_defaults(checkpoint.get("recipe", {}), self._recipe)
        keys = saved.keys() | self._settings.keys()
        different = sorted(key for key in keys if saved.get(key) != self._settings.get(key))
        if different:
            changes = "; ".join(f"{key}: {saved.get(key)!r}, now {self._settings.get(key)!r}" for key in different)
            raise ValueError(
                f"the checkpoint is of another recipe ({changes}); begin anew with resume=False (--restart), or give "
                "this training another name (--name) or folder of runs (--runs). The rates of a whole training are "
                "planned at its start, so that one of more epochs is another one."
            )
        if checkpoint.get("images") != _images(trainer):
            reason = "does not say which images it learnt from"
            if "images" in checkpoint:
                reason = "learnt from other images, or from files that have changed since"
            raise ValueError(
                f"the checkpoint {reason}; begin anew with resume=False (--restart), or choose an empty folder."
            )
        before, now = checkpoint.get("alike", {}), _alike(trainer)
        different = [key for key in before if before[key] != now.get(key)]
        if changes := "; ".join(f"{key}: {before[key]}, now {now.get(key)}" for key in different):
            raise ValueError(
                f"the checkpoint was trained otherwise ({changes}); go on as it began, or begin anew with resume=False "
                "(--restart)."
            )
        self.hardware = list(checkpoint.get("hardware", ["not known"]))


def describe_hardware(trainer: L.Trainer) -> str:
    """Return device, processes, precision and threads, for example "NVIDIA H100 80GB HBM3, 1 process, bf16-mixed".

    The same recipe differs a little between these, threads of a CPU among them.
    """
    device = trainer.strategy.root_device
    return hardware_text(device, trainer.world_size, _precision(trainer), torch.get_num_threads())


def hardware_text(device: torch.device, n_processes: int, precision: str, n_threads: int) -> str:
    """Return what a training runs on in words.

    Parameters
    ----------
    device : torch.device
        Of the first process.
    n_processes : int
        Of all machines.
    precision : str
        One of ``gala_viz.training.fit.PRECISIONS``.
    n_threads : int
        Of each process; they are named where ``device`` is a processor.

    Returns
    -------
    str
        For example "CPU, 1 process, 32-true, 2 threads".
    """
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()
    threads = f", {counted(n_threads, 'thread')}" if device.type == "cpu" else ""
    return f"{name}, {counted(n_processes, 'process', 'processes')}, {precision}{threads}"


def hardware_of(trainer: L.Trainer) -> list[str]:
    """Return what a training ran on, from its begin to now, as ``describe_hardware`` says it."""
    noted = [one.hardware for one in trainer.callbacks if isinstance(one, CheckRecipeCallback)]  # type: ignore[attr-defined]
    return next((hardware for hardware in noted if hardware), [describe_hardware(trainer)])


def _alike(trainer: L.Trainer) -> dict[str, Any]:
    """Return what a resumed training shares with its begin, beside recipe and images."""
    alike: dict[str, Any] = {"precision": _precision(trainer), "processes": trainer.world_size}
    alike["start"] = getattr(trainer.lightning_module, "start_identity", "")
    training = getattr(trainer.datamodule, "training", None)  # type: ignore[attr-defined]
    if training is not None and hasattr(training, "has_map"):
        alike["usable maps"] = f"{int(training.has_map.sum())} ({fingerprint(training.has_map.tolist())[:6]})"
    return alike


def _precision(trainer: L.Trainer) -> str:
    """Return the precision by our name: Lightning has none for "tf32"."""
    named = (one.precision for one in trainer.callbacks if isinstance(one, CheckRecipeCallback))  # type: ignore[attr-defined]
    return next(named, str(trainer.precision))


def _images(trainer: L.Trainer) -> list[list[str]]:
    """Return role, collection, its fingerprint and that of the image ids, for each source that trains."""
    training, _ = trainer.datamodule.sources  # type: ignore[attr-defined]
    return [
        [one.role, one.collection.name, one.collection.fingerprint, fingerprint(list(one.images))] for one in training
    ]
