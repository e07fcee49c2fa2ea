"""Batches of an in-memory dataset: made in one go, augmented on the device where the network computes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import lightning as L
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from gala_viz.deprecated_paths import deprecated_getattr
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
    """The batches of an epoch: all images once, in a seeded order or, without ``seed``, in their own.

    The order depends on ``seed`` and epoch. Of the ``n_images``, in batches of ``batch_size``, the process ``rank`` of
    ``world_size`` takes every ``world_size``-th image of each batch, so that one step sees the same images on any
    number of processes. In training, with a seed, the last batch is left out where it is not full. Without one it is
    short, and the remainder that would make ranks uneven is dropped. Raises ``ValueError`` where ``world_size`` does
    not divide ``batch_size``, or a training has less than a batch.
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
        """Set the ``epoch`` whose order comes next; Lightning calls this before each one."""
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
    """``BatchIndices`` -> the arrays of a batch of ``dataset``, not yet augmented.

    With a ``seed``, for augmentation, also ``chances`` (B, 7), the last one for the noise's strength, and
    ``noise_seeds`` (B,).
    """

    def __init__(self, dataset: InMemoryDataset, *, seed: int | None = None) -> None:
        self.dataset, self.seed = dataset, seed

    def __getitem__(self, turn: BatchIndices) -> dict[str, Any]:
        where, dataset = turn.indices, self.dataset
        batch = {
            "pixels": torch.from_numpy(dataset.pixels[where]),
            "marks": torch.from_numpy(dataset.human_maps[where]),
            "label": torch.from_numpy(dataset.labels[where]),
            "has_map": torch.from_numpy(dataset.has_map[where]),
            "images": [dataset.images[index] for index in where],
        }
        if self.seed is not None:
            chances = uniform_numbers(dataset.rng_keys[where], N_UNIFORMS + 2, self.seed, "vary", turn.epoch)
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
        """Which images of which collection train, and by which the training is validated."""
        training, validation = (replace(one.source, images=one.images) for one in (self.training, self.validation))
        return (training,), (validation,)

    def train_dataloader(self) -> DataLoader:
        """Return a loader of one epoch in its seeded order, each picture augmented anew."""
        return self._loader(self.training, self.recipe.seed)

    def val_dataloader(self) -> DataLoader:
        """Return a loader of all validation pictures, whole."""
        return self._loader(self.validation, None)

    def on_after_batch_transfer(self, batch: dict[str, Any], dataloader_idx: int) -> dict[str, Any]:
        """Return what the networks take, on the device, as ``prepare_batch`` does; ``dataloader_idx`` is not used."""
        del dataloader_idx
        return prepare_batch(batch, self.recipe)

    def _loader(self, dataset: InMemoryDataset, seed: int | None) -> DataLoader:
        rank, world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        sampler = BatchSampler(len(dataset.images), self.recipe.batch_size, seed=seed, rank=rank, world_size=world)
        return ResumableDataLoader(BatchDataset(dataset, seed=seed), sampler=sampler, batch_size=None)


def prepare_batch(batch: dict[str, Any], recipe: ScratchRecipe) -> dict[str, Any]:
    """Return a ``batch`` of ``BatchDataset`` normalised for the networks, and augmented if it has ``chances``.

    ``recipe`` says how. The result has ``input`` (B, 3, y, x) and ``map`` (B, y, x), both float32, ``label`` (B,),
    ``has_map`` (B,) and ``images``, B ids.
    """
    if "chances" in batch:
        shares = {name: getattr(recipe, name) for name in ("smallest_share", "contrast", "brightness")}
        chances = batch["chances"]
        photos, human_maps = augment(batch["pixels"], batch["marks"], chances[:, :N_UNIFORMS], **shares)
        if recipe.noise:
            photos = add_noise(photos, chances[:, N_UNIFORMS], batch["noise_seeds"], 255 * recipe.noise)
    else:
        photos, human_maps = batch["pixels"].permute(0, 3, 1, 2).float(), batch["marks"].float()
    scales = recipe.preprocessing.mean, recipe.preprocessing.std
    mean, std = (photos.new_tensor(scale)[:, None, None] for scale in scales)
    kept = {name: batch[name] for name in ("label", "has_map", "images")}
    return {"input": (photos - mean) / std, "map": human_maps, **kept}


def validation_batches(dataset: InMemoryDataset, recipe: ScratchRecipe) -> Iterator[dict[str, Any]]:
    """Return an iterator over all images of ``dataset``, whole, as networks take them, on the CPU."""
    batches = BatchDataset(dataset)
    return (prepare_batch(batches[one], recipe) for one in BatchSampler(len(dataset.images), recipe.batch_size))


__getattr__ = deprecated_getattr(__name__)
