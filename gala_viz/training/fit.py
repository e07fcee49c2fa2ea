"""Run a training: start, train, write checkpoints, resume."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, TQDMProgressBar, WeightAveraging
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch import Tensor, nn

from gala_viz.networks.devices import arithmetic, choose_device, disable_tf32
from gala_viz.training.checkpoints import (
    CHECKPOINT_MINUTES,
    CheckpointCallback,
    CheckRecipeCallback,
    TrainingStopped,
    catch_interrupt,
    checkpoint_to_resume,
    clear_run,
)
from gala_viz.training.cotraining import CoTrainingModule
from gala_viz.training.epoch_log import EpochLog
from gala_viz.training.recipes import Recipe
from gala_viz.training.run_lock import locked_run

PRECISIONS = ("32-true", "tf32", "bf16-mixed", "16-mixed")
"""Precisions of a training. Mixed ones keep weights and losses in float32; float16 and tf32 need a GPU."""


def fit(
    module: CoTrainingModule,
    datamodule: L.LightningDataModule,
    folder: str | Path,
    *,
    accelerator: str = "auto",
    devices: int | str = "auto",
    num_nodes: int = 1,
    precision: str = "32-true",
    resume: bool = True,
    quiet: bool = False,
    callbacks: Sequence[Callback] = (),
    max_epochs: int | None = None,
    checkpoint_minutes: float = CHECKPOINT_MINUTES,
    compile_network: bool = False,
    tell: Callable[[str], None] | None = None,
) -> nn.Module:
    """Train the module's network in place and return it, on the CPU, in eval mode.

    A checkpoint is written after every epoch, every so many minutes within one and, on Ctrl-C or SIGTERM, after the
    present step, before ``KeyboardInterrupt`` is raised. Float32 is float32 on a GPU too, unless "tf32" is the
    precision. Under torchrun every process calls this alike. With the recipe's ``ema`` the network is validated, and
    returned, with the average of its weights.

    Parameters
    ----------
    module : CoTrainingModule
        Network and recipe.
    datamodule : LightningDataModule
        Loaders, and ``sources``: the images that train and those that validate.
    folder : str or Path
        Gets checkpoints, a row for each epoch (epochs.csv), the log of steps as a table (log/) and for TensorBoard
        (tensorboard/); made where it is missing. One training at a time runs in it.
    accelerator : str
        Lightning's: "auto", "cpu", "gpu".
    devices : int or str
        Processes of one machine, or "auto".
    num_nodes : int
        Machines. With CUDA, batch norms count the images of all GPUs, unless there is one or ``accelerator`` is "cpu":
        several processes on CPUs have batch norms of their own images, and ``tell`` says so.
    precision : str
        One of ``PRECISIONS``; "16-mixed" and "tf32" need a GPU.
    resume : bool
        Go on from the checkpoint in ``folder``, on a CPU to the numbers of an uninterrupted run on the same machine;
        False deletes old checkpoints. Where there is none, what an earlier training left of its epochs is deleted.
    quiet : bool
        Draw no progress bar.
    callbacks : sequence of Callback
        Further callbacks of Lightning.
    max_epochs : int, optional
        Stop early, for trials and tests; the schedule stays the recipe's.
    checkpoint_minutes : float
        After so many minutes in an epoch a checkpoint is written in its middle.
    compile_network : bool
        Compile the network with ``torch.compile``: steps are faster on a GPU, after minutes at the start.
    tell : callable, optional
        Called with a line for each epoch.

    Returns
    -------
    nn.Module
        The network.

    Raises
    ------
    ValueError
        The checkpoint is damaged, of another recipe, of other images, precision or number of processes; an image would
        train or validate that a collection of the training holds out from that; another training runs in ``folder``;
        or device and precision do not suit each other.
    DivergedError
        The loss or a weight is NaN or infinite; the last good checkpoint is kept.
    KeyboardInterrupt
        The training was stopped; its checkpoint is written.
    """
    folder = Path(folder).expanduser()
    check_hardware(accelerator, precision, devices)
    shares_batch_norm = _shares_batch_norm(accelerator, devices, num_nodes)
    _check_harmonizer(module.recipe, precision, compiled=compile_network, shares_batch_norm=shares_batch_norm)
    disable_tf32()
    module.network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]  # torch's stubs lack this
    with locked_run(folder) as holds, catch_interrupt() as stop_requested, warnings.catch_warnings():
        if module.stays_in_eval:
            warnings.filterwarnings("ignore", r"Found \d+ module\(s\) in eval mode")  # Lightning's; here meant so
        warnings.filterwarnings("ignore", r"The number of training batches")  # every epoch has its row
        checkpoint = checkpoint_to_resume(folder) if resume else None
        if holds and checkpoint is None:
            clear_run(folder)
        elif checkpoint is not None and tell is not None:
            tell(f"goes on from {checkpoint}")
        if compile_network:
            module.network.compile()
        recipe = module.recipe
        averages = [_moving_average(recipe.ema, accelerator)] if recipe.ema else []
        trainer = L.Trainer(
            max_epochs=max_epochs or recipe.epochs,
            accelerator=accelerator,
            devices=devices,
            num_nodes=num_nodes,
            sync_batchnorm=shares_batch_norm,
            default_root_dir=folder,
            precision="32-true" if precision == "tf32" else precision,  # type: ignore[arg-type]
            use_distributed_sampler=False,
            accumulate_grad_batches=recipe.accumulate,
            gradient_clip_val=recipe.clip_norm or None,
            callbacks=[
                *([] if quiet else [EpochProgressBar()]),
                EpochLog(folder, tell),
                *callbacks,
                *averages,  # after what reads the validated network, which is the average
                CheckpointCallback(folder, stop_requested, minutes=checkpoint_minutes),
                CheckRecipeCallback(recipe, precision),
            ],
            logger=[CSVLogger(folder, name="log"), TensorBoardLogger(folder, name="tensorboard", version="")],
            log_every_n_steps=10,
            num_sanity_val_steps=0,
            enable_checkpointing=False,
            enable_progress_bar=not quiet,
            enable_model_summary=False,
        )
        has_own_norms = trainer.world_size > 1 and not (shares_batch_norm or module.stays_in_eval)
        if tell is not None and trainer.is_global_zero and has_own_norms:
            tell("batch norms of each process are of its own images: on processors they are not shared")
        try:
            with arithmetic(precision, choose_device(None)):
                trainer.fit(module, datamodule, ckpt_path=checkpoint, weights_only=True)
            if recipe.ema and checkpoint is not None and checkpoint.is_file():  # one within an epoch is gone by now
                _take_average(module, checkpoint, trainer)
        except TrainingStopped:
            if tell is not None and trainer.is_global_zero:
                tell(f"stopped; its checkpoint is in {folder}, from which the same training goes on")
            raise KeyboardInterrupt from None
        except SystemExit:
            if trainer.interrupted:
                raise KeyboardInterrupt from None
            raise
    return module.network.cpu().eval()


class EpochProgressBar(TQDMProgressBar):
    """Lightning's progress bar, with epochs that count from 1, as everywhere here."""

    def on_train_epoch_start(self, trainer: L.Trainer, *_: object) -> None:
        """Begin the bar of an epoch, for example "epoch 12 of 12"."""
        super().on_train_epoch_start(trainer, *_)
        self.train_progress_bar.set_description(f"epoch {trainer.current_epoch + 1} of {trainer.max_epochs}")


