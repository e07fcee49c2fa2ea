"""Dataset of a training: images of several collections, augmented alike with their maps, in a seeded order.

The order of an epoch and every augmentation depend on (seed, epoch, image id) alone, so that two recipes see the same
pictures in the same order, and a resumed training goes on exactly where it stopped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
import xarray as xr
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
        """Return whether ``human_map`` gives a map.

        Parameters
        ----------
        image : str
            Id of an image of the collection.

        Returns
        -------
        bool
            Whether the image has a human map.
        """
        ...

    def photo(self, image: str) -> np.ndarray:
        """Return the photograph.

        Parameters
        ----------
        image : str
            Id of an image of the collection.

        Returns
        -------
        ndarray, (y, x, 3), uint8
            Upright, RGB.
        """
        ...

    def category(self, image: str) -> str | None:
        """Return the true category's name.

        Parameters
        ----------
        image : str
            Id of an image of the collection.

        Returns
        -------
        str or None
            The name; None where it is not known.
        """
        ...

    def target(self, image: str) -> int | None:
        """Return the true category's ImageNet index.

        Parameters
        ----------
        image : str
            Id of an image of the collection.

        Returns
        -------
        int or None
            0 to 999; None where it is not known.
        """
        ...

    def human_map(self, image: str) -> xr.DataArray | None:
        """Return the human map of all participants.

        Parameters
        ----------
        image : str
            Id of an image of the collection.

        Returns
        -------
        DataArray, (y, x), or None
            The map over the whole photograph; None without one.
        """
        ...


@dataclass(frozen=True)
class TrainingSource:
    """Images of one collection in one role: "maps", "labels" or "plain" (see ``DistillationRecipe.per_epoch``).

    ``splits`` are those of the collection, ``split`` the one of ``images``. ``left_out`` are images of the training
    split that are held out elsewhere, or of the validation split that are test images elsewhere. ``unusable`` (in the
    role "maps") are images whose maps cannot be used, with the reason; ``unknown`` (in the role "labels") the
    categories that are none of the network's ``categories``, with their numbers of images. ``compared`` says whether
    photographs were compared by their bytes. ``sources_of_split`` fills in all of these.
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
        """Return the index of the image's category among ``categories``, by the rule of every command, or None."""
        return label_index(self.categories, self.collection.category(image), self.collection.target(image))


