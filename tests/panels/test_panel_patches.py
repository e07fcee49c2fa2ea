"""Messages that Panel queues for a browser while it writes others reach the browser too."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import holoviews as hv
import panel as pn
import panel_material_ui as pmui
import pytest
from bokeh.core.serialization import Serializer
from bokeh.document import Document
from bokeh.document.callbacks import invoke_with_curdoc
from bokeh.document.events import ColumnDataChangedEvent
from bokeh.io import curdoc
from bokeh.io import doc as bokeh_document
from bokeh.layouts import column
from bokeh.model import util as references
from bokeh.models import ColumnDataSource
from bokeh.plotting import figure
from bokeh.server.views.ws import WSHandler
from panel.io import document as panel_document
from panel.io.resources import Resources
from panel_material_ui.base import MaterialComponent
from tornado.websocket import WebSocketClosedError

from gala_viz.commands.allowed_hosts import is_from_this_machine
from gala_viz.panels.keyboard_shortcuts import KeyboardShortcuts
from gala_viz.panels.panel_patches import (
    patch_component_files,
    patch_current_document,
    patch_data_changes,
    patch_message_compression,
    patch_message_dispatch,
    patch_references,
)
from gala_viz.plots.bokeh_rendering import bokeh_figure
from tests.loops import in_own_loop
from tests.tiers import slow

patch_message_dispatch()


class Socket:
    """What a browser has got; each message is on its way until ``arrive``."""

    def __init__(self):
        self.got, self.under_way, self.closed = [], [], False

    def write(self, _connection, events=None, msg=None):
        if self.closed:
            raise WebSocketClosedError
        self.got.append(msg)
        self.under_way.append(asyncio.get_running_loop().create_future())
        return self.under_way[-1:]

    def arrive(self):
        for future in self.under_way:
            if not future.done():
                future.set_result(None)


@dataclass(eq=False)
class Connection:
    _socket: Socket
    protocol: SimpleNamespace


@pytest.fixture
def browser(monkeypatch):
    monkeypatch.setitem(panel_document.extra_socket_handlers, Socket, lambda c, **k: c._socket.write(c, **k))
    protocol = SimpleNamespace(create=lambda _kind, events: " ".join(events))
    return Connection(Socket(), protocol)


async def some_turns():
    for _ in range(20):
        await asyncio.sleep(0)


def test_what_is_queued_while_a_message_is_on_its_way_is_sent_after_it(browser):
    in_own_loop(_burst(browser))


async def _burst(browser):
    document, socket = Document(), browser._socket
    for number in range(4):
        socket.arrive()  # the task that awaits this ends after the next message is queued, and before its task begins
        panel_document.schedule_write_events(document, [browser], [f"message {number}"])
        await some_turns()
        assert socket.got[-1] == f"message {number}"
    socket.arrive()
    await some_turns()
    assert len(socket.got) == 4
    assert document not in panel_document._WRITE_MSGS
    assert document not in panel_document._WRITE_BLOCK


def test_a_browser_that_has_gone_is_no_error(browser):
    in_own_loop(_late(browser))


async def _late(browser):
    document = Document()
    browser._socket.closed = True
    panel_document.schedule_write_events(document, [browser], ["late"])
    (task,) = panel_document._write_tasks[document]
    await task
    assert browser._socket.got == []


@pytest.mark.parametrize("module", ["browser_component", *slow("game.experimenter_page")])
def test_every_page_mends_it_by_itself(module):
    code = f"import gala_viz.panels.{module}; from panel.io import document; print(document._dispatch_msgs.__module__)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "gala_viz.panels.panel_patches"


def test_an_error_within_a_callback_leaves_no_dead_document_to_the_threads_that_draw():
    patch_current_document()
    document, before = Document(), curdoc()
    document.add_next_tick_callback(lambda: None)

    def fail():
        assert curdoc() is not before
        raise ValueError("of a callback")

    with pytest.raises(ValueError, match="of a callback"):
        invoke_with_curdoc(document, fail)
    del document
    gc.collect()
    assert curdoc() is before
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(lambda: bokeh_figure(hv.Curve([1, 2]))).result() is not None


def test_callbacks_of_two_threads_each_take_their_own_document_off():
    patch_current_document()
    first, second = Document(), Document()
    outer, inner = bokeh_document.patch_curdoc(first), bokeh_document.patch_curdoc(second)
    outer.__enter__()
    inner.__enter__()
    outer.__exit__(None, None, None)
    assert curdoc() is second
    inner.__exit__(None, None, None)
    assert not bokeh_document._PATCHED_CURDOCS


def data_changes(document):
    """The changes of data sources that a document holds back."""
    return [event for event in document.callbacks._held_events if isinstance(event, ColumnDataChangedEvent)]


def test_a_source_that_changes_twice_in_one_turn_is_sent_once_with_its_last_data():
    patch_data_changes()
    document, first, second = Document(), ColumnDataSource({"x": [0]}), ColumnDataSource({"x": [0]})
    document.add_root(column(figure(), name="root"))
    for number, source in enumerate((first, second)):
        document.roots[0].children[0].scatter("x", "x", source=source, name=str(number))
    document.hold("combine")
    first.data, second.data, first.data = {"x": [1]}, {"x": [2]}, {"x": [3]}
    assert [event.model for event in data_changes(document)] == [first, second]
    serializer = Serializer()
    assert "3" in str(serializer.encode(data_changes(document)[0].to_serializable(serializer)))


def test_a_change_of_some_columns_is_not_taken_for_one_of_all():
    patch_data_changes()
    document, source = Document(), ColumnDataSource({"x": [0], "y": [0]})
    document.add_root(column(figure()))
    document.roots[0].children[0].scatter("x", "y", source=source)
    document.hold("combine")
    source.data = {"x": [1], "y": [1]}
    source.data["y"] = [2]
    assert len(data_changes(document)) == 2


def test_messages_to_this_machine_alone_are_not_compressed():
    patch_message_compression(is_from_this_machine)
    try:
        for address, headers, is_compressed in (
            ("127.0.0.1", {}, False),
            ("::1", {}, False),
            ("127.0.0.1", {"X-Forwarded-For": "10.0.0.7"}, True),
            ("10.0.0.7", {}, True),
        ):
            handler = SimpleNamespace(
                request=SimpleNamespace(remote_ip=address, headers=headers), _compression_level=1, _mem_level=None
            )
            options = WSHandler.get_compression_options(handler)
            assert (options is not None) is is_compressed, address
    finally:
        patch_message_compression(lambda request: False)


def test_a_second_visit_looks_for_no_style_sheet_of_a_component_and_gets_the_same(monkeypatch):
    patch_component_files()
    resources, looks = Resources(mode="server"), []
    first = resources.css_files
    plain = Path.is_file
    monkeypatch.setattr(Path, "is_file", lambda path: looks.append(path) or plain(path))
    assert resources.css_files == first
    assert len(looks) < 20  # those of Panel's own bundled files


def test_remembered_style_sheets_are_those_that_panel_finds():
    patch_component_files()
    found = vars(MaterialComponent)["_bundle_css"].look(pmui.Button)
    assert pmui.Button._bundle_css == found != []
    assert KeyboardShortcuts._bundle_css == []  # its script is a text


def test_models_that_a_page_refers_to_are_those_that_bokeh_finds_in_its_order(monkeypatch):
    def visit(value, visitor):  # as Bokeh does: all defaults are made
        for name in value.properties_with_refs():
            references.visit_value_and_its_immediate_references(getattr(value, name), visitor)

    def drawn():
        plot = figure(title="one", tooltips="$x")
        plot.scatter([1, 2], [3, 4], legend_label="points")
        layout = pn.Column(pn.pane.Bokeh(plot), pmui.Button(label="Go"), KeyboardShortcuts(keys=[]))
        return layout.get_root()

    patch_references()
    root = drawn()
    found = [one.id for one in root.references()]
    monkeypatch.setattr(references, "visit_immediate_value_references", visit)
    assert [one.id for one in root.references()] == found
    assert len(found) > 40
