"""Seeded choice of the images of a split that are evaluated or shown, never by eye (splits: ``gala_viz.splits``)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from gala_viz.collections.collection import Collection
from gala_viz.collections.photo_files import UnreadableImageError

SAMPLING_RULE = (
    "in the order of sha256 of '{purpose}:{seed}:IMAGE' within each category, the first of every category before the "
    "second of any, categories in the order of sha256 of '{purpose}:{seed}:CATEGORY', superclasses in turn"
)
"""The order of ``sample_images`` in words, for captions."""


def sample_images(collection: Collection, images: Sequence[str], n: int, *, seed: int, purpose: str) -> tuple[str, ...]:
    """Return at most ``n`` images in the order of ``SAMPLING_RULE``: alike many of each category and superclass.

    The choice depends on the ids, the categories, ``seed`` and ``purpose`` alone.

    Parameters
    ----------
    collection : Collection
        Gives the categories and superclasses.
    images : sequence of str
        Ids to choose from.
    n : int
        Number of images at most.
    seed : int
        Seed of the order.
    purpose : str
        What the images are for, for example "evaluation"; each purpose has an order of its own.

    Returns
    -------
    tuple of str
        Ids of the chosen images.
    """

    def rank(text: str) -> str:
        return hashlib.sha256(f"{purpose}:{seed}:{text}".encode("utf-8", "surrogatepass")).hexdigest()

    by_category: dict[tuple[str, str], list[str]] = {}
    for image in images:
        group = (collection.superclass(image) or "", collection.category(image) or "")
        by_category.setdefault(group, []).append(image)
    order = []
    turns: dict[str, int] = {}
    for superclass, category in sorted(by_category, key=lambda group: (group[0], rank(group[1]))):
        turn = turns[superclass] = turns.get(superclass, -1) + 1
        ranked = sorted(by_category[superclass, category], key=rank)
        order += [(position, turn, superclass, image) for position, image in enumerate(ranked)]
    return tuple(image for *_, image in sorted(order)[:n])


def readable_images(
    collection: Collection, images: Sequence[str]
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return those of ``images`` whose photographs can be decoded, and (image, reason) of the others.

    Raises ``ValueError`` where none can.
    """
    readable, left_out = [], []
    for image in images:
        try:
            collection.photo(image)
        except UnreadableImageError as error:
            left_out.append((image, str(error)))
        else:
            readable.append(image)
    if not readable:
        raise ValueError(f"{collection.name}: none of {len(images)} images can be read.")
    return tuple(readable), tuple(left_out)
