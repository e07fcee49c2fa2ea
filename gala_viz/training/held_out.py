"""No training sees an image that a collection given to it calls validation or test: neither by id, nor by its bytes."""

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


class ImageCollection(Protocol):
    """The part of a collection that tells its images apart."""

    name: str
    images: tuple[str, ...]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class SplitConflict:
    """``image``, which would train, and what is held out: ``held_out_image`` of ``collection``, in ``split``."""

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

    A collection that is given twice counts once. Photographs are compared by their bytes only where two files have the
    same size; ``compares_bytes`` is False where there are too many of them.
    """

    def __init__(self, collections: Iterable[ImageCollection]) -> None:
        self._collections = {_identity(one): one for one in collections}
        self.splits: dict[tuple[str, str], Splits] = {who: splits_of(one) for who, one in self._collections.items()}
        self._kept = {
            who: {image: split for image, split in splits.by_image.items() if split in ("validation", "test")}
            for who, splits in self.splits.items()
        }
        self.compares_bytes = sum(len(one.images) for one in self._collections.values()) <= MOST_IN_A_TRAINING
        self._sizes: dict[int, list[tuple[tuple[str, str], str]]] | None = None
        self._keys: dict[tuple[tuple[str, str], str], int | None] = {}

    def splits_of(self, collection: ImageCollection) -> Splits:
        """The splits of one of the collections."""
        return self.splits[_identity(collection)]

    def find_conflicts(self, collection: ImageCollection, images: Sequence[str]) -> list[SplitConflict]:
        """Those of ``images``, of one of the collections, that may not train, each with what it is held out as."""
        own = _identity(collection)
        found = []
        for image in images:
            conflict = self._by_id(own, image) or self._by_bytes(own, image)
            if conflict is not None:
                found.append(conflict)
        return found

    def _by_id(self, own: tuple[str, str], image: str) -> SplitConflict | None:
        split = self._kept[own].get(image)
        if split is not None:
            return SplitConflict(image, own[0], image, split, same_bytes=False)
        for who, kept in self._kept.items():
            if who == own or image not in kept:
                continue
            keys = self._key(own, image), self._key(who, image)
            if None in keys or keys[0] == keys[1]:  # equal names of photographs that differ mean nothing
                return SplitConflict(image, who[0], image, kept[image], same_bytes=None not in keys)
        return None

    def _by_bytes(self, own: tuple[str, str], image: str) -> SplitConflict | None:
        if not self.compares_bytes:
            return None
        size = self._size(own, image)
        twins = () if size is None else self._of_size().get(size, ())
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
            for who, kept in self._kept.items():
                for image in kept:
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


def check_training_images(training: Iterable[Any], others: Iterable[Any] = ()) -> None:
    """Raise ``ValueError`` where an image of ``training`` is held out in a collection of these or of ``others``.

    Both are ``gala_viz.training.dataset.TrainingSource``. Every training passes here before its first step.
    """
    training = list(training)
    held_out = HeldOutImages(source.collection for source in (*training, *others))
    for source in training:
        found = held_out.find_conflicts(source.collection, source.images)
        if found:
            told = "; ".join(map(str, found[:3]))
            raise ValueError(
                f"{source.collection.name}: {len(found):,} of {len(source.images):,} images that would train are "
                f"validation or test images of a collection of this training: {told}"
                f"{'; …' if len(found) > 3 else ''}. Take the images that sources_of_split or hold give for 'train'."
            )


def _identity(collection: ImageCollection) -> tuple[str, str]:
    return collection.name, collection.fingerprint
