"""The one meaning of train, validation and test: which images of a collection train, which choose, which are reported.

A collection's own splits decide where it has any; images that its splits leave out are in none. Elsewhere a hash of the
image's id decides, before any training. Every command and every training calls ``splits_of``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from gala_viz.counts import counted

Split = Literal["train", "validation", "test"]
SplitRule = Literal["own", "hash"]
"""By the collection's own splits, or by a hash of the image's id."""
SPLITS: tuple[Split, ...] = get_args(Split)
ALL_IMAGES = "all"
"""Stands for every image in place of a split."""
SPLIT_SEED = 0
TRAIN_FRACTION, VALIDATION_FRACTION = 0.60, 0.15
"""Expected shares of the hash; the test split is the rest."""

MAX_LISTED = 3
"""So many folders of images in no split are named in a sentence."""

UNKNOWN, LEARNT, HELD_OUT = 0, 1, 2
"""What is known of an image and a network: nothing; that the network learnt from it; that it did not."""


class SupportsSplits(Protocol):
    """The part of a collection that determines its splits; one without ``split`` has no splits of its own."""

    name: str
    images: tuple[str, ...]


def combine_statuses(statuses: Sequence[NDArray[np.int8]]) -> NDArray[np.int8]:
    """Return the training status of images over several networks, (image,) int8.

    ``statuses`` are those of each network, (image,) int8. An image is ``LEARNT`` where one network learnt from it,
    ``HELD_OUT`` where all held it out, else ``UNKNOWN``.
    """
    every = np.stack(statuses)
    status = np.where((every == HELD_OUT).all(axis=0), HELD_OUT, UNKNOWN)
    return np.where((every == LEARNT).any(axis=0), LEARNT, status).astype(np.int8)


def hash_split(image: str, *, seed: int = SPLIT_SEED) -> Split:
    """Return the split of the id ``image`` by the hash: train 60 %, validation 15 %, test 25 % in expectation.

    A hash of ``seed`` and the id decides, so that the answer needs no list, is the same on every machine and does not
    move when images are added. It is the rule only of a collection without splits of its own: see ``splits_of``.
    """
    digest = hashlib.sha256(f"split:{seed}:{image}".encode("utf-8", "surrogatepass")).digest()
    position = int.from_bytes(digest[:8], "big") / 2**64
    if position < TRAIN_FRACTION:
        return "train"
    return "validation" if position < TRAIN_FRACTION + VALIDATION_FRACTION else "test"


@dataclass(frozen=True, kw_only=True, eq=False)
class Splits:
    """The splits of one collection.

    Parameters
    ----------
    collection : str
        The collection's name, for messages.
    rule : {"own", "hash"}
        Whether the collection's own splits or the hash decided.
    seed : int or None
        The hash's seed; None where the splits are the collection's own.
    by_image : dict of str to str or None
        All images, in the collection's order, each with its split, or None where its collection's splits leave it out.
    doubt : str
        A sentence on names of the collection that may be those of splits, and are not read as such; "": none.
    """

    collection: str
    rule: SplitRule
    seed: int | None
    by_image: dict[str, Split | None]
    doubt: str = ""

    @cached_property
    def by_split(self) -> dict[Split, tuple[str, ...]]:
        """Split -> its images, in the collection's order; splits without images are not there."""
        images_by_split: dict[Split, list[str]] = {split: [] for split in SPLITS}
        for image, split in self.by_image.items():
            if split is not None:
                images_by_split[split].append(image)
        return {split: tuple(images) for split, images in images_by_split.items() if images}

    @cached_property
    def unassigned(self) -> tuple[str, ...]:
        """Images that are in no split."""
        return tuple(image for image, split in self.by_image.items() if split is None)

    @cached_property
    def unassigned_folders(self) -> dict[str, int]:
        """Folders of the images that are in no split -> their numbers of images; empty where ids have no folders.

        They are named up to where they differ from those of the other images, for example "held_out/".
        """
        folders = [image.split("/")[:-1] for image in self.by_image]
        depth = 0
        while len({tuple(one[: depth + 1]) for one in folders}) == 1 and len(folders[0]) > depth:
            depth += 1
        counts: dict[str, int] = {}
        for image in self.unassigned:
            if name := "/".join(image.split("/")[:-1][: depth + 1]):
                counts[f"{name}/"] = counts.get(f"{name}/", 0) + 1
        return counts

    def split_of(self, image: str) -> Split | None:
        """Return the split of ``image``; None for one in no split, or not of the collection."""
        return self.by_image.get(image)

    def images_of(self, split: str) -> tuple[str, ...]:
        """Return the images of ``split``, in the collection's order; of "all" every image.

        Raises
        ------
        ValueError
            ``split`` is no split, or has no images; the message names the splits that there are.
        """
        if split == ALL_IMAGES:
            return tuple(self.by_image)
        if split not in SPLITS:
            raise ValueError(f"a split is 'train', 'validation' or 'test', or 'all'; got {split!r}.")
        split_images = self.by_split.get(split)
        if not split_images:
            names = ", ".join(f"{known} ({counted(len(images), 'image')})" for known, images in self.by_split.items())
            n_rest = counted(len(self.unassigned), "image is", "images are")
            rest = f" {n_rest} in no split{self._where_unassigned()}." if self.unassigned else ""
            raise ValueError(
                f"{self.collection}: no image is in the {split} split. There are: {names or 'none'}; 'all' takes every "
                f"image.{rest} The rule is {describe_split_rule(self.rule, self.seed)}."
            )
        return split_images

    @property
    def description(self) -> str:
        """The rule and how many images each split has, as a sentence without its end."""
        counts = ", ".join(f"{split} {len(self.by_split.get(split, ())):,}" for split in SPLITS)
        n_rest = counted(len(self.unassigned), "image is", "images are")
        rest = f"; {n_rest} in none of them and left out{self._where_unassigned()}" if self.unassigned else ""
        doubt = f"; NOT SURE: {self.doubt}" if self.doubt else ""
        return f"{counts} ({describe_split_rule(self.rule, self.seed)}){rest}{doubt}"

    def _where_unassigned(self) -> str:
        """Return the folders of the images in no split in brackets, with what folders of splits are called."""
        folders = [f"{name} {count:,}" for name, count in self.unassigned_folders.items()]
        if not folders:
            return ""
        listed = ", ".join(folders[:MAX_LISTED]) + (", …" if len(folders) > MAX_LISTED else "")
        return f" ({listed}; folders of splits are called train/, val/ and test/)"


