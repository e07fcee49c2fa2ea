"""What needs private names of Panel, Bokeh and Tornado, each with what happens without it.

Tried with Panel 1.9 and Bokeh 3.8 and 3.9, to which ``pyproject.toml`` limits them, and with Tornado 6.6.

``dispatch_all_messages`` corrects how Panel writes to browsers: the last of a burst of messages is sent, not held back.
``patch_data_changes`` sends a data source that changes twice in one turn once.
``patch_message_compression`` sends messages to a browser on the same machine as they are.
``patch_references`` finds what a model refers to without making its defaults, of which hardly one is a model.
``patch_component_files`` remembers which files of components there are, which Panel looks for at every visit.
``patch_current_document`` lets an error within a callback leave nothing behind in Bokeh's stack of current documents.
``tornado_application`` finds the Tornado application of a server, to which addresses and checks are added.
``patch_page_links`` lets the links of components work that come onto a page which is open already.
``listening_hosts`` finds where servers listen that something else started.
``patch_collections`` lets Panel collect no garbage of its own, which holds up all visitors.
"""

from __future__ import annotations

import functools
import gc
import socket
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import panel_material_ui as pmui
from bokeh.core.has_props import HasProps
from bokeh.document import Document
from bokeh.document.events import ColumnDataChangedEvent, DocumentChangedEvent
from bokeh.io import doc as bokeh_document
from bokeh.model import Model
from bokeh.model import util as bokeh_references
from bokeh.server.tornado import BokehTornado
from bokeh.server.views.ws import WSHandler
from panel.config import config
from panel.custom import ReactiveESM
from panel.io import document as panel_document
from panel.io import resources as panel_resources
from panel.layout import Panel
from panel.util import classproperty
from panel_material_ui.base import MaterialComponent
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.websocket import WebSocketClosedError

PANEL_PRIVATE_NAMES = ("_dispatch_msgs", "_WRITE_MSGS", "_WRITE_BLOCK")
"""Names of ``panel.io.document`` that ``dispatch_all_messages`` needs; a Panel without them writes in its own way."""

_panel_writes = getattr(panel_document, PANEL_PRIVATE_NAMES[0], None)


async def dispatch_all_messages(document: Document) -> None:
    """Write the messages that wait for the browsers of ``document``, and those that arrive while they are written.

    Panel 1.9 writes what waits, awaits the writing, and declares the queue done. What was queued during that wait
    stays: its own task finds the queue done and leaves it, until some later change is queued behind it. A page after a
    burst of results would show the last but one for as long as nobody touches it.
    """
    try:
        await _panel_writes(document)
        while document in panel_document._WRITE_MSGS and document not in panel_document._WRITE_BLOCK:
            panel_document._WRITE_BLOCK[document] = True
            await _panel_writes(document)
    except WebSocketClosedError:
        pass  # the browser has gone, with what waited for it


def patch_message_dispatch() -> None:
    """Let Panel write with ``dispatch_all_messages``; a second call changes nothing."""
    if all(hasattr(panel_document, name) for name in PANEL_PRIVATE_NAMES):
        panel_document._dispatch_msgs = dispatch_all_messages


def patch_data_changes() -> None:
    """Let Bokeh combine two changes of one data source that are held back, as it does those of other properties.

    Bokeh 3.9 sends both, with the arrays of the later one; a second call changes nothing.
    """
    ColumnDataChangedEvent.combine = _combine_data_changes  # type: ignore[method-assign]


def _combine_data_changes(self: ColumnDataChangedEvent, event: DocumentChangedEvent) -> bool:
    """Take over a later change of all columns of the same data source, and return whether it was one."""
    if not isinstance(event, ColumnDataChangedEvent) or self.cols is not None or event.cols is not None:
        return False
    if (self.document, self.setter, self.attr) != (event.document, event.setter, event.attr):
        return False
    if self.model is not event.model:
        return False
    self.data, self.callback_invoker = event.data, event.callback_invoker
    return True


def patch_references() -> None:
    """Let Bokeh find the models that a model refers to without making every default; a second call changes nothing.

    Bokeh 3.9 makes and compares some forty defaults a model, and Panel goes through all models of a page thirty times
    while it builds the page: half of the time that this takes.
    """
    if hasattr(bokeh_references, "visit_immediate_value_references"):
        bokeh_references.visit_immediate_value_references = _visit_values


def _visit_values(value: Any, visitor: Callable[[Model], None]) -> None:
    """Call ``visitor`` with each model that is among the values of a model, as Bokeh does and in its order."""
    visit = bokeh_references.visit_value_and_its_immediate_references
    if not isinstance(value, HasProps):
        visit(value, visitor)
        return
    own, themed = value._property_values, value.themed_values() or {}
    for name, holds_no_model in _properties(type(value)):
        if name in own:
            visit(own[name], visitor)
        elif not holds_no_model or name in themed:
            visit(getattr(value, name), visitor)


@functools.cache
def _properties(model: type[HasProps]) -> tuple[tuple[str, bool], ...]:
    """Return the properties that may refer to models, and whether the default of each is a plain value."""
    own = model._overridden_defaults()
    defaults = {name: own.get(name, prop._default) for name, prop in model.properties_with_refs().items()}
    return tuple((name, _is_plain(default)) for name, default in defaults.items())


def _is_plain(default: Any) -> bool:
    """Return whether a default holds no model and makes none."""
    is_empty = isinstance(default, list | tuple | dict) and not default
    return default is None or is_empty or isinstance(default, bool | int | float | str)


