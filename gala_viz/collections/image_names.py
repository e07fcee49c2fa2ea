"""Which marks belong to which image, by their names alone."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

MAX_UNMATCHED = 100


class ImageNames:
    """Finds images by the names that others call them: the id, the last two parts of it, the last; longest first.

    Each may lack its suffix, as may the image's. ``joint`` stands between the parts, for names that avoid "/".
    """

    def __init__(self, images: Sequence[str], separator: str = "/") -> None:
        self._images, self._joint = images, separator
        self._levels: dict[int, dict[str, list[str]]] = {}

    def find(self, name: str) -> list[str]:
        """The images that ``name`` may mean: none, one, or several that it does not tell apart."""
        for parts in (0, 2, 1):
            level = self._level(parts)
            fitting = level.get(name) or level.get(posixpath.splitext(name)[0])
            if fitting:
                return fitting
        return []

    def _level(self, parts: int) -> dict[str, list[str]]:
        """Names that keep the last ``parts`` of the ids (0: all); made when first needed."""
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
    """Image -> the thing that is called like it, and (thing, reason) of those that belong to no one image.

    ``names`` are (thing, the name by which its image is sought). A thing that fits no image, several, or comes second
    for one is left out with a reason; of those that fit none, ``MAX_UNMATCHED`` are named and the others counted.
    """
    found: dict[str, str] = {}
    left_out: list[tuple[str, str]] = []
    stray = 0
    for thing, name in names:
        fitting = known.find(name)
        if not fitting:
            stray += 1
            if stray <= MAX_UNMATCHED:
                left_out.append((thing, f"fits no image of the collection; a {noun} is named like its image."))
        elif len(fitting) > 1:
            left_out.append((thing, f"fits {' and '.join(fitting[:3])}; name it with the image's whole file name."))
        elif fitting[0] in found:
            left_out.append((thing, f"comes second for {fitting[0]}, after {found[fitting[0]]}."))
        else:
            found[fitting[0]] = thing
    if stray > MAX_UNMATCHED:
        left_out.append(("…", f"{stray - MAX_UNMATCHED} more {noun}s fit no image of the collection."))
    return found, left_out