def describe_split_rule(rule: SplitRule, seed: int | None) -> str:
    """Return the rule in words, for cards and reports."""
    if rule == "own":
        return "the collection's own splits"
    test = 1 - TRAIN_FRACTION - VALIDATION_FRACTION
    shares = f"train {TRAIN_FRACTION:.0%}, validation {VALIDATION_FRACTION:.0%}, test {test:.0%}"
    return f"by sha256 of 'split:{seed}:<image id>': {shares}"


def splits_of(collection: SupportsSplits, *, seed: int = SPLIT_SEED) -> Splits:
    """Return the splits of ``collection``: its own where it has any, else by the hash of ``seed`` and each id.

    A collection whose ``split_rule`` is "hash" is split by the hash alone. Raises ``ValueError`` where it calls a split
    otherwise than "train", "validation" or "test": such images would be in no split without a word.
    """
    tell: Callable[[str], Any] = getattr(collection, "split", lambda image: None)
    doubt = getattr(collection, "split_doubt", "")
    if getattr(collection, "split_rule", "own") == "own":
        own = {image: tell(image) or None for image in collection.images}
        odd = next(((image, split) for image, split in own.items() if split not in (None, *SPLITS)), None)
        if odd is not None:
            raise ValueError(
                f"{collection.name}, {odd[0]}: a split is called 'train', 'validation' or 'test'; got {odd[1]!r}."
            )
        if any(own.values()) or getattr(collection, "has_own_splits", False):
            return Splits(collection=collection.name, rule="own", seed=None, by_image=own, doubt=doubt)
    return replace(hash_splits(collection.name, collection.images, seed=seed), doubt=doubt)


def hash_splits(name: str, images: Iterable[str], *, seed: int = SPLIT_SEED) -> Splits:
    """Return the splits of ``images``, of the collection ``name``, by the hash alone."""
    every: dict[str, Split | None] = {image: hash_split(image, seed=seed) for image in images}
    return Splits(collection=name, rule="hash", seed=seed, by_image=every)
