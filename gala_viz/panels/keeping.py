"""What outlives a visit: the page's address, notes, and views saved by name; the same for every page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlencode

import panel as pn
from bokeh.document import Document

from gala_viz.behavior.database import Database
from gala_viz.behavior.notes import Notes
from gala_viz.behavior.views import Views
from gala_viz.panels.address import Address
from gala_viz.panels.gallery import Gallery
from gala_viz.panels.link_names import VERSION_1
from gala_viz.panels.links import VERSION, PageState, Place, pairs_of
from gala_viz.panels.notes_view import NotesView
from gala_viz.registry import UnknownNameError

Arguments = Mapping[str, Sequence[bytes]]
EVERYBODY = "There is no login here: whoever opens this page sees and changes these notes."


def asked(arguments: Arguments | None, name: str) -> str | None:
    """What the address that opened a session says for ``name``."""
    values = (arguments or {}).get(name, [])
    return values[0].decode("utf-8", "replace") if values else None


class Keeping:
    """Address, notes and saved views of the page called ``name``. ``notes`` is None where no ``records`` are kept."""

    def __init__(
        self,
        name: str,
        places: Mapping[str, Place],
        gallery: Gallery,
        document: Document,
        records: Database | None,
        told: Callable[[list[str]], None],
    ) -> None:
        self._name, self._told = name, told
        state = PageState(places, VERSION_1[name](gallery.source))
        self.address = Address(state, document, told, self._go_to)
        self.notes: NotesView | None = None
        self._views: Views | None = None
        if records is not None:
            owner = pn.state.user or ""
            collection = gallery.source.name
            self._views = Views(records, collection, owner)
            self.notes = NotesView(
                Notes(records, collection, owner),
                self._views,
                gallery.index,
                gallery.shown,
                document,
                page=name,
                where=f"Notes of {owner}." if owner else EVERYBODY,
                query=lambda: self.address.state.query,
            )
            gallery.follow_notes(self.notes.noted)

    def open(self, arguments: Arguments | None) -> None:
        """Show what the address asks for: a state of the page, or a view saved by name."""
        self._go_to(
            urlencode(
                [(name, one.decode("utf-8", "replace")) for name, ones in (arguments or {}).items() for one in ones]
            )
        )

    def _go_to(self, query: str) -> None:
        view = dict(pairs_of(query)).get("view")
        try:
            found = query if view is None else self._view(view)
        except (UnknownNameError, ValueError) as error:
            self.address.open("")
            self._told([str(error)])
            return
        self.address.open(found)

    def star(self) -> None:
        """Bookmark the photograph in view, or take its bookmark away."""
        if self.notes is not None:
            self.notes.star()

    def close(self) -> None:
        """End the threads; what was sent is still written."""
        if self.notes is not None:
            self.notes.close()

    def _view(self, name: str) -> str:
        if self._views is None:
            raise ValueError(f"The link asks for the saved view “{name}”, but no views are kept here.")
        query = self._views.open(name, self._name)
        return query if VERSION in dict(pairs_of(query)) else f"{VERSION}=1&{query}"  # the first version saved "" too
