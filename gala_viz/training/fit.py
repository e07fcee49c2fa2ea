"""Running a recipe: start, train, checkpoint, resume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from torch import nn
from torch.utils.data import DataLoader

from gala_viz.networks.insert import open_gates
from gala_viz.networks.network import Network
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.networks.zoo import build
from gala_viz.training.module import CoTraining
from gala_viz.training.recipes import Recipe
from gala_viz.training.samples import EpochSampler, Samples, Source


class Pictures(L.LightningDataModule):
    """Training and validation pictures of one recipe, split over the ranks of a distributed run."""

    def __init__(
        self,
        training: Sequence[Source],
        validation: Sequence[Source],
        preprocessing: Preprocessing,
        recipe: Recipe,
    ) -> None:
        super().__init__()
        self.recipe = recipe
        self._sources = tuple(training), tuple(validation)
        seed, jitter = recipe.seed, recipe.jitter_px
        self._training = Samples(training, preprocessing, jitter_px=jitter, seed=seed)
        self._validation = Samples(validation, preprocessing, jitter_px=0, seed=seed)

    def train_dataloader(self) -> DataLoader:
        """Pictures of one epoch, in their seeded order."""
        return self._loader(self._training, self._sources[0], self.recipe.per_epoch)

    def val_dataloader(self) -> DataLoader:
        """All validation pictures, centre crop."""
        return self._loader(self._validation, self._sources[1], None)

    def _loader(self, samples: Samples, sources: tuple[Source, ...], per_epoch: dict[str, int] | None) -> DataLoader:
        rank, world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        sampler = EpochSampler(sources, per_epoch, seed=self.recipe.seed, rank=rank, world=world)
        return DataLoader(samples, batch_size=self.recipe.batch_size, sampler=sampler)


def starting_network(recipe: Recipe, start: Network) -> nn.Module:
    """The recipe's architecture with the weights of ``start`` and its gates open: it computes what ``start`` does.

    GALA's other weights come from the recipe's seed. Raises ``ValueError`` where ``start`` has keys that the
    architecture lacks.
    """
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        network = build(recipe.builder, recipe.arguments)
    state = network.state_dict()
    for key, value in start.module.state_dict().items():
        owner, _, leaf = key.rpartition(".")
        placed = key if key in state else f"{owner}.body.{leaf}"
        if placed not in state:
            raise ValueError(f"{recipe.builder} has no place for {key!r} of {start.name}.")
        state[placed] = value.cpu().clone()
    network.load_state_dict(state)
    return open_gates(network, recipe.gate)


def fit(
    recipe: Recipe,
    network: nn.Module,
    teacher: Network,
    pictures: Pictures,
    folder: Path,
    *,
    accelerator: str = "auto",
    devices: int | str = "auto",
    precision: str = "32-true",
    resume: bool = True,
    quiet: bool = False,
    callbacks: Sequence[Callback] = (),
    max_epochs: int | None = None,
) -> nn.Module:
    """Train ``network`` in place beside its ``teacher`` and return it; ``folder`` gets checkpoints and logs.

    A checkpoint is kept after every epoch; with ``resume`` a run that was stopped goes on from the last one, to the
    numbers of an uninterrupted run on the same machine. Under torchrun every process calls this alike. A checkpoint
    of another recipe is refused with ``ValueError``. ``max_epochs`` stops early, for trials and tests; the schedule
    stays the recipe's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    last = folder / "last.ckpt"
    module = CoTraining(network.to(memory_format=torch.channels_last), recipe, teacher)
    saving = ModelCheckpoint(
        dirpath=folder, save_last=True, save_top_k=0, every_n_epochs=1, enable_version_counter=False
    )
    trainer = L.Trainer(
        max_epochs=max_epochs or recipe.epochs,
        accelerator=accelerator,
        devices=devices,
        precision=precision,  # type: ignore[arg-type]
        use_distributed_sampler=False,
        callbacks=[saving, _SameRecipe(recipe), *callbacks],
        logger=CSVLogger(folder, name="log"),
        log_every_n_steps=10,
        num_sanity_val_steps=0,
        enable_progress_bar=not quiet,
        enable_model_summary=False,
    )
    resumed = str(last) if resume and last.is_file() else None
    trainer.fit(module, pictures, ckpt_path=resumed, weights_only=True)
    if trainer.interrupted:
        raise KeyboardInterrupt
    return network.cpu().eval()


class _SameRecipe(Callback):
    """Writes the recipe into every checkpoint and refuses to go on from another recipe's."""

    def __init__(self, recipe: Recipe) -> None:
        self._settings = {key: _plain(value) for key, value in asdict(recipe).items()}

    def on_save_checkpoint(self, trainer: L.Trainer, module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        checkpoint["recipe"] = self._settings

    def on_load_checkpoint(self, trainer: L.Trainer, module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        found = checkpoint.get("recipe", {})
        different = sorted(key for key in self._settings if found.get(key) != self._settings[key])
        if different:
            told = "; ".join(f"{key}: {found.get(key)!r}, now {self._settings[key]!r}" for key in different)
            raise ValueError(f"the checkpoint is of another recipe ({told}); choose an empty folder or resume=False.")


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
