"""A page's address in the browser: it follows the page's state, and the page follows back and forward."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote, urlencode

import param
from bokeh.document import Document

from gala_viz.panels.browser_component import MessagingComponent, read_scripts, read_stylesheets
from gala_viz.panels.link_parameters import MAP_LINK_NAMES
from gala_viz.panels.page_state import PageState, parse_query, query_problem


class AddressBar(MessagingComponent):
    """Writes ``query`` into the browser's address; its buttons copy the link of the whole state, and keep tabs in step.

    With ``push_history`` the address becomes a step of its own in the history. Sends ``{"query": …}`` when the visitor
    goes back or forward, and ``{"follow": …}`` with the state of another tab, where both are in step.
    """

    query = param.String(default="")
    push_history = param.Boolean(default=False)
    tells = param.Boolean(default=True, doc="Whether tabs in step hear of the query.")
    revision = param.Integer(default=0, doc="Counts what the page wrote; 0: the address is still the visitor's.")

    _esm = read_scripts("text_export", "address_bar")
    _stylesheets = [read_stylesheets("keyboard_shortcuts")]  # noqa: RUF012


class AddressSync:
    """Keeps a ``PageState`` and the browser's address equal.

    ``on_link_errors(sentences)`` is called after a link was restored, with what could not be. ``go_to(query)`` shows
    the address to which the visitor went back or forward (default: ``restore``).
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
        """Restore the state of ``query`` without writing the browser's address."""
        self._restoring = True
        try:
            errors = [one for one in [query_problem(query)] if one] + self.state.restore(parse_query(query))
        finally:
            self._restoring = False
        self.bar.query = self.state.query
        self._told(errors)

    def _heard(self, message: dict) -> None:
        query, other = message.get("query"), message.get("follow")
        if isinstance(query, str):
            self._go_to(query)
        elif isinstance(other, str):
            self.follow(other)

    def follow(self, query: str) -> None:
        """Show what ``query``, the state of another page of the same source, says of what both pages have.

        Those are networks, images, selection and settings of maps; all else stays.
        """
        names = {"image", *MAP_LINK_NAMES} & set(self.state.parameters)
        told = {name: text for name, text in parse_query(query) if name in names}
        if told.get("image", "").startswith("upload-"):
            del told["image"]  # which only its own page has
        own = dict(parse_query(self.state.query))
        wanted = {**own, **told}
        if wanted != own:
            self._go_to(urlencode(wanted, quote_via=quote, safe=":,/"))
            self.write(push_history=False, tell=False)

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
        self.write(push_history=step)

    def write(self, *, push_history: bool, tell: bool = True) -> None:
        """Write the state into the browser's address.

        Parameters
        ----------
        push_history : bool
            Whether it is a step of its own in the history.
        tell : bool
            Whether tabs in step hear of it; not of what this page heard from one of them.
        """
        self.bar.param.update(
            query=self.state.query, push_history=push_history, tells=tell, revision=self.bar.revision + 1
        )
