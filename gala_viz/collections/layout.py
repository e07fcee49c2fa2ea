"""What a file's place in a folder tells: split, superclass, category and ImageNet index."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from gala_viz.imagenet import CATEGORIES, index_of_wnid, is_wnid

SPLIT_FOLDERS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "development": "validation",
    "test": "test",
    "testing": "test",
}
"""Names of folders that are splits and not categories, in lower case; also with a year or number ("train2017")."""
UNCLEAR_SPLITS = frozenset(
    {"eval", "evaluation", "holdout", "heldout", "minival", "trainval", "valtest", "testval", "unseen"}
)
"""Names of folders that may be splits, of which it cannot be told which."""
_SUFFIX = re.compile(r"([-_ .]?(set|split|images|imgs|data))?[-_ .]?\d*$")
MAX_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class PathLabels:
    """What is known of an image from its path alone."""

    category: str | None = None
    target: int | None = None
    superclass: str | None = None
    split: str | None = None


@dataclass(frozen=True, slots=True)
class SplitLayout:
    """Where the paths of a collection name splits.

    ``depth`` is that of the folders that do, 0 for the outermost; None where the outermost alone may, if a category
    folder lies inside. ``is_wrapped`` says that the folders around these are the same for all images. ``doubt`` is a sentence on
    folders that may be splits and are not read as such; "" where there are none.
    """

    depth: int | None = None
    is_wrapped: bool = False
    doubt: str = ""


def split_of_folder(name: str) -> str | None:
    """The split that a folder's name tells: "train", "Val", "test2017", "training_set", "dev-images"; else None."""
    return SPLIT_FOLDERS.get(_bare(name))


def find_split_layout(paths: Iterable[str]) -> SplitLayout:
    """Where ``paths`` (relative, with "/") name splits.

    The outermost folders that name two splits or more are splits, also where photographs lie in them directly, and what
    lies beside them is in none: "train" alone beside "bus" is a category. Folders further in count alike, for example
    images/train, images/test, or bottle/train, bottle/test.
    """
    folders = {tuple(path.split("/")[:-1]) for path in paths}
    deepest = max(map(len, folders), default=0)
    depth = next((at for at in range(deepest) if len(_splits_at(folders, at)) > 1), None)
    is_wrapped = bool(depth) and len({one[:depth] for one in folders if one}) == 1
    doubtful = sorted({"/".join(one) for one in folders if _is_doubtful(one, depth)})
    labelled = depth is not None or any(_split_at(one, depth) for one in folders)
    if not doubtful or (labelled and not any(_split_at(tuple(one.split("/")), depth) == "train" for one in doubtful)):
        return SplitLayout(depth, is_wrapped)  # what is in no split trains nothing
    listed = ", ".join(f"{one}/" for one in doubtful[:MAX_EXAMPLES]) + (", …" if len(doubtful) > MAX_EXAMPLES else "")
    return SplitLayout(
        depth,
        is_wrapped,
        f"{len(doubtful)} folders are called like a split and not read as one: {listed}; their images would be split "
        "among train, validation and test as any others. Call the folders of splits train/, val/ and test/, all of them "
        "at one depth, and a category otherwise",
    )


def has_splits(paths: Iterable[str]) -> bool:
    """Whether folders of ``paths`` at one depth name two splits or more: see ``find_split_layout``."""
    return find_split_layout(paths).depth is not None


def labels_from_path(
    path: str, *, outermost_is_split: bool = False, layout: SplitLayout | None = None
) -> PathLabels:
    """Read ``path`` (relative, with "/"): [split /] [superclass /] [category /] file.

    The innermost folder is the category, the one around it the superclass; an outermost folder named like a split, with
    a category folder inside, is the split; with ``outermost_is_split`` also one without. ``layout`` says which depth
    has the splits (see ``find_split_layout``). A folder named by one of ImageNet's WordNet ids gives the category's
    name and index.
    """
    layout = layout or SplitLayout(0 if outermost_is_split else None)
    folders = path.split("/")[:-1]
    split = _split_at(folders, layout.depth)
    if split is not None:
        at = layout.depth or 0
        folders = folders[at + 1 :] if layout.is_wrapped else [*folders[:at], *folders[at + 1 :]]
    elif layout.is_wrapped:
        folders = folders[layout.depth :]
    if not folders:
        return PathLabels(split=split)
    category, target = folders[-1], None
    if is_wnid(category):
        target = index_of_wnid(category)
        category = CATEGORIES[target][1]
    return PathLabels(category, target, folders[-2] if len(folders) > 1 else None, split)


def _split_at(folders: Sequence[str], depth: int | None) -> str | None:
    """The split of an image in ``folders``, where those at ``depth`` tell it (None: as in ``labels_from_path``)."""
    if len(folders) <= (1 if depth is None else depth):
        return None
    return split_of_folder(folders[depth or 0])


def _splits_at(folders: Iterable[Sequence[str]], depth: int) -> set[str]:
    return {split for one in folders if len(one) > depth and (split := split_of_folder(one[depth]))}


def _is_doubtful(folders: Sequence[str], depth: int | None) -> bool:
    """Whether one of ``folders`` is called like a validation or test split that the image is not in."""
    kept = {None, "train", _split_at(folders, depth)}
    return any(_bare(name) in UNCLEAR_SPLITS or split_of_folder(name) not in kept for name in folders)


@lru_cache(maxsize=4096)
def _bare(name: str) -> str:
    """``name`` in lower case, without a word for a set, a year or a number at its end, and without separators."""
    return re.sub(r"[-_ .]", "", _SUFFIX.sub("", name.lower(), count=1))
