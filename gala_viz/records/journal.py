"""The journal of a game: what players send is in a file from the moment it arrives until the database has it.

Each server appends to a file of its own, in a folder that belongs to one database: beside an SQLite file, or in the
user's data folder for PostgreSQL. A line is the CRC-32 of an entry and the entry as JSON, so that a line that was cut
off by a crash is recognised. What the database refused stays in ``refused.jsonl`` of the same folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import re
import secrets
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy.engine import make_url

from gala_viz.records.database import Database, DatabaseError, default_records_path

SUFFIX, NEW = ".jsonl", ".new"
REFUSED_FILE = f"refused{SUFFIX}"
JournalEntry = dict[str, Any]
"""One entry of a journal; ``participant`` is the id of its player."""

_log = logging.getLogger(__name__)


def journal_folder(database: Database) -> Path:
    """Return the folder of all journals of ``database`` on this machine; it need not exist."""
    url = make_url(database.name)
    if url.get_backend_name() == "sqlite":
        return Path(f"{url.database}.game-journal")
    address = f"{url.host}:{url.port}/{url.database}?{sorted(url.query.items())}"  # whoever connects to it
    words = re.sub(r"[^\w.-]+", "-", f"{url.host or 'local'}-{url.database or ''}")[:60]
    return default_records_path().parent / "journals" / f"{words}-{hashlib.sha256(address.encode()).hexdigest()[:12]}"


class Journal:
    """One server's own journal for ``database``, locked for as long as this process lives.

    Raises ``DatabaseError`` where its folder cannot be written.
    """

    def __init__(self, database: Database) -> None:
        self.folder = journal_folder(database)
        self.path = self.folder / f"{secrets.token_hex(8)}{SUFFIX}"
        self._lock = _lifetime_lock(self.path)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
            with _edited(self.path, create=True):
                pass
        except OSError as error:
            raise DatabaseError(
                f"{self.folder}: the game keeps there what is not yet in the database, and it cannot be written "
                f"({error.strerror or error}). Make it writable; for PostgreSQL GALA_VIZ_DATA may name another folder."
            ) from None

    def append(self, entry: JournalEntry) -> None:
        """Add one entry; once this returns, it survives the end of this process."""
        with _edited(self.path, create=True) as file:
            _append(file, [entry])

    def rewrite(self, entries: Iterable[JournalEntry]) -> None:
        """Replace the journal's content by ``entries``; a crash leaves the former content or the new one."""
        with _edited(self.path, create=True):
            _replace(self.path, list(entries))

    def sync(self) -> None:
        """Force to the disk what was appended, so that it survives a loss of power too."""
        with _edited(self.path, create=True) as file:
            os.fsync(file)

    def refuse(self, entry: JournalEntry, reason: str) -> None:
        """Store an entry that the database will never take, with the reason, in ``refused.jsonl``."""
        with _edited(self.folder / REFUSED_FILE, create=True) as file:
            _append(file, [{**entry, "refused": reason}])
            os.fsync(file)

    def recover(self) -> list[JournalEntry]:
        """Move the entries of dead servers' journals into this one, and return them in order."""
        recovered: list[JournalEntry] = []
        _clear_unfinished(self.folder)
        for path in sorted(self.folder.glob(f"*{SUFFIX}")):
            if path in (self.path, self.folder / REFUSED_FILE):
                continue
            lock = _lifetime_lock(path)
            with contextlib.suppress(Timeout), lock.acquire(timeout=0):
                with _edited(path) as file:
                    entries = [] if file is None else _read(file, path)
                with _edited(self.path, create=True) as own:
                    _append(own, entries)
                    os.fsync(own)
                recovered += entries
                path.unlink(missing_ok=True)
                Path(lock.lock_file).unlink(missing_ok=True)
        return recovered

    def close(self) -> None:
        """Close the journal: an empty file is deleted, another waits for the next server that starts."""
        with _edited(self.path) as file:
            if file is None or not os.fstat(file).st_size:
                self.path.unlink(missing_ok=True)
                Path(self._lock.lock_file).unlink(missing_ok=True)
        self._lock.release()


def refused_entries(database: Database) -> list[JournalEntry]:
    """Return the entries that were refused on this machine, each with its reason under ``refused``."""
    path = journal_folder(database) / REFUSED_FILE
    with _edited(path) as file:
        return [] if file is None else _read(file, path)


