"""Run a training: start, train, write checkpoints, resume."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch import nn

from gala_viz.networks.devices import disable_tf32
from gala_viz.training.checkpoints import (
    INTERRUPTED_CHECKPOINT,
    LAST_CHECKPOINT,
    CheckpointCallback,
    CheckRecipeCallback,
    TrainingStopped,
    catch_interrupt,
    checkpoint_to_resume,
)
from gala_viz.training.cotraining import CoTrainingModule


def fit(
    module: CoTrainingModule,
    datamodule: L.LightningDataModule,
    folder: Path,
    *,
    accelerator: str = "auto",
    devices: int | str = "auto",
    num_nodes: int = 1,
    precision: str = "32-true",
    resume: bool = True,
    quiet: bool = False,
    callbacks: Sequence[Callback] = (),
    max_epochs: int | None = None,
) -> nn.Module:
    """Train the module's network in place and return it, on the CPU, in eval mode.

    A checkpoint is written after every epoch and, on Ctrl-C or SIGTERM, after the present step, before
    ``KeyboardInterrupt`` is raised. Float32 is float32 on a GPU too. Under torchrun every process calls this alike.

    Parameters
    ----------
    module : CoTrainingModule
        Network and recipe.
    datamodule : LightningDataModule
        Loaders, and ``sources``: the images that train and those that validate.
    folder : Path
        Gets checkpoints, the log as a table (log/) and for TensorBoard (tensorboard/); made where it is missing.
    accelerator : str
        Lightning's: "auto", "cpu", "gpu".
    devices : int or str
        Processes of one machine, or "auto".
    num_nodes : int
        Machines. With CUDA, batch norms count the images of all GPUs, unless there is one or ``accelerator`` is "cpu".
    precision : str
        Lightning's, for example "32-true" or "bf16-mixed".
    resume : bool
        Go on from the checkpoint in ``folder``, on a CPU to the numbers of an uninterrupted run on the same machine;
        False deletes old checkpoints.
    quiet : bool
        Draw no progress bar.
    callbacks : sequence of Callback
        Further callbacks of Lightning.
    max_epochs : int, optional
        Stop early, for trials and tests; the schedule stays the recipe's.

    Returns
    -------
    nn.Module
        The network.

    Raises
    ------
    ValueError
        The checkpoint is of another recipe or of other images, or an image would train or validate that a collection of
        the training holds out from that.
    KeyboardInterrupt
        The training was stopped; its checkpoint is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    disable_tf32()
    module.network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]  # torch's stubs lack this
    checkpoint = checkpoint_to_resume(folder) if resume else None
    if not resume:
        for old in (
            folder / INTERRUPTED_CHECKPOINT,
            folder / LAST_CHECKPOINT,
            *folder.glob("hpc_ckpt_*"),
        ):  # the last: Lightning's, of SLURM
            old.unlink(missing_ok=True)
    with catch_interrupt() as stop_requested, warnings.catch_warnings():
        if module.stays_in_eval:
            warnings.filterwarnings("ignore", r"Found \d+ module\(s\) in eval mode")  # Lightning's; here meant so
        trainer = L.Trainer(
            max_epochs=max_epochs or module.recipe.epochs,
            accelerator=accelerator,
            devices=devices,
            num_nodes=num_nodes,
            sync_batchnorm=_shares_batch_norm(accelerator, devices, num_nodes),
            default_root_dir=folder,
            precision=precision,  # type: ignore[arg-type]
            use_distributed_sampler=False,
            callbacks=[CheckpointCallback(folder, stop_requested), CheckRecipeCallback(module.recipe), *callbacks],
            logger=[CSVLogger(folder, name="log"), TensorBoardLogger(folder, name="tensorboard", version="")],
            log_every_n_steps=10,
            num_sanity_val_steps=0,
            enable_checkpointing=False,
            enable_progress_bar=not quiet,
            enable_model_summary=False,
        )
        try:
            trainer.fit(module, datamodule, ckpt_path=checkpoint, weights_only=True)
        except TrainingStopped:
            raise KeyboardInterrupt from None
        except SystemExit:
            if trainer.interrupted:
                raise KeyboardInterrupt from None
            raise
    return module.network.cpu().eval()


def _shares_batch_norm(accelerator: str, devices: int | str, num_nodes: int) -> bool:
    return accelerator != "cpu" and (devices not in (1, "1") or num_nodes > 1) and torch.cuda.is_available()
