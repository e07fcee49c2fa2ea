"""Held-out images: no training uses an image that one of its collections calls validation or test, by id or by bytes.

Nor does a training choose by an image that one of them calls test.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gala_viz.splits import Split, Splits, splits_of

MOST_IN_A_TRAINING = 200_000
"""So many photographs of one training are compared by their bytes; of more ``compared`` says that they were not."""
NOT_COMPARED = (
    f"more than {MOST_IN_A_TRAINING:,} photographs are not compared by their bytes, and one under two names is "
    "not found"
)


KEPT_FROM: dict[Split, tuple[Split, ...]] = {"train": ("validation", "test"), "validation": ("test",), "test": ()}
"""Split -> the splits of which no image may serve as it, under any name."""


class ImageCollection(Protocol):
    """The part of a collection that tells its images apart."""

    name: str
    images: tuple[str, ...]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class SplitConflict:
    """``image``, which would train or choose, and what it is: ``held_out_image`` of ``collection``, in ``split``."""

    image: str
    collection: str
    held_out_image: str
    split: Split
    same_bytes: bool

    def __str__(self) -> str:
        if not self.same_bytes:
            return f"{self.image!r} is in the {self.split} split of {self.collection}"
        held_out = f"{self.held_out_image!r} in the {self.split} split of {self.collection}"
        return f"{self.image!r} is the same photograph as {held_out}"


class HeldOutImages:
    """What the ``collections`` of one training call validation or test.

    A collection that occurs twice counts once. Photographs are compared by their bytes only where two files have the
    same size; ``compares_bytes`` is False where there are too many of them.
    """

    def __init__(self, collections: Iterable[ImageCollection]) -> None:
        self._collections = {_identity(one): one for one in collections}
        self.splits: dict[tuple[str, str], Splits] = {who: splits_of(one) for who, one in self._collections.items()}
        self._kept: dict[tuple[str, str], dict[str, Split]] = {
            who: {image: split for image, split in splits.by_image.items() if split in ("validation", "test")}
            for who, splits in self.splits.items()
        }
        self.compares_bytes = sum(len(one.images) for one in self._collections.values()) <= MOST_IN_A_TRAINING
        self._sizes: dict[int, list[tuple[tuple[str, str], str]]] | None = None
        self._keys: dict[tuple[tuple[str, str], str], int | None] = {}

    def splits_of(self, collection: ImageCollection) -> Splits:
        """Return the splits of one of the collections."""
        return self.splits[_identity(collection)]

    def find_conflicts(
        self, collection: ImageCollection, images: Sequence[str], split: Split = "train"
    ) -> list[SplitConflict]:
        """Return those of ``images`` that may not serve as ``split``, with what they are held out as.

        ``images`` are of one of the collections. A training image is in no validation or test split, a validation image
        in no test split.
        """
        own, kept_from = _identity(collection), KEPT_FROM[split]
        conflicts = []
        for image in images:
            conflict = self._by_id(own, image, kept_from) or self._by_bytes(own, image, kept_from)
            if conflict is not None:
                conflicts.append(conflict)
        return conflicts

    def separate(
        self,
        collection: ImageCollection,
        images: Sequence[str],
        split: Split = "train",
        *,
        keep_duplicates: bool = False,
    ) -> tuple[tuple[str, ...], tuple[SplitConflict, ...], tuple[SplitConflict, ...]]:
        """Separate images that may serve as a split from those that may not.

        Parameters
        ----------
        collection : ImageCollection
            One of the collections.
        images : sequence of str
            Its images.
        split : {"train", "validation", "test"}
            As what they would serve.
        keep_duplicates : bool
            Keep an image that is the same photograph as a held-out one under another name.

        Returns
        -------
        images : tuple of str
            Those that may serve.
        left_out : tuple of SplitConflict
            Why the others may not.
        kept : tuple of SplitConflict
            The duplicates among those that may.
        """
        conflicts = tuple(self.find_conflicts(collection, images, split))
        kept = tuple(one for one in conflicts if keep_duplicates and one.same_bytes)
        left_out = tuple(one for one in conflicts if one not in kept)
        excluded = {conflict.image for conflict in left_out}
        return tuple(image for image in images if image not in excluded), left_out, kept

    def _by_id(self, own: tuple[str, str], image: str, kept_from: tuple[Split, ...]) -> SplitConflict | None:
        split = self._kept[own].get(image)
        if split in kept_from:
            return SplitConflict(image, own[0], image, split, same_bytes=False)
        for who, splits in self._kept.items():
            if who != own and splits.get(image) in kept_from:  # other bytes may be the same photograph, encoded anew
                return SplitConflict(image, who[0], image, splits[image], same_bytes=False)
        return None

    def _by_bytes(self, own: tuple[str, str], image: str, kept_from: tuple[Split, ...]) -> SplitConflict | None:
        """Return the conflict with a held-out image whose file has the same bytes, if there is one."""
        if not self.compares_bytes:
            return None
        size = self._size(own, image)
        twins = [] if size is None else self._of_size().get(size, [])
        twins = [one for one in twins if self._kept[one[0]][one[1]] in kept_from]
        key = self._key(own, image) if twins else None
        if key is None:
            return None
        for who, twin in twins:
            if self._key(who, twin) == key:
                return SplitConflict(image, who[0], twin, self._kept[who][twin], same_bytes=True)
        return None

    def _of_size(self) -> dict[int, list[tuple[tuple[str, str], str]]]:
        if self._sizes is None:
            self._sizes = {}
            for who, splits in self._kept.items():
                for image in splits:
                    size = self._size(who, image)
                    if size is not None:
                        self._sizes.setdefault(size, []).append((who, image))
        return self._sizes

    def _size(self, who: tuple[str, str], image: str) -> int | None:
        ask: Any = getattr(self._collections[who], "content_size", None)
        return None if ask is None else ask(image)

    def _key(self, who: tuple[str, str], image: str) -> int | None:
        if (who, image) not in self._keys:
            ask: Any = getattr(self._collections[who], "content_key", None)
            self._keys[who, image] = None if ask is None else ask(image)
        return self._keys[who, image]


def check_no_doubt(splits: Splits) -> None:
    """Raise ``ValueError`` where it is in doubt which images of a collection may train."""
    if splits.doubt:
        raise ValueError(f"{splits.collection}: which images may train is in doubt: {splits.doubt}.")


def check_training_images(training: Iterable[Any], others: Iterable[Any] = ()) -> None:
    """Raise ``ValueError`` where a training would use images that a collection of it holds out.

    No image of ``training`` may be a validation or test image in one of the collections, and none of ``others``, by
    which the training chooses, a test image. Both are ``gala_viz.training.sources.TrainingSource``; duplicates that
    one keeps on purpose are let pass. Every training is checked so before its first step.
    """
    training, others = list(training), list(others)
    held_out = HeldOutImages(source.collection for source in (*training, *others))
    for source in training:
        check_no_doubt(held_out.splits_of(source.collection))
    does: dict[Split, str] = {"train": "train", "validation": "choose"}
    roles: tuple[tuple[Split, list[Any]], ...] = (("train", training), ("validation", others))
    for split, sources in roles:
        for source in sources:
            kept = {one.image for one in source.kept_duplicates}
            conflicts = [
                one
                for one in held_out.find_conflicts(source.collection, source.images, split)
                if not (one.same_bytes and one.image in kept)
            ]
            if conflicts:
                first = "; ".join(map(str, conflicts[:3]))
                raise ValueError(
                    f"{source.collection.name}: {len(conflicts):,} of {len(source.images):,} images that would "
                    f"{does[split]} are {' or '.join(KEPT_FROM[split])} images of a collection of this training: "
                    f"{first}{'; …' if len(conflicts) > 3 else ''}. Take the images that sources_of_split gives "
                    f"for {split!r}."
                )


def _identity(collection: ImageCollection) -> tuple[str, str]:
    return collection.name, collection.fingerprint
