"""Scripts and style sheets of the libraries, sent compressed; each file is compressed once in the life of a server."""

from __future__ import annotations

import gzip
import os
from asyncio import get_running_loop
from functools import lru_cache
from pathlib import Path
from typing import Any

from bokeh.embed.bundle import extension_dirs
from bokeh.server.views.multi_root_static_handler import MultiRootStaticHandler
from bokeh.server.views.static_handler import StaticHandler

COMPRESSIBLE_SUFFIXES = frozenset({".js", ".css", ".html", ".svg", ".json", ".map", ".mjs", ".wasm", ".ttf"})
"""Kinds of files that get smaller; pictures and WOFF2 fonts are compressed already."""
MAX_FILES, MAX_BYTES = 128, 32 * 2**20


class _Compressed:
    """Answers of a Tornado handler of static files to a browser that accepts gzip."""

    _is_compressed = False

    async def get(self, path: str, include_body: bool = True) -> None:
        """Send the file, compressed as a whole where the browser accepts gzip and the file gets smaller by it."""
        if "gzip" not in self.request.headers.get("Accept-Encoding", ""):
            await super().get(path, include_body)
            return
        self.path = self.parse_url_path(path)
        absolute = self.get_absolute_path(self.root, self.path)
        self.absolute_path = self.validate_absolute_path(self.root, absolute)
        if self.absolute_path is None:
            return
        about = os.stat(self.absolute_path)
        if Path(self.absolute_path).suffix not in COMPRESSIBLE_SUFFIXES or about.st_size > MAX_BYTES:
            await super().get(path, include_body)
            return
        self._is_compressed = True
        self.modified = self.get_modified_time()
        self.set_headers()
        self.clear_header("Accept-Ranges")
        if self.should_return_304():
            self.set_status(304)
            return
        key = (self.absolute_path, about.st_mtime_ns, about.st_size)
        content = await get_running_loop().run_in_executor(None, _compressed, *key)
        self.set_header("Content-Encoding", "gzip")
        self.set_header("Content-Length", len(content))
        if include_body:
            self.write(content)

    def compute_etag(self) -> str | None:
        """Return another tag than the plain file's: a cache must not take one for the other."""
        etag = super().compute_etag()
        return f'{etag[:-1]}-gzip"' if etag and self._is_compressed else etag


class CompressedStaticHandler(_Compressed, StaticHandler):
    """Bokeh's own files."""


class CompressedExtensionHandler(_Compressed, MultiRootStaticHandler):
    """Files of Panel and of its extensions."""


def static_routes(prefix: str = "") -> list[tuple[str, type, dict[str, Any]]]:
    """Return addresses, as Tornado takes them, that answer before those by which Bokeh serves the same files."""
    return [
        (rf"{prefix}/static/extensions/(.*)", CompressedExtensionHandler, {"root": extension_dirs}),
        (rf"{prefix}/static/(.*)", CompressedStaticHandler, {}),
    ]


@lru_cache(MAX_FILES)
def _compressed(path: str, modified_ns: int, n_bytes: int) -> bytes:
    return gzip.compress(Path(path).read_bytes(), 6, mtime=0)
