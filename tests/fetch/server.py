"""A local HTTP server whose manners a test chooses: ranges, cuts, redirects, pages, other files."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Site:
    """Files by path, and how they are sent; ``requests`` has (path, Range) of each request."""

    files: dict[str, bytes]
    ranges: bool = True
    etag: str = '"one"'
    content_type: str = "application/octet-stream"
    cuts: list[int] = field(default_factory=list)
    """After how many bytes of each of the next answers the connection is cut."""
    statuses: list[int] = field(default_factory=list)
    """Statuses of the next answers, before files are sent."""
    redirect: str = ""
    encoding: str = ""
    requests: list[tuple[str, str]] = field(default_factory=list)
    address: str = ""


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    """Serve ``site`` on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            asked = self.headers.get("Range", "")
            site.requests.append((self.path, asked))
            if site.redirect:
                self._answer(302, b"", {"Location": site.redirect + self.path})
                return
            if site.statuses:
                self._answer(site.statuses.pop(0), b"")
                return
            content = site.files.get(self.path)
            if content is None:
                self._answer(404, b"")
                return
            start = 0
            if site.ranges and asked and self.headers.get("If-Range", site.etag) == site.etag:
                start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
            if start > len(content):
                self._answer(416, b"")
                return
            headers = {"ETag": site.etag, "Content-Type": site.content_type} if site.etag else {}
            if site.encoding:
                headers["Content-Encoding"] = site.encoding
            if start:
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            cut = site.cuts.pop(0) if site.cuts else None
            self._answer(206 if start else 200, content[start:], headers, cut)

        def _answer(
            self, status: int, body: bytes, headers: dict[str, str] | None = None, cut: int | None = None
        ) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:cut])
            if cut is not None:
                self.wfile.flush()
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
