"""What all browser components share: a script beside the Python module, style sheets, messages."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import param
from bokeh.document import Document
from bokeh.events import Event
from bokeh.model import Model
from panel.custom import JSComponent

from gala_viz.panels.panel_patches import patch_message_dispatch

patch_message_dispatch()
_PANELS = Path(__file__).parent


def read_scripts(*names: str) -> str:
    """Return the scripts ``panels/NAME.js``, one after the other."""
    return "\n".join((_PANELS / f"{name}.js").read_text(encoding="utf-8") for name in names)


def read_stylesheets(*names: str) -> str:
    """Return what all components share, then the style sheets ``panels/NAME.css``."""
    return "\n".join((_PANELS / f"{name}.css").read_text(encoding="utf-8") for name in ("base", *names))


class BrowserComponent(JSComponent):
    """A component of ours. Two of Panel's ways would harm a page of many models, and are replaced here.

    Panel hears a message at once when it can; when it cannot it puts it off, without the document's lock, so that an
    older one may be heard last and must change no figure. A part hears all messages in the order in which they were
    sent, each in the document's turn. And after every change Panel walks through all models that the component refers
    to, for a page of figures through nearly the whole document, to mark the data models among them; those are marked
    when they are made, and a part marks its own alone.
    """

    __abstract = True

    def _server_event(self, doc: Document, event: Event) -> None:
        if doc.session_context:
            doc.add_next_tick_callback(partial(self._event_coroutine, doc, event))
        else:
            super()._server_event(doc, event)

    @classmethod
    def _patch_datamodel_ref(cls, props: Model, ref: str) -> None:
        mark = f"__ref:{ref}"
        if mark not in props.tags:
            props.tags.append(mark)


class MessagingComponent(BrowserComponent):
    """A component whose script sends messages; ``on_message`` hears them in the document's turn."""

    on_message = param.Callable(default=None, doc="Called with each message, a dict.")

    _rename = {"on_message": None}  # noqa: RUF012

    __abstract = True

    def _handle_msg(self, data: Any) -> None:
        if callable(self.on_message):
            self.on_message(data)
