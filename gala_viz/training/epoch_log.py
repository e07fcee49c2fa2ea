"""What a training tells of each epoch: losses, metrics, rate, gradient norm and speed, in one table and in words."""

from __future__ import annotations

import csv
import logging
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback

from gala_viz.training.checkpoints import EPOCHS_FILE

_log = logging.getLogger(__name__)
COLUMNS = (
    *("epoch", "step", "loss", "category_part", "attention_part", "harmonizer_part"),
    *("category_loss", "attention_loss", "harmonizer_loss", "attention_weight"),
    *("accuracy", "distance", "rho", "agreement", "alignment", "ceiling"),
    *("rate", "gradient_norm", "images_per_s", "seconds", "unreadable"),
)
"""Epochs count from 1. ``loss``, its parts, of which it is the sum (a part is lambda times a step's attention loss, 0
in a step without a map), lambda (``attention_weight``) and the gradient norm before any clipping are means over the
epoch's steps. The losses themselves are means over the images that count: those with a label, those with a map; empty
where there is none. The rate is that of the last step; metrics are of the validation images, ``alignment`` and
``ceiling`` of those that an ``AlignmentCallback`` scores. ``unreadable`` counts photographs of the epoch that could not
be read."""
METRICS = ("accuracy", "distance", "rho", "agreement", "alignment", "ceiling")


