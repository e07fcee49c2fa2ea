"""A page at an address: the server that a command starts, with errors that say what to do."""

from __future__ import annotations

import errno
import os
import re
import signal
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tornado.netutil import bind_sockets
from tornado.web import RequestHandler

from gala_viz.commands.allowed_hosts import (
    ALL_INTERFACES,
    AllowedHosts,
    are_public,
    enforce_hosts,
    is_from_this_machine,
    is_host,
    own_names,
)
from gala_viz.commands.proxy_addresses import trust_proxy
from gala_viz.commands.response_headers import add_headers, answer_head, is_frame_ancestor
from gala_viz.threads import exit_after, exit_without_teardown, shutdown_event, stop_threads

if TYPE_CHECKING:
    from bokeh.server.server import Server
    from bokeh.server.tornado import BokehTornado

UPLOAD_MESSAGE_BYTES = 64 * 2**20
"""Largest websocket message: an upload of 20 MB travels as text, a third longer, with room for the rest."""
HTTP_LIMITS = {
    "idle_connection_timeout": 60.0,  # s in which the head of a request is there, the wait for it included
    "body_timeout": 30.0,  # s in which its body is there
    "max_header_size": 2**16,  # bytes, cookies of other programs of the same host among them
    "max_body_size": 2**20,  # bytes; files of visitors come by websocket
}
"""Bounds of what a connection may hold up: slow heads and bodies, large ones, and none at all."""
PING_MS = 20_000
"""How often a page's websocket is pinged, so that no proxy ends one that is quiet."""
MESSAGE_COMPRESSION = 1
"""zlib's level for messages to other machines: most of what compression gains, at a small part of its price."""
_asked_to_end = threading.Event()
INDEX_PAGE = Path(__file__).parents[1] / "panels" / "pages" / "index.html"
SESSION_CHECK_MS = 3000
"""How often sessions without a connection are searched for: each is some 10 MB (Bokeh's own interval: 17 s)."""
SHUTDOWN_S = 3.5
"""After a first Ctrl-C or SIGTERM a process of ours ends within this time, whatever it waits for."""
CLOSE_S = SHUTDOWN_S - 0.5
"""How much of it the served game may take to store its data, and to say what it could not store."""
EXIT_ENDED, EXIT_INTERRUPTED = 0, 130
"""Exit status of a server that was ended, and of one that was ended before it served."""
_PREFIX = re.compile(r"[\w.~/-]*", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerAddress:
    """Where a page is served: ``http://ADDRESS:PORT/PREFIX/NAME``."""

    port: int = 5006
    """Port of the page."""
    address: str = "localhost"
    """Name or number of the network interface; 0.0.0.0 serves every interface of this machine."""
    prefix: str = ""
    """Path before the page's own, for a server behind a proxy: lab/tools gives /lab/tools/compare."""
    allow_websocket_origin: tuple[str, ...] = ()
    """Names, as HOST or HOST:PORT, under which visitors reach this server; needed behind a proxy."""
    behind_proxy: bool = False
    """Believe a proxy's X-Forwarded-For about visitors' addresses; only where every visitor comes through one."""
    frame_ancestors: tuple[str, ...] = ()
    """Sites, as https://HOST, whose pages may show pages of this server in a frame, beside this server's own."""
    show: bool = True
    """Open a browser where there is one."""

    def __post_init__(self) -> None:
        if not 1 <= self.port <= 65535:
            raise ValueError(f"a port is a number from 1 to 65535; got {self.port}.")
        if not _PREFIX.fullmatch(self.prefix):
            raise ValueError(
                f"--prefix is a path of letters, digits, '-', '_', '.', '~' and '/', for example lab/tools; "
                f"got {self.prefix!r}."
            )
        for origin in self.allow_websocket_origin:
            if not is_host(origin):
                raise ValueError(
                    "--allow-websocket-origin takes what stands in the visitors' address bar between // and the next "
                    f"/, for example lab.example.org or lab.example.org:8443; got {origin!r}."
                )

        for site in self.frame_ancestors:
            if not is_frame_ancestor(site):
                raise ValueError(
                    "--frame-ancestors takes sites as https://HOST or https://HOST:PORT, for example "
                    f"https://lab.example.org or https://*.example.org; got {site!r}."
                )

    def url(self, name: str) -> str:
        """Return the address of the page ``name``."""
        host = "localhost" if self.address in ALL_INTERFACES else self.address
        path = "/".join(part for part in (self.prefix.strip("/"), name) if part)
        return f"http://{_host(host)}:{self.port}/{path}"

    @property
    def is_public(self) -> bool:
        """Whether others than the users of this machine can open the pages: by network, or through a proxy."""
        return are_public({self.address}, self.allow_websocket_origin, is_proxied=self.behind_proxy)

    @property
    def origins(self) -> list[str]:
        """Hosts whose pages may open a websocket: this machine's own names, the address, and those allowed by name."""
        own = sorted(own_names(self.address))
        return [*(f"{_host(host)}:{self.port}" for host in own), *self.allow_websocket_origin]


def serve(
    pages: Mapping[str, Callable[[], Any]],
    server_address: ServerAddress,
    *,
    when_listening: Callable[[], None] | None = None,
    patterns: Sequence[tuple] = (),
) -> None:
    """Serve pages until Ctrl-C; the first is opened in a browser where that is set.

    Parameters
    ----------
    pages : mapping of str to callable
        Name -> function that makes the page; it is called anew for every session.
    server_address : ServerAddress
        Where the pages are served.
    when_listening : callable, optional
        Runs once, after the port answers.
    patterns : sequence of tuple
        Further addresses, as Tornado takes them, with the same prefix.

    Raises
    ------
    OSError
        The port is taken or may not be used, or the address is none of this machine's; the message is a sentence.
    """
    if _asked_to_end.is_set():
        raise KeyboardInterrupt  # which some library had caught
    server = create_server(pages, server_address, patterns)
    server.start()
    name, *others = pages
    more = "".join(f", {other} at {server_address.url(other)}" for other in others)
    sys.stdout.write(f"The page is at {server_address.url(name)}{more} (Ctrl-C ends it).\n")
    sys.stdout.flush()
    if when_listening is not None:
        server.io_loop.add_callback(when_listening)
    if server_address.show and has_browser():
        server.io_loop.add_callback(webbrowser.open, server_address.url(name))
    with _signals(lambda *_: _stop_soon(server.io_loop)):
        try:
            if not _asked_to_end.is_set():
                server.io_loop.start()
        finally:
            server.stop()


def create_server(
    pages: Mapping[str, Callable[[], Any]], server_address: ServerAddress, patterns: Sequence[tuple] = ()
) -> Server:
    """Return a server that has its port and is yet to be started; see ``serve``."""
    import panel as pn
    from bokeh.settings import settings

    from gala_viz.panels.panel_patches import patch_message_compression, tornado_application

    # Panel asks models for attributes that they may not have; Bokeh would seek similar names for each error.
    settings.perform_error_diagnostics = False
    patch_message_compression(is_from_this_machine)
    try:
        server = pn.serve(
            dict(pages),
            port=server_address.port,
            address=server_address.address,
            prefix=server_address.prefix,
            websocket_origin=[
                one for one in server_address.origins if "[" not in one
            ],  # Bokeh reads no numbers of IPv6
            extra_patterns=[
                *patterns,
                *_own_routes(),
                *([("", AddSlash)] if server_address.prefix.strip("/") else []),
            ],
            index=str(INDEX_PAGE),
            location=False,  # Panel cannot read an address in numbers of IPv6, and no page of ours uses it
            use_xheaders=server_address.behind_proxy,
            http_server_kwargs=dict(HTTP_LIMITS),
            keep_alive_milliseconds=PING_MS,
            check_unused_sessions_milliseconds=SESSION_CHECK_MS,
            compress_response=True,
            websocket_compression_level=MESSAGE_COMPRESSION,
            websocket_max_message_size=UPLOAD_MESSAGE_BYTES,
            show=False,
            start=False,
            verbose=False,
        )
    except OSError as error:
        raise OSError(_refused(error, server_address)) from None
    application = tornado_application(server)
    answer_head(application)
    enforce_hosts(
        application,
        AllowedHosts(server_address.port, server_address.address, server_address.allow_websocket_origin),
    )
    if server_address.behind_proxy:
        trust_proxy(application)
    add_headers(application, application.prefix, server_address.frame_ancestors)
    return server


def equip_panel_server() -> None:
    """Make the server that ``panel serve`` began for an app check hosts, compress files and end as ``serve`` does.

    ``panel serve`` runs an app for its first visitor; requests before that are answered by Panel alone. Raises
    ``PermissionError`` where that first visitor asks for another host.
    """
    import panel as pn

    from gala_viz.panels.panel_patches import running_servers

    if pn.state.curdoc is None:
        return
    if not _equipped:
        _equipped.update({application: _equip(application) for application in running_servers()})
        exit_without_teardown(EXIT_ENDED)
    host = pn.state.headers.get("Host", "")
    for hosts in _equipped.values():
        if not hosts.allows(host):
            raise PermissionError(hosts.refusal_message(host))


class AddSlash(RequestHandler):
    """Sends a browser from the prefix to the prefix with a slash, from where relative addresses lead to the pages."""

    def get(self) -> None:
        """Answer with the address relative to the one that was asked, as a proxy may have put a path before it."""
        query = f"?{self.request.query}" if self.request.query else ""
        self.redirect(f"{self.request.path.rpartition('/')[2]}/{query}")


_equipped: dict[BokehTornado, AllowedHosts] = {}
"""Servers of ``panel serve``, and the hosts that each is meant for."""


def is_served_by_panel(name: str) -> bool:
    """Return whether a server of ``panel serve`` has an app called ``name`` beside the one that is visited."""
    return any(f"/{name}" in application.app_paths for application in _equipped)


def _equip(application: BokehTornado) -> AllowedHosts:
    """Make one server check hosts and compress files, and return the hosts that it is meant for.

    Bokeh's check of every new document, a twentieth of what a page costs, is for who builds pages: tests turn it on.
    """
    import panel as pn
    from bokeh.settings import settings
    from panel.io.server import RootHandler
    from tornado.web import GZipContentEncoding

    from gala_viz.panels.panel_patches import listening_hosts

    os.environ.setdefault("BOKEH_VALIDATE_DOC", "false")
    here = urlsplit(application.resources(absolute_url=True).root_url or "")
    origins = settings.allowed_ws_origin() or application.websocket_origins
    hosts = AllowedHosts(here.port, here.hostname or "localhost", origins)
    answer_head(application)
    enforce_hosts(application, hosts)
    if listening_hosts()[1]:
        trust_proxy(application)
    add_headers(application, application.prefix)
    application.transforms.append(GZipContentEncoding)
    prefix = re.escape(application.prefix)
    application.add_handlers(".*", _own_routes(prefix))
    if application.index is None or Path(application.index).is_relative_to(Path(pn.__file__).parent):
        pages = {"applications": application.applications, "prefix": application.prefix, "index": str(INDEX_PAGE)}
        application.add_handlers(".*", [(rf"{prefix}/", RootHandler, {**pages, "use_redirect": True})])
    if prefix:
        application.add_handlers(".*", [(prefix, AddSlash)])
    return hosts


def _own_routes(prefix: str = "") -> list[tuple]:
    """Return what is answered beside the pages, under ``prefix``, part of a regular expression."""
    from gala_viz.commands.compressed_files import static_routes
    from gala_viz.panels.file_downloads import download_routes
    from gala_viz.panels.waiting_page import loading_routes

    return [*static_routes(prefix), *download_routes(prefix), *loading_routes(prefix)]


@contextmanager
def clean_shutdown() -> Iterator[None]:
    """End, after the block, the threads that computed and loaded within it.

    Ctrl-C and SIGTERM raise ``KeyboardInterrupt`` here until ``serve`` listens. However they come, a process that is
    this program's own ends within ``SHUTDOWN_S``, even where nothing handles them.
    """

    def interrupt(*_: Any) -> None:
        _end_soon(EXIT_INTERRUPTED)
        raise KeyboardInterrupt

    _asked_to_end.clear()
    with _signals(interrupt):
        try:
            yield
        finally:
            stop_threads()
            shutdown_event.clear()  # a program that goes on after its server may load and compute again


def _stop_soon(loop: Any) -> None:
    _end_soon(EXIT_ENDED)
    loop.add_callback_from_signal(loop.stop)


def _end_soon(status: int) -> None:
    if not _asked_to_end.is_set():
        _asked_to_end.set()
        shutdown_event.set()
        exit_after(SHUTDOWN_S, status)


@contextmanager
def _signals(handler: Callable[..., None]) -> Iterator[None]:
    """Handle Ctrl-C and SIGTERM by ``handler`` within the block; outside the main thread change nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)


def check_address(server_address: ServerAddress) -> None:
    """Raise ``OSError`` with a sentence where ``server_address`` cannot be served.

    To be called before anything is loaded.
    """
    try:
        for one in bind_sockets(server_address.port, server_address.address):  # as the server itself will
            one.close()
    except OSError as error:
        raise OSError(_refused(error, server_address)) from None


_reach: list[bool] = []


def server_is_public() -> bool:
    """Return ``ServerAddress.is_public`` of servers that this process runs without a ``ServerAddress``.

    ``panel serve`` runs such servers, and gives an app no way to its own server, so that all of the process are
    examined. True where that cannot be determined.
    """
    from gala_viz.panels.panel_patches import listening_hosts, running_servers

    if not _reach:
        hosts, is_proxied = listening_hosts()
        if not hosts:
            return True
        origins = {origin for one in running_servers() for origin in one.websocket_origins}
        _reach.append(are_public(hosts, origins, is_proxied=is_proxied))
    return _reach[0]


def has_browser() -> bool:
    """Return whether this machine can show a page: a screen (or, on macOS and Windows, always) and a browser."""
    screen = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
    if not screen and sys.platform not in ("darwin", "win32"):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def _host(name: str) -> str:
    return f"[{name}]" if ":" in name else name


def _refused(error: OSError, at: ServerAddress) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {at.port} is taken by another program: end that one, or choose another, --port {at.port + 1}."
    if error.errno == errno.EACCES:
        return f"port {at.port} may not be used by this account; choose one from 1024 on, for example --port 5006."
    return f"the address {at.address!r} cannot be served ({error}); --address localhost serves this machine alone."
