"""What a file's place in a folder tells: split, superclass, category and ImageNet index."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gala_viz.imagenet import CATEGORIES, index_of_wnid, is_wnid

SPLIT_FOLDERS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
"""Names of outermost folders that are splits and not categories, in lower case."""


@dataclass(frozen=True, slots=True)
class PathLabels:
    """What is known of an image from its path alone."""

    category: str | None = None
    target: int | None = None
    superclass: str | None = None
    split: str | None = None


def has_splits(paths: Iterable[str]) -> bool:
    """Whether the outermost folders of ``paths`` name two splits or more: then "train" and "test" are splits also where
    photographs lie in them directly, and what lies beside them is in none. "train" alone beside "bus" is a category.
    """
    outermost = {path.split("/", 1)[0].lower() for path in paths if "/" in path}
    return len({SPLIT_FOLDERS[name] for name in outermost & SPLIT_FOLDERS.keys()}) > 1


def labels_from_path(path: str, *, outermost_is_split: bool = False) -> PathLabels:
    """Read ``path`` (relative, with "/"): [split /] [superclass /] [category /] file.

    The innermost folder is the category, the one around it the superclass; an outermost folder named like a split, with
    a category folder inside, is the split; with ``outermost_is_split`` (see ``has_splits``) also one without. A folder
    named by one of ImageNet's WordNet ids gives the category's name and index.
    """
    folders = path.split("/")[:-1]
    split = None
    if len(folders) > (0 if outermost_is_split else 1) and folders[0].lower() in SPLIT_FOLDERS:
        split = SPLIT_FOLDERS[folders[0].lower()]
        folders = folders[1:]
    if not folders:
        return PathLabels(split=split)
    category, target = folders[-1], None
    if is_wnid(category):
        target = index_of_wnid(category)
        category = CATEGORIES[target][1]
    return PathLabels(category, target, folders[-2] if len(folders) > 1 else None, split)
