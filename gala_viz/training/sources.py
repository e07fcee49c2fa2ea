"""Sources of a training: which images of which collection train, and by which the training is validated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import xarray as xr

from gala_viz.collections.human_maps.map_checks import describe_usable_maps, marked_images, usable_maps
from gala_viz.counts import counted
from gala_viz.imagenet import CATEGORIES, category_names, label_index, listed_categories
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.splits import Split, Splits
from gala_viz.training.held_out import NOT_COMPARED, HeldOutImages, SplitConflict, check_no_doubt


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

    def human_map(self, image: str, kind: str | None = None, participant: str | None = None) -> xr.DataArray | None:
        """Return the human map of all participants.

        Parameters
        ----------
        image : str
            Id of an image of the collection.
        kind : str, optional
            Human-map kind; default: the first.
        participant : str, optional
            Id of one participant; default: the map of all.

        Returns
        -------
        DataArray, (y, x), or None
            The map over the whole photograph; None without one.
        """
        ...


@dataclass(frozen=True)
class TrainingSource:
    """Images of one collection in one role.

    In the role "labels" all have a known category, in the role "maps" all have a human map that can be used; what else
    is known of an image counts too. In the role "plain" neither counts: a teacher alone labels these images.

    ``splits`` are those of the collection, ``split`` the one of ``images``. ``left_out`` are images of the training
    split that are held out elsewhere, or of the validation split that are test images elsewhere; ``kept_duplicates``
    those that serve all the same, as the same photograph under another name. ``unusable`` (in the role "maps") are
    images whose maps cannot be used, with the reason; ``unknown`` (in the role "labels") the categories that are none
    of the network's ``categories``, with their numbers of images; ``n_labelled_without_map`` (in the role "maps")
    counts images that do not serve, since they have no usable map, though their category is known. ``compared`` says
    whether photographs were compared by their bytes. ``sources_of_split`` fills in all of these.
    """

    collection: PhotoCollection
    images: tuple[str, ...]
    role: str
    splits: Splits | None = None
    left_out: tuple[SplitConflict, ...] = ()
    kept_duplicates: tuple[SplitConflict, ...] = ()
    unusable: Mapping[str, str] = field(default_factory=dict)
    compared: bool = True
    categories: tuple[str, ...] = field(default_factory=category_names)
    unknown: Mapping[str | None, int] = field(default_factory=dict)
    split: Split = "train"
    n_labelled_without_map: int = 0

    def label(self, image: str) -> int | None:
        """Return the index of the image's category among ``categories``, by the rule of every command, or None.

        None, too, for every image in the role "plain".
        """
        if self.role == "plain":
            return None
        return label_index(self.categories, self.collection.category(image), self.collection.target(image))


def sources_of_split(
    collections: Sequence[tuple[str, PhotoCollection]],
    split: Split,
    *,
    frame: Preprocessing | None = None,
    held_out: HeldOutImages | None = None,
    categories: Sequence[str] | None = None,
    keep_duplicates: bool = False,
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
    keep_duplicates : bool
        Keep images that are the same photograph as a held-out one under another name; ``kept_duplicates`` has them.

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
        why, n_without = "", 0
        if role == "maps":
            marked = marked_images(collection, images)
            why = "" if marked else _why_no_maps(collection, splits, split)
            rest, (images, unusable) = set(images), usable_maps(collection, marked, frame)
            whole = TrainingSource(collection, (), role, categories=known)
            n_without = sum(whole.label(image) is not None for image in rest - set(images))
        if role == "labels":
            whole = TrainingSource(collection, images, role, categories=known)
            labels = {image: whole.label(image) for image in images}
            images = tuple(image for image, label in labels.items() if label is not None)
            unknown = Counter(collection.category(image) for image, label in labels.items() if label is None)
            why = "" if images else _why_no_labels(whole, unknown)
        images, left_out, kept = held_out.separate(collection, images, split, keep_duplicates=keep_duplicates)
        if not images:
            reasons = why + (f" {len(left_out):,} are held out elsewhere: {left_out[0]}." if left_out else "")
            reasons += f" {describe_usable_maps(0, unusable)}." if unusable else ""
            raise ValueError(f"{collection.name}: no image of the {split} split can serve for {role!r}.{reasons}")
        compared = held_out.compares_bytes or split == "test"
        sources.append(
            TrainingSource(
                *(collection, images, role, splits, left_out, kept, unusable, compared, known, unknown, split),
                n_labelled_without_map=n_without,
            )
        )
    return tuple(sources)


def _why_no_labels(source: TrainingSource, unknown: Mapping[str | None, int]) -> str:
    """Return a sentence on the categories that came and those that were expected."""
    whole = f" None of its {len(source.images):,} images has a category"
    if set(unknown) == {None}:
        return f"{whole}: photographs lie in folders that are named by their categories."
    came, expected = (" and ".join(repr(name) for name in names[:2]) for names in (list(unknown), source.categories))
    wnids = f", or ImageNet's WordNet ids, for example {CATEGORIES[0][0]!r}" * (source.categories == category_names())
    return (
        f"{whole} that the network knows: there are {came}; expected are names such as {expected}{wnids}. "
        "--categories own takes those that there are."
    )


def _why_no_maps(collection: PhotoCollection, splits: Splits, split: Split) -> str:
    """Return a sentence that no image of ``split`` has a human map, and in which splits some have."""
    there = {other: len(marked_images(collection, images)) for other, images in splits.by_split.items()}
    elsewhere = ", ".join(f"{count:,} of the {other} split" for other, count in there.items() if count)
    others = f" ({elsewhere} have)" if elsewhere else ""
    if not elsewhere and not getattr(collection, "map_kinds", {}):
        return (
            f" None of its {len(splits.images_of(split)):,} images has a human map. --maps takes photographs together "
            "with their maps, as TFRecords or in OSIE's layout; a folder of maps alone belongs to photographs: "
            "--labels PHOTOGRAPHS --human-maps MAPS."
        )
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
        if source.kept_duplicates:
            line += f"; {len(source.kept_duplicates):,} are the same photographs as held-out ones and are kept"
        if source.role == "maps" and (n_without := sum(source.label(image) is None for image in source.images)):
            does = "learn" if source.split == "train" else "count"
            line += f"; {n_without:,} have no category that the network knows and {does} by their maps alone"
        if source.split == "train" and (n_left := source.n_labelled_without_map):
            noun = getattr(source.collection, "image_noun", "image")
            folder = getattr(source.collection, "origin", {}).get("collection", source.collection.name)
            line += f"; {counted(n_left, noun)} without a usable map {'is' if n_left == 1 else 'are'} not trained on: "
            line += f"--labels {folder} would take their labels, and the maps of the others"
        if source.unknown:
            n = sum(source.unknown.values())
            line += f"; {n:,} have a category that the network does not know: {listed_categories(source.unknown)}"
        if not source.compared:
            line += f"; {NOT_COMPARED}"
        if source.role != "plain" and (note := getattr(source.collection, "label_note", "")):
            line += f"; {note}"
        sentences.append(f"{line}.")
    return sentences