def sources_of_split(
    collections: Sequence[tuple[str, PhotoCollection]],
    split: Split,
    *,
    frame: Preprocessing | None = None,
    held_out: HeldOutImages | None = None,
    categories: Sequence[str] | None = None,
) -> tuple[TrainingSource, ...]:
    """Return the images of each collection in ``split`` that can serve in its role.

    Left out are images without a human map, or whose category is none of the network's, where the role needs one, and,
    with a ``frame``, maps that say nothing in it. Left out of the training split are, too, validation and test images
    of another one of the collections, and images that are the same photograph as one of them, byte for byte; of the
    validation split those that are so of a test split: nothing is chosen by what is reported.

    Parameters
    ----------
    collections : sequence of (str, PhotoCollection)
        Pairs of a role, "maps", "labels" or "plain", and a collection.
    split : {"train", "validation", "test"}
        See ``gala_viz.splits``.
    frame : Preprocessing, optional
        What a network sees of a photograph.
    held_out : HeldOutImages, optional
        The held-out images of these collections, which spares comparing them again.
    categories : sequence of str, optional
        The network's; default: ImageNet's. See ``gala_viz.imagenet.label_index``.

    Returns
    -------
    tuple of TrainingSource
        One for each pair, in their order, with what is left out.

    Raises
    ------
    ValueError
        A collection has no image for its role, or it is in doubt which of its images may train.
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
        images, left_out = held_out.separate(collection, images, split)
        if not images:
            reasons = why + (f" {len(left_out):,} are held out elsewhere: {left_out[0]}." if left_out else "")
            reasons += f" {describe_usable_maps(0, unusable)}." if unusable else ""
            raise ValueError(f"{collection.name}: no image of the {split} split can serve for {role!r}.{reasons}")
        compared = held_out.compares_bytes or split == "test"
        sources.append(
            TrainingSource(collection, images, role, splits, left_out, unusable, compared, known, unknown, split)
        )
    return tuple(sources)


def _why_no_labels(source: TrainingSource, unknown: Mapping[str | None, int]) -> str:
    """Return a sentence on the categories that came and those that were expected."""
    whole = f" None of its {len(source.images):,} images has a category"
    if set(unknown) == {None}:
        return f"{whole}: photographs lie in folders that are named by their categories."
    came, expected = (" and ".join(repr(name) for name in names[:2]) for names in (list(unknown), source.categories))
    wnids = f", or ImageNet's WordNet ids, for example {CATEGORIES[0][0]!r}" * (source.categories == category_names())
    return f"{whole} that the network knows: there are {came}; expected are names such as {expected}{wnids}."


def _why_no_maps(collection: PhotoCollection, splits: Splits, split: Split) -> str:
    """Return a sentence that no image of ``split`` has a human map, and in which splits some have."""
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
    """Return one sentence for each source: how many images serve, by which rule they are split, what is left out."""
    sentences = []
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
        sentences.append(f"{line}.")
    return sentences


@dataclass(frozen=True)
class SampleKey:
    """One picture of one epoch: an ``image`` of the source at position ``source``."""

    epoch: int
    source: int
    image: str


class CollectionDataset(Dataset):
    """Pictures and maps of ``sources``, ready for a network with ``preprocessing``.

    An item is a dict: ``input`` (3, y, x) float32, ``label`` (-1 for none), ``map`` (y, x) float32, ``has_map``,
    whether that says something in this crop, and ``images``, the image's id. With ``jitter_px`` the crop's top left
    corner is drawn, by ``seed``, from a range of that many pixels of the resized photograph about the centre crop's,
    and half of the crops are mirrored, image and map alike; with 0 it is the centre crop. The range is at most the
    preprocessing's margin, ``short_px - crop_px``.
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

    def __getitem__(self, key: SampleKey) -> dict[str, Any]:
        source = self.sources[key.source]
        picture, human_map = self._picture(key.source, key.image)
        size = self.preprocessing.crop_px
        top = left = self.jitter_px // 2
        mirrored = False
        if self.jitter_px:
            rng = named_rng(self.seed, "augment", key.epoch, key.image)
            top, left = (int(value) for value in rng.integers(0, self.jitter_px + 1, size=2))
            mirrored = bool(rng.integers(2))
        cut = (slice(top, top + size), slice(left, left + size))
        crop = picture[cut]
        map_crop = np.zeros((size, size), np.float32) if human_map is None else human_map[cut]
        if mirrored:
            crop, map_crop = crop[:, ::-1], map_crop[:, ::-1]
        target = source.label(key.image) if source.role == "labels" else None
        return {
            "input": torch.from_numpy(self.preprocessing.normalise(crop)),
            "label": torch.tensor(-1 if target is None else target),
            "map": torch.from_numpy(np.ascontiguousarray(map_crop)),
            "has_map": torch.tensor(not why_not_in_frame(map_crop)),
            "images": key.image,
        }

    def _picture(self, source: int, image: str) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the photograph with its margin for jitter, uint8, and its map likewise, float32.

        Both stay in memory, the map as float16 with largest value 1.
        """
        cached = self._pictures.get((source, image))
        if cached is None:
            collection, role = self.sources[source].collection, self.sources[source].role
            human_map = collection.human_map(image) if role == "maps" else None
            values = None if human_map is None else self._wide.map_to_frame(human_map).values
            if values is not None:
                values = None if why_not_in_frame(values) else (values / float(values.max())).astype(np.float16)
            cached = self._pictures[source, image] = (self._wide.resize_and_crop(collection.photo(image)), values)
        picture, values = cached
        return picture, None if values is None else values.astype(np.float32)


class EpochSampler(Sampler[SampleKey]):
    """The keys of one epoch: of each role's images a seeded draw without repeats, all shuffled together.

    ``per_epoch`` bounds how many images of each role of ``sources`` an epoch draws; with None, for validation, it takes
    all in their order. Draw and order depend on ``seed`` and epoch. The process ``rank`` of ``world_size`` takes every
    ``world_size``-th key; the remainder that would make ranks uneven is dropped.
    """

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
        """Set the ``epoch`` whose keys come next; Lightning calls this before each one."""
        self.epoch = epoch

    def epoch_keys(self) -> list[SampleKey]:
        """Return all keys of the current epoch, over all ranks."""
        everything = [
            SampleKey(self.epoch, number, image)
            for number, source in enumerate(self.sources)
            for image in source.images
        ]
        if self.per_epoch is None:
            return everything
        rng = named_rng(self.seed, "epoch", self.epoch)
        drawn: list[SampleKey] = []
        for role in ("maps", "labels", "plain"):
            keys = [key for key in everything if self.sources[key.source].role == role]
            order = rng.permutation(len(keys))[: self.per_epoch.get(role, len(keys))]
            drawn += [keys[index] for index in order]
        return [drawn[index] for index in rng.permutation(len(drawn))]

    def __iter__(self) -> Iterator[SampleKey]:
        keys = self.epoch_keys()
        usable = len(keys) - len(keys) % self.world_size
        return iter(keys[self.rank : usable : self.world_size])

    def __len__(self) -> int:
        return len(self.epoch_keys()) // self.world_size
