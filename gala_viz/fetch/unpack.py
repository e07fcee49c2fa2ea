"""Zip archives of others, unpacked within bounds: nothing outside of the folder, no links, no bombs."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

MAX_FILES, MAX_RATIO, FREE_BYTES = 2_000_000, 100, 2**26
_LITTER = frozenset({"__MACOSX", ".DS_Store", ".svn", "Thumbs.db"})
_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeDecodeError)


class ArchiveError(ValueError):
    """An archive that is damaged, or would write what it must not; the message names the member."""


def unpack_zip(archive: Path, folder: Path) -> int:
    """Unpack ``archive`` into ``folder`` and return the number of its files.

    Files that are there with their size are left, so that an unpacking that was interrupted goes on. All names and
    sizes are checked before anything is written; litter of file systems is passed over.

    Raises
    ------
    ArchiveError
        The archive is damaged or encrypted, a name leads out of ``folder``, a member is a link, two have one name, it
        is larger than ``MAX_RATIO`` times its own size allows or than the disk has room for, or another file is there.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _members(archive, opened)
            _check_sizes(archive, folder, [info for _, info in members])
            for path, info in members:
                _write(archive, opened, info, folder, folder / path)
    except (*_ERRORS, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # which an offset before the file's start gives
            raise
        raise ArchiveError(f"{archive}: a zip archive was expected, and this one is damaged ({error}).") from None
    return len(members)


def _members(archive: Path, opened: zipfile.ZipFile) -> list[tuple[PurePosixPath, zipfile.ZipInfo]]:
    """Return the files of an archive with their paths, all of which are safe."""
    members, names = [], set()
    infos = opened.infolist()
    if len(infos) > MAX_FILES:
        raise ArchiveError(f"{archive}: it has {len(infos):,} members; at most {MAX_FILES:,} are unpacked.")
    for info in infos:
        name = info.filename
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or not name.isprintable():
            raise ArchiveError(
                f"{archive}: {name!r} would lie outside of the folder, or is no name; nothing is unpacked."
            )
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise ArchiveError(f"{archive}: {name!r} is a link or a device; nothing is unpacked.")
        if info.flag_bits & 1:
            raise ArchiveError(f"{archive}: {name!r} is encrypted; nothing is unpacked.")
        if info.is_dir() or _LITTER & set(path.parts) or path.name.startswith("._"):
            continue
        if path in names:
            raise ArchiveError(f"{archive}: {name!r} is there twice; nothing is unpacked.")
        names.add(path)
        members.append((path, info))
    return members


def _check_sizes(archive: Path, folder: Path, infos: list[zipfile.ZipInfo]) -> None:
    total, packed = sum(info.file_size for info in infos), archive.stat().st_size
    if total > MAX_RATIO * packed + 2**20:
        raise ArchiveError(
            f"{archive}: {packed:,} bytes would become {total:,}, more than {MAX_RATIO} times as many; nothing is "
            "unpacked."
        )
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if total + FREE_BYTES > free + sum(_there(folder, info) for info in infos):
        raise ArchiveError(f"{folder}: {total:,} bytes are to be unpacked and {free:,} are free; make room.")


def _there(folder: Path, info: zipfile.ZipInfo) -> int:
    try:
        return (folder / info.filename).stat().st_size
    except OSError:
        return 0


def _write(archive: Path, opened: zipfile.ZipFile, info: zipfile.ZipInfo, folder: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.parent.resolve().is_relative_to(folder.resolve()) or target.is_symlink():
        raise ArchiveError(f"{archive}: a link at {target} leads elsewhere; remove it.")
    if target.exists():
        if target.is_file() and target.stat().st_size == info.file_size:
            return
        raise ArchiveError(f"{archive}: another file is at {target}; remove it, or unpack into another folder.")
    part = target.with_name(f".{target.name[:200]}.part")
    try:
        with opened.open(info) as source, part.open("wb") as file:
            shutil.copyfileobj(source, file, 2**20)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
