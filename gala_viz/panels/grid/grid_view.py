"""One session's grid: which photographs, which columns, with which settings; rows are drawn as they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from bokeh.document import Document

from gala_viz.panels.document_queue import DocumentQueue
from gala_viz.panels.form import Field, Form, as_options
from gala_viz.panels.gallery.collection_index import CollectionIndex
from gala_viz.panels.gallery.gallery import Gallery
from gala_viz.panels.gallery.selection_filter import SelectionFilter
from gala_viz.panels.grid.image_grid import ImageGrid
from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.latest_job_worker import IsCancelled, LatestJobWorker
from gala_viz.panels.markup import alert, muted_text
from gala_viz.panels.network_pair import PairChooser
from gala_viz.panels.progress_view import ProgressView
from gala_viz.panels.source_client import read_scores
from gala_viz.panels.view_state import ATTRIBUTION_SETTINGS, AttributionSettings, CurrentImage, GridSettings
from gala_viz.plots.grid_cells import SCALE_TEXT, grid_cells
from gala_viz.plots.grid_columns import (
    GridColumn,
    all_columns,
    column_title,
    parse_columns,
    usual_columns,
)
from gala_viz.plots.map_pictures import photo_picture
from gala_viz.specs import MapRequest
from gala_viz.store.source import MapSource

MAX_ROWS_ASKED = 60
"""Rows of one message; a window shows fewer."""
GO_ON = "Draw the rest"
"""Of the button, once drawing was cancelled."""
PICTURE_PX = 224
"""Longer side of a picture, at most."""


class GridView:
    """All components of one session and what connects them; ``close`` ends its threads.

    Parameters
    ----------
    source : MapSource
        Gives everything that is shown.
    index : CollectionIndex
        Of the source's images.
    document : Document
        Of the session.
    """

    def __init__(self, source: MapSource, index: CollectionIndex, document: Document) -> None:
        self.source, self.index = source, index
        self.current = CurrentImage()
        self.settings, self.grid_settings = AttributionSettings.from_request(source.request), GridSettings()
        self.settings.param.method.objects = list(source.methods)
        self.gallery = Gallery(source, index, self.current, document)
        self.selection_filter = SelectionFilter(source, self.gallery, document)
        self.chooser = PairChooser(source, lambda first, second: None)
        self.alert, self.about = html_pane(), html_pane()
        self.grid = ImageGrid(on_message=self._heard, sizing_mode="stretch_width", margin=0)
        self.progress = ProgressView(self.cancel, on_start=self._go_on)
        self.progress.bar.stylesheets = [":host { min-height: 28px; } button:disabled { display: none; }"]
        self._waiting: list[int] = []
        self._queue = DocumentQueue(document, self._deliver)
        self._worker = LatestJobWorker("gala-viz grid", lambda error: self._queue.put("error", error))
        self._scores = LatestJobWorker("gala-viz grid scores", lambda error: self._queue.put("error", error))
        self._score_request: MapRequest | None = None
        self._shown: np.ndarray | None = None  # positions of the rows
        self.form = Form(
            [
                Field(
                    name="method",
                    label="Method",
                    kind="choice",
                    value=self.settings.method,
                    options=as_options({title: name for name, title in source.methods.items()}),
                ),
                Field(name="n_samples", label="Samples n", kind="slider", value=50, start=1, end=200),
                *_kind_fields(source.map_kinds),
                Field(name="add", label="Add a column", kind="choice", value="", options=(("…", ""),)),
                Field(name="cell_px", label="Picture, px", kind="slider", value=150, start=80, end=320, step=10),
            ],
            self._enter,
            min_width_px=150,
        )
        self.form.sync_from(self.settings)
        self.form.sync_from(self.grid_settings)
        self.gallery.on_change = self._on_gallery
        self.settings.param.watch(lambda *_: self._on_settings(), ATTRIBUTION_SETTINGS)
        self.current.param.watch(lambda *_: self._on_kind(), ["kind", "participant"])
        self.grid_settings.param.watch(lambda _: self._on_columns(), "columns")
        self.grid_settings.param.watch(lambda event: setattr(self.grid, "cell_px", event.new), "cell_px")
        self._on_columns()
        self._ask_for_scores()

    @property
    def columns(self) -> list[GridColumn]:
        """The columns, in order."""
        return parse_columns(self.grid_settings.columns, self.source) or usual_columns(self.source)

    def request(self) -> MapRequest:
        """Return the settings of the maps as a request."""
        return self.settings.to_request(human_map=self.current.kind, participant=self.current.participant)

    def shown_images(self) -> list[str]:
        """Return the ids of the photographs of all rows, in order."""
        return [self.index.images[at] for at in self.gallery.positions]

    def show_messages(self, sentences: Sequence[str]) -> None:
        """Show sentences above the grid, in place of those before."""
        self.alert.object = alert(" ".join(sentences))

    def show_error(self, error: Exception) -> None:
        """Show above the grid what went wrong."""
        self.show_messages([str(error) or type(error).__name__])

    def cancel(self) -> None:
        """Stop drawing rows; those that are there stay."""
        self._worker.cancel()
        self.progress.bar.start_label = GO_ON
        self.progress.show_text("Cancelled; rows that are drawn stay.", 0, busy=False)

    def close(self) -> None:
        """End all threads."""
        for part in (self._worker, self._scores, self._queue, self.gallery, self.selection_filter):
            part.close()

    def _enter(self, name: str, value: Any) -> None:
        """Change a setting, or add a column."""
        if name == "add":
            self._set_columns([*(one.name for one in self.columns), value])
        elif name == "kind":
            self.current.param.update(kind=value, participant=None)
        elif name == "cell_px":
            self.grid_settings.cell_px = value
        else:
            self.settings.param.update(**{name: value})

    def _set_columns(self, names: Sequence[str]) -> None:
        usual = [one.name for one in usual_columns(self.source)]
        self.grid_settings.columns = "" if list(names) == usual else ",".join(names)

    def _on_columns(self) -> None:
        columns, source, kind = self.columns, self.source, self.current.kind
        known = all_columns(source)
        missing = [(column_title(one, source, kind), one.name) for one in known if one not in columns]
        self.form.update_field("add", options=(("…", ""), *missing), value="")
        self.grid.columns = [column_title(one, source, kind) for one in columns]
        self._begin()

    def _on_kind(self) -> None:
        if "kind" in self.form.values:
            self.form.show_values({"kind": self.current.kind or next(iter(self.source.map_kinds))})
        self._on_columns()
        self._ask_for_scores()

    def _on_settings(self) -> None:
        self._begin()
        self._ask_for_scores()

    def _on_gallery(self) -> None:
        """Begin anew where the gallery shows other photographs, or in another order."""
        if self._shown is None or not np.array_equal(self._shown, self.gallery.positions):
            self._begin()

    def _ask_for_scores(self) -> None:
        """Read the scores of all images, by which the gallery may sort and filter."""
        request = replace(self.request(), participant=None, smoothing_px=self.source.request.smoothing_px)
        if request != self._score_request:
            self._score_request = request
            self._scores.submit(lambda _: self._queue.put("scores", read_scores(self.source, request)))

    def _begin(self) -> None:
        """Show other photographs, columns or settings: what was drawn is of something else."""
        self._worker.cancel()
        self._waiting, self._shown = [], self.gallery.positions.copy()
        self.progress.bar.start_label = ""
        self.grid.param.update(count=len(self.gallery.positions), generation=self.grid.generation + 1)
        self.progress.show_text("", 0, busy=False)
        self.about.object = muted_text(f"{settings_text(self.request())} {SCALE_TEXT}")

    def _heard(self, message: dict[str, Any]) -> None:
        """Draw rows that came into view, or take a column away."""
        if isinstance(at := message.get("remove"), int) and 0 <= at < len(self.columns) > 1:
            self._set_columns([one.name for number, one in enumerate(self.columns) if number != at])
            return
        rows, generation = message.get("rows"), message.get("generation")
        if generation != self.grid.generation or not isinstance(rows, list):
            return
        count = len(self.gallery.positions)
        self._waiting = [at for at in rows[:MAX_ROWS_ASKED] if isinstance(at, int) and 0 <= at < count]
        self._go_on()

    def _go_on(self) -> None:
        """Draw the rows that are waited for, in their order."""
        waiting, generation = list(self._waiting), self.grid.generation
        if not waiting:
            return
        positions, images = self.gallery.positions, self.index.images
        named = [(at, images[positions[at]]) for at in waiting]
        columns, request = self.columns, self.request()
        self.progress.bar.start_label = ""
        self.progress.show_text(f"0 of {len(named)} rows", 0, busy=True)

        def job(cancelled: IsCancelled) -> None:
            for at, image in named:
                try:
                    row = _row(self.source, image, columns, request, cancelled)
                except Exception as error:  # of whatever kind, of this photograph alone: its row says so
                    row = {"id": image, "title": image, "error": str(error) or type(error).__name__, "cells": []}
                if row is None or cancelled():
                    return
                self._queue.put(f"row {generation} {at}", (generation, at, row))

        self._worker.submit(job)

    def _deliver(self, key: str, value: Any) -> None:
        if key == "error":
            self.show_error(value)
            self.progress.show_text("Stopped by an error.", 0, busy=False)
            return
        if key == "scores":
            if value.request == self._score_request:
                self.gallery.set_scores(value.scores)
                self.chooser.show_scores(value.choices)
            return
        generation, at, row = value
        if generation != self.grid.generation:
            return
        self.grid._send_msg({"row": row, "at": at, "generation": generation})
        total = len(self._waiting)
        if at in self._waiting:
            left = self._waiting[self._waiting.index(at) + 1 :]
            if self.progress.bar.busy:
                done = total - len(left)
                self.progress.show_text(f"{done} of {total} rows" if left else "", done / total, busy=bool(left))


def _row(
    source: MapSource, image: str, columns: Sequence[GridColumn], request: MapRequest, cancelled: IsCancelled
) -> dict[str, Any] | None:
    """Return one row as ``ImageGrid`` takes it; None once cancelled."""
    cells = grid_cells(source, image, columns, request, cancelled)
    if cells is None:
        return None
    info = source.info(image)
    pictures = [
        {"src": "" if cell.picture is None else photo_picture(cell.picture, PICTURE_PX), "text": cell.text}
        for cell in cells
    ]
    return {"id": image, "title": info.heading, "about": info.split or "", "cells": pictures}


def _kind_fields(kinds: Mapping[str, str]) -> list[Field]:
    """Return the input for the kind of human map; none where a collection has none."""
    if not kinds:
        return []
    first, options = next(iter(kinds)), as_options(list(kinds))
    return [Field(name="kind", label="Human maps", kind="choice", value=first, options=options)]


TARGET_WORDS = {"own": "own prediction", "label": "true category, own prediction where it is not known"}


def settings_text(request: MapRequest) -> str:
    """Return the settings of a request that the grid has no inputs for, in a sentence."""
    grad = request.smoothgrad
    target = request.target
    parts = [f"Target: {f'category {target}' if isinstance(target, int) else TARGET_WORDS[target]}"]
    if request.method == "smoothgrad":
        parts += [f"noise {grad.noise_fraction:g}", f"seed {grad.seed}"]
    parts.append(f"colour channels: {request.reduction}")
    if request.smoothing_px:
        parts.append(f"smoothing {request.smoothing_px:g} px")
    parts.append(f"delta normalised by {request.normalise}")
    return f"{', '.join(parts)}, as on the comparison."
