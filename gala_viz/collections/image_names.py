"""Matching of maps to images by their names alone."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

MAX_UNMATCHED = 100


class ImageNames:
    """Finds images by the names of other files: the id, its last two parts, its last part, in this order.

    Each may lack its suffix, as may the image's. ``separator`` stands between the parts, for names that avoid "/".
    """

    def __init__(self, images: Sequence[str], separator: str = "/") -> None:
        self._images, self._joint = images, separator
        self._levels: dict[int, dict[str, list[str]]] = {}

    def find(self, name: str) -> list[str]:
        """Return the images that ``name`` may mean: none, one, or several that it does not tell apart."""
        for parts in (0, 2, 1):
            level = self._level(parts)
            candidates = level.get(name) or level.get(posixpath.splitext(name)[0])
            if candidates:
                return candidates
        return []

    def _level(self, parts: int) -> dict[str, list[str]]:
        """Return name -> images, for names of the last ``parts`` of the ids (0: all); made when first needed."""
        if parts not in self._levels:
            level: dict[str, list[str]] = {}
            for image in self._images:
                name = self._joint.join(image.split("/")[-parts:])
                level.setdefault(name, []).append(image)
                if (bare := posixpath.splitext(name)[0]) != name:
                    level.setdefault(bare, []).append(image)
            self._levels[parts] = level
        return self._levels[parts]


def match_names(
    names: Iterable[tuple[str, str]], known: ImageNames, noun: str = "map"
) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Match things to images: return image -> thing, and (thing, reason) of the things that belong to no one image.

    ``names`` are (thing, name by which its image is searched for); ``noun`` is the word for a thing in reasons. A thing
    that fits no image or several, or comes second for one, is left out with a reason. Of those that fit none,
    ``MAX_UNMATCHED`` are named and the others counted.
    """
    thing_by_image: dict[str, str] = {}
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
        elif candidates[0] in thing_by_image:
            left_out.append((thing, f"comes second for {candidates[0]}, after {thing_by_image[candidates[0]]}."))
        else:
            thing_by_image[candidates[0]] = thing
    if n_unmatched > MAX_UNMATCHED:
        left_out.append(("…", f"{n_unmatched - MAX_UNMATCHED} more {noun}s fit no image of the collection."))
    return thing_by_image, left_out
