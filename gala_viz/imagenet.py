"""The 1,000 ImageNet categories: WordNet ids, indices and names, as facts in ``imagenet_categories.csv``."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from gala_viz.registry import UnknownNameError, unknown_name


def _read() -> tuple[tuple[str, str], ...]:
    text = Path(__file__).with_name("imagenet_categories.csv").read_text(encoding="utf-8")
    rows = sorted(csv.DictReader(text.splitlines()), key=lambda row: int(row["index"]))
    return tuple((row["wnid"], row["name"]) for row in rows)


CATEGORIES: tuple[tuple[str, str], ...] = _read()
"""(WordNet id, name) by ImageNet index: the index is the rank of the id in sorted order.

Names are not unique: "crane" and "maillot" each name two categories; ids and indices are.
"""


@cache
def category_names() -> tuple[str, ...]:
    """Return the names of the 1,000 categories by ImageNet index."""
    return tuple(name for _, name in CATEGORIES)


@cache
def _indices() -> dict[str, int]:
    return {wnid: index for index, (wnid, _) in enumerate(CATEGORIES)}


def is_wnid(text: str) -> bool:
    """Return whether ``text`` is the WordNet id of one of the 1,000 categories, for example "n01440764"."""
    return text in _indices()


def index_of_wnid(wnid: str) -> int:
    """Return the ImageNet index, 0 to 999, of a WordNet id.

    Raises ``UnknownNameError`` (a ``KeyError``) for any other text.
    """
    try:
        return _indices()[wnid]
    except KeyError:
        raise UnknownNameError(unknown_name("WordNet id among ImageNet's categories", wnid, list(_indices()))) from None


def label_index(categories: Sequence[str], category: str | None, imagenet_index: int | None) -> int | None:
    """Return the index of the true category among a network's ``categories``, or None.

    It is ``imagenet_index`` for a network of ImageNet's 1,000 categories (two names occur twice there); else the index
    of the name ``category``, where it occurs once.
    """
    names = category_names()
    if imagenet_index is not None and (categories is names or tuple(categories) == names):
        return imagenet_index
    if category is not None and list(categories).count(category) == 1:
        return list(categories).index(category)
    return None


MAX_LISTED = 5
"""So many categories are named in a sentence."""


def listed_categories(counts: Mapping[str | None, int]) -> str:
    """Return categories with their numbers of images, for example "'airplanes' (6), 'panda' (6)".

    The first ``MAX_LISTED`` are named, the others counted.
    """
    texts = [f"{'none told' if name is None else repr(name)} ({count:,})" for name, count in counts.items()]
    return ", ".join([*texts[:MAX_LISTED], *([f"{len(texts) - MAX_LISTED:,} more"] if len(texts) > MAX_LISTED else [])])


_LAST_ANIMAL = 397
_VEHICLES = frozenset({
    403, 404, 405, 407, 408, 417, 428, 436, 444, 450, 466, 468, 472, 484, 510, 511, 537, 547, 554, 555,
    561, 565, 569, 573, 575, 576, 586, 595, 603, 609, 612, 625, 627, 628, 654, 656, 661, 665, 670, 671,
    675, 690, 705, 717, 724, 734, 751, 757, 779, 780, 791, 802, 803, 812, 814, 817, 820, 829, 833, 847,
    856, 864, 866, 867, 870, 871, 874, 880, 895, 914,
})  # fmt: skip


def superclass_of_index(index: int) -> str | None:
    """Return the superclass of an ImageNet index: "animal", "vehicle" or None.

    Animals come first in the order of WordNet ids, up to puffer. Vehicles are what carries people or goods: WordNet's
    vehicles, craft and carts, and farm machines that are driven. Raises ``ValueError`` for a number outside 0 to 999.
    """
    if not 0 <= index < len(CATEGORIES):
        raise ValueError(f"an ImageNet index lies in 0..{len(CATEGORIES) - 1}; got {index}.")
    return "animal" if index <= _LAST_ANIMAL else "vehicle" if index in _VEHICLES else None
