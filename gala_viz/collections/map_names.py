"""Which map file belongs to which image, by their names alone."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Sequence

MAX_STRAY = 100


def matched_maps(images: Sequence[str], paths: Sequence[str]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Image id -> path of its map file, and (path, reason) of the files that belong to no one image.

    A map's path without its suffix is the image's id ("tench/a.jpg"), the id without its suffix ("tench/a"), or, where
    only one image has it, the file name alone ("a.jpg", "a"). A file that fits no image, several, or comes second for
    one is left out with a reason; of those that fit none, ``MAX_STRAY`` are named and the others counted.
    """
    owners = _owners(images)
    matched: dict[str, str] = {}
    left_out: list[tuple[str, str]] = []
    stray = 0
    for path in paths:
        fitting = owners.get(posixpath.splitext(path)[0], [])
        if not fitting:
            stray += 1
            if stray <= MAX_STRAY:
                left_out.append((path, "fits no image of the collection; a map is named like its image."))
        elif len(fitting) > 1:
            left_out.append((path, f"fits {' and '.join(fitting[:3])}; name it with the image's whole file name."))
        elif fitting[0] in matched:
            left_out.append((path, f"comes second for {fitting[0]}, after {matched[fitting[0]]}."))
        else:
            matched[fitting[0]] = path
    if stray > MAX_STRAY:
        left_out.append(("…", f"{stray - MAX_STRAY} more maps fit no image of the collection."))
    return matched, left_out


def _owners(images: Sequence[str]) -> dict[str, list[str]]:
    """Every name that a map may have -> the images that it fits."""
    owners: dict[str, list[str]] = {}
    for image in images:
        for name in {image, posixpath.splitext(image)[0]}:
            owners.setdefault(name, []).append(image)
    counts = Counter(posixpath.basename(name) for name in owners)
    for name in list(owners):
        base = posixpath.basename(name)
        if counts[base] == 1 and base not in owners:
            owners[base] = owners[name]
    return owners
