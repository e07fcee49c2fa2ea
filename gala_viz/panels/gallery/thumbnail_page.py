"""One page of thumbnails: pictures are read in a thread, and only those of the page are sent."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any

import panel as pn
from bokeh.document import Document

from gala_viz.panels.document_queue import DocumentQueue
from gala_viz.panels.gallery.thumbnail_grid import ThumbnailGrid
from gala_viz.panels.latest_job_worker import IsCancelled, LatestJobWorker
from gala_viz.store.source import MapSource

BATCH_SIZE = 8


class ThumbnailPage:
    """Reads and sends the thumbnails of one page.

    ``on_select(image)`` is called when a thumbnail is clicked, ``on_page(page)`` when another page is chosen.
    """

    def __init__(
        self,
        source: MapSource,
        document: Document,
        on_select: Callable[[str], None],
        on_page: Callable[[int], None],
    ) -> None:
        self._source, self._on_select, self._on_page = source, on_select, on_page
        self._queue = DocumentQueue(document, self._deliver)
        self._worker = LatestJobWorker("gala-viz thumbnails", self._on_error)
        self.grid = ThumbnailGrid(sizing_mode="stretch_width", margin=0, on_message=self._heard)
        self.grid.param.watch(lambda event: event.new and self._on_select(event.new), "selected")

    def show(self, items: Sequence[dict[str, Any]], *, page: int, pages: int, note: str, selected: str | None) -> None:
        """Show a page; thumbnails that the browser does not have are read in a thread.

        Parameters
        ----------
        items : sequence of dict
            As ``ThumbnailGrid`` takes them, without thumbnails.
        page : int
            Number of the page, from 0.
        pages : int
            Number of pages.
        note : str
            How many images there are.
        selected : str or None
            Id of the image in view.
        """
        known = {item["id"]: item["thumbnail"] for item in self.grid.items}
        filled = [{**item, "thumbnail": known.get(item["id"], "")} for item in items]
        self.grid.param.update(items=filled, page=page, n_pages=pages, count_text=note, selected=selected)
        waiting = [item["id"] for item in filled if not item["thumbnail"]]
        if waiting:
            self._worker.submit(lambda cancelled: self._read(waiting, cancelled))

    def close(self) -> None:
        """End the thread; no thumbnail is delivered any more."""
        self._worker.close()
        self._queue.close()

    def _read(self, images: list[str], cancelled: IsCancelled) -> None:
        for start in range(0, len(images), BATCH_SIZE):
            if cancelled():
                return
            pictures = {image: self._picture(image) for image in images[start : start + BATCH_SIZE]}
            self._queue.put(f"thumbnails {start}", pictures)

    def _picture(self, image: str) -> str:
        try:
            return "data:image/webp;base64," + base64.b64encode(self._source.thumbnail(image)).decode()
        except (ValueError, OSError):  # the collection lists it as skipped; its thumbnail stays grey
            return ""

    def _deliver(self, _: str, pictures: dict[str, str]) -> None:
        self.grid.items = [
            {**item, "thumbnail": pictures.get(item["id"]) or item["thumbnail"]} for item in self.grid.items
        ]

    def _on_error(self, error: Exception) -> None:
        pn.state.log(f"thumbnails: {error}", "warning")

    def _heard(self, message: dict[str, Any]) -> None:
        if "page" in message:
            self._on_page(int(message["page"]))