class EpochLog(Callback):
    """Writes a row of ``epochs.csv`` after each epoch, and tells it in a line with the time that is left.

    Parameters
    ----------
    folder : str or Path
        Of the run.
    tell : callable, optional
        Called with the line, in the first process alone; default: nothing is told.
    """

    def __init__(self, folder: str | Path, tell: Callable[[str], None] | None = None) -> None:
        self._path, self._tell = Path(folder) / EPOCHS_FILE, tell
        self._sums: dict[str, torch.Tensor | float] = {}
        self._totals: dict[str, torch.Tensor | float] = {}
        self._counts: dict[str, torch.Tensor | float] = {}
        self._n_steps = self._n_images = 0
        self._n_unreadable: float = 0
        self.unreadable: set[str] = set()
        """Photographs that this process could not read so far."""
        self._rate = math.nan
        self._begun_s, self._before_s = time.monotonic(), 0.0

    def state_dict(self) -> dict[str, Any]:
        """Return the sums of the epoch so far, means over all processes: each of them goes on with these.

        An epoch that is resumed in its middle has the row of all its steps.
        """
        means = _over_processes({**self._sums, "": float(self._n_unreadable)})
        return {
            "sums": {name: value for name, value in means.items() if name},
            "totals": _over_processes(self._totals),
            "counts": _over_processes(self._counts),
            "n_steps": self._n_steps,
            "n_images": self._n_images,
            "n_unreadable": means[""],
            "unreadable": sorted(self.unreadable),
            "seconds": self._seconds(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with sums that ``state_dict`` returned."""
        self._sums, self._n_steps, self._n_images = dict(state["sums"]), state["n_steps"], state["n_images"]
        self._totals, self._counts = dict(state.get("totals", {})), dict(state.get("counts", {}))
        self._n_unreadable, self.unreadable = state.get("n_unreadable", 0), set(state.get("unreadable", ()))
        self._before_s = state["seconds"]

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Start the clock, of an epoch that is resumed too."""
        self._begun_s = time.monotonic()

    def on_train_epoch_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Begin the sums of an epoch; not called where one is resumed in its middle."""
        self._sums, self._totals, self._counts = {}, {}, {}
        self._n_steps, self._n_images, self._n_unreadable = 0, 0, 0
        self._begun_s, self._before_s = time.monotonic(), 0.0

    def on_before_optimizer_step(self, trainer: L.Trainer, module: L.LightningModule, optimizer: Any) -> None:
        """Add the L2 norm of all gradients; that of a step which mixed precision skips is not finite, and counts 0."""
        self._rate = max(group["lr"] for group in optimizer.param_groups)
        gradients = [one.grad.detach() for one in module.parameters() if one.grad is not None]
        if gradients:
            norm = torch.stack([one.norm() for one in gradients]).norm()
            norm = norm * trainer.accumulate_grad_batches  # sums are divided by batches, of which a step has so many
            self._add("gradient_norm", torch.nan_to_num(norm, nan=0.0, posinf=0.0))

    def on_train_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Add the losses of a step.

        Parameters
        ----------
        trainer : L.Trainer
            Tells the number of processes.
        module : CoTrainingModule
            Has the losses as ``step_values`` and ``step_means``.
        outputs : Any
            Not used.
        batch : dict of str to Tensor
            Its number of images counts.
        batch_idx : int
            Not used.
        """
        self._n_steps += 1
        self._n_images += len(batch["label"]) * trainer.world_size
        unread = batch.get("unreadable", ())
        self._n_unreadable += len(unread)
        if self._tell is not None and (new := sorted(set(unread) - self.unreadable)):
            self._tell(f"cannot be read and {'is' if len(new) == 1 else 'are'} left out: {', '.join(new[:5])}")
        self.unreadable.update(unread)
        for name, value in module.step_values.items():  # type: ignore[union-attr]
            self._add(name, value)  # type: ignore[arg-type]
        for name, (mean, count) in module.step_means.items():  # type: ignore[union-attr]
            self._totals[name] = self._totals.get(name, 0.0) + mean * count
            self._counts[name] = self._counts.get(name, 0.0) + count

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Write and tell the epoch; the validation before it counts. Losses are means over all processes.

        A table that cannot be written, or a terminal that is gone, never ends a training.
        """
        names, losses = list(self._sums), list(self._totals)
        sums = [self._sums[name] for name in names] + [self._totals[name] for name in losses]
        sums += [self._counts[name] for name in losses]
        values = torch.tensor([float(one) for one in sums], device=module.device)
        unread = torch.tensor(float(self._n_unreadable), device=module.device)
        if trainer.world_size > 1:
            values = trainer.strategy.reduce(values, reduce_op="mean")
            unread = trainer.strategy.reduce(unread, reduce_op="sum")
        if not trainer.is_global_zero:
            return
        seconds = self._seconds()
        numbers = values.cpu().tolist()
        means = {name: total / max(1, self._n_steps) for name, total in zip(names, numbers, strict=False)}
        totals, counts = numbers[len(names) :][: len(losses)], numbers[len(names) + len(losses) :]
        means |= {name: total / n for name, total, n in zip(losses, totals, counts, strict=True) if n}
        known = {name: value for name, value in trainer.callback_metrics.items() if name in METRICS}
        stale = ("alignment", "ceiling")  # Lightning keeps them from the epoch in which they were found
        metrics = {name: float(value) for name, value in known.items() if name not in stale}
        metrics |= module.epoch_values  # type: ignore[operator]
        module.epoch_values.clear()  # type: ignore[operator]
        row = {
            "epoch": trainer.current_epoch + 1,
            "step": trainer.global_step,
            **means,
            **metrics,
            "rate": self._rate,
            "images_per_s": self._n_images / seconds if seconds > 0 else math.nan,
            "seconds": seconds,
            "unreadable": round(float(unread)),
        }
        try:
            self._write(row)
            if self._tell is not None:
                self._tell(epoch_text(row, trainer.max_epochs or 0))
        except OSError as error:
            _log.warning("epoch %d is not told (%s); the training goes on.", row["epoch"], error)

    def _seconds(self) -> float:
        return self._before_s + time.monotonic() - self._begun_s

    def _add(self, name: str, value: torch.Tensor) -> None:
        self._sums[name] = self._sums.get(name, 0.0) + value.detach()

    def _write(self, row: dict[str, Any]) -> None:
        """Write the table anew with ``row``; of an epoch that is trained again the new row stays, and none after it."""
        before = read_epochs(self._path)
        if not before and self._path.is_file():  # it cannot be read, and is kept
            self._path.replace(self._path.with_suffix(".damaged"))
        rows = [one for one in before if int(one["epoch"]) < row["epoch"]]
        partial = self._path.with_suffix(".partial")
        with partial.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="")
            writer.writeheader()
            writer.writerows([*rows, {name: _rounded(value) for name, value in row.items()}])
        partial.replace(self._path)


def _over_processes(values: dict[str, Any]) -> dict[str, float]:
    """Return the mean of each of ``values`` over the processes of a distributed training, all of which call this."""
    plain = {name: float(value) for name, value in values.items()}
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return plain
    device = "cuda" if torch.distributed.get_backend() == "nccl" else "cpu"
    total = torch.tensor([plain[name] for name in sorted(plain)], dtype=torch.float64, device=device)
    torch.distributed.all_reduce(total)
    means = (total / torch.distributed.get_world_size()).tolist()
    return dict(zip(sorted(plain), means, strict=True))


def read_epochs(path: str | Path) -> list[dict[str, str]]:
    """Return the rows of an ``epochs.csv``, with its columns as texts; none where there is no such file.

    None, too, where it is damaged: a table never ends a training.
    """
    path = Path(path)
    if not path.is_file():
        return []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [{name: row.get(name) or "" for name in COLUMNS} for row in csv.DictReader(file)]
        for row in rows:
            int(row["epoch"])
            for value in row.values():
                float(value or 0)
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        _log.warning("%s is damaged (%s).", path, error)
        return []
    return rows


def epoch_text(row: dict[str, Any], n_epochs: int) -> str:
    """Return one epoch in a line: "epoch 3 of 10: loss 1.234, accuracy 0.612, 61 images/s, 4.2 min left".

    Where maps train, the loss is told with its parts, as they were added in each step, and the attention loss of a map:
    "loss 4.170 = 1.588 categories + 2.582 attention (6.494 a map, lambda 0.4)".
    """
    done = row["epoch"]
    parts = [f"loss {row['loss']:.3f}"]
    if "attention_part" in row or "harmonizer_part" in row:
        parts[0] += f" = {row['category_part']:.3f} categories"
    if "attention_part" in row:  # lambda rises, and the loss with it: a mean of products is no product of means
        a_map = f"{row['attention_loss']:.3f} a map" if "attention_loss" in row else "no map"
        parts[0] += f" + {row['attention_part']:.3f} attention ({a_map}, lambda {row['attention_weight']:.3g})"
    if "harmonizer_part" in row:
        parts[0] += f" + {row['harmonizer_part']:.3f} harmonizer"
    parts += [f"{name} {row[name]:.3f}" for name in ("accuracy", "rho", "alignment") if name in row]
    parts.append(f"{row['images_per_s']:.0f} images/s")
    if row.get("unreadable"):
        parts.append(f"unreadable: {row['unreadable']}")
    left_s = row["seconds"] * max(0, n_epochs - done)
    if left_s:
        parts.append(f"{left_s / 3600:.1f} h left" if left_s >= 5400 else f"{left_s / 60:.1f} min left")
    return f"epoch {done} of {n_epochs}: {', '.join(parts)}"


def _rounded(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value