def count_waiting_entries(database: Database) -> int:
    """Return how many entries the journals of this machine hold that may not be in the database yet."""
    count = 0
    for path in sorted(journal_folder(database).glob(f"*{SUFFIX}")):
        if path.name != REFUSED_FILE:
            with _edited(path) as file:
                count += 0 if file is None else len(_read(file, path))
    return count


def remove_participant(database: Database, participant: str) -> int:
    """Remove one participant from all journals of ``database`` on this machine, also of servers that run.

    Call it after the participant was deleted from the database: a running server that still holds updates of theirs in
    memory then finds nobody to store them for, and drops them.

    Returns
    -------
    int
        How many entries were removed.
    """
    removed = 0
    _clear_unfinished(journal_folder(database))
    for path in sorted(journal_folder(database).glob(f"*{SUFFIX}")):
        with _edited(path) as file:
            if file is None:
                continue
            entries = _read(file, path)
            others = [entry for entry in entries if entry.get("participant") != participant]
            if len(others) < len(entries):
                _replace(path, others)
            removed += len(entries) - len(others)
    return removed


def remove_unknown_participants(database: Database, is_known: Callable[[str], bool]) -> int:
    """Remove from the refused entries those whose participant is not ``is_known``; return how many there were."""
    path = journal_folder(database) / REFUSED_FILE
    with _edited(path) as file:
        if file is None:
            return 0
        entries = _read(file, path)
        known = {who: is_known(who) for who in {entry.get("participant", "") for entry in entries}}
        others = [entry for entry in entries if known[entry.get("participant", "")]]
        if len(others) < len(entries):
            _replace(path, others)
        return len(entries) - len(others)


def _lifetime_lock(path: Path) -> FileLock:
    return FileLock(path.with_suffix(".lock"), mode=0o600, thread_local=False)  # whichever thread closes it


@contextlib.contextmanager
def _edited(path: Path, *, create: bool = False) -> Iterator[int | None]:
    """Open the file at ``path`` while nobody else edits it, in this process or another; None where there is none.

    A file that was replaced during the wait for its lock is opened anew.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | (os.O_CREAT if create else 0)
    while True:
        try:
            file = os.open(path, flags, 0o600)
        except FileNotFoundError:
            if create:
                raise
            yield None
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file).st_nlink:
                yield file
                return
        finally:
            os.close(file)


def _append(file: int, entries: Iterable[JournalEntry]) -> None:
    content = b"".join(map(_line, entries))
    end = os.fstat(file).st_size
    if end and os.pread(file, 1, end - 1) != b"\n":  # an append that a full disk cut off spoils no line but its own
        content = b"\n" + content
    try:
        _write_all(file, content)
    except OSError:
        os.ftruncate(file, end)  # a part of an entry would only take the room of the next one
        raise


def _clear_unfinished(folder: Path) -> None:
    """Remove files of processes that ended before such a file had replaced its journal."""
    for new in folder.glob(f"*{NEW}"):
        with _edited(new.with_suffix(SUFFIX)):  # nobody writes it now; the journal itself may have been adopted
            new.unlink(missing_ok=True)


def _replace(path: Path, entries: list[JournalEntry]) -> None:
    """Write ``entries`` into a new file, force it to the disk, and let it replace ``path``."""
    new = path.with_suffix(NEW)
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        _write_all(file, b"".join(map(_line, entries)))
        if entries:
            os.fsync(file)
    except OSError:
        new.unlink(missing_ok=True)  # what is there stays, and this takes no room
        raise
    finally:
        os.close(file)
    os.replace(new, path)


def _write_all(file: int, content: bytes) -> None:
    while content:
        content = content[os.write(file, content) :]


def _line(entry: JournalEntry) -> bytes:
    body = json.dumps(entry, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(body), body)


def _read(file: int, path: Path) -> list[JournalEntry]:
    """Return the entries of an open journal; skip damaged lines, and log how many there are."""
    entries, n_damaged = [], 0
    with open(os.dup(file), "rb") as stream:
        stream.seek(0)
        for line in stream:
            if not line.strip():
                continue
            checksum, _, body = line.rstrip(b"\n").partition(b" ")
            if checksum == b"%08x" % zlib.crc32(body):
                entries.append(json.loads(body))
            else:
                n_damaged += 1
    if n_damaged:
        _log.error("%s: %d lines are damaged and were passed over; the others are read.", path, n_damaged)
    return entries