def check_hardware(accelerator: str, precision: str, devices: int | str = 1) -> None:
    """Raise ``ValueError`` for devices that are not there, and for a precision that the device does not have."""
    if precision not in PRECISIONS:
        raise ValueError(f"precision of a training is one of {', '.join(PRECISIONS)}; got {precision!r}.")
    if isinstance(devices, int) and devices < 1:
        raise ValueError(f"devices counts processes, from 1 on; got {devices}.")
    has_gpu = torch.cuda.is_available() or torch.backends.mps.is_available()
    if accelerator in ("gpu", "cuda") and not has_gpu:
        raise ValueError("a GPU was asked for, and PyTorch finds none here; --device cpu trains on the processor.")
    n_here = torch.cuda.device_count() if accelerator != "cpu" and torch.cuda.is_available() else None
    if n_here is not None and isinstance(devices, int) and devices > n_here:
        raise ValueError(f"{devices} GPUs were asked for, and PyTorch finds {n_here} here.")
    if precision == "16-mixed" and (accelerator == "cpu" or not has_gpu):
        raise ValueError("16-mixed needs a GPU: a processor computes it in bfloat16. Say bf16-mixed or 32-true.")
    if precision == "tf32" and (accelerator == "cpu" or not torch.cuda.is_available()):
        raise ValueError("tf32 needs an NVIDIA GPU; a processor has none. Say 32-true.")


def _check_harmonizer(recipe: Recipe, precision: str, *, compiled: bool, shares_batch_norm: bool) -> None:
    """Raise ``ValueError`` where gradients of gradients cannot be had."""
    if not recipe.harmonizer_weight:
        return
    reasons = {
        "a compiled network has no second derivative": compiled,
        "batch norms that are shared by several GPUs have no second derivative; train on one": shares_batch_norm,
        "in 16-mixed its gradient of the input may underflow; say bf16-mixed": precision == "16-mixed",
    }
    if why := next((reason for reason, holds in reasons.items() if holds), ""):
        raise ValueError(f"{recipe.name}: the harmonizer's loss differentiates a gradient again: {why}.")


def _moving_average(decay: float, accelerator: str) -> WeightAveraging:
    """Return the callback that averages the weights, where the network computes.

    Of the first ``n`` steps the decay is at most (1 + n) / (10 + n), so that the first weights are soon forgotten.
    Source: the moving averages of TensorFlow.
    """

    def average(averaged: Tensor, current: Tensor, n_averaged: Tensor | int) -> Tensor:
        n = float(n_averaged)
        now = min(decay, (1 + n) / (10 + n))
        return now * averaged + (1 - now) * current

    on_gpu = accelerator != "cpu" and torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if on_gpu else None
    return WeightAveraging(device=device, avg_fn=average)


def _take_average(module: CoTrainingModule, checkpoint: Path, trainer: L.Trainer) -> None:
    """Give ``module`` the average of a training that was finished before: Lightning leaves it the last weights."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)
    if state["global_step"] == trainer.global_step:
        module.load_state_dict(state["state_dict"])


def _shares_batch_norm(accelerator: str, devices: int | str, num_nodes: int) -> bool:
    return accelerator != "cpu" and (devices not in (1, "1") or num_nodes > 1) and torch.cuda.is_available()
