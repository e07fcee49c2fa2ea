"""Batches of training images: read in one go, in workers if wanted, and augmented where the network computes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import lightning as L
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from gala_viz.deprecated_paths import deprecated_getattr
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.training.augmentation import N_UNIFORMS, add_noise, augment
from gala_viz.training.checkpoints import ResumableDataLoader
from gala_viz.training.dataset import TrainingImages
from gala_viz.training.losses import with_mass
from gala_viz.training.recipes import DistillationRecipe, SupervisedRecipe
from gala_viz.training.rng import named_rng, uniform_numbers
from gala_viz.training.sources import TrainingSource

MAX_LISTED = 5
"""So many photographs that cannot be read are named in a message."""


@dataclass(frozen=True)
class BatchIndices:
    """Positions of one batch's images in one epoch."""

    epoch: int
    indices: np.ndarray


class BatchSampler(Sampler[BatchIndices]):
    """The batches of an epoch: all images once, in a seeded order or, without ``seed``, in their own.

    The order depends on ``seed`` and epoch. Of the ``n_images``, in steps of ``batch_size`` that are computed in
    ``accumulate`` batches, the process ``rank`` of ``world_size`` takes every ``world_size``-th image of each batch, so
    that one step sees the same images on any number of processes. With ``draws``, pairs of positions and a number, an
    epoch has of each group of positions no more than that number, drawn anew. In training, with a seed, the last step
    is left out where it is not full. Without one its batch is short, and the remainder that would make ranks uneven is
    dropped. Raises ``ValueError`` where processes and parts do not divide ``batch_size``, or a training has less than a
    step.
    """

    def __init__(
        self,
        n_images: int,
        batch_size: int,
        *,
        seed: int | None = None,
        rank: int = 0,
        world_size: int = 1,
        accumulate: int = 1,
        draws: tuple[tuple[np.ndarray, int], ...] = (),
    ) -> None:
        n_drawn = sum(min(len(positions), most) for positions, most in draws) if draws else n_images
        if seed is not None and n_drawn < batch_size:
            raise ValueError(
                f"a step takes {batch_size} images, and there are {n_drawn} to train with; choose a smaller batch_size "
                "(--batch-size)."
            )
        if batch_size % (world_size * accumulate):
            raise ValueError(
                f"a batch of {batch_size} images cannot be shared by {world_size} processes in {accumulate} parts; "
                "choose a batch_size (--batch-size) that they divide."
            )
        self.n_images, self.batch_size, self.seed, self.rank, self.world_size = (
            n_drawn,
            batch_size,
            seed,
            rank,
            world_size,
        )
        self.accumulate, self.draws = accumulate, draws
        self.epoch = self.skipped = 0

    def set_epoch(self, epoch: int) -> None:
        """Set the ``epoch`` whose order comes next; Lightning calls this before each one."""
        self.epoch = epoch

    def skip(self, n_batches: int) -> None:
        """Leave out the first ``n_batches`` of the next epoch only: they were given before."""
        self.skipped = n_batches

    def epoch_order(self) -> np.ndarray:
        """Return the positions of the epoch's images in their order, over all ranks."""
        if self.seed is None:
            return np.arange(self.n_images)
        if not self.draws:
            return named_rng(self.seed, "order", self.epoch).permutation(self.n_images)
        rng = named_rng(self.seed, "epoch", self.epoch)
        drawn = np.concatenate([rng.permutation(positions)[:most] for positions, most in self.draws])
        return rng.permutation(drawn)

    def __iter__(self) -> Iterator[BatchIndices]:
        epoch, order, part = self.epoch, self.epoch_order(), self.batch_size // self.accumulate
        first, self.skipped = self.skipped, 0
        for number in range(first, len(self)):
            batch = order[number * part : (number + 1) * part]
            yield BatchIndices(epoch, batch[self.rank : len(batch) - len(batch) % self.world_size : self.world_size])

    def __len__(self) -> int:
        if self.seed is not None:
            return self.n_images // self.batch_size * self.accumulate
        part = self.batch_size // self.accumulate
        return self.n_images // part + ((self.n_images % part) // self.world_size > 0)


