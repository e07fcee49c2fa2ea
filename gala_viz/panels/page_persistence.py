"""What outlives a session: the page's address, notes, and views saved by name; the same for every page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import panel as pn
from bokeh.document import Document

from gala_viz.panels.address_bar import AddressSync
from gala_viz.panels.gallery.gallery import Gallery
from gala_viz.panels.link_parameters import VERSION_1_DEFAULTS
from gala_viz.panels.notes.notes_view import NotesView
from gala_viz.panels.page_state import VERSION_NAME, LinkParameter, PageState, parse_query
from gala_viz.records.database import Database
from gala_viz.records.notes import Notes
from gala_viz.records.painted_maps import PaintedMaps
from gala_viz.records.saved_views import SavedViews
from gala_viz.registry import UnknownNameError

Arguments = Mapping[str, Sequence[bytes]]
SHARED_NOTES_TEXT = "There is no login here: whoever opens this page sees and changes these notes."
READ_ONLY_TEXT = "Notes are read-only here: there is no login."
READ_ONLY_REASON = (
    "Others reach this server and you have no login on it: notes, bookmarks and saved views can be read and exported, "
    "and not changed. Who starts the server can add a login (panel serve --basic-auth FILE) or let everybody change "
    "them (--shared-notes)."
)


def query_argument(arguments: Arguments | None, name: str) -> str | None:
    """Return the value of ``name`` in the address that opened a session; None where it is not there."""
    values = (arguments or {}).get(name, [])
    return values[0].decode("utf-8", "replace") if values else None


def current_visitor() -> tuple[str, bool]:
    """Return the name of this session's visitor, "" where there is none, and whether it comes from a login.

    Panel calls every visitor who sends the cookie ``is_guest`` "guest", even where there is no login at all.
    """
    owner = pn.state.user or ""
    return owner, bool(owner) and not pn.state.cookies.get("is_guest")


class PagePersistence:
    """Address, notes and saved views of one page; ``notes_view`` is None without ``records``.

    Parameters
    ----------
    name : {"compare", "explore", "grid"}
        Which page.
    link_parameters : mapping of str to LinkParameter
        Name in links -> what it stands for.
    gallery : Gallery
        Its source and index are those of the page; it filters by the notes.
    document : Document
        Of the session.
    records : Database or None
        Stores notes and saved views.
    on_link_errors : callable
        Called with sentences on what of a link could not be restored.
    read_only_notes : bool
        Whether a visitor without a login can read and export notes and saved views, but change none.
    open_pair : callable
        Called with a query; returns whether it names another pair of networks, which is then shown in that state.
    """

    def __init__(
        self,
        name: str,
        link_parameters: Mapping[str, LinkParameter],
        gallery: Gallery,
        document: Document,
        records: Database | None,
        on_link_errors: Callable[[list[str]], None],
        *,
        read_only_notes: bool = False,
        open_pair: Callable[[str], bool] = lambda query: False,
    ) -> None:
        self._name, self._told, self._open_pair = name, on_link_errors, open_pair
        state = PageState(link_parameters, VERSION_1_DEFAULTS[name](gallery.source))
        self.address_sync = AddressSync(state, document, on_link_errors, self.open)
        self.notes_view: NotesView | None = None
        self.painted_maps: PaintedMaps | None = None
        self._views: SavedViews | None = None
        if records is not None:
            owner, has_login = current_visitor()
            read_only = read_only_notes and not has_login
            collection = gallery.source.name
            self._views = SavedViews(records, collection, owner, read_only=read_only)
            self.painted_maps = PaintedMaps(records, collection, owner, read_only=read_only)
            self.notes_view = NotesView(
                Notes(records, collection, owner, read_only=read_only),
                self._views,
                gallery.index,
                gallery.current,
                document,
                page=name,
                owner_text=READ_ONLY_TEXT if read_only else f"Notes of {owner}." if has_login else SHARED_NOTES_TEXT,
                read_only_reason=READ_ONLY_REASON if read_only else "",
                query=lambda: self.address_sync.state.query,
            )
            gallery.attach_notes(self.notes_view.note_index)

    def open(self, query: str) -> None:
        """Show what an address names: a state of the page, or a view saved by name."""
        view = dict(parse_query(query)).get("view")
        try:
            page_query = query if view is None else self._view(view)
        except (UnknownNameError, ValueError) as error:
            self.address_sync.restore("")
            self._told([str(error)])
            return
        if not self._open_pair(page_query):
            self.address_sync.restore(page_query)

    @property
    def notes_hint(self) -> str:
        """Text beside the heading of the notes."""
        return (
            "read-only here" if self.notes_view is not None and self.notes_view.notes.read_only else "kept as you type"
        )

    def toggle_bookmark(self) -> None:
        """Bookmark the photograph in view, or remove its bookmark."""
        if self.notes_view is not None:
            self.notes_view.toggle_bookmark()

    def close(self) -> None:
        """End the thread of the notes; what was sent is still written."""
        if self.notes_view is not None:
            self.notes_view.close()

    def _view(self, name: str) -> str:
        if self._views is None:
            raise ValueError(f"The link asks for the saved view “{name}”, but no views are kept here.")
        query = self._views.load_query(name, self._name)
        return (
            query if VERSION_NAME in dict(parse_query(query)) else f"{VERSION_NAME}=1&{query}"
        )  # the first version saved "" too
