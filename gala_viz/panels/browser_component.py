"""What all browser components share: a script beside the Python module, style sheets, messages."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import Any

import param
from bokeh.document import Document
from bokeh.events import Event
from bokeh.model import Model
from panel.custom import JSComponent
from panel.io import hold
from panel.io.state import set_curdoc
from panel.models.esm import DataEvent

from gala_viz.json_input import text_problem
from gala_viz.panels.panel_patches import (
    patch_component_files,
    patch_current_document,
    patch_data_changes,
    patch_message_dispatch,
    patch_references,
)

patch_message_dispatch()
patch_current_document()
patch_data_changes()
patch_component_files()
patch_references()
_log = logging.getLogger(__name__)
_PANELS = Path(__file__).parent


def read_scripts(*names: str) -> str:
    """Return the scripts ``panels/NAME.js``, one after the other."""
    return "\n".join((_PANELS / f"{name}.js").read_text(encoding="utf-8") for name in names)


def read_stylesheets(*names: str) -> str:
    """Return the style sheet that all components share, then the style sheets ``panels/NAME.css``."""
    return "\n".join((_PANELS / f"{name}.css").read_text(encoding="utf-8") for name in ("base", *names))


class BrowserComponent(JSComponent):
    """A component with a script of this project, which replaces four habits of Panel that harm a page of many models.

    Panel handles a message at once if it can. If it cannot, it postpones the message, without the document's lock: an
    older message may then be handled last, and must change no figure. Here all messages are handled in the order in
    which they were sent, each in a next-tick callback of the document. And after every change Panel walks through all
    models that the component refers to, for a page of figures nearly the whole document, to mark the data models among
    them. Those are marked when they are created, so a component here marks its own model alone. And each of the changes
    that follow from one of the browser would be a message of its own, of some 8 ms: they are sent as one. Panel waits
    50 ms after every change of a property for others; scripts here send what is meant, once.
    """

    __abstract = True

    _debounce = 0

    def _server_event(self, doc: Document, event: Event) -> None:
        if doc.session_context:
            doc.add_next_tick_callback(partial(self._event_coroutine, doc, event))
        else:
            super()._server_event(doc, event)

    def _change_event(self, doc: Document) -> None:
        with set_curdoc(doc), hold(doc):
            super()._change_event(doc)

    def _process_bokeh_event(self, doc: Document, event: Event) -> None:
        with set_curdoc(doc), hold(doc):
            super()._process_bokeh_event(doc, event)

    def _process_event(self, event: Event) -> None:
        """Drop messages with texts that cannot be stored or sent on, which no script of this project sends."""
        if isinstance(event, DataEvent) and (problem := text_problem(event.data)):
            _log.warning("a page's message was not heard: %s", problem)
            return
        super()._process_event(event)

    @classmethod
    def _patch_datamodel_ref(cls, props: Model, ref: str) -> None:
        mark = f"__ref:{ref}"
        if mark not in props.tags:
            props.tags.append(mark)


class MessagingComponent(BrowserComponent):
    """A component whose script sends messages; ``on_message`` is called with each, in a callback of the document."""

    on_message = param.Callable(default=None, doc="Called with each message, a dict.")

    _rename = {"on_message": None}  # noqa: RUF012

    __abstract = True

    def _handle_msg(self, data: Any) -> None:
        """Call ``on_message``; what no script of this project sends is dropped, and ends no session."""
        if not isinstance(data, dict):
            _log.warning("a page's message was not heard: a dict was expected, a %s came", type(data).__name__)
        elif callable(self.on_message):
            self.on_message(data)
