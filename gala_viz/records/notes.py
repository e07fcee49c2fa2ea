"""Bookmarks, tags and notes on images in the records; nothing that somebody wrote is replaced unseen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from gala_viz.records.database import Database
from gala_viz.records.note_tables import NoteRecord
from gala_viz.records.tables import now_ms
from gala_viz.specs import spec_from_settings

FORMAT = 1
"""Format of exported notes."""
MAX_TEXT_LENGTH, MAX_TAGS, MAX_TAG_LENGTH = 20_000, 20, 40


class NoteChangedError(ValueError):
    """The note was changed after its writer read it; ``stored_note`` is the present one."""

    def __init__(self, stored: Note) -> None:
        super().__init__(f"the note on {stored.image} was changed elsewhere meanwhile.")
        self.stored_note = stored


class ReadOnlyError(ValueError):
    """Somebody who may only read tried to write."""

    def __init__(self) -> None:
        super().__init__("notes, bookmarks and saved views are read-only here.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """One owner's note on one ``image``; ``text`` is Markdown. ``changed_ms`` is 0 where nothing is stored yet."""

    image: str
    bookmarked: bool = False
    tags: tuple[str, ...] = ()
    text: str = ""
    changed_ms: int = 0

    def __post_init__(self) -> None:
        if not (isinstance(self.image, str) and isinstance(self.text, str) and isinstance(self.bookmarked, bool)):
            raise ValueError("a note has an image's id, a text, and is bookmarked or not.")
        if len(self.text) > MAX_TEXT_LENGTH:
            raise ValueError(f"a note has at most {MAX_TEXT_LENGTH:,} letters; this one has {len(self.text):,}.")
        if not isinstance(self.tags, tuple) or len(self.tags) > MAX_TAGS:
            raise ValueError(f"a note has at most {MAX_TAGS} tags; got {len(self.tags)}.")
        for tag in self.tags:
            if not isinstance(tag, str) or not _is_tag(tag):
                raise ValueError(f"a tag is a word or a few, at most {MAX_TAG_LENGTH} letters; got {str(tag)[:60]!r}.")

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to store."""
        return not (self.bookmarked or self.tags or self.text)


def parse_tags(text: str) -> tuple[str, ...]:
    """Split ``text`` at commas into tags: in small letters, each once, without spaces in rows or leading #."""
    words = (" ".join(part.split()).casefold().lstrip("#") for part in text.split(","))
    return tuple(dict.fromkeys(word for word in words if word))