def patch_component_files() -> None:
    """Remember which files lie beside each component's script; a second call changes nothing.

    Panel 1.9 looks for the style sheets of all 226 classes in the file system whenever a page is opened, and for the
    script of each component on it: some 1,500 looks. While Panel loads edited files anew, nothing is remembered.
    """
    for owner, name in (
        (ReactiveESM, "_bundle_path"),
        (ReactiveESM, "_bundle_css"),
        (MaterialComponent, "_bundle_css"),
    ):
        plain = vars(owner).get(name)
        if isinstance(plain, classproperty) and not isinstance(plain, _ComponentFiles):
            type.__setattr__(owner, name, _ComponentFiles(plain.f, may_lack=name == "_bundle_css"))


class _ComponentFiles(classproperty):
    """Files beside a component's script, looked for once for each class and mode of resources."""

    def __init__(self, look: Callable[[type], Any], *, may_lack: bool) -> None:
        super().__init__(self._find)
        self.look, self.may_lack = look, may_lack
        self._known: dict[tuple[type, str], Any] = {}

    def _find(self, cls: type) -> Any:
        key = cls, panel_resources.RESOURCE_MODE
        if key not in self._known or config.autoreload:
            try:
                self._known[key] = self.look(cls)
            except AttributeError:  # style sheets beside no file, for which Panel does not ask
                if not self.may_lack:
                    raise
                self._known[key] = []
        return self._known[key]


def patch_current_document() -> None:
    """Let Bokeh take a document off its stack of current ones after an error too; a second call changes nothing.

    Bokeh 3.9 takes the topmost entry off, and none where the callback raised an error. What stays is the current
    document of every thread, also once its session has ended: from then on no thread could draw a figure any more.
    """
    if isinstance(getattr(bokeh_document, "_PATCHED_CURDOCS", None), list):
        bokeh_document.patch_curdoc = _current_document


@contextmanager
def _current_document(document: Any) -> Iterator[None]:
    """Make a document the current one; afterwards its own entry is taken off, whatever lies above it."""
    entry, stack = weakref.ref(document), bokeh_document._PATCHED_CURDOCS
    stack.append(entry)
    try:
        yield
    finally:
        last = next((at for at in reversed(range(len(stack))) if stack[at] is entry), None)
        if last is not None:
            del stack[last]


_options_of_bokeh = WSHandler.get_compression_options


def patch_message_compression(is_local: Callable[[HTTPServerRequest], bool]) -> None:
    """Let no message to a browser on the server's own machine be compressed.

    Compressing the maps of a photograph takes as long as all else that the server does for them, and saves such a
    connection nothing. ``is_local(request)`` tells of the request that opens a websocket.
    """

    def options(self: WSHandler) -> dict[str, Any] | None:
        return None if is_local(self.request) else _options_of_bokeh(self)

    WSHandler.get_compression_options = options  # type: ignore[method-assign]


def tornado_application(server: Any) -> BokehTornado:
    """Return the Tornado application of a Bokeh ``server``; without Bokeh's name for it the one on its loop."""
    named = getattr(server, "_tornado", None)
    if isinstance(named, BokehTornado):
        return named
    return next(one for one in running_servers() if one.io_loop is server.io_loop)


def running_servers() -> list[BokehTornado]:
    """Return the Bokeh servers of this process, searched among all objects.

    ``panel serve`` gives an app no other access to its own server.
    """
    return _objects(BokehTornado)


def find_servers() -> None:
    """Remember the servers of this process, while they are among the objects that collections look at."""
    for kind in (BokehTornado, HTTPServer):
        _objects(kind)


def _objects(kind: type[_Kind]) -> list[_Kind]:
    """Return the objects of a kind: those that collections look at, and those that were found before."""
    found = _found.setdefault(kind, weakref.WeakSet())
    found.update(one for one in gc.get_objects() if issubclass(type(one), kind))
    return list(found)


_Kind = TypeVar("_Kind")
_found: dict[type, weakref.WeakSet] = {}


def listening_hosts() -> tuple[set[str], bool]:
    """Return the hosts on which HTTP servers of this process listen, and whether one of them trusts a proxy's headers.

    A host is "" for a socket that is no internet socket. Without Tornado's name for a server's sockets no host of it is
    known.
    """
    hosts: set[str] = set()
    is_proxied = False
    for server in _objects(HTTPServer):
        for one in [one for one in getattr(server, "_sockets", {}).values() if one.fileno() >= 0]:
            hosts.add(str(one.getsockname()[0]) if one.family in (socket.AF_INET, socket.AF_INET6) else "")
            is_proxied |= server.xheaders
    return hosts, is_proxied


def patch_collections() -> None:
    """Let Panel collect no garbage whenever a session ended: ``memory.free_soon`` does, and less often."""
    if hasattr(panel_document, "_garbage_collect"):
        panel_document._garbage_collect = lambda: None


def patch_page_links() -> None:
    """Let the links of components work that come onto an open page; a second call changes nothing.

    Panel 1.9 applies them for the children of its layouts. For those of components with a script, of which a page is
    one, it asks the wrong way round whether another update surrounds this one, and leaves them out.
    """
    plain = getattr(pmui.Page, "_update_model", None)
    if plain is not None and plain is not _update_with_links:
        _plain_updates.append(plain)
        type.__setattr__(pmui.Page, "_update_model", _update_with_links)


_plain_updates: list[Callable[..., None]] = []


def _update_with_links(self: pmui.Page, *args: Any) -> None:
    before = getattr(Panel, "_batch_update", False)
    Panel._batch_update = True
    try:
        _plain_updates[-1](self, *args)
    finally:
        Panel._batch_update = before
