"""What a training sees: images of several collections, augmented alike with their maps, in a seeded order.

The order of an epoch and every augmentation depend on (seed, epoch, image id) alone, so that two recipes see the same
pictures in the same order, and a resumed training goes on exactly where it stopped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
import xarray as xr
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from gala_viz.collections.map_checks import describe_usable_maps, marked_images, usable_maps, why_not_in_frame
from gala_viz.counts import counted
from gala_viz.imagenet import CATEGORIES, category_names, label_index, listed_categories
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.splits import Split, Splits
from gala_viz.training.held_out import NOT_COMPARED, HeldOutImages, SplitConflict, check_no_doubt
from gala_viz.training.rng import named_rng


class PhotoCollection(Protocol):
    """The part of a collection that a training uses."""

    name: str
    images: tuple[str, ...]
    fingerprint: str

    def has_human_map(self, image: str) -> bool:
        """Whether ``human_map`` gives one."""
        ...

    def photo(self, image: str) -> np.ndarray:
        """The photograph (y, x, 3), uint8."""
        ...

    def category(self, image: str) -> str | None:
        """The true category's name, where it is known."""
        ...

    def target(self, image: str) -> int | None:
        """The true category's ImageNet index, where it is known."""
        ...

    def human_map(self, image: str) -> xr.DataArray | None:
        """The human map (y, x) of all participants over the whole photograph."""
        ...


@dataclass(frozen=True)
class TrainingSource:
    """Images of one collection in one role: "maps", "labels" or "plain" (see ``DistillationRecipe.per_epoch``).

    ``splits`` are those of the collection, ``split`` the one of ``images``, ``left_out`` images of the training split
    that are held out elsewhere, and of the validation split that are test images elsewhere,
    ``unusable`` (in the role "maps") images whose maps cannot be used, with the reason; ``unknown`` (in the role
    "labels") the categories that are none of the network's ``categories``, with their numbers of images; ``compared``
    says whether photographs were compared by their bytes. All are what ``sources_of_split`` found.
    """

    collection: PhotoCollection
    images: tuple[str, ...]
    role: str
    splits: Splits | None = None
    left_out: tuple[SplitConflict, ...] = ()
    unusable: Mapping[str, str] = field(default_factory=dict)
    compared: bool = True
    categories: tuple[str, ...] = field(default_factory=category_names)
    unknown: Mapping[str | None, int] = field(default_factory=dict)
    split: Split = "train"

    def label(self, image: str) -> int | None:
        """Where the image's category stands among ``categories``, by the rule of every command."""
        return label_index(self.categories, self.collection.category(image), self.collection.target(image))


def sources_of_split(
    collections: Sequence[tuple[str, PhotoCollection]],
    split: Split,
    *,
    frame: Preprocessing | None = None,
    held_out: HeldOutImages | None = None,
    categories: Sequence[str] | None = None,
) -> tuple[TrainingSource, ...]:
    """The images of each (role, collection) in ``split`` (see ``gala_viz.splits``); those without a human map, or whose
    category is none of the network's ``categories`` (default: ImageNet's; see ``gala_viz.imagenet.label_index``), where
    the role needs one, are left out. With the ``frame`` of a network, so are maps that say nothing in it.

    Of the training split those are left out, too, that are validation or test images of another one of the collections,
    or the same photograph, byte for byte, as one of them; of the validation split those that are so of a test split:
    nothing is chosen by what is reported. A collection of which it is in doubt what its splits are does not train
    (``ValueError``). ``held_out`` spares comparing them again.
    """
    held_out = held_out or HeldOutImages(collection for _, collection in collections)
    known = category_names() if categories is None else tuple(categories)
    sources = []
    for role, collection in collections:
        splits = held_out.splits_of(collection)
        if split == "train":
            check_no_doubt(splits)
        images = splits.images_of(split)
        unusable: Mapping[str, str] = {}
        unknown: Mapping[str | None, int] = {}
        why = ""
        if role == "maps":
            marked = marked_images(collection, images)
            why = "" if marked else _why_no_maps(collection, splits, split)
            images, unusable = usable_maps(collection, marked, frame)
        if role == "labels":
            whole = TrainingSource(collection, images, role, categories=known)
            labels = {image: whole.label(image) for image in images}
            images = tuple(image for image, label in labels.items() if label is not None)
            unknown = Counter(collection.category(image) for image, label in labels.items() if label is None)
            why = "" if images else _why_no_labels(whole, unknown)
        left_out = tuple(held_out.find_conflicts(collection, images, split))
        gone = {conflict.image for conflict in left_out}
        images = tuple(image for image in images if image not in gone)
        if not images:
            told = why + (f" {len(left_out):,} are held out elsewhere: {left_out[0]}." if left_out else "")
            told += f" {describe_usable_maps(0, unusable)}." if unusable else ""
            raise ValueError(f"{collection.name}: no image of the {split} split can serve for {role!r}.{told}")
        compared = held_out.compares_bytes or split == "test"
        sources.append(
            TrainingSource(collection, images, role, splits, left_out, unusable, compared, known, unknown, split)
        )
    return tuple(sources)


