"""Bookmarks, tags and notes of one visitor beside the image in view, and views of the page saved by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

from bokeh.document import Document

from gala_viz.json_input import InvalidJsonError, parse_json
from gala_viz.panels.document_queue import DocumentQueue
from gala_viz.panels.gallery.collection_index import CollectionIndex
from gala_viz.panels.notes.note_index import NoteIndex
from gala_viz.panels.notes.note_messages import failure_message, note_from_draft, note_payload, note_summary
from gala_viz.panels.notes.notes_panel import NotesPanel
from gala_viz.panels.view_state import CurrentImage
from gala_viz.records.notes import Note, NoteChangedError, Notes
from gala_viz.records.saved_views import SavedView, SavedViews

MAX_IMPORT_CHARACTERS = 5 * 2**20


class NotesView:
    """Notes and saved views of one visitor; records are used in one thread, in order; nothing is dropped.

    The gallery follows ``note_index``. Where ``notes`` and ``saved_views`` are read-only, they themselves refuse what a
    browser sends, whatever its page shows.

    Parameters
    ----------
    notes : Notes
        Notes of the visitor on the collection.
    saved_views : SavedViews
        Views of the collection's pages.
    index : CollectionIndex
        Images that can have notes.
    current : CurrentImage
        The editor shows the note of its image.
    document : Document
        Of the session.
    page : str
        Name of the page, for its saved views.
    owner_text : str
        Whose notes these are.
    read_only_reason : str
        Why nothing can be changed, and what to do.
    query : callable
        Returns the page's present state, for a saved view.
    """

    def __init__(
        self,
        notes: Notes,
        saved_views: SavedViews,
        index: CollectionIndex,
        current: CurrentImage,
        document: Document,
        *,
        page: str,
        owner_text: str = "",
        read_only_reason: str = "",
        query: Callable[[], str] = lambda: "",
    ) -> None:
        self.notes, self.saved_views, self.index, self._shown = notes, saved_views, index, current
        self._page, self._query = page, query
        self.note_index = NoteIndex(index)
        self._queue = DocumentQueue(document, lambda key, answer: getattr(self, f"_on_{key.split()[0]}")(answer))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gala-viz notes")
        self._count = 0
        self.component = NotesPanel(
            on_message=self._heard,
            owner_text=owner_text,
            read_only=notes.read_only,
            read_only_reason=read_only_reason,
            sizing_mode="stretch_width",
            margin=0,
        )
        current.param.watch(lambda _: self._show(), "image")
        self._ask("read", lambda: (notes.all(), saved_views.own_views()))

    def toggle_bookmark(self) -> None:
        """Bookmark the image in view, or remove its bookmark."""
        self.component._send_msg({"star": True})

    def close(self) -> None:
        """End the thread; what was sent is still written."""
        self._queue.close()
        self._thread.shutdown(wait=False)

    def _heard(self, message: dict[str, Any]) -> None:
        for what in ("save", "go", "export", "import", "keep", "drop", "look"):
            if what in message:
                getattr(self, f"_{what}")(message[what])

    def _save(self, draft: Any) -> None:
        try:
            if draft["image"] not in self.index.position:
                raise ValueError("notes are kept on photographs of the collection; this one was uploaded.")
            note, refused = note_from_draft(draft, self._note_of(draft["image"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self._on_failed(("saved", error))
            return
        self._ask("saved", lambda: (self.notes.write(note), refused))

    def _look(self, image: Any) -> None:
        if image in self.index.position:
            self._ask("looked", lambda: self.notes.get(image))

    def _go(self, image: Any) -> None:
        if image in self.index.position:
            self._shown.image = image

    def _export(self, _: Any) -> None:
        self._ask("exported", self.notes.export_notes)

    def _import(self, text: Any) -> None:
        """Import a file of notes in the thread of the records; refuse one that is too large."""
        if not isinstance(text, str) or len(text) > MAX_IMPORT_CHARACTERS:
            most = f"a file of notes has at most {MAX_IMPORT_CHARACTERS // 2**20} MB."
            self._on_failed(("imported", ValueError(most)))
            return

        def import_notes() -> tuple[tuple[int, int], dict[str, Note], list[SavedView]]:
            try:
                content = parse_json(text, MAX_IMPORT_CHARACTERS)
            except InvalidJsonError as error:
                raise ValueError(
                    f"a file of notes, as the export writes it, was expected; this is no JSON that can be kept: {error}"
                ) from None
            counts = self.notes.import_notes(content, self.index.images)
            return counts, self.notes.all(), self.saved_views.own_views()

        self._ask("imported", import_notes)

    def _keep(self, name: Any) -> None:
        view = SavedView(name=str(name), page=self._page, query=self._query())
        self._ask("kept", lambda: (self.saved_views.save(view), self.saved_views.own_views(), view.name)[1:])

    def _drop(self, name: Any) -> None:
        self._ask("dropped", lambda: (self.saved_views.delete(str(name)), self.saved_views.own_views(), str(name))[1:])

    def _ask(self, key: str, job: Callable[[], Any]) -> None:
        """Run ``job`` in the thread of the records and deliver its result to the handler ``_on_KEY``."""
        self._count += 1  # each result counts: none may replace another in the queue
        number = self._count

        def work() -> None:
            try:
                self._queue.put(f"{key} {number}", job())
            except NoteChangedError as error:
                self._queue.put(f"conflict {number}", error.stored_note)
            except Exception as error:  # of whatever kind: it is shown beside the controls of the job
                self._queue.put(f"failed {number}", (key, error))

        self._thread.submit(work)

    def _on_read(self, answer: tuple[dict[str, Note], list[SavedView]]) -> None:
        self.note_index.notes = answer[0]
        self._on_views(answer[1])
        self._tell()

    def _on_imported(self, answer: tuple[tuple[int, int], dict[str, Note], list[SavedView]]) -> None:
        (n_imported, n_skipped), *rest = answer
        self._on_read(tuple(rest))
        more = f"; {n_skipped:,} on photographs that are not here were left out" if n_skipped else ""
        self.component._send_msg({"told": f"{n_imported:,} notes were taken in{more}.", "about": "files"})

    def _on_saved(self, answer: tuple[Note, str]) -> None:
        self._learn("saved", answer[0], refused=answer[1])

    def _on_conflict(self, present: Note) -> None:
        self._learn("conflict", present)

    def _on_looked(self, present: Note) -> None:
        if present != self._note_of(present.image):
            self._learn("stored", present)

    def _learn(self, what: str, note: Note, **more: str) -> None:
        self.note_index.notes.pop(note.image, None)
        if not note.is_empty:
            self.note_index.notes = {note.image: note, **self.note_index.notes}
        self.component._send_msg({what: note_payload(note), **more})
        self._tell()

    def _on_failed(self, answer: tuple[str, Exception]) -> None:
        self.component._send_msg(failure_message(*answer))

    def _on_exported(self, content: dict[str, Any]) -> None:
        self.component._send_msg({"download": json.dumps(content, indent=1, ensure_ascii=False)})

    def _on_views(self, views: list[SavedView]) -> None:
        here = [view for view in views if view.page == self._page]
        self.component.saved_views = [{"name": view.name, "link": f"?view={quote(view.name)}"} for view in here]

    def _on_kept(self, answer: tuple[list[SavedView], str]) -> None:
        self._on_views(answer[0])
        self.component._send_msg({"told": f"The view “{answer[1]}” is saved.", "about": "views", "kept": answer[1]})

    def _on_dropped(self, answer: tuple[list[SavedView], str]) -> None:
        self._on_views(answer[0])
        self.component._send_msg({"told": f"The view “{answer[1]}” is deleted.", "about": "views"})

    def _note_of(self, image: str) -> Note:
        return self.note_index.notes.get(image) or Note(image=image)

    def _show(self) -> None:
        image = self._shown.image
        there = image in self.index.position
        self.component.param.update(image=image if there else "", note=note_payload(self._note_of(image or "")))

    def _tell(self) -> None:
        self.component.items = [note_summary(note, self.index) for note in self.note_index.notes.values()]
        self._show()
        self.note_index.on_change()
