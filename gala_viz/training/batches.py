"""Batches of a collection held in memory: made in one go, varied where the network computes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import lightning as L
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from gala_viz.training.augmentation import N_UNIFORMS, add_noise, augment
from gala_viz.training.checkpoints import ResumableDataLoader
from gala_viz.training.dataset import TrainingSource
from gala_viz.training.in_memory_dataset import InMemoryDataset
from gala_viz.training.recipes import ScratchRecipe
from gala_viz.training.rng import named_rng, uniform_numbers


@dataclass(frozen=True)
class BatchIndices:
    """Positions of one batch's images in one epoch."""

    epoch: int
    indices: np.ndarray


class BatchSampler(Sampler[BatchIndices]):
    """The batches of an epoch: all images once, in an order of (seed, epoch), or in their own order without ``seed``.

    Each of ``world_size`` processes takes every ``world_size``-th image of each batch, so that one step sees the same
    images on any number of processes. In training the last batch is left out where it is not full.
    """

    def __init__(
        self, n_images: int, batch_size: int, *, seed: int | None = None, rank: int = 0, world_size: int = 1
    ) -> None:
        if batch_size % world_size or (seed is not None and n_images < batch_size):
            raise ValueError(
                f"a batch of {batch_size} images needs as many images, and a number of processes that divides it; got "
                f"{n_images} images and {world_size} processes."
            )
        self.n_images, self.batch_size, self.seed, self.rank, self.world_size = (
            n_images,
            batch_size,
            seed,
            rank,
            world_size,
        )
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before each epoch."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[BatchIndices]:
        epoch, order = self.epoch, np.arange(self.n_images)
        if self.seed is not None:
            order = named_rng(self.seed, "order", epoch).permutation(self.n_images)
        for number in range(len(self)):
            batch = order[number * self.batch_size : (number + 1) * self.batch_size]
            yield BatchIndices(epoch, batch[self.rank : len(batch) - len(batch) % self.world_size : self.world_size])

    def __len__(self) -> int:
        rest = 0 if self.seed is not None else (self.n_images % self.batch_size) // self.world_size > 0
        return self.n_images // self.batch_size + rest


class BatchDataset(Dataset):
    """``BatchIndices`` -> the arrays of a batch, not yet varied.

    Where the pictures shall be, ``chances`` (B, 7), the last one for the noise's strength, and ``noise_seeds`` (B,).
    """

    def __init__(self, dataset: InMemoryDataset, *, seed: int | None = None) -> None:
        self.dataset, self.seed = dataset, seed

    def __getitem__(self, turn: BatchIndices) -> dict[str, Tensor]:
        where, held = turn.indices, self.dataset
        batch = {
            "pixels": torch.from_numpy(held.pixels[where]),
            "marks": torch.from_numpy(held.human_maps[where]),
            "label": torch.from_numpy(held.labels[where]),
            "has_map": torch.from_numpy(held.has_map[where]),
        }
        if self.seed is not None:
            chances = uniform_numbers(held.rng_keys[where], N_UNIFORMS + 2, self.seed, "vary", turn.epoch)
            batch["chances"] = torch.from_numpy(chances[:, :-1].astype(np.float32))
            batch["noise_seeds"] = torch.from_numpy((chances[:, -1] * 2**32).astype(np.int64))
        return batch


class InMemoryDataModule(L.LightningDataModule):
    """Training and validation pictures of one recipe, over the ranks of a distributed run."""

    def __init__(self, training: InMemoryDataset, validation: InMemoryDataset, recipe: ScratchRecipe) -> None:
        super().__init__()
        self.training, self.validation, self.recipe = training, validation, recipe

    @property
    def sources(self) -> tuple[tuple[TrainingSource, ...], tuple[TrainingSource, ...]]:
        """Which images of which collection train, and which choose."""
        training, validation = (replace(held.source, images=held.images) for held in (self.training, self.validation))
        return (training,), (validation,)

    def train_dataloader(self) -> DataLoader:
        """One epoch in its seeded order, each picture varied anew."""
        return self._loader(self.training, self.recipe.seed)

    def val_dataloader(self) -> DataLoader:
        """All validation pictures, whole."""
        return self._loader(self.validation, None)

    def on_after_batch_transfer(self, batch: dict[str, Tensor], dataloader_idx: int) -> dict[str, Tensor]:
        """What the networks take, on the device: ``input`` (B, 3, y, x), ``label``, ``map`` (B, y, x), ``has_map``."""
        del dataloader_idx
        return prepare_batch(batch, self.recipe)

    def _loader(self, held: InMemoryDataset, seed: int | None) -> DataLoader:
        rank, world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        turns = BatchSampler(len(held.images), self.recipe.batch_size, seed=seed, rank=rank, world_size=world)
        return ResumableDataLoader(BatchDataset(held, seed=seed), sampler=turns, batch_size=None)


def prepare_batch(batch: dict[str, Tensor], recipe: ScratchRecipe) -> dict[str, Tensor]:
    """A batch of ``BatchDataset``, varied by ``recipe`` where it has ``chances``, scaled for the networks."""
    if "chances" in batch:
        shares = {name: getattr(recipe, name) for name in ("smallest_share", "contrast", "brightness")}
        chances = batch["chances"]
        photos, marks = augment(batch["pixels"], batch["marks"], chances[:, :N_UNIFORMS], **shares)
        if recipe.noise:
            photos = add_noise(photos, chances[:, N_UNIFORMS], batch["noise_seeds"], 255 * recipe.noise)
    else:
        photos, marks = batch["pixels"].permute(0, 3, 1, 2).float(), batch["marks"].float()
    scales = recipe.preprocessing.mean, recipe.preprocessing.std
    mean, std = (photos.new_tensor(scale)[:, None, None] for scale in scales)
    return {"input": (photos - mean) / std, "map": marks, "label": batch["label"], "has_map": batch["has_map"]}


def validation_batches(dataset: InMemoryDataset, recipe: ScratchRecipe) -> Iterator[dict[str, Tensor]]:
    """All images of ``dataset``, whole, as networks take them, on the CPU."""
    batches = BatchDataset(dataset)
    return (prepare_batch(batches[turn], recipe) for turn in BatchSampler(len(dataset.images), recipe.batch_size))
