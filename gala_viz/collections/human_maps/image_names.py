"""Matching by names alone: of maps, and of the rows of tables, to images."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from gala_viz.counts import counted

MAX_UNMATCHED = 100
_WORDNET_ID = re.compile(r"n\d{8}")
_TWIN = "has the name of another one in another Unicode form, and it is not known which is meant; remove one of them."


class ImageNames:
    """Finds images by the names of other files: the id, its last two parts, its last part, in this order.

    Each may lack its suffix, as may the image's. ``separator`` stands between the parts, for names that avoid "/".
    A name that no image has is compared in Unicode's composed form: some systems write an umlaut as two characters.
    """

    def __init__(self, images: Sequence[str], separator: str = "/") -> None:
        self._images, self._joint = images, separator
        self._levels: dict[tuple[int, bool], dict[str, list[str]]] = {}

    def find(self, name: str) -> list[str]:
        """Return the images that ``name`` may mean: none, one, or several that it does not tell apart."""
        for is_composed in (False, True):
            wanted = composed(name) if is_composed else name
            for parts in (0, 2, 1):
                level = self._level(parts, is_composed)
                candidates = level.get(wanted) or level.get(posixpath.splitext(wanted)[0])
                if candidates:
                    return candidates
        return []

    def _level(self, parts: int, is_composed: bool) -> dict[str, list[str]]:
        """Return name -> images, for names of the last ``parts`` of the ids (0: all); made when first needed."""
        if (parts, is_composed) not in self._levels:
            level: dict[str, list[str]] = {}
            for image in self._images:
                name = self._joint.join(image.split("/")[-parts:])
                name = composed(name) if is_composed else name
                level.setdefault(name, []).append(image)
                if (bare := posixpath.splitext(name)[0]) != name:
                    level.setdefault(bare, []).append(image)
            self._levels[parts, is_composed] = level
        return self._levels[parts, is_composed]


def composed(name: str) -> str:
    """Return a name in Unicode's composed form (NFC)."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def path_parts(name: str) -> list[str]:
    """Return the parts of a path of any system that somebody wrote, without those that lead up or to a root."""
    return [part for part in PurePosixPath(name.strip().replace("\\", "/")).parts if part not in ("/", ".", "..")]


class FindsImages(Protocol):
    """The part of ``ImageNames`` that matching needs."""

    def find(self, name: str) -> list[str]:
        """Return the images that a name may mean.

        Parameters
        ----------
        name : str
            Name of another file.

        Returns
        -------
        list of str
            None, one, or several that it does not tell apart.
        """
        ...


