"""Files of the numbers of participants beside a folder of mean maps: NAME_click_counts.json, name -> number."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from gala_viz.collections.human_maps.image_names import FindsImages

ENDING = "click_counts.json"
MAX_BYTES = 2**26


def read_counts(folder: Path, known: FindsImages) -> tuple[dict[str, int], str, list[tuple[str, str]]]:
    """Read the one file of counts in ``folder``, or else the one beside it that is called like the folder.

    Beside it may lie those of other folders: ``maps_click_counts.json`` is of ``maps/``, and no other is taken.

    Returns
    -------
    counts : dict of str to int
        Image -> number of participants.
    name : str
        Name of the file; "" where none is used.
    refused : list of (str, str)
        (file, reason) of those that are not used.
    """
    own = f"{folder.name}_{ENDING}"
    for place in (folder, folder.parent):
        paths = sorted(path for path in place.glob(f"*{ENDING}") if path.is_file())
        if place != folder:
            others, paths = [path for path in paths if path.name != own], [path for path in paths if path.name == own]
            if others and not paths:
                return {}, "", [(others[0].name, f"it is not used, as it may be of other maps; call it {own} if not.")]
        if len(paths) > 1:
            named = " and ".join(path.name for path in paths[:3])
            return {}, "", [(paths[0].name, f"{named} may each tell numbers of participants; none is used.")]
        if paths:
            counts, why = _read(paths[0], folder.parent, known)
            return counts, paths[0].name if counts else "", [(paths[0].name, why)] if why else []
    return {}, "", []


def _read(path: Path, root: Path, known: FindsImages) -> tuple[dict[str, int], str]:
    """Return image -> number, and why numbers are not used, or ""."""
    if not path.resolve().is_relative_to(root):
        return {}, "a link that leaves the maps' folder is not followed."
    if path.stat().st_size > MAX_BYTES:
        return {}, f"numbers of participants have at most {MAX_BYTES / 1e6:.0f} MB."
    try:
        stored = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        stored = None
    if not isinstance(stored, Mapping):
        return {}, "an object of names and numbers of participants was expected; the file has none and is not used."
    counts: dict[str, int] = {}
    differ: set[str] = set()
    n_wrong = 0
    for name, count in stored.items():
        images = known.find(name)
        if type(count) is not int or count < 1:
            n_wrong += 1
        elif len(images) == 1 and counts.setdefault(images[0], count) != count:
            differ.add(images[0])
    told = [f"{n_wrong} of its {len(stored)} entries are no whole number from 1 on."] if n_wrong else []
    if differ:
        told.append(f"two numbers of {min(differ)} are there, and neither is used; {len(differ)} images have two.")
    return {image: count for image, count in counts.items() if image not in differ}, " ".join(told)
