"""Messages from and to the editor of notes: one note, one line of the list, one sentence."""

from __future__ import annotations

from typing import Any

from gala_viz.panels.gallery.collection_index import CollectionIndex
from gala_viz.panels.markup import note_html
from gala_viz.records.notes import MAX_TEXT_LENGTH, Note, check_tags, parse_tags

EXCERPT_CHARACTERS = 90
FAILURE_TEXTS = {
    "read": ("note", "The notes could not be read"),
    "looked": ("note", "What is stored could not be read"),
    "imported": ("files", "Nothing was taken in"),
    "exported": ("files", "Not exported"),
    "kept": ("views", "The view is not saved"),
    "dropped": ("views", "The view is not deleted"),
}
"""Job, all but saving a note -> the controls beside which its failure is shown, and how the sentence begins."""


def note_from_draft(draft: Any, stored: Note) -> tuple[Note, str]:
    """Return the note of an editor's draft, and sentences on what of the draft a note cannot hold.

    For a text that is too long the text of ``stored`` stays. Raises ``ValueError``, ``KeyError``, ``TypeError`` or
    ``AttributeError`` for what the editor does not send.
    """
    text, (tags, refused) = draft["text"], check_tags(parse_tags(draft["tags"]))
    over = len(text) - MAX_TEXT_LENGTH
    if over > 0:
        refused.append(
            f"This text is not kept: a note has at most {MAX_TEXT_LENGTH:,} letters; this one has {len(text):,}. "
            f"Take {over:,} away; until then the text kept before stays."
        )
        text = stored.text
    bookmarked, changed_ms = draft["bookmarked"], int(draft["seen"])
    note = Note(image=stored.image, bookmarked=bookmarked, tags=tags, text=text, changed_ms=changed_ms)
    return note, " ".join(refused)


def failure_message(job: str, error: Exception) -> dict[str, Any]:
    """Return the message that a ``job`` failed: a key of ``FAILURE_TEXTS``, or "saved" for a note."""
    reason = str(error) or type(error).__name__
    if job not in FAILURE_TEXTS:
        return {"failed": reason}
    about, opening = FAILURE_TEXTS[job]
    return {"told": f"{opening}: {reason}", "about": about, "wrong": True}


def note_payload(note: Note) -> dict[str, Any]:
    """Return a note as the editor takes it."""
    payload = {"image": note.image, "bookmarked": note.bookmarked, "tags": ", ".join(note.tags), "text": note.text}
    return {**payload, "seen": note.changed_ms, "html": note_html(note.text)}


def note_summary(note: Note, index: CollectionIndex) -> dict[str, Any]:
    """Return a note as the list of all notes takes it."""
    position = index.position.get(note.image)
    number = -1 if position is None else int(index.category_codes[position])
    category = index.categories[number] if number >= 0 else ""
    summary = {"image": note.image, "category": category, "bookmarked": note.bookmarked, "tags": list(note.tags)}
    return {**summary, "excerpt": " ".join(note.text.split())[:EXCERPT_CHARACTERS], "here": position is not None}