def match_names(
    names: Iterable[tuple[str, str]], known: FindsImages, noun: str = "map"
) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Match things to images: return image -> thing, and (thing, reason) of the things that belong to no one image.

    ``names`` are (thing, name by which its image is searched for); ``noun`` is the word for a thing in reasons. A thing
    that fits no image or several, or comes second for one, is left out with a reason; of two whose names differ in
    their Unicode form alone both are. Of those that fit none, ``MAX_UNMATCHED`` are named and the others counted.
    """
    thing_by_image: dict[str, str] = {}
    name_of: dict[str, str] = {}
    twins: set[str] = set()
    left_out: list[tuple[str, str]] = []
    n_unmatched = 0
    for thing, name in names:
        candidates = known.find(name)
        if not candidates:
            n_unmatched += 1
            if n_unmatched <= MAX_UNMATCHED:
                left_out.append((thing, f"fits no image of the collection; a {noun} is named like its image."))
        elif len(candidates) > 1:
            left_out.append((thing, f"fits {' and '.join(candidates[:3])}; name it with the image's whole file name."))
        elif (image := candidates[0]) in thing_by_image:
            if name_of[image] != name and composed(name_of[image]) == composed(name):
                twins.add(image)
                left_out.append((thing, _TWIN))
            else:
                left_out.append((thing, f"comes second for {image}, after {thing_by_image[image]}."))
        else:
            thing_by_image[image], name_of[image] = thing, name
    left_out += [(thing_by_image.pop(image), _TWIN) for image in sorted(twins)]
    if n_unmatched > MAX_UNMATCHED:
        left_out.append(("…", f"{n_unmatched - MAX_UNMATCHED} more {noun}s fit no image of the collection."))
    return thing_by_image, left_out


@dataclass(frozen=True, slots=True)
class TableMatch:
    """Which images of a collection the images of a table are.

    ``image_by_number`` is number in the table -> image, ``left_out`` (name, reason) of those that are none or several,
    ``note`` a sentence where file names alone told them; "" elsewhere.
    """

    image_by_number: dict[int, str]
    left_out: list[tuple[str, str]]
    note: str = ""


def match_table(names: Sequence[Sequence[str]], images: Sequence[str], noun: str) -> TableMatch:
    """Match the images of a table by their names: the id, or the end of a path, its last two parts at least.

    Several images of the table may be one of the collection. What its folders do not tell is told by file names alone:
    of those that are unique in the table and in the collection, and not of two WordNet ids; where other paths of the
    table are some of the collection's, only images that lie in no folder.

    Parameters
    ----------
    names : sequence of sequence of str
        Of each image of the table the names to search for, the best first.
    images : sequence of str
        Ids of the collection's images.
    noun : str
        Word for what lies on an image, in reasons: "rounds".

    Returns
    -------
    TableMatch
        The matches, and what has none.
    """
    known = ImageNames(images)
    image_by_number: dict[int, str] = {}
    left_out: list[tuple[str, str]] = []
    unknown: dict[int, str] = {}
    for number, options in enumerate(names):
        candidates = next(filter(None, (_find_end(known, name) for name in options)), [])
        if len(candidates) == 1:
            image_by_number[number] = candidates[0]
        elif candidates:
            left_out.append((options[0], f"fits {' and '.join(candidates[:3])}; its {noun} are left out."))
        else:
            unknown[number] = options[0]
    by_base_name = _match_base_names(unknown, [one for one in images if "/" not in one] if image_by_number else images)
    note = ""
    if by_base_name:
        number, image = next(iter(by_base_name.items()))
        note = (
            f"{counted(len(by_base_name), 'image')} of the table {'was' if len(by_base_name) == 1 else 'were'} told by "
            f"the file name alone, in other folders, for example {unknown[number]!r} as {image!r}."
        )
    if rest := [repr(name) for number, name in unknown.items() if number not in by_base_name]:
        some = ", ".join(rest[:3])
        reason = (
            f"{len(rest)} of {len(names)} are not in the collection, for example {some}; their {noun} are left out."
        )
        left_out.append(("images", reason))
    return TableMatch(image_by_number | by_base_name, left_out, note)


def no_match_reason(names: Sequence[Sequence[str]], images: Sequence[str], match: TableMatch) -> str:
    """Say that none of a table's ``names`` is that of an image, with examples of both and of those that fit several."""
    if not images:
        return "the collection has no image."
    several = "".join(f" {name}: {reason}" for name, reason in match.left_out[:3] if name != "images")
    return (
        f"none of its {counted(len(names), 'image')}{f', for example {names[0][0]!r},' if names else ''} is one of the "
        f"collection's {len(images):,}, for example {images[0]!r}. An image is named by its path, or the end of it."
        f"{several}"
    )


def _find_end(known: ImageNames, name: str) -> list[str]:
    """Return the images that have the longest end of a path, of two parts at least where it has so many."""
    parts = path_parts(name)
    ends = ("/".join(parts[start:]) for start in range(max(1, len(parts) - 1)))
    return next(filter(None, map(known.find, ends)), [])


def _match_base_names(names: dict[int, str], images: Sequence[str]) -> dict[int, str]:
    """Return number -> image for names whose file name is unique among them and in the collection."""
    known = ImageNames(images)
    numbers_by_base: dict[str, list[int]] = {}
    for number, name in names.items():
        numbers_by_base.setdefault(composed("".join(path_parts(name)[-1:])), []).append(number)
    bases = {composed(posixpath.basename(image)) for image in images}
    has_suffixes = any(base in bases for base in numbers_by_base)
    matched: dict[int, str] = {}
    for base, numbers in numbers_by_base.items():
        candidates = known.find(base) if base in bases or not has_suffixes else []
        if len(candidates) != 1 or len(numbers) != 1:
            continue
        folders = [_WORDNET_ID.findall(path.rpartition("/")[0]) for path in (names[numbers[0]], candidates[0])]
        if not all(folders) or set(folders[0]) & set(folders[1]):
            matched[numbers[0]] = candidates[0]
    n_used = Counter(matched.values())
    return {number: image for number, image in matched.items() if n_used[image] == 1}
