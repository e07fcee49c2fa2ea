"""Checkpoints: a training stops at the end of an epoch, or at any step after Ctrl-C, and resumes exactly there."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback
from torch.utils.data import DataLoader

from gala_viz.specs import fingerprint
from gala_viz.training.recipes import Recipe

LAST_CHECKPOINT, INTERRUPTED_CHECKPOINT = "last.ckpt", "interrupted.ckpt"
"""Checkpoints of the last finished epoch, and of the step at which Ctrl-C stopped the training since."""


class ResumableDataLoader(DataLoader):
    """A loader that resumes in the middle of an epoch: a checkpoint notes how many batches it has given."""

    _given = _skipped = 0

    def __iter__(self) -> Iterator[Any]:
        skipped, self._skipped = self._skipped, 0
        self._given = skipped
        for batch in islice(super().__iter__(), skipped, None):
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
    ``TrainingStopped``. Under several processes all stop after the same step. After the last step of an epoch the
    epoch's own checkpoint is written in its place. A file is whole or not there: it is written under another name and
    renamed.
    """

    def __init__(self, folder: Path, stop_requested: threading.Event) -> None:
        self._folder, self._asked = folder, stop_requested

    def on_train_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write the step's checkpoint and stop, if that is requested.

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
        if batch_idx + 1 < trainer.num_training_batches and self._stop_requested_anywhere(trainer):
            self._save(trainer, INTERRUPTED_CHECKPOINT)
            raise TrainingStopped

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Write the epoch's checkpoint, delete that of an earlier step, and stop if that is requested."""
        self._save(trainer, LAST_CHECKPOINT)
        if trainer.is_global_zero:
            (self._folder / INTERRUPTED_CHECKPOINT).unlink(missing_ok=True)
        if self._stop_requested_anywhere(trainer):
            raise TrainingStopped

    def _save(self, trainer: L.Trainer, name: str) -> None:
        partial = self._folder / f"{name}.partial"
        trainer.save_checkpoint(partial, weights_only=False)
        if trainer.is_global_zero:
            partial.replace(self._folder / name)

    def _stop_requested_anywhere(self, trainer: L.Trainer) -> bool:
        here = self._asked.is_set()
        return here if trainer.world_size == 1 else trainer.strategy.reduce_boolean_decision(here, all=False)


def checkpoint_to_resume(folder: Path) -> Path | None:
    """Return the checkpoint of ``folder`` to resume from: the interrupted step, else the last epoch, or None."""
    files = [folder / name for name in (INTERRUPTED_CHECKPOINT, LAST_CHECKPOINT) if (folder / name).is_file()]
    return files[0] if files else None


class CheckRecipeCallback(Callback):
    """Writes ``recipe`` and which images train into every checkpoint, and refuses to resume those of others.

    They are refused with ``ValueError``: a network that resumes with other images, or with files that were replaced,
    would hold in its weights what its card does not say.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._settings = {key: _plain(value) for key, value in asdict(recipe).items()}

    def on_save_checkpoint(self, trainer: L.Trainer, module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Add the settings and the images to ``checkpoint``."""
        checkpoint["recipe"], checkpoint["images"] = self._settings, _images(trainer)

    def on_load_checkpoint(self, trainer: L.Trainer, module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Raise ``ValueError`` where the settings or the images of ``checkpoint`` are not those of this training."""
        saved = checkpoint.get("recipe", {})
        different = sorted(key for key in self._settings if saved.get(key) != self._settings[key])
        if different:
            changes = "; ".join(f"{key}: {saved.get(key)!r}, now {self._settings[key]!r}" for key in different)
            raise ValueError(
                f"the checkpoint is of another recipe ({changes}); choose an empty folder or resume=False."
            )
        if checkpoint.get("images") != _images(trainer):
            reason = "does not say which images it learnt from"
            if "images" in checkpoint:
                reason = "learnt from other images, or from files that have changed since"
            raise ValueError(
                f"the checkpoint {reason}; begin anew with --restart (resume=False), or choose an empty folder."
            )


def _images(trainer: L.Trainer) -> list[list[str]]:
    """Return role, collection, its fingerprint and that of the image ids, for each source that trains."""
    training, _ = trainer.datamodule.sources  # type: ignore[attr-defined]
    return [
        [one.role, one.collection.name, one.collection.fingerprint, fingerprint(list(one.images))] for one in training
    ]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
