"""Index of the files in a folder, stored between sessions in the user's cache folder.

**When is the index used again?** A folder's own modification time moves when a file in it is added, removed or renamed.
A folder whose modification time is the stored one is not listed again; only the others are. In collections of up to
``MAX_CHECKED_FILES`` files the size and modification time of each file are compared too, which detects files that were
overwritten in place. Larger collections detect these when the folder is next listed (``refresh=True`` forces it),
unless ``always_checked``. A folder that changed less than two seconds before it was listed is listed again next time,
since clocks of file systems are coarse. An index that is damaged or of another version counts as none.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gala_viz.collections.file_index_cache import FolderListing, index_path, load_index, save_index

MAX_CHECKED_FILES = 5000
MAX_ENTRIES = 2_000_000
"""Files and folders of any kind in a folder that is listed; the whole of ImageNet's challenge has 1.5 million."""
TELL_AFTER_S, _TELL_EVERY = 1.0, 100
"""Seconds of listing after which it is told, and between two such lines; looked up at each so many entries."""
MAX_DEPTH = 12
_COARSE_NS = 2_000_000_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FileTree:
    """Sorted files under a root: (path with "/", bytes, modification time in ns), and (path, reason) if refused.

    ``empty`` are folders without a file below them, where there is one in the folder around them.
    """

    files: tuple[tuple[str, int, int], ...]
    refused: tuple[tuple[str, str], ...]
    empty: tuple[str, ...] = ()


def index_files(
    root: Path,
    *,
    suffixes: frozenset[str],
    reported_suffixes: frozenset[str] = frozenset(),
    names: str = "",
    excluded: frozenset[Path] = frozenset(),
    refresh: bool = False,
    always_checked: bool = False,
) -> FileTree:
    """Index the files under ``root`` whose suffix, in lower case, is among ``suffixes``.

    Hidden files and folders (".…") are ignored. Links that lead out of ``root``, links to folders, empty files, names
    that are not valid text and folders that cannot be read are refused with a reason. A listing that takes more than a
    second tells the log how much was looked through so far.

    Parameters
    ----------
    root : Path
        Folder, resolved.
    suffixes : frozenset of str
        Suffixes of the files that are listed, in lower case with their dot.
    reported_suffixes : frozenset of str
        Suffixes of files that are refused with a reason, since they are not read.
    names : str
        Regular expression of whole names of further files that are listed, in any case; "": none.
    excluded : frozenset of Path
        Folders that are not entered.
    refresh : bool
        Whether to list all folders anew, without the stored index.
    always_checked : bool
        Whether to compare the size and modification time of every file, however many there are.

    Returns
    -------
    FileTree
        The files, and the refused ones with their reasons.

    Raises
    ------
    OSError
        ``root`` itself cannot be read.
    ValueError
        ``root`` is that of the file system, or holds more than ``MAX_ENTRIES`` files and folders.
    """
    if root == Path(root.anchor):
        raise ValueError(f"{root} is the root of the file system, and is not looked through. {_ADVICE}")
    path = index_path(root, suffixes, reported_suffixes, names)
    further = re.compile(names, re.IGNORECASE) if names else None
    known = {} if refresh else load_index(path, root)
    checked = always_checked or sum(len(listing.files) for listing in known.values()) <= MAX_CHECKED_FILES
    listings: dict[str, FolderListing] = {}
    changed = False
    waiting = [""]
    count = _EntryCount(root)
    unreadable: list[tuple[str, str]] = []
    while waiting:
        folder = waiting.pop()
        absolute = root / folder if folder else root
        if absolute in excluded:
            continue
        try:
            modified_ns = os.stat(absolute).st_mtime_ns
            listing = known.get(folder)
            if listing is None or listing.modified_ns != modified_ns or (checked and not _as_listed(absolute, listing)):
                listing = _list(root, absolute, modified_ns, suffixes, reported_suffixes, further, count)
                changed = True
        except OSError as error:
            if not folder:
                raise
            unreadable.append((folder, f"the folder cannot be read ({error.strerror or error})."))
            continue
        listings[folder] = listing
        below = [f"{folder}/{name}" if folder else name for name in listing.folders]
        if below and folder.count("/") + 2 > MAX_DEPTH:
            unreadable += [(name, f"folders are entered {MAX_DEPTH} deep at most.") for name in below]
        else:
            waiting += below
    if changed or len(listings) != len(known):
        save_index(path, root, listings)
    files = tuple(sorted(_files(listings)))
    return FileTree(files, tuple(sorted([*_refusals(listings), *unreadable])), _empty(listings, files))


