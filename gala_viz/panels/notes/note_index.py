"""Which images have notes, bookmarks and tags, as the gallery's filters and marks need it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gala_viz.panels.gallery.collection_index import CollectionIndex
from gala_viz.records.notes import Note

BOOKMARKED, NOTED, TAG = "bookmarked", "noted", "tag:"
"""Values of ``GallerySettings.note_filter``: images with a bookmark, with a note, or under a tag (``tag:NAME``)."""


class NoteIndex:
    """``notes`` by image, over the images of a ``CollectionIndex``; ``on_change`` is called after they changed."""

    def __init__(self, index: CollectionIndex) -> None:
        self._index = index
        self.notes: dict[str, Note] = {}
        self.on_change: Callable[[], None] = lambda: None

    @property
    def bookmarked(self) -> frozenset[str]:
        """Images with a bookmark."""
        return frozenset(image for image, note in self.notes.items() if note.bookmarked)

    def options(self) -> tuple[tuple[str, str], ...]:
        """Return the (label, value) of all filters of the gallery by notes."""
        tags = sorted({tag for note in self.notes.values() for tag in note.tags})
        return (
            ("any", ""),
            (BOOKMARKED, BOOKMARKED),
            ("with a note", NOTED),
            *((f"#{tag}", TAG + tag) for tag in tags),
        )

    def mask(self, note_filter: str) -> NDArray[np.bool_]:
        """Return the mask (image,) of the images that match ``note_filter``, as in ``GallerySettings``; "": all."""
        if not note_filter:
            return np.ones(len(self._index), dtype=bool)
        chosen = np.zeros(len(self._index), dtype=bool)
        for image, note in self.notes.items():
            tagged = note_filter.startswith(TAG) and note_filter.removeprefix(TAG) in note.tags
            fits = tagged or note_filter == NOTED or (note_filter == BOOKMARKED and note.bookmarked)
            if fits and image in self._index.position:
                chosen[self._index.position[image]] = True
        return chosen
