"""Files that a page gives its visitor: over HTTP, under addresses that nobody can guess, until they are withdrawn."""

from __future__ import annotations

import re
import secrets
import threading
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import tornado.web

CHUNK_BYTES = 2**18


class Offer(NamedTuple):
    """A file and the name under which a browser saves it."""

    file: Path
    filename: str


_offers: dict[str, Offer] = {}
_lock = threading.Lock()


def offer_file(file: Path, filename: str) -> str:
    """Offer a file, and return its address as seen from any page of this server."""
    token = secrets.token_urlsafe(32)
    with _lock:
        _offers[token] = Offer(file, filename)
    return f"download/{token}"


def withdraw_file(address: str) -> None:
    """Offer the file of this address no more; nothing is done for one that is not known."""
    with _lock:
        _offers.pop(address.rpartition("/")[2], None)


class DownloadHandler(tornado.web.RequestHandler):
    """Sends an offered file piece by piece."""

    async def get(self, token: str) -> None:
        """Send the file; 404 where none is offered under this address any more."""
        with _lock:
            offer = _offers.get(token)
        if offer is None or not offer.file.is_file():
            raise tornado.web.HTTPError(404, reason="this file is not offered any more")
        ascii_name = re.sub(r"[^\w.-]", "_", offer.filename, flags=re.ASCII)
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")
        self.set_header(
            "Content-Disposition", f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(offer.filename)}"
        )
        self.set_header("Content-Length", str(offer.file.stat().st_size))
        with offer.file.open("rb") as content:
            while piece := content.read(CHUNK_BYTES):
                self.write(piece)
                await self.flush()


def download_routes(prefix: str = "") -> list[tuple[str, type[DownloadHandler]]]:
    """Return the addresses of offered files under ``prefix``, part of a regular expression, as Tornado takes them."""
    return [(rf"{prefix}/download/([\w-]+)", DownloadHandler)]
