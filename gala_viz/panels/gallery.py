"""The collection at the left: search, filters, sorting and one page of thumbnails; only what is visible is sent."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import panel as pn
import xarray as xr
from bokeh.document import Document

from gala_viz.panels.background import Cancelled, Mailbox, Worker
from gala_viz.panels.components import Tiles
from gala_viz.panels.fields import Fields
from gala_viz.panels.filters import filter_fields
from gala_viz.panels.index import Choice, CollectionIndex
from gala_viz.panels.markup import facts
from gala_viz.panels.state import Shown
from gala_viz.store.source import MapSource

PAGE_SIZE = 24


class Gallery:
    """One page of thumbnails of the images that search and filters admit; ``shown.image`` is the one selected.

    Filtering happens here, on columns of the shared index; thumbnails are read in a thread of this gallery.
    ``admitted`` (image,) tells what search and filters let through, and ``on_admitted`` is called when that changes.
    """

    def __init__(self, source: MapSource, index: CollectionIndex, shown: Shown, document: Document | None) -> None:
        self.source, self.index, self.shown = source, index, shown
        self.scores: xr.Dataset | None = None
        self.uploads: list[str] = []
        self._mail = Mailbox(document, self._deliver)
        self._worker = Worker("gala-viz thumbnails", self._on_error)
        self.fields = Fields(filter_fields(source, index), self._on_change, least_px=110)
        self.hint = facts(margin=(2, 0))
        self.tiles = Tiles(sizing_mode="stretch_width", margin=0, on_message=self._on_message)
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
        self.tiles.param.watch(self._on_selected, "selected")
        shown.param.watch(lambda event: self.tiles.param.update(selected=event.new), "image")
        self.refresh()

    def _on_change(self, name: str, value: Any) -> None:
        if name == "order":
            self.fields.change("descending", shown=value != "id")
        self.refresh()
        self.on_admitted()

    @property
    def choice(self) -> Choice:
        """What the fields ask for."""
        return Choice(**self.fields.values)

    def set_scores(self, scores: xr.Dataset | None) -> None:
        """Use new scores of the collection for marks, filters and sorting."""
        self.scores = scores
        self.refresh(keep_page=True)

    def add_upload(self, image: str) -> None:
        """Put an uploaded photograph before all others."""
        self.uploads.insert(0, image)
        self.refresh()

    def refresh(self, keep_page: bool = False) -> None:
        """Search, filter and sort again, and show the first page (or stay on the present one)."""
        choice = self.choice
        self.places = self.index.matching(choice, self.scores)
        self.admitted = np.zeros(len(self.index), dtype=bool)
        self.admitted[self.places] = True
        if self.within is not None:
            self.places = self.places[self.within[self.places]]
        self.hint.object = self._hint(choice)
        self._show(self.tiles.page if keep_page else 0)

    def restrict(self, within: np.ndarray | None) -> None:
        """Show only images that are also ``within`` (image,), a selection made elsewhere; None: all."""
        self.within = within
        self.refresh()

    def step(self, by: int) -> str | None:
        """The image ``by`` places after the present one, in the gallery's order; None at either end."""
        order = self._order()
        here = order.get(self.shown.image or "", -1 if by > 0 else len(order))
        at = here + by
        return self._image(at) if 0 <= at < len(order) else None

    def reveal(self, image: str) -> None:
        """Turn to the page that holds ``image``, if it is among the images admitted."""
        at = self._order().get(image)
        if at is not None and at // PAGE_SIZE != self.tiles.page:
            self._show(at // PAGE_SIZE)

    def close(self) -> None:
        """End the thread and forget the document."""
        self._worker.close()
        self._mail.close()

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
        marks, values = self.index.marks(self.scores), self.index.values(self.choice.order, self.scores)
        images = [self._image(at) for at in range(page * PAGE_SIZE, min(count, (page + 1) * PAGE_SIZE))]
        known = {item["id"]: item["thumbnail"] for item in self.tiles.items}
        items = [self._item(image, marks, values, known.get(image, "")) for image in images]
        total = len(self.index) + len(self.uploads)
        note = f"{total:,} photographs" if count == total else f"{count:,} of {total:,} photographs"
        self.tiles.param.update(items=items, page=page, pages=pages, note=note, selected=self.shown.image)
        waiting = [item["id"] for item in items if not item["thumbnail"]]
        if waiting:
            self._worker.submit(lambda cancelled: self._read(waiting, cancelled))

    def _item(self, image: str, marks: np.ndarray, values: np.ndarray, thumbnail: str) -> dict:
        at = self.index.place.get(image)
        pair = [] if at is None else [{1.0: "right", 0.0: "wrong"}.get(float(m), "unknown") for m in marks[:, at]]
        score = None if at is None or not np.isfinite(values[at]) else f"{values[at]:+.2f}"
        category = "uploaded" if at is None else self.source.info(image).category
        return {"id": image, "category": category, "thumbnail": thumbnail, "marks": pair, "score": score}

    def _hint(self, choice: Choice) -> str:
        scored = 0 if self.scores is None else int(np.isfinite(self.index.marks(self.scores)[0]).sum())
        if (choice.verdict != "any" or choice.order != "id") and scored < len(self.index):
            known = f"{scored:,} of {len(self.index):,} are scored."
            return f'<p class="muted">{known} “Score the collection” fills the rest.</p>'
        return (
            ""
            if len(self.places) + len(self.uploads)
            else '<p class="muted">No photograph fits. Loosen the search or the filters.</p>'
        )

    def _read(self, images: list[str], cancelled: Cancelled) -> None:
        for start in range(0, len(images), 8):
            if cancelled():
                return
            block = images[start : start + 8]
            pictures = {image: self._picture(image) for image in block}
            self._mail.post(f"thumbnails {start}", pictures)

    def _picture(self, image: str) -> str:
        try:
            return "data:image/webp;base64," + base64.b64encode(self.source.thumbnail(image)).decode()
        except (ValueError, OSError):  # listed among the skipped by the collection; the tile stays grey
            return ""

    def _deliver(self, _: str, pictures: dict[str, str]) -> None:
        self.tiles.items = [
            {**item, "thumbnail": pictures.get(item["id"]) or item["thumbnail"]} for item in self.tiles.items
        ]

    def _on_error(self, error: Exception) -> None:
        pn.state.log(f"thumbnails: {error}", "warning")

    def _on_message(self, message: dict) -> None:
        if "page" in message:
            self._show(int(message["page"]))

    def _on_selected(self, event) -> None:
        if event.new and event.new != self.shown.image:
            self.shown.image = event.new
