"""The content of a notebook's cell: a Panel layout as an ipywidget, the same in JupyterLab, Notebook 7 and VS Code."""

from __future__ import annotations

import json
from typing import Any

import panel as pn
from bokeh.document.events import DocumentPatchedEvent
from bokeh.protocol import Protocol
from ipywidgets import Widget
from jupyter_bokeh.widgets import BokehModel

from gala_viz.jupyter.kernel_document import KernelDocument
from gala_viz.panels.document_queue import hold_updates, release_updates

MAX_PENDING_CHANGES = 1000
"""Changes stored for a browser that has its copy but not yet its view; it misses those beyond."""
COPY_TIMEOUT_S = 60
"""How long a browser that is loaded anew waits for its copy while a cell runs."""


class Cell(BokehModel):
    """A ``layout`` as an ipywidget; messages of browsers and changes are handled in turns of ``document``.

    A browser gets a copy of the whole, then changes as patches. From the copy until the cell ``on_rendered`` they are
    stored and sent once more: a browser that is late or loaded anew ends with what the kernel has. One view at a time
    is supported: the browser side of the parts finds itself by the models' ids.
    """

    def __init__(self, layout: pn.viewable.Viewable, document: KernelDocument) -> None:
        self._turns, self._layout = document, layout
        self._stood, self._copied, self._kept = False, True, []
        root = layout.get_root(document)
        document.add_root(root)
        document.inline_stylesheets()
        super().__init__(root, combine_events=False)  # combined, all but the last message of a part would be lost
        self.on_msg(self._sync_model, remove=True)
        self.on_msg(self._on_message)
        hold_updates(document)

    @property
    def is_displayed(self) -> bool:
        """Whether a browser has shown it."""
        return self._stood

    def close(self) -> None:
        """Remove the widget from the notebook; the layout may stand in another cell then."""
        root = self._model
        super().close()
        if root.document is not None:
            self._turns.remove_root(root)
            self._layout._cleanup(root)

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        """Return the state for a browser; its copy of the whole is as new as the kernel's."""
        state = super().get_state(key, drop_defaults)
        if "render_bundle" in state and self.comm is not None:
            state["render_bundle"] = self._turns.invoke_and_wait(self._copy, COPY_TIMEOUT_S) or state["render_bundle"]
        return state

    def _copy(self) -> Any:
        self._copied, self._kept = True, []
        bundle = self.traits()["render_bundle"]
        return bundle.metadata["to_json"](self._model_to_traits(self._model), self)

    def _document_patched(self, event: DocumentPatchedEvent) -> None:
        if event.setter is self:
            return
        message = Protocol().create("PATCH-DOC", [event])
        if self._copied and len(self._kept) < MAX_PENDING_CHANGES:
            self._kept.append(message)
        if self._stood:
            self._send_patch(message)

    def _send_patch(self, message: Any) -> None:
        for part in (message.header_json, message.metadata_json, message.content_json):
            self.send({"msg": "patch", "payload": part})
        for buffer in message.buffers:
            self.send({"msg": "patch", "payload": json.dumps(buffer.ref)})
            self.send({"msg": "patch"}, [buffer.to_bytes()])

    def _on_message(self, _: Widget, content: dict[str, Any], buffers: list[Any]) -> None:
        self._turns.invoke(lambda: self._sync_model(self, content, buffers))

    def on_rendered(self) -> None:
        """Send what has changed since the browser's copy, and all changes from now on.

        To be called when a browser has built the cell from its copy.
        """
        pending, self._stood, self._copied, self._kept = self._kept, True, False, []
        for message in pending:
            self._send_patch(message)
        release_updates(self._turns)
