"""A page's address in the browser: it follows the page's state, and the page follows back and forward."""

from __future__ import annotations

from collections.abc import Callable

import param
from bokeh.document import Document

from gala_viz.panels.browser_component import MessagingComponent, read_scripts, read_stylesheets
from gala_viz.panels.page_state import PageState, parse_query


class AddressBar(MessagingComponent):
    """Writes ``query`` into the address, as a step in the history when ``push_history``; its button copies the whole
    state.

    Sends ``{"query": …}`` when the visitor goes back or forward.
    """

    query = param.String(default="")
    step = param.Boolean(default=False)
    written = param.Integer(default=0, doc="Counts what the page wrote; 0: the address is still the visitor's.")

    _esm = read_scripts("text_export", "address_bar")
    _stylesheets = [read_stylesheets("keyboard_shortcuts")]  # noqa: RUF012


class AddressSync:
    """Connects a ``PageState`` with the address; ``told(sentences)`` hears what of a link could not be restored.

    ``go_to(query)`` shows the address to which the visitor went back or forward (default: ``restore``).
    """

    def __init__(
        self,
        state: PageState,
        document: Document,
        on_link_errors: Callable[[list[str]], None],
        go_to: Callable[[str], None] | None = None,
    ) -> None:
        self.state, self._document, self._told, self._go_to = state, document, on_link_errors, go_to or self.restore
        self.bar = AddressBar(on_message=self._heard, margin=(0, 6, 0, 0))
        self._step = self._waiting = self._restoring = False
        self.bar.query = state.query
        state.watch(self._changed)

    def restore(self, query: str) -> None:
        """Restore what an address asks for, without writing it anew."""
        self._restoring = True
        try:
            told = self.state.restore(parse_query(query))
        finally:
            self._restoring = False
        self.bar.query = self.state.query
        self._told(told)

    def _heard(self, message: dict) -> None:
        query = message.get("query")
        if isinstance(query, str):
            self._go_to(query)

    def _changed(self, step: bool) -> None:
        if self._restoring:
            return
        self._step |= step
        if self._waiting:
            return
        self._waiting = True
        self._document.add_next_tick_callback(self._write)

    def _write(self) -> None:
        step, self._step, self._waiting = self._step, False, False
        self.bar.param.update(query=self.state.query, step=step, written=self.bar.written + 1)