def _why_no_labels(source: TrainingSource, unknown: Mapping[str | None, int]) -> str:
    """Which categories came, and which were expected."""
    whole = f" None of its {len(source.images):,} images has a category"
    if set(unknown) == {None}:
        return f"{whole}: photographs lie in folders that are named by their categories."
    came, expected = (" and ".join(repr(name) for name in names[:2]) for names in (list(unknown), source.categories))
    wnids = f", or ImageNet's WordNet ids, for example {CATEGORIES[0][0]!r}" * (source.categories == category_names())
    return f"{whole} that the network knows: there are {came}; expected are names such as {expected}{wnids}."


def _why_no_maps(collection: PhotoCollection, splits: Splits, split: Split) -> str:
    """That no image of ``split`` has a human map, and which have."""
    there = {other: len(marked_images(collection, images)) for other, images in splits.by_split.items()}
    elsewhere = ", ".join(f"{count:,} of the {other} split" for other, count in there.items() if count)
    others = f" ({elsewhere} have)" if elsewhere else ""
    return f" None of its {len(splits.images_of(split)):,} images has a human map{others}."


_VERBS: dict[Split, tuple[str, str]] = {
    "train": ("trains", "train"),
    "validation": ("chooses", "choose"),
    "test": ("tests", "test"),
}
_NAMES: dict[Split, str] = {"train": "training", "validation": "validation", "test": "test"}


def describe_sources(sources: Sequence[TrainingSource]) -> list[str]:
    """What is left out of a training, and by which rule images are split, one sentence for each of ``sources``."""
    told = []
    for source in sources:
        one, many = _VERBS[source.split]
        n_images = counted(len(source.images), f"image {one}", f"images {many}")
        line = f"{source.collection.name} ({source.role}): {n_images}"
        if source.splits is not None:
            line += f"; {source.splits.description}"
        if source.left_out:
            line += f"; {len(source.left_out):,} of the {_NAMES[source.split]} split are left out, "
            line += f"the first: {source.left_out[0]}"
        if source.unknown:
            n = sum(source.unknown.values())
            line += f"; {n:,} have a category that the network does not know: {listed_categories(source.unknown)}"
        if not source.compared:
            line += f"; {NOT_COMPARED}"
        told.append(f"{line}.")
    return told


@dataclass(frozen=True)
class SampleKey:
    """One picture of one epoch."""

    epoch: int
    source: int
    image: str


