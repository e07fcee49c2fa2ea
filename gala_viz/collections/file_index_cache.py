"""The file that stores the index of a folder: written whole or not at all, checked when it is read."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from gala_viz.cache import cache_folder, write_atomically

VERSION = 1


@dataclass(frozen=True, slots=True)
class FolderListing:
    """What one folder holds: sub-folders, files, and refused files.

    ``files`` are [name, bytes, modification time in ns], ``refused`` [name, reason]. ``modified_ns`` is the folder's
    own modification time, -1 where it is too recent to be relied on.
    """

    modified_ns: int
    folders: list[str]
    files: list[list]
    refused: list[list[str]]


def index_path(root: Path, suffixes: frozenset[str], reported_suffixes: frozenset[str], names: str = "") -> Path:
    """Return the path of the stored index of a folder.

    Parameters
    ----------
    root : Path
        The folder.
    suffixes, reported_suffixes : frozenset of str
        For which it was listed.
    names : str
        Regular expression of further names for which it was listed.

    Returns
    -------
    Path
        In the user's cache folder.
    """
    parts = json.dumps([str(root), sorted(suffixes), sorted(reported_suffixes), *([names] if names else [])])
    return cache_folder() / "indexes" / f"{hashlib.sha256(parts.encode()).hexdigest()[:32]}.json"


def load_index(path: Path, root: Path) -> dict[str, FolderListing]:
    """Return folder (relative, with "/") -> listing; empty where there is no index, or one that is not valid."""
    try:
        stored = json.loads(path.read_bytes())
        if stored["version"] != VERSION or stored["root"] != str(root):
            return {}
        return {folder: _checked(FolderListing(*listing)) for folder, listing in stored["folders"].items()}
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        return {}


def _checked(listing: FolderListing) -> FolderListing:
    """Return the listing if it has the right types and names nothing outside its folder; else raise ``ValueError``."""
    names = [*listing.folders, *(file[0] for file in listing.files), *(file[0] for file in listing.refused)]
    numbers = [listing.modified_ns, *(number for _, *two in listing.files for number in two)]
    if (
        not all(isinstance(number, int) for number in numbers)
        or any(len(file) != 3 for file in listing.files)
        or any(len(file) != 2 or not isinstance(file[1], str) for file in listing.refused)
        or any(not isinstance(name, str) or name in ("", ".", "..") or "/" in name for name in names)
    ):
        raise ValueError("the index is damaged.")
    return listing


def save_index(path: Path, root: Path, found: dict[str, FolderListing]) -> None:
    """Write the listings, whole or not at all; a cache folder that cannot be written is ignored."""
    folders = {
        folder: [listing.modified_ns, listing.folders, listing.files, listing.refused]
        for folder, listing in found.items()
    }
    content = json.dumps({"version": VERSION, "root": str(root), "folders": folders}, separators=(",", ":"))
    write_atomically(path, content.encode())