class BatchDataset(Dataset):
    """``BatchIndices`` -> the arrays of a batch of ``images``, not yet augmented.

    Photographs that cannot be read are left out of it and named in ``unreadable``; in place of a batch of which none
    can, the next image that can is read (in a validation without a label and a name, so that it does not count). With a
    ``seed``, for augmentation, also ``chances`` (B, 7), the last one for the noise's strength, and ``noise_seeds``
    (B,).
    """

    def __init__(self, images: TrainingImages, *, seed: int | None = None) -> None:
        self.images, self.seed = images, seed

    def __getitem__(self, turn: BatchIndices) -> dict[str, Any]:
        images = self.images
        readable, pixels, human_maps, has_map = images.read_many(turn.indices)
        where = turn.indices[readable]
        unreadable = [images.images[index] for index in turn.indices[~readable]]
        if not len(where):
            where, pixels, human_maps, has_map = self._instead_of(turn.indices)
            if self.seed is None:  # of a validation, where each image counts once
                return self._uncounted(pixels, human_maps, unreadable)
        batch = {
            "pixels": torch.from_numpy(pixels),
            "marks": torch.from_numpy(human_maps),
            "label": torch.from_numpy(images.labels[where]),
            "has_map": torch.from_numpy(has_map),
            "images": [images.images[index] for index in where],
            "collections": [images.sources[images.source_of[index]].collection.name for index in where],
            "unreadable": unreadable,
        }
        if self.seed is not None:
            chances = uniform_numbers(images.rng_keys[where], N_UNIFORMS + 2, self.seed, "vary", turn.epoch)
            batch["chances"] = torch.from_numpy(chances[:, :-1].astype(np.float32))
            batch["noise_seeds"] = torch.from_numpy((chances[:, -1] * 2**32).astype(np.int64))
        return batch

    def _instead_of(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return the next image that can be read, in place of a batch of which none can, as ``read_many`` does."""
        n = len(self.images)
        for step in range(1, n):
            position = np.array([(int(indices[0]) + step) % n])
            readable, pixels, human_maps, has_map = self.images.read_many(position)
            if readable.all():
                return position, pixels, human_maps, has_map
        listed = ", ".join(self.images.images[:MAX_LISTED])
        raise ValueError(f"none of the {n} photographs can be read: {listed}.")

    @staticmethod
    def _uncounted(pixels: np.ndarray, human_maps: np.ndarray, unreadable: list[str]) -> dict[str, Any]:
        """Return a batch of one picture without label, map and name."""
        return {
            "pixels": torch.from_numpy(pixels),
            "marks": torch.from_numpy(human_maps),
            "label": torch.tensor([-1]),
            "has_map": torch.tensor([False]),
            "images": [""],
            "collections": [""],
            "unreadable": unreadable,
        }


class TrainingDataModule(L.LightningDataModule):
    """Training and validation pictures of one recipe, over the processes of a distributed run.

    Parameters
    ----------
    training : TrainingImages
        In the frame out of which pictures are cut, ``recipe.stored_frame``.
    validation : TrainingImages
        In the network's frame.
    recipe : SupervisedRecipe or DistillationRecipe
        Says how batches are made.
    preprocessing : Preprocessing, optional
        The network's; default: the recipe's.
    n_workers : int
        Processes that read images ahead, in each process of the run. 0: none, which suits images in memory.
    """

    def __init__(
        self,
        training: TrainingImages,
        validation: TrainingImages,
        recipe: SupervisedRecipe | DistillationRecipe,
        preprocessing: Preprocessing | None = None,
        *,
        n_workers: int = 0,
    ) -> None:
        super().__init__()
        self.training, self.validation, self.recipe, self.n_workers = training, validation, recipe, n_workers
        self.preprocessing = preprocessing or recipe.preprocessing  # type: ignore[union-attr]

    @property
    def sources(self) -> tuple[tuple[TrainingSource, ...], tuple[TrainingSource, ...]]:
        """Which images of which collections train, and by which the training is validated."""
        return self.training.sources, self.validation.sources

    def train_dataloader(self) -> DataLoader:
        """Return a loader of one epoch in its seeded order, each picture augmented anew."""
        return self._loader(self.training, self.recipe.seed)

    def val_dataloader(self) -> DataLoader:
        """Return a loader of all validation pictures, whole."""
        return self._loader(self.validation, None)

    def on_after_batch_transfer(self, batch: dict[str, Any], dataloader_idx: int) -> dict[str, Any]:
        """Return what the networks take, on the device, as ``prepare_batch`` does; ``dataloader_idx`` is not used."""
        del dataloader_idx
        return prepare_batch(batch, self.recipe, self.preprocessing)

    def _loader(self, images: TrainingImages, seed: int | None) -> DataLoader:
        rank, world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        sampler = BatchSampler(
            len(images),
            self.recipe.batch_size,
            seed=seed,
            rank=rank,
            world_size=world,
            accumulate=self.recipe.accumulate,
            draws=() if seed is None else epoch_draws(images, self.recipe),
        )
        return ResumableDataLoader(
            BatchDataset(images, seed=seed),
            sampler=sampler,
            batch_size=None,
            num_workers=self.n_workers,
            pin_memory=torch.cuda.is_available(),
            persistent_workers=self.n_workers > 0,
        )


def epoch_draws(
    images: TrainingImages, recipe: SupervisedRecipe | DistillationRecipe
) -> tuple[tuple[np.ndarray, int], ...]:
    """Return the positions of each role's images, and how many of them an epoch draws at most.

    Empty where the recipe draws all.
    """
    most: Mapping[str, int] = getattr(recipe, "per_epoch", {})
    draws = []
    for role in ("maps", "labels", "plain") if most else ():
        numbers = [number for number, source in enumerate(images.sources) if source.role == role]
        positions = np.flatnonzero(np.isin(images.source_of, numbers))
        if len(positions):
            draws.append((positions, most.get(role, len(positions))))
    return tuple(draws)


def prepare_batch(
    batch: dict[str, Any],
    recipe: SupervisedRecipe | DistillationRecipe,
    preprocessing: Preprocessing | None = None,
) -> dict[str, Any]:
    """Return a ``batch`` of ``BatchDataset`` normalised for the networks, and augmented if it has ``chances``.

    ``recipe`` says how, ``preprocessing`` (default: the recipe's) in which scale. The result has ``input`` (B, 3, y, x)
    and ``map`` (B, y, x), both float32, ``label`` (B,), ``has_map`` (B,), of maps of which something lies in the
    picture, and ``images``, ``collections`` (of each image) and ``unreadable``, lists of names.
    """
    preprocessing = preprocessing or recipe.preprocessing  # type: ignore[union-attr]
    if "chances" in batch:
        chances, settings = batch["chances"], dict(recipe.augmentation)
        noise = settings.pop("noise")
        photos, human_maps = augment(
            batch["pixels"], batch["marks"], chances[:, :N_UNIFORMS], size=preprocessing.side_px, **settings
        )
        if noise:
            photos = add_noise(photos, chances[:, N_UNIFORMS], batch["noise_seeds"], 255 * noise)
    else:
        photos, human_maps = batch["pixels"].permute(0, 3, 1, 2).float(), batch["marks"].float()
    mean, std = (photos.new_tensor(scale)[:, None, None] for scale in (preprocessing.mean, preprocessing.std))
    kept = {name: batch[name] for name in ("label", "images", "collections", "unreadable")}
    return {
        "input": (photos - mean) / std,
        "map": human_maps,
        "has_map": with_mass(human_maps, batch["has_map"]),
        **kept,
    }


def validation_batches(
    images: TrainingImages,
    recipe: SupervisedRecipe | DistillationRecipe,
    preprocessing: Preprocessing | None = None,
    *,
    n_workers: int = 0,
) -> Iterator[dict[str, Any]]:
    """Return an iterator over all images, whole, as networks take them.

    Parameters
    ----------
    images : TrainingImages
        In the network's frame.
    recipe : SupervisedRecipe or DistillationRecipe
        Its batch size is that of the batches.
    preprocessing : Preprocessing, optional
        The network's; default: the recipe's.
    n_workers : int
        Processes that read ahead.

    Returns
    -------
    iterator of dict
        Batches as ``prepare_batch`` gives them, on the CPU.
    """
    turns = BatchSampler(len(images), recipe.batch_size // recipe.accumulate)
    loader = DataLoader(BatchDataset(images), sampler=turns, batch_size=None, num_workers=n_workers)
    return (prepare_batch(batch, recipe, preprocessing) for batch in loader)


__getattr__ = deprecated_getattr(__name__)