class CollectionDataset(Dataset):
    """Pictures and maps of ``sources``, ready for a network with ``preprocessing``.

    An item is a dict: ``input`` (3, y, x) float32, ``label`` (-1 for none), ``map`` (y, x) float32 and ``has_map``,
    whether that says something in this crop. With ``jitter_px`` the crop moves by up to that many pixels of the resized
    photograph and is mirrored half of the time, image and map alike; with 0 it is the centre crop.
    """

    def __init__(
        self,
        sources: Sequence[TrainingSource],
        preprocessing: Preprocessing,
        *,
        jitter_px: int,
        seed: int,
    ) -> None:
        self.sources = tuple(sources)
        self.seed = seed
        self.jitter_px = min(jitter_px, preprocessing.short_px - preprocessing.crop_px)
        self.preprocessing = preprocessing
        wide = preprocessing.crop_px + self.jitter_px
        self._wide = Preprocessing(**{**preprocessing.settings(), "crop_px": wide})
        self._pictures: dict[tuple[int, str], tuple[np.ndarray, np.ndarray | None]] = {}

    def __getitem__(self, key: SampleKey) -> dict[str, Tensor]:
        source = self.sources[key.source]
        picture, human_map = self._picture(key.source, key.image)
        size = self.preprocessing.crop_px
        top = left = self.jitter_px // 2
        mirrored = False
        if self.jitter_px:
            chance = named_rng(self.seed, "augment", key.epoch, key.image)
            top, left = (int(value) for value in chance.integers(0, self.jitter_px + 1, size=2))
            mirrored = bool(chance.integers(2))
        cut = (slice(top, top + size), slice(left, left + size))
        view = picture[cut]
        marks = np.zeros((size, size), np.float32) if human_map is None else human_map[cut]
        if mirrored:
            view, marks = view[:, ::-1], marks[:, ::-1]
        target = source.label(key.image) if source.role == "labels" else None
        return {
            "input": torch.from_numpy(self.preprocessing.normalise(view)),
            "label": torch.tensor(-1 if target is None else target),
            "map": torch.from_numpy(np.ascontiguousarray(marks)),
            "has_map": torch.tensor(not why_not_in_frame(marks)),
        }

    def _picture(self, source: int, image: str) -> tuple[np.ndarray, np.ndarray | None]:
        """The photograph with its margin for jitter, and its map likewise; kept in memory as bytes and float16."""
        found = self._pictures.get((source, image))
        if found is None:
            collection, role = self.sources[source].collection, self.sources[source].role
            human_map = collection.human_map(image) if role == "maps" else None
            marks = None if human_map is None else self._wide.map_to_frame(human_map).values
            if marks is not None:
                marks = None if why_not_in_frame(marks) else (marks / float(marks.max())).astype(np.float16)
            found = self._pictures[source, image] = (self._wide.resize_and_crop(collection.photo(image)), marks)
        picture, marks = found
        return picture, None if marks is None else marks.astype(np.float32)


class EpochSampler(Sampler[SampleKey]):
    """The keys of one epoch: from each role's images a seeded draw without repeats, all shuffled together.

    Under several processes each takes every ``world_size``-th key; the remainder that would make ranks uneven is
    dropped."""

    def __init__(
        self,
        sources: Sequence[TrainingSource],
        per_epoch: dict[str, int] | None,
        *,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.sources, self.per_epoch, self.seed, self.rank, self.world_size = (
            tuple(sources),
            per_epoch,
            seed,
            rank,
            world_size,
        )
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before each epoch."""
        self.epoch = epoch

    def epoch_keys(self) -> list[SampleKey]:
        """All keys of the current epoch, over all ranks."""
        everything = [
            SampleKey(self.epoch, number, image)
            for number, source in enumerate(self.sources)
            for image in source.images
        ]
        if self.per_epoch is None:
            return everything
        chance = named_rng(self.seed, "epoch", self.epoch)
        drawn: list[SampleKey] = []
        for role in ("maps", "labels", "plain"):
            keys = [key for key in everything if self.sources[key.source].role == role]
            order = chance.permutation(len(keys))[: self.per_epoch.get(role, len(keys))]
            drawn += [keys[index] for index in order]
        return [drawn[index] for index in chance.permutation(len(drawn))]

    def __iter__(self) -> Iterator[SampleKey]:
        keys = self.epoch_keys()
        usable = len(keys) - len(keys) % self.world_size
        return iter(keys[self.rank : usable : self.world_size])

    def __len__(self) -> int:
        return len(self.epoch_keys()) // self.world_size
