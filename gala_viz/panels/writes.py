"""How Panel writes to browsers, with one fault mended: the last of a burst of messages is sent, not kept back."""

from __future__ import annotations

from bokeh.document import Document
from panel.io import document as panel_document
from tornado.websocket import WebSocketClosedError

_panel_writes = panel_document._dispatch_msgs


async def write_all(document: Document) -> None:
    """Write what waits for the browsers of ``document``, and what comes while it is being written.

    Panel 1.9 writes what waits, awaits the writing, and declares the queue done. What was queued during that wait
    stays: its own task finds the queue done and leaves it, until some later change is queued behind it. A page that
    shows the last answer of a burst would show the one before, for as long as nobody touches it.
    """
    try:
        await _panel_writes(document)
        while document in panel_document._WRITE_MSGS and document not in panel_document._WRITE_BLOCK:
            panel_document._WRITE_BLOCK[document] = True
            await _panel_writes(document)
    except WebSocketClosedError:
        pass  # the browser has gone, with what waited for it


def mend() -> None:
    """Let Panel write with ``write_all``; doing so again changes nothing."""
    panel_document._dispatch_msgs = write_all
