"""One file from an HTTP server: goes on where it stopped, and comes whole, with its checksum, or not at all."""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from gala_viz.progress import ProgressCallback

TRIES, BLOCK_BYTES, TIMEOUT_S = 5, 2**16, (20, 60)
"""Tries in a row that bring nothing new; bytes that are written at once; seconds to connect and between two blocks."""
_WAITING_STATUSES = frozenset({429, 500, 502, 503, 504})
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_SIGNATURES = {".zip": (b"PK\x03\x04", b"PK\x05\x06"), ".h5": (b"\x89HDF\r\n\x1a\n",)}


class DownloadError(OSError):
    """A file that could not be fetched; the message says why, what stays, and what to do."""


class ChecksumError(DownloadError):
    """A file that is not the one that was published or fetched before."""


def download(
    url: str,
    target: Path,
    checksum: str | None = None,
    *,
    progress: ProgressCallback = lambda done, total: None,
    say: Callable[[str], None] = lambda sentence: None,
    pause: Callable[[float], None] = time.sleep,
) -> str:
    """Fetch ``url`` into ``target`` and return its sha256 as 64 hexadecimal digits.

    Parameters
    ----------
    url : str
        An http or https address.
    target : Path
        The file; it appears when it is whole. What came before a cut stays beside it as ``target.part``, and the next
        call goes on from there where the server allows that.
    checksum : str, optional
        "md5:..." or "sha256:..." that the file must have.
    progress : callable
        Called with the bytes that are there and how many there will be, 0 where the server does not tell.
    say : callable
        Called with a sentence on a redirect to another host, a new try, or a fresh start.
    pause : callable
        Waits so many seconds between two tries.

    Returns
    -------
    str
        The file's sha256.

    Raises
    ------
    DownloadError
        The server does not answer, refuses, or gives a page; the connection is cut again and again; the disk is full.
    ChecksumError
        The file is another one than ``checksum`` tells; nothing of it stays.
    """
    import pooch
    from requests.exceptions import RequestException

    pooch.get_logger().setLevel("WARNING")

    def downloader(address: str, whole: str, _: object) -> None:
        part = target.with_name(f"{target.name}.part")
        failures, largest, last = 0, _size(part), ""
        while failures < TRIES:
            if last:
                say(f"{target.name}: {last}; trying again")
                pause(min(2.0**failures, 30))
            try:
                _receive(address, part, target.suffix.lower(), progress, say)
            except DownloadError:
                raise
            except RequestException as error:
                last = _reason(error)
                failures = 0 if _size(part) > largest else failures + 1
                largest = max(largest, _size(part))
            except OSError as error:
                if error.errno not in _DISK_FULL:
                    raise
                raise DownloadError(
                    f"{target.parent}: the disk is full after {_size(part):,} bytes of {target.name}; make room and "
                    "give the same command again, it goes on from there."
                ) from None
            else:
                os.replace(part, whole)
                part.with_name(f"{part.name}.json").unlink(missing_ok=True)
                return
        raise DownloadError(
            f"{address}: {last}, {TRIES} times; "
            + (
                f"{kept:,} bytes are kept, and the same command goes on from there."
                if (kept := _kept(part, part.with_name(f"{part.name}.json"), address)[0])
                else "the server cannot go on in the middle of the file, so that the same command begins anew."
            )
        )

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        pooch.retrieve(url, checksum, target.name, target.parent, downloader=cast(Any, downloader))
    except ValueError as error:
        if "hash" not in str(error):
            raise
        raise ChecksumError(
            f"{url}: the file that came has another checksum than expected ({checksum}); it is removed. The publisher "
            "may have changed it, or it is damaged: fetch it again, and ask the publisher where that gives the same."
        ) from None
    return pooch.file_hash(str(target))