def check_tags(tags: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """Return those of ``tags`` that a note can hold, and sentences about those that it cannot."""
    fitting = [tag for tag in tags if _is_tag(tag)]
    others = [tag for tag in tags if not _is_tag(tag)]
    sentences = []
    if others:
        came = f"{len(others[0]):,} came" if len(others[0]) > MAX_TAG_LENGTH else "some that cannot be printed came"
        sentences = [
            f"{_tags_text(others)} not kept: at most {MAX_TAG_LENGTH} letters were expected, {came}. Shorten it."
        ]
    if len(fitting) > MAX_TAGS:
        over = _tags_text(fitting[MAX_TAGS:])
        sentences.append(
            f"{over} not kept: a note has at most {MAX_TAGS} tags; these are {len(fitting)}. Take some away."
        )
    return tuple(fitting[:MAX_TAGS]), sentences


def _is_tag(tag: str) -> bool:
    return bool(tag.strip()) and len(tag) <= MAX_TAG_LENGTH and tag.isprintable()


def _tags_text(tags: Sequence[str]) -> str:
    first = tags[0] if len(tags[0]) <= MAX_TAG_LENGTH else f"{tags[0][:20]}…"
    return f"The tag “{first}” is" if len(tags) == 1 else f"The tag “{first}” and {len(tags) - 1} more are"


class Notes:
    """The notes of ``owner`` on the images of ``collection``. Each call is one transaction, from any thread.

    With ``read_only`` every call that would change something raises ``ReadOnlyError``.
    """

    def __init__(self, database: Database, collection: str, owner: str = "", *, read_only: bool = False) -> None:
        self._database, self.collection, self.owner = database, collection, owner
        self.read_only = read_only
        table = NoteRecord
        self._mine = (table.owner == owner, table.collection == collection)

    def all(self) -> dict[str, Note]:
        """Return image -> note, the latest first."""
        with self._database.read_connection() as connection:
            rows = connection.execute(select(NoteRecord.__table__).where(*self._mine)).all()
        notes = sorted((_note(row) for row in rows), key=lambda note: (-note.changed_ms, note.image))
        return {note.image: note for note in notes}

    def get(self, image: str) -> Note:
        """Return the note on ``image`` as it is stored now; an empty one where there is none."""
        this = (*self._mine, NoteRecord.image == image)
        with self._database.read_connection() as connection:
            row = connection.execute(select(NoteRecord.__table__).where(*this)).first()
        return Note(image=image) if row is None else _note(row)

    def write(self, note: Note) -> Note:
        """Store ``note``, whose ``changed_ms`` is that of the note its writer read; return it as it is stored now.

        Raises ``NoteChangedError`` where another note is there by now. An empty note is deleted.
        """
        self._check_writing()
        try:
            with self._database.write_transaction() as connection:
                this = (*self._mine, NoteRecord.image == note.image)
                row = connection.execute(select(NoteRecord.__table__).where(*this).with_for_update()).first()
                present = Note(image=note.image) if row is None else _note(row)
                if present.changed_ms != note.changed_ms:
                    raise NoteChangedError(present)
                return self._put(connection, note, present.changed_ms)
        except IntegrityError:  # the first note on this image was written elsewhere at the same moment
            raise NoteChangedError(self.get(note.image)) from None

    def export_notes(self) -> dict[str, Any]:
        """Return all notes as plain values for JSON, which ``import_notes`` reads."""
        return {"format": FORMAT, "collection": self.collection, "notes": [asdict(n) for n in self.all().values()]}

    def import_notes(self, content: Any, images: Sequence[str] | None = None) -> tuple[int, int]:
        """Add exported notes; return how many were imported, and how many were on none of ``images``.

        A note that is there already keeps its content: bookmarks and tags are merged, a different text is appended, and
        so are the tags for which there is no room. Raises ``ValueError`` for anything that ``export_notes`` does not
        write.
        """
        self._check_writing()
        if (
            not isinstance(content, dict)
            or content.get("format") != FORMAT
            or not isinstance(content.get("notes"), list)
        ):
            raise ValueError(f"a file of notes of format {FORMAT}, as the export writes it, was expected.")
        imported = [spec_from_settings(Note, one) for one in content["notes"]]
        known = None if images is None else set(images)
        fitting = [note for note in imported if known is None or note.image in known]
        with self._database.write_transaction() as connection:
            rows = connection.execute(select(NoteRecord.__table__).where(*self._mine).with_for_update()).all()
            present = {row.image: _note(row) for row in rows}
            for note in fitting:
                before = present.get(note.image, Note(image=note.image))
                present[note.image] = self._put(connection, _merged(before, note), before.changed_ms)
        return len(fitting), len(imported) - len(fitting)

    def _check_writing(self) -> None:
        if self.read_only:
            raise ReadOnlyError

    def _put(self, connection, note: Note, changed_ms: int) -> Note:
        connection.execute(delete(NoteRecord).where(*self._mine, NoteRecord.image == note.image))
        if note.is_empty:
            return Note(image=note.image)
        values = {**asdict(note), "tags": list(note.tags), "changed_ms": max(now_ms(), changed_ms + 1)}
        connection.execute(insert(NoteRecord).values(owner=self.owner, collection=self.collection, **values))
        return Note(**{**values, "tags": note.tags})


def _note(row) -> Note:
    values = {name: getattr(row, name) for name in ("image", "bookmarked", "text", "changed_ms")}
    return Note(**values, tags=tuple(row.tags))


def _merged(first: Note, second: Note) -> Note:
    tags = tuple(dict.fromkeys((*first.tags, *second.tags)))
    beyond = ", ".join(tags[MAX_TAGS:])
    text = first.text
    for more in (second.text, beyond and f"More tags: {beyond}"):
        if more not in text:
            text = f"{text}\n\n{more}".lstrip("\n")
    bookmarked = first.bookmarked or second.bookmarked
    return Note(image=first.image, bookmarked=bookmarked, tags=tags[:MAX_TAGS], text=text)
