"""A whole source: its files, their checksums at first fetch and ever after, its licence and citation beside them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import platformdirs

from gala_viz.cache import write_atomically
from gala_viz.fetch.download import ChecksumError, DownloadError, download
from gala_viz.fetch.sources import NOT_VISITED, SOURCES, SourceFile
from gala_viz.fetch.unpack import unpack_zip
from gala_viz.progress import ProgressCallback

CHECKSUMS, ABOUT = "SHA256SUMS", "SOURCE.txt"


def fetch_source(
    name: str,
    files: Sequence[SourceFile],
    folder: Path,
    *,
    mirror: str | None = None,
    progress: Callable[[str], ProgressCallback] = lambda file: lambda done, total: None,
    say: Callable[[str], None] = lambda sentence: None,
) -> list[Path]:
    """Fetch ``files`` of the source ``name`` into ``folder``, unpack archives, and return the paths of the files.

    ``SHA256SUMS`` beside them has every checksum, which later calls compare; so does a record of this user by address,
    for other folders. ``SOURCE.txt`` has licence, citation and addresses.

    Parameters
    ----------
    name : str
        A name in ``SOURCES``.
    files : sequence of SourceFile
        What ``select_files`` returned.
    folder : Path
        Made where it is missing.
    mirror : str, optional
        Address of a folder that holds the same files; checksums are compared as ever.
    progress : callable
        Takes a file's name and returns the callback of its bytes.
    say : callable
        Called with sentences on what happens.

    Returns
    -------
    list of Path
        One for each file.

    Raises
    ------
    DownloadError, ArchiveError
        A file cannot be fetched, is another one than before (``ChecksumError``), or cannot be unpacked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write_about(name, files, folder)
    paths = []
    for file in files:
        path = folder / file.name
        _fetch_file(file, path, folder, mirror, progress(file.name), say)
        if file.unpack_into is not None:
            where = folder / file.unpack_into
            say(f"{file.name}: {unpack_zip(path, where):,} files unpacked into {where}")
            _check_inside(file, where)
        paths.append(path)
    return paths


def _fetch_file(
    file: SourceFile,
    path: Path,
    folder: Path,
    mirror: str | None,
    progress: ProgressCallback,
    say: Callable[[str], None],
) -> None:
    """Fetch one file or compare the one that is there, and record its checksum."""
    import pooch

    known = _read_sums(folder).get(file.name) or _read_record().get(file.url)
    if path.exists():
        digest = pooch.file_hash(str(path))
        algorithm, _, published = (file.checksum or "").partition(":")
        expected = known or published
        if expected and expected != (digest if known else pooch.file_hash(str(path), algorithm)):
            raise ChecksumError(
                f"{path}: this is not the file that was published or fetched before (sha256 {digest[:12]}…, expected "
                f"{expected[:12]}…); remove it to fetch it again."
            )
        say(f"{file.name}: there already, its checksum is {'as recorded' if expected else 'recorded now'}")
    else:
        url = f"{mirror.rstrip('/')}/{file.name.rpartition('/')[2]}" if mirror else file.url
        digest = download(url, path, file.checksum or (known and f"sha256:{known}"), progress=progress, say=say)
        if known and digest != known:
            path.unlink()
            raise ChecksumError(
                f"{url}: the file has another sha256 than when it was fetched first ({known[:12]}…); it is removed. If "
                f"the publisher has changed it, take its line out of {folder / CHECKSUMS} and of {_record_path()}."
            )
        told = "is as published" if file.checksum else "is as at the first fetch" if known else "is recorded"
        say(f"{file.name}: fetched, its checksum {told}")
    _write_sums(folder, _read_sums(folder) | {file.name: digest})
    record = json.dumps(_read_record() | {file.url: digest}, indent=1)
    if not write_atomically(_record_path(), record.encode()):
        raise PermissionError(f"{_record_path()} cannot be written; the checksum would not be compared next time.")


def _check_inside(file: SourceFile, folder: Path) -> None:
    import pooch

    for name, checksum in file.inside.items():
        algorithm, _, expected = checksum.partition(":")
        inner = folder / name
        if not inner.is_file():
            raise DownloadError(f"{file.name}: {name} was expected in the archive and is not there.")
        if pooch.file_hash(str(inner), algorithm) != expected:
            raise ChecksumError(f"{inner}: another file than the published one ({checksum}); do not use it.")


def _write_about(name: str, files: Sequence[SourceFile], folder: Path) -> None:
    """Write licence, citation and addresses beside the files."""
    source = SOURCES[name]
    lines = [
        source.title,
        f"Licence: {source.licence}",
        f"Please cite: {source.citation}",
        *([f"Note: {source.note}"] if source.note else []),
        f"Fetched from {datetime.now(UTC).date()} on. {NOT_VISITED}",
        "",
        *(f"{file.name}  {file.url}" for file in files),
        "",
    ]
    write_atomically(folder / ABOUT, "\n".join(lines).encode())


def _read_sums(folder: Path) -> dict[str, str]:
    """Return the recorded sha256 by file of a folder."""
    try:
        lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError:
        raise _unreadable(folder / CHECKSUMS) from None
    pairs = (line.partition("  ")[::2] for line in lines)
    return {name: digest for digest, name in pairs if len(digest) == 64 and name}


def _write_sums(folder: Path, sums: dict[str, str]) -> None:
    content = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))
    if not write_atomically(folder / CHECKSUMS, content.encode()):
        raise PermissionError(f"{folder / CHECKSUMS} cannot be written; the checksums would not be compared next time.")


def _record_path() -> Path:
    return Path(platformdirs.user_data_dir("gala_viz")) / "fetched.json"


def _read_record() -> dict[str, str]:
    """Return the sha256 by address of what this user has fetched before."""
    try:
        record = json.loads(_record_path().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        raise _unreadable(_record_path()) from None
    if not isinstance(record, dict):
        raise _unreadable(_record_path())
    return record


def _unreadable(path: Path) -> DownloadError:
    return DownloadError(
        f"{path}: the checksums of what was fetched before cannot be read, so that nothing could be compared; mend the "
        "file, or move it away to record checksums anew."
    )
