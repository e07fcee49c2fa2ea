"""Export: all scores and maps of the photographs that are shown, as a file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import panel as pn
from bokeh.document import Document

from gala_viz.panels.document_queue import DocumentQueue
from gala_viz.panels.file_downloads import offer_file, withdraw_file
from gala_viz.panels.form import Field, Form
from gala_viz.panels.gallery.gallery import Gallery
from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.html_templates import render_html
from gala_viz.panels.latest_job_worker import IsCancelled, LatestJobWorker
from gala_viz.panels.markup import photograph_count
from gala_viz.panels.progress_view import ProgressView
from gala_viz.plots.figures.selection_export import FORMATS, MAX_IMAGES_WITH_MAPS, export_selection, score_table
from gala_viz.plots.map_labels import distinct_names
from gala_viz.specs import MapRequest
from gala_viz.store.source import MapSource, Progress

CANCELLED = "Cancelled; no file was made."


class SelectionExportView(ProgressView):
    """``pane`` holds the format, the button, the progress, and the link to the file once it is made.

    The file is made in a thread of its own; it is deleted when another is made, and when the session ends.

    Parameters
    ----------
    source : MapSource
        Of the two networks in view.
    gallery : Gallery
        Its photographs are exported, in its order.
    document : Document
        Of the session.
    request : callable
        Returns the settings of the maps in view.
    """

    def __init__(
        self, source: MapSource, gallery: Gallery, document: Document, request: Callable[[], MapRequest]
    ) -> None:
        super().__init__(self._cancel, "Make the file", self.start)
        self._source, self._gallery, self._request = source, gallery, request
        options = tuple((label, kind) for kind, (label, _) in FORMATS.items())
        self.form = Form(
            [Field(name="format", label="Of the photographs shown", kind="choice", value="csv", options=options)],
            lambda *_: self._show_hint(),
            min_width_px=200,
        )
        self.link = html_pane()
        self.pane = pn.Column(self.form, self.bar, self.link, sizing_mode="stretch_width", margin=(6, 0))
        self._folder: tempfile.TemporaryDirectory | None = None
        self._address = ""
        self._queue = DocumentQueue(document, self._deliver)
        self._worker = LatestJobWorker("gala-viz export", lambda error: self._queue.put("error", error))

    def start(self) -> None:
        """Make the file of the photographs that are shown now, with the settings of now."""
        kind, images, request = self.form.values["format"], self._images(), self._request()
        self._withdraw()
        try:
            self._folder = self._folder or tempfile.TemporaryDirectory(prefix="gala-viz-", ignore_cleanup_errors=True)
        except OSError as error:
            self.show_text(f"No file can be made here: {error}", 0, busy=False)
            return
        filename = FORMATS[kind][1]
        file = Path(self._folder.name) / filename
        self.show_text(f"Gathering {photograph_count(len(images))}…", 0, busy=True)

        def job(cancelled: IsCancelled) -> None:
            file.unlink(missing_ok=True)
            for progress in export_selection(self._source, images, request, kind, file, cancelled):
                self._queue.put("progress", progress)
            if not cancelled():
                note = "" if kind != "csv" else _scored_text(self._source, images, request)
                self._queue.put("made", (file, filename, f"{photograph_count(len(images))}{note}."))

        self._worker.submit(job)

    def close(self) -> None:
        """End the thread, and delete the file."""
        self._worker.close()
        self._queue.close()
        self._withdraw()
        if self._folder is not None:
            self._folder.cleanup()

    def _images(self) -> list[str]:
        gallery = self._gallery
        return [*gallery.uploads, *(gallery.index.images[at] for at in gallery.positions)]

    def _cancel(self) -> None:
        self._worker.cancel()
        self.show_text(CANCELLED, 0, busy=False)

    def _withdraw(self) -> None:
        withdraw_file(self._address)
        self._address, self.link.object = "", ""

    def _show_hint(self) -> None:
        with_maps = self.form.values["format"] != "csv"
        hint = f"at most {MAX_IMAGES_WITH_MAPS} photographs; maps that are not there are computed" if with_maps else ""
        self.form.update_field("format", hint=hint)

    def _deliver(self, key: str, value: Any) -> None:
        if key == "error":
            self.show_text(str(value) or type(value).__name__, 0, busy=False)
        elif key == "progress":
            progress: Progress = value
            if self.bar.busy:  # else it was cancelled
                self.show_progress(progress)
                self.bar.busy = True  # the file is still to be written
        elif self.bar.busy:
            file, filename, text = value
            self._address = offer_file(file, filename)
            self.show_text(text, 1, busy=False)
            self.link.object = render_html(
                """<a href="{{ address }}" download="{{ filename }}">Save {{ filename }}, {{ size }}</a>""",
                address=self._address,
                filename=filename,
                size=_size(file.stat().st_size),
            )


def _scored_text(source: MapSource, images: Sequence[str], request: MapRequest) -> str:
    """Return how many images have scores of both networks, where not all have."""
    rho = [f"rho {name}" for name in distinct_names(source.networks)]
    n = int(score_table(source, images, request)[rho].notna().to_numpy().all(axis=1).sum())
    return "" if n == len(images) else f", {n:,} of them scored by both networks with these settings"


def _size(count: int) -> str:
    return f"{count / 2**20:.1f} MB" if count >= 2**20 else f"{max(1, round(count / 1024))} KB"
