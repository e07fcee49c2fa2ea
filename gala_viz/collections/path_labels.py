"""Path labels: the split, superclass, category and ImageNet index that a file's path in a folder tells."""

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
"""Names of folders that may be splits without saying which."""
_SUFFIX = re.compile(r"([-_ .]?(set|split|images|imgs|data))?[-_ .]?\d*$")
_FIRST_WORD = re.compile(r"[a-z]+(?=[-_ .\d])")
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
    folder lies inside. ``is_wrapped`` says that the folders around these are the same for all images, ``by_name`` that
    files' names begin with their splits. ``doubtful`` names what may be a split and is not read as one.
    """

    depth: int | None = None
    is_wrapped: bool = False
    by_name: bool = False
    doubtful: tuple[str, ...] = ()

    @property
    def doubt(self) -> str:
        """A sentence without its end on what is ``doubtful``; "" where nothing is."""
        if not self.doubtful:
            return ""
        listed = ", ".join(self.doubtful[:MAX_EXAMPLES]) + (", …" if len(self.doubtful) > MAX_EXAMPLES else "")
        return (
            f"{len(self.doubtful)} folders or files are called like a split and not read as one: {listed}; their "
            "images would be split among train, validation and test as any others. Call the folders of splits train/, "
            "val/ and test/, all of them at one depth, and what is none otherwise"
        )


def split_of_folder(name: str) -> str | None:
    """Return the split that a folder's name tells, for example "test2017", "Val" or "training_set"; else None."""
    return SPLIT_FOLDERS.get(_bare(name))


def split_of_file(name: str) -> str | None:
    """Return the split with which a file's name begins: "test-stag-0001.png", "val_3.png"; else None."""
    word = _FIRST_WORD.match(name.lower())
    return SPLIT_FOLDERS.get(word[0]) if word else None


def find_split_layout(paths: Iterable[str]) -> SplitLayout:
    """Find where ``paths`` (relative, with "/") name splits.

    The outermost folders that name two splits or more are splits, also where photographs lie in them directly, and what
    lies beside them is in none: "train" alone beside "bus" is a category. Folders further in count alike, for example
    images/train, images/test, or bottle/train, bottle/test. A folder of one split in which all photographs lie is that
    split, as where the others were not downloaded. Where no folder names splits and the names of all files
    begin with one, and not all with "train", these are the splits.
    """
    paths = list(paths)
    folders = {tuple(path.split("/")[:-1]) for path in paths}
    deepest = max(map(len, folders), default=0)
    depth = next((at for at in range(deepest) if len(_splits_at(folders, at)) > 1), None)
    if depth is None:
        depth = _depth_of_only_split(folders)
    is_wrapped = bool(depth) and len({one[:depth] for one in folders if one}) == 1
    doubtful = {one: _split_at(one, depth) for one in folders if _is_doubtful(one, depth)}
    if depth is not None or any(_split_at(one, depth) for one in folders):  # images in no split train nothing
        doubtful = {one: split for one, split in doubtful.items() if split == "train"}
    elif not doubtful:
        file_splits = [split_of_file(path.split("/")[-1]) for path in paths]
        if set(file_splits) - {None, "train"}:
            if None not in file_splits:
                return SplitLayout(by_name=True)
            if len(set(file_splits)) > 2:
                odd = [path for path, split in zip(paths, file_splits, strict=True) if split not in (None, "train")]
                return SplitLayout(doubtful=tuple(odd))
    return SplitLayout(depth, is_wrapped, doubtful=tuple(sorted(f"{'/'.join(one)}/" for one in doubtful)))


def labels_from_path(path: str, layout: SplitLayout | None = None) -> PathLabels:
    """Read the labels of ``path`` (relative, with "/"): [split /] [superclass /] [category /] file.

    The innermost folder is the category, the one around it the superclass; an outermost folder named like a split, with
    a category folder inside, is the split. ``layout`` says where splits are otherwise (see ``find_split_layout``). A
    folder named by one of ImageNet's WordNet ids gives the category's name and index.
    """
    layout = layout or SplitLayout()
    *folders, name = path.split("/")
    split = split_of_file(name) if layout.by_name else _split_at(folders, layout.depth)
    if split is not None and not layout.by_name:
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
    """Return the split that the folder at ``depth`` names (None: as in ``labels_from_path``)."""
    if len(folders) <= (1 if depth is None else depth):
        return None
    return split_of_folder(folders[depth or 0])


def _depth_of_only_split(folders: Iterable[Sequence[str]]) -> int | None:
    """Return at which depth all folders lie in one that is called like a split; None where there is none."""
    folders = list(folders)
    for at in range(min(map(len, folders), default=0)):
        if len({tuple(one[: at + 1]) for one in folders}) > 1:
            return None
        if split_of_folder(folders[0][at]):
            return at
    return None


def _splits_at(folders: Iterable[Sequence[str]], depth: int) -> set[str]:
    return {split for one in folders if len(one) > depth and (split := split_of_folder(one[depth]))}


def _is_doubtful(folders: Sequence[str], depth: int | None) -> bool:
    """Return whether one of ``folders`` is called like a validation or test split that the image is not in."""
    known_splits = {None, "train", _split_at(folders, depth)}
    return any(_bare(name) in UNCLEAR_SPLITS or split_of_folder(name) not in known_splits for name in folders)


@lru_cache(maxsize=4096)
def _bare(name: str) -> str:
    """Return ``name`` in lower case without separators and without a word for a set, a year or a number at its end."""
    return re.sub(r"[-_ .]", "", _SUFFIX.sub("", name.lower(), count=1))
