"""The gallery: search, filters, sorting, and one page of thumbnails of the images that match."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import panel as pn
import xarray as xr
from bokeh.document import Document

from gala_viz.counts import counted
from gala_viz.panels.form import Form
from gala_viz.panels.gallery.collection_index import CollectionIndex, ImageQuery
from gala_viz.panels.gallery.filter_fields import filter_fields
from gala_viz.panels.gallery.thumbnail_page import ThumbnailPage
from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.notes.note_index import NoteIndex
from gala_viz.panels.view_state import GALLERY_SETTINGS, CurrentImage, GallerySettings
from gala_viz.splits import LEARNT
from gala_viz.store.source import ImageInfo, MapSource

PAGE_SIZE = 24
SCORE_LABEL = "Score the collection"
"""Label of the button that scores all images."""


class Gallery:
    """The images that match search and filters (``settings``), in order; ``current.image`` is the one in view.

    Filtering happens here, on columns of the shared ``index``. ``positions`` are the images shown, in order;
    ``filter_mask`` (image,) marks those that search and filters let through. ``on_filter_change`` is called after the
    settings changed, or the notes or scores where they are a filter; ``on_change`` after other images are shown.

    The page of thumbnails is that of the image in view, until the visitor turns it, or searches, filters, sorts or
    selects, which shows the first page; the next image and the next link bring the image's page again.
    """

    def __init__(self, source: MapSource, index: CollectionIndex, current: CurrentImage, document: Document) -> None:
        self.source, self.index, self.current = source, index, current
        self.settings = GallerySettings.from_index(index)
        self.note_index: NoteIndex | None = None
        self.scores: xr.Dataset | None = None
        self.uploads: dict[str, ImageInfo] = {}
        self.form = Form(filter_fields(source, index), self._enter, min_width_px=110)
        self.form.sync_from(self.settings)
        self.hint_pane = html_pane(margin=(2, 0))
        self.thumbnail_page = ThumbnailPage(
            source, document, lambda image: setattr(current, "image", image), self._turn
        )
        self._page_is_chosen = self._is_entering = False
        self.thumbnails = self.thumbnail_page.grid
        self.positions = np.arange(len(index))
        self.filter_mask = np.ones(len(index), dtype=bool)
        self.selection_mask: np.ndarray | None = None
        self.on_filter_change: Callable[[], None] = lambda: None
        self.on_change: Callable[[], None] = lambda: None
        self.pane = pn.Column(
            self.form,
            self.hint_pane,
            self.thumbnails,
            sizing_mode="stretch_width",
            margin=(8, 12),
        )
        current.param.watch(lambda event: self._follow(event.new), "image")
        self.settings.param.watch(
            lambda event: self.form.update_field("descending", visible=event.new != "id"), "order"
        )
        self.settings.param.watch(lambda *_: self._on_selection(), GALLERY_SETTINGS)
        self.refresh()

    def set_scores(self, scores: xr.Dataset | None) -> None:
        """Use new scores of the collection (``MapSource.scores``) for marks, filters and sorting."""
        before, self.scores = self.positions, scores
        self._arrange()
        here = self.thumbnails.page
        self._show(here if self._page_is_chosen or np.array_equal(before, self.positions) else self._page_in_view(here))
        self.on_change()
        if self.settings.verdict != "any":
            self.on_filter_change()

    def add_upload(self, info: ImageInfo) -> None:
        """Put an uploaded photograph before all others."""
        self.uploads = {info.image: info, **self.uploads}
        self.refresh()

    def add_map_of_upload(self, info: ImageInfo) -> None:
        """Put an uploaded photograph with its map in the place of the same photograph, without one or with another."""
        places: dict[str, ImageInfo] = {}
        for image, one in self.uploads.items():
            same = one.photograph == info.photograph
            places[info.image if same else image] = info if same else one
        self.uploads = places if info.image in places else {info.image: info, **places}
        self.refresh()

    def attach_notes(self, note_index: NoteIndex) -> None:
        """Mark images with a bookmark, and offer filters for bookmarks, notes and tags."""
        self.note_index = note_index
        note_index.on_change = self._noted
        self.form.update_field("note_filter", visible=True)

    def refresh(self, keep_page: bool = False) -> None:
        """Search, filter and sort again, and show the first page (or stay on the present one)."""
        self._arrange()
        self._show(self.thumbnails.page if keep_page else 0)
        self.on_change()

    @property
    def shown_mask(self) -> np.ndarray:
        """Which of the collection's images are shown, (image,) bool."""
        mask = np.zeros(len(self.index), dtype=bool)
        mask[self.positions] = True
        return mask

    def images_to_score(self) -> list[str]:
        """Return the ids of the images that match search, filters and selection, in the collection's order.

        Filter and order by scores do not count here: the images may have none yet.
        """
        positions = self._admitted(replace(self.settings.query, verdict="any", order="id"))
        shown = self._filtered_positions(
            positions if self.selection_mask is None else positions[self.selection_mask[positions]]
        )
        return [self.index.images[at] for at in shown]

    def restrict(self, selection_mask: np.ndarray | None) -> None:
        """Show only images that are also in ``selection_mask`` (image,), a selection made elsewhere; None: all."""
        self.selection_mask, self._page_is_chosen = selection_mask, True
        self.refresh()

    @property
    def first_image(self) -> str | None:
        """First image in the gallery's order; None where it shows none."""
        return self._image(0) if len(self.positions) + len(self.uploads) else None

    def shows(self, image: str) -> bool:
        """Return whether an image is among those that the gallery shows."""
        return image in self._order()

    def image_at_offset(self, offset: int) -> str | None:
        """Return the image ``offset`` positions after the current one in the gallery's order; None beyond the ends."""
        here, count = self.current_position()
        at = (-1 if offset > 0 else count) + offset if here is None else here + offset
        return self._image(at) if 0 <= at < count else None

    def current_position(self) -> tuple[int | None, int]:
        """Return the current image's position in the gallery's order (None: not in it), and the number of images."""
        order = self._order()
        return order.get(self.current.image or ""), len(order)

    def show_page_of(self, image: str) -> None:
        """Show the page with ``image``, if the gallery shows that image."""
        page = self._page_of(image)
        if page is not None and page != self.thumbnails.page:
            self._show(page)

    def close(self) -> None:
        """End the thread of the thumbnails."""
        self.thumbnail_page.close()

    def _arrange(self) -> None:
        """Search, filter and sort again; the thumbnails stay as they are."""
        admitted = self._admitted(self.settings.query)
        self.filter_mask = np.zeros(len(self.index), dtype=bool)
        self.filter_mask[self._filtered_positions(admitted)] = True
        within = admitted if self.selection_mask is None else admitted[self.selection_mask[admitted]]
        self.positions = self._filtered_positions(within)
        self._n_hidden = len(within) - len(self.positions)
        self.hint_pane.object = self._hint()

    def _filtered_positions(self, positions: np.ndarray) -> np.ndarray:
        """Drop images that networks learnt from, unless the settings show them or there are no others."""
        return positions if self.settings.learnt else self.index.held_out(positions)

    def _admitted(self, query: ImageQuery) -> np.ndarray:
        """Return the positions that match search, filters and notes, whether learnt from or not."""
        positions = self.index.find(query, self.scores)
        if not self.settings.note_filter:
            return positions
        wanted = (
            self.note_index.mask(self.settings.note_filter)
            if self.note_index
            else np.zeros(len(self.index), dtype=bool)
        )
        return positions[wanted[positions]]

    def _enter(self, name: str, value: Any) -> None:
        """Search, filter or sort as the visitor says."""
        self._is_entering = True
        try:
            self.settings.param.update(**{name: value})
        finally:
            self._is_entering = False

    def _turn(self, page: int) -> None:
        """Show the page of thumbnails that the visitor turned to."""
        self._page_is_chosen = True
        self._show(page)

    def _on_selection(self) -> None:
        """Show the first page of what the visitor asks for, and the page of the image in view where a link asks."""
        self._page_is_chosen = self._is_entering
        self._arrange()
        self._show(0 if self._page_is_chosen else self._page_in_view(0))
        self.on_change()
        self.on_filter_change()

    def _page_of(self, image: str | None) -> int | None:
        """Return the page with ``image``; None where the gallery does not show it."""
        at = None if image is None else self._order().get(image)
        return None if at is None else at // PAGE_SIZE

    def _page_in_view(self, default: int) -> int:
        """Return the page with the image in view, or ``default`` where the gallery does not show it."""
        page = self._page_of(self.current.image)
        return default if page is None else page

    def _follow(self, image: str | None) -> None:
        self.thumbnails.selected, self._page_is_chosen = image, False
        if image is not None:
            self.show_page_of(image)

    def _noted(self) -> None:
        options = self.note_index.options()
        if self.settings.note_filter not in dict(options).values():
            self.settings.note_filter = ""
        self.form.update_field("note_filter", options=options, value=self.settings.note_filter)
        self.refresh(keep_page=True)
        if self.settings.note_filter:
            self.on_filter_change()

    def _order(self) -> dict[str, int]:
        if getattr(self, "_ordered_for", None) is not self.positions or len(self._places) != len(self.positions) + len(
            self.uploads
        ):
            names = [*self.uploads, *(self.index.images[i] for i in self.positions)]
            self._places = {image: at for at, image in enumerate(names)}
            self._ordered_for = self.positions
        return self._places

    def _image(self, at: int) -> str:
        uploads = list(self.uploads)
        return uploads[at] if at < len(uploads) else self.index.images[self.positions[at - len(uploads)]]

    def _show(self, page: int) -> None:
        """Show the thumbnails of page number ``page``, or of the nearest one that there is."""
        count = len(self.positions) + len(self.uploads)
        pages = max(1, -(-count // PAGE_SIZE))
        page = min(max(page, 0), pages - 1)
        marks, values = self.index.correctness(self.scores), self.index.sort_values(self.settings.order, self.scores)
        images = [self._image(at) for at in range(page * PAGE_SIZE, min(count, (page + 1) * PAGE_SIZE))]
        starred = self.note_index.bookmarked if self.note_index else frozenset()
        items = [{**self._item(image, marks, values), "starred": image in starred} for image in images]
        total = len(self.index) + len(self.uploads)
        note = counted(total, "photograph") if count == total else f"{count:,} of {counted(total, 'photograph')}"
        if self._n_hidden:
            note += f"; {self._n_hidden:,} learnt from are hidden"
        self.thumbnail_page.show(items, page=page, pages=pages, note=note, selected=self.current.image)

    def _item(self, image: str, marks: np.ndarray, values: np.ndarray) -> dict[str, Any]:
        at, upload = self.index.position.get(image), self.uploads.get(image)
        pair = [] if at is None else [{1.0: "right", 0.0: "wrong"}.get(float(m), "unknown") for m in marks[:, at]]
        sign = "" if self.settings.order == "delta" else "+"  # a size has none
        score = None if at is None or not np.isfinite(values[at]) else f"{values[at]:{sign}.2f}"
        if at is None:
            assert upload is not None, "it is no image of the collection"
            name = f"{upload.filename}, with map" if upload.map_filename else upload.filename
            category, learnt = name or "uploaded", upload.learnt == LEARNT
        else:
            category, learnt = self.index.category(at), bool(self.index.learnt[at])
        return {"id": image, "category": category, "marks": pair, "score": score, "learnt": learnt}

    def _hint(self) -> str:
        """Return why images are missing: without scores, or because no image matches."""
        order, verdict = self.settings.order, self.settings.verdict
        columns = [] if order == "id" else [self.index.sort_values(order, self.scores)]
        columns += [] if verdict == "any" else [self.index.correctness(self.scores)[0]]
        scored = min((int(np.isfinite(column).sum()) for column in columns), default=len(self.index))
        if scored < len(self.index):
            known = f"{scored:,} of {len(self.index):,} are scored."
            return f'<p class="muted">{known} “{SCORE_LABEL}” fills the rest.</p>'
        return (
            ""
            if len(self.positions) + len(self.uploads)
            else '<p class="muted">No photograph fits. Loosen the search or the filters.</p>'
        )
