"""Matching of maps to images by their names alone."""

from __future__ import annotations

import posixpath
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Protocol

MAX_UNMATCHED = 100
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
