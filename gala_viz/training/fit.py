"""Running a training: start, train, checkpoint, resume."""

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

    ``folder`` gets checkpoints, the log as a table (log/) and for TensorBoard (tensorboard/). A checkpoint is kept
    after every epoch and, on Ctrl-C or SIGTERM, after the present step, before ``KeyboardInterrupt`` is raised; with
    ``resume`` a run that was stopped goes on from there, on a CPU to the numbers of an uninterrupted one on the same
    machine. Float32 is float32 on a GPU too, and batch norms count the images of all GPUs. Under torchrun every process
    calls this alike. Refused with ``ValueError`` are a checkpoint of another recipe or of other images, and images that
    a collection of the training calls validation or test. ``max_epochs`` stops early, for trials and tests; the
    schedule stays the recipe's.
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
    with catch_interrupt() as asked, warnings.catch_warnings():
        if module.stays_in_eval:
            warnings.filterwarnings("ignore", r"Found \d+ module\(s\) in eval mode")  # Lightning's; here meant so
        trainer = L.Trainer(
            max_epochs=max_epochs or module.recipe.epochs,
            accelerator=accelerator,
            devices=devices,
            num_nodes=num_nodes,
            sync_batchnorm=accelerator != "cpu" and devices not in (1, "1") and torch.cuda.is_available(),
            default_root_dir=folder,
            precision=precision,  # type: ignore[arg-type]
            use_distributed_sampler=False,
            callbacks=[CheckpointCallback(folder, asked), CheckRecipeCallback(module.recipe), *callbacks],
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