def _receive(url: str, part: Path, suffix: str, progress: ProgressCallback, say: Callable[[str], None]) -> None:
    """Fetch the rest of ``url`` into ``part``; raise ``RequestException`` where another try may help."""
    import requests

    facts_path = part.with_name(f"{part.name}.json")
    start, validator = _kept(part, facts_path, url)
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers |= {"Range": f"bytes={start}-", "If-Range": validator}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as answer:
        _check_route(url, answer.url, say)
        if answer.status_code == 416:
            part.unlink(missing_ok=True)
            raise requests.ConnectionError("the kept beginning does not fit the server's file any more")
        if answer.status_code in _WAITING_STATUSES:
            raise requests.ConnectionError(f"the server says {answer.status_code} {answer.reason}")
        if not answer.ok:
            raise DownloadError(
                f"{url}: the server says {answer.status_code} {answer.reason}. The address was not visited when it "
                "was written down and may have moved; where you know another server with the file, name it by --mirror."
            )
        if "text/html" in answer.headers.get("Content-Type", ""):
            raise DownloadError(
                f"{url}: a web page came instead of {part.name.removesuffix('.part')}; open the address in a browser "
                "to see what it asks for."
            )
        if answer.headers.get("Content-Encoding", "identity").lower() not in ("", "identity"):
            raise DownloadError(
                f"{url}: the server packs the file ({answer.headers['Content-Encoding']}) though it was asked not to, "
                "so that nobody knows when it is whole. Fetch it with a browser, or name another server by --mirror."
            )
        goes_on = answer.status_code == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        if start and not goes_on:
            say(f"{part.name.removesuffix('.part')}: the server does not go on from {start:,} bytes; from the start")
            start = 0
        length = answer.headers.get("Content-Length", "")
        total = start + int(length) if length.isascii() and length.isdigit() else 0
        free = shutil.disk_usage(part.parent).free
        if total - start > free:
            raise DownloadError(
                f"{part.parent}: {total - start:,} bytes are to come and {free:,} are free; make room, or choose "
                "another folder with --into."
            )
        if not start:
            found = answer.headers.get("ETag", "") or answer.headers.get("Last-Modified", "")
            facts = {"url": url, "validator": "" if found.startswith("W/") else found}
            facts_path.write_text(json.dumps(facts), encoding="utf-8")
        with part.open("ab" if start else "wb") as file:
            done = start
            progress(done, total)
            for block in answer.iter_content(BLOCK_BYTES):
                if not done and suffix in _SIGNATURES and not block.startswith(_SIGNATURES[suffix]):
                    raise DownloadError(f"{url}: a {suffix} file was expected; what came does not begin like one.")
                file.write(block)
                file.flush()
                done += len(block)
                progress(done, total)
        if total and done != total:
            raise requests.ConnectionError(f"the connection was cut after {done:,} of {total:,} bytes")


def _kept(part: Path, facts_path: Path, url: str) -> tuple[int, str]:
    """Return how many bytes are kept and what tells the server that its file is the same; (0, "") to start anew."""
    try:
        facts = json.loads(facts_path.read_text(encoding="utf-8"))
        validator = facts["validator"] if facts["url"] == url else ""
    except (OSError, ValueError, KeyError, TypeError):
        return 0, ""
    return (_size(part), validator) if isinstance(validator, str) and validator else (0, "")


def _check_route(asked: str, came: str, say: Callable[[str], None]) -> None:
    """Say where another host answers; raise ``DownloadError`` where a redirect leaves encryption."""
    first, last = urlsplit(asked), urlsplit(came)
    if first.scheme == "https" and last.scheme != "https":
        raise DownloadError(f"{asked} redirects to {came}, which is not encrypted; it is not followed.")
    if first.netloc != last.netloc:
        say(f"{first.netloc} redirects to {last.netloc}, which sends the file")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _reason(error: Exception) -> str:
    text = str(error)
    if "cut after" in text or text.startswith(("the server says", "the kept")):
        return text
    if "IncompleteRead" in text or "Connection broken" in text:
        return "the connection was cut"
    if "timed out" in text:
        return "the server does not answer in time"
    return f"no connection ({type(error).__name__})"
