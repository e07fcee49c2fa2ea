"""The collection at the left: search, filters, sorting, and a shelf with one page of what they admit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import panel as pn
import xarray as xr
from bokeh.document import Document

from gala_viz.panels.facts import facts
from gala_viz.panels.fields import Fields
from gala_viz.panels.filters import filter_fields
from gala_viz.panels.index import Choice, CollectionIndex
from gala_viz.panels.noted import Noted
from gala_viz.panels.shelf import Shelf
from gala_viz.panels.state import CHOOSING, Choosing, Shown
from gala_viz.splits import LEARNT
from gala_viz.store.source import MapSource

PAGE_SIZE = 24
SCORE = "Score the collection"
"""What the button says that has all images scored."""


class Gallery:
    """The images that search and filters (``choosing``) admit, in order; ``shown.image`` is the one selected.

    Filtering happens here, on columns of the shared index. ``admitted`` (image,) tells what search and filters let
    through, and ``on_admitted`` is called when that changes.
    """

    def __init__(self, source: MapSource, index: CollectionIndex, shown: Shown, document: Document) -> None:
        self.source, self.index, self.shown = source, index, shown
        self.choosing = Choosing.among(index)
        self.notes: Noted | None = None
        self.scores: xr.Dataset | None = None
        self.uploads: list[str] = []
        self.fields = Fields(filter_fields(source, index), self._enter, least_px=110)
        self.fields.follow(self.choosing)
        self.hint = facts(margin=(2, 0))
        self.shelf = Shelf(source, document, lambda image: setattr(shown, "image", image), self._show)
        self.tiles = self.shelf.tiles
        self.places = np.arange(len(index))
        self.admitted = np.ones(len(index), dtype=bool)
        self.within: np.ndarray | None = None
        self.on_admitted: Callable[[], None] = lambda: None
        self.pane = pn.Column(
            self.fields,
            self.hint,
            self.tiles,
            sizing_mode="stretch_width",
            margin=(8, 12),
        )
        shown.param.watch(lambda event: self._follow(event.new), "image")
        self.choosing.param.watch(lambda event: self.fields.change("descending", shown=event.new != "id"), "order")
        self.choosing.param.watch(lambda *_: self._chosen(), CHOOSING)
        self.refresh()

    def set_scores(self, scores: xr.Dataset | None) -> None:
        """Use new scores of the collection for marks, filters and sorting."""
        self.scores = scores
        self.refresh(keep_page=True)

    def add_upload(self, image: str) -> None:
        """Put an uploaded photograph before all others."""
        self.uploads.insert(0, image)
        self.refresh()

    def follow_notes(self, notes: Noted) -> None:
        """Mark what is bookmarked, and offer to show only that, or what has a note or a tag."""
        self.notes = notes
        notes.on_change = self._noted
        self.fields.change("noted", shown=True)

    def refresh(self, keep_page: bool = False) -> None:
        """Search, filter and sort again, and show the first page (or stay on the present one)."""
        admitted = self._admitted(self.choosing.choice)
        self.admitted = np.zeros(len(self.index), dtype=bool)
        self.admitted[self._shown(admitted)] = True
        within = admitted if self.within is None else admitted[self.within[admitted]]
        self.places = self._shown(within)
        self._n_hidden = len(within) - len(self.places)
        self.hint.object = self._hint()
        self._show(self.tiles.page if keep_page else 0)

    def to_score(self) -> list[str]:
        """The images that search, filters and selection admit whatever the scores are, in the collection's order."""
        places = self._admitted(replace(self.choosing.choice, verdict="any", order="id"))
        shown = self._shown(places if self.within is None else places[self.within[places]])
        return [self.index.images[at] for at in shown]

    def restrict(self, within: np.ndarray | None) -> None:
        """Show only images that are also ``within`` (image,), a selection made elsewhere; None: all."""
        self.within = within
        self.refresh()

    @property
    def first(self) -> str | None:
        """The first image in the gallery's order; None where it shows none."""
        return self._image(0) if len(self.places) + len(self.uploads) else None

    def step(self, by: int) -> str | None:
        """The image ``by`` places after the present one, in the gallery's order; None at either end."""
        here, count = self.place()
        at = (-1 if by > 0 else count) + by if here is None else here + by
        return self._image(at) if 0 <= at < count else None

    def place(self) -> tuple[int | None, int]:
        """Where the present image stands in the gallery's order (None: it is not there), and how many there are."""
        order = self._order()
        return order.get(self.shown.image or ""), len(order)

    def reveal(self, image: str) -> None:
        """Turn to the page that holds ``image``, if it is among the images admitted."""
        at = self._order().get(image)
        if at is not None and at // PAGE_SIZE != self.tiles.page:
            self._show(at // PAGE_SIZE)

    def close(self) -> None:
        """End the thread of the thumbnails."""
        self.shelf.close()

    def _shown(self, places: np.ndarray) -> np.ndarray:
        """``places`` without images that were learnt from, unless these are asked for or no others are left."""
        return places if self.choosing.learnt else self.index.held_out(places)

    def _admitted(self, choice: Choice) -> np.ndarray:
        """Places that search, filters and notes admit, whether learnt from or not."""
        places = self.index.matching(choice, self.scores)
        if not self.choosing.noted:
            return places
        wanted = self.notes.mask(self.choosing.noted) if self.notes else np.zeros(len(self.index), dtype=bool)
        return places[wanted[places]]

    def _enter(self, name: str, value: Any) -> None:
        self.choosing.param.update(**{name: value})

    def _chosen(self) -> None:
        self.refresh()
        self.on_admitted()

    def _follow(self, image: str | None) -> None:
        self.tiles.selected = image
        if image is not None:
            self.reveal(image)

    def _noted(self) -> None:
        options = self.notes.options()
        if self.choosing.noted not in dict(options).values():
            self.choosing.noted = ""
        self.fields.change("noted", options=options, value=self.choosing.noted)
        self.refresh(keep_page=True)
        if self.choosing.noted:
            self.on_admitted()

    def _order(self) -> dict[str, int]:
        if getattr(self, "_ordered_for", None) is not self.places or len(self._places) != len(self.places) + len(
            self.uploads
        ):
            names = [*self.uploads, *(self.index.images[i] for i in self.places)]
            self._places = {image: at for at, image in enumerate(names)}
            self._ordered_for = self.places
        return self._places

    def _image(self, at: int) -> str:
        return self.uploads[at] if at < len(self.uploads) else self.index.images[self.places[at - len(self.uploads)]]

    def _show(self, page: int) -> None:
        count = len(self.places) + len(self.uploads)
        pages = max(1, -(-count // PAGE_SIZE))
        page = min(max(page, 0), pages - 1)
        marks, values = self.index.marks(self.scores), self.index.values(self.choosing.order, self.scores)
        images = [self._image(at) for at in range(page * PAGE_SIZE, min(count, (page + 1) * PAGE_SIZE))]
        starred = self.notes.bookmarked if self.notes else frozenset()
        items = [{**self._item(image, marks, values), "starred": image in starred} for image in images]
        total = len(self.index) + len(self.uploads)
        note = f"{total:,} photographs" if count == total else f"{count:,} of {total:,} photographs"
        if self._n_hidden:
            note += f"; {self._n_hidden:,} learnt from are hidden"
        self.shelf.show(items, page=page, pages=pages, note=note, selected=self.shown.image)

    def _item(self, image: str, marks: np.ndarray, values: np.ndarray) -> dict[str, Any]:
        at = self.index.place.get(image)
        pair = [] if at is None else [{1.0: "right", 0.0: "wrong"}.get(float(m), "unknown") for m in marks[:, at]]
        score = None if at is None or not np.isfinite(values[at]) else f"{values[at]:+.2f}"
        info = self.source.info(image)
        category = info.category if at is not None else info.filename or "uploaded"
        learnt = info.learnt == LEARNT
        return {"id": image, "category": category, "marks": pair, "score": score, "learnt": learnt}

    def _hint(self) -> str:
        order, verdict = self.choosing.order, self.choosing.verdict
        asked = [] if order == "id" else [self.index.values(order, self.scores)]
        asked += [] if verdict == "any" else [self.index.marks(self.scores)[0]]
        scored = min((int(np.isfinite(column).sum()) for column in asked), default=len(self.index))
        if scored < len(self.index):
            known = f"{scored:,} of {len(self.index):,} are scored."
            return f'<p class="muted">{known} “{SCORE}” fills the rest.</p>'
        return (
            ""
            if len(self.places) + len(self.uploads)
            else '<p class="muted">No photograph fits. Loosen the search or the filters.</p>'
        )