def file_states(source: Path) -> list[tuple[str, int, int]]:
    """List (path inside, bytes, modification time in ns) of every file under the folder ``source``, sorted.

    For fingerprints: data in many files have changed where any of the files has. A file whose status cannot be read
    has -1.
    """
    states = []
    for folder, _, names in os.walk(source):
        for name in names:
            path = os.path.join(folder, name)
            try:
                status = os.stat(path)
                size, modified_ns = status.st_size, status.st_mtime_ns
            except OSError:
                size = modified_ns = -1
            states.append((os.path.relpath(path, source), size, modified_ns))
    return sorted(states)


_ADVICE = "A collection is a folder of photographs; name that folder."


@dataclass(slots=True)
class _EntryCount:
    """How many files and folders were listed under a folder: bounded, and told where it takes long."""

    root: Path
    n: int = 0
    told_at: float = field(default_factory=time.monotonic)

    def add(self) -> None:
        """Count one more."""
        self.n += 1
        if self.n > MAX_ENTRIES:
            raise ValueError(f"{self.root} holds more than {MAX_ENTRIES:,} files and folders. {_ADVICE}")
        if self.n % _TELL_EVERY == 0 and (now := time.monotonic()) - self.told_at >= TELL_AFTER_S:
            self.told_at = now
            _log.warning("%s: looked through %s files and folders so far", self.root, f"{self.n:,}")


def _list(
    root: Path,
    folder: Path,
    modified_ns: int,
    suffixes: frozenset[str],
    reported_suffixes: frozenset[str],
    names: re.Pattern[str] | None,
    count: _EntryCount,
) -> FolderListing:
    """List one folder, without what lies below it."""
    folders: list[str] = []
    files: list[list] = []
    refused: list[list[str]] = []
    recent = time.time_ns() - modified_ns < _COARSE_NS
    with os.scandir(folder) as entries:
        for entry in entries:
            count.add()
            name = entry.name
            if name.startswith("."):
                continue
            suffix = os.path.splitext(name)[1].lower()
            if not _is_text(name):
                shown = os.fsencode(name).decode("utf-8", "backslashreplace")
                refused.append([shown, "the file's name is not valid UTF-8; rename it."])
            elif entry.is_dir(follow_symlinks=False):
                folders.append(name)
            elif entry.is_symlink() and os.path.isdir(entry.path):
                refused.append([name, "links to folders are not followed."])
            elif suffix in reported_suffixes:
                refused.append([name, f"{suffix[1:].upper()} is not read; save it as PNG or JPEG."])
            elif suffix in suffixes or (names is not None and names.fullmatch(name)):
                status = _status(root, entry)
                if isinstance(status, str):
                    refused.append([name, status])
                else:
                    files.append([name, status.st_size, status.st_mtime_ns])
    return FolderListing(-1 if recent else modified_ns, sorted(folders), sorted(files), sorted(refused))


def _status(root: Path, entry: os.DirEntry) -> os.stat_result | str:
    """Return size and times of a file, or why it is left out."""
    try:
        if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(root):
            return "a link that leaves the collection's folder is not followed."
        status = entry.stat()
    except (OSError, RuntimeError) as error:
        return f"the file cannot be read ({getattr(error, 'strerror', None) or error})."
    if not entry.is_file():
        return "this is no regular file."
    return status if status.st_size else "the file is empty. Copy it again, or remove it."


def _as_listed(folder: Path, listing: FolderListing) -> bool:
    """Return whether the files of a folder have the sizes and modification times of its listing."""
    if listing.refused:  # refused files may have been repaired in place
        return False
    try:
        for name, size, modified_ns in listing.files:
            status = os.stat(folder / name)
            if status.st_size != size or status.st_mtime_ns != modified_ns:
                return False
    except OSError:
        return False
    return True


def _files(listings: dict[str, FolderListing]) -> Iterator[tuple[str, int, int]]:
    for folder, listing in listings.items():
        start = f"{folder}/" if folder else ""
        for name, size, modified_ns in listing.files:
            yield start + name, size, modified_ns


def _refusals(listings: dict[str, FolderListing]) -> Iterator[tuple[str, str]]:
    for folder, listing in listings.items():
        start = f"{folder}/" if folder else ""
        for name, reason in listing.refused:
            yield start + name, reason


def _empty(listings: dict[str, FolderListing], files: tuple[tuple[str, int, int], ...]) -> tuple[str, ...]:
    """Return the folders without a file below them, of those inside each other the outermost."""
    full = {""}
    for path, _, _ in files:
        while path := path.rpartition("/")[0]:
            full.add(path)
    return tuple(sorted(one for one in listings if one not in full and one.rpartition("/")[0] in full))


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
