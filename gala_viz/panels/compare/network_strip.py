"""The maps of all networks of a source over the photograph in view, computed when they are asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import panel as pn
import param
from bokeh.document import Document

from gala_viz.panels.browser_component import MessagingComponent, read_scripts, read_stylesheets
from gala_viz.panels.document_queue import DocumentQueue
from gala_viz.panels.latest_job_worker import IsCancelled, LatestJobWorker
from gala_viz.panels.network_pair import PairChooser
from gala_viz.panels.progress_view import ProgressView
from gala_viz.panels.view_state import AttributionSettings, CurrentImage
from gala_viz.plots.map_pictures import map_over_photo, photo_picture
from gala_viz.specs import MapRequest
from gala_viz.store.source import MapSource, MapUpdate, finished_maps, request_of_image


class StripCells(MessagingComponent):
    """Small maps with their networks' titles; ``items`` are dicts with name, title, text and picture (a data URL)."""

    items = param.List(default=[])
    selected = param.List(default=[], doc="Names of the networks in the main row.")

    _esm = read_scripts("compare/network_strip")
    _stylesheets = [read_stylesheets("compare/network_strip")]  # noqa: RUF012


class NetworkStrip:
    """One small map for each network of ``source``, in the frame of the first network of the pair.

    Nothing is computed before ``is_wanted``; from then on the maps follow the image and the settings. A click
    on a map puts its network in the second place.
    """

    def __init__(
        self,
        source: MapSource,
        document: Document,
        settings: AttributionSettings,
        current: CurrentImage,
        chooser: PairChooser,
    ) -> None:
        self._source, self._settings, self._current, self._chooser = source, settings, current, chooser
        self._titles = dict(source.titles)
        self._first = source.networks[0].name
        self.is_wanted = False
        self._queue = DocumentQueue(document, self._deliver)
        self._worker = LatestJobWorker("gala-viz strip", lambda error: self._queue.put("error", error))
        self.progress = ProgressView(self.cancel, f"Show all {len(self._titles)} networks", self.start)
        self.cells = StripCells(
            selected=[network.name for network in source.networks],
            on_message=self._heard,
            sizing_mode="stretch_width",
            margin=0,
        )
        self.pane = pn.Column(self.progress.bar, self.cells, sizing_mode="stretch_width", margin=0)

    def start(self) -> None:
        """Compute the maps of all networks, and go on with every image that comes into view."""
        self.is_wanted = True
        self.refresh()

    def cancel(self) -> None:
        """Stop computing; the maps that are there stay until the next image."""
        self.is_wanted = False
        self._worker.cancel()
        self.progress.show_text("Cancelled.", 0, busy=False)

    def refresh(self) -> None:
        """Compute the maps of the image in view with the present settings, where they were asked for."""
        image = self._current.image
        if not self.is_wanted or image is None:
            return
        current = self._current
        request = self._settings.to_request(human_map=current.kind, participant=current.participant)
        self.progress.show_text(f"0 of {len(self._titles)} networks", 0, busy=True)
        self.cells.items = [self._item(name, title, "", "") for name, title in self._titles.items()]
        self._worker.submit(lambda cancelled: self._compute(image, request, cancelled))

    def close(self) -> None:
        """End the thread; no map is delivered any more."""
        self._worker.close()
        self._queue.close()

    def _compute(self, image: str, request: MapRequest, cancelled: IsCancelled) -> None:
        view, request = self._source.view(image), request_of_image(self._source, image, request)
        for number, (name, title) in enumerate(self._titles.items()):
            try:
                pair = self._source.pair(self._first, name)
                update = finished_maps(pair, image, request, cancelled)
                if update is None:
                    return
                picture = photo_picture(map_over_photo(view, update.maps.values[1]))
                item = self._item(name, pair.networks[1].title, score_text(update), picture)
            except (ValueError, OSError, ImportError) as error:
                item = self._item(name, title, str(error), "")
            self._queue.put(f"item {number}", (number, item))

    def _item(self, name: str, title: str, text: str, picture: str) -> dict[str, Any]:
        return {"name": name, "title": title, "text": text, "picture": picture}

    def _deliver(self, key: str, value: Any) -> None:
        if key == "error":
            self.progress.show_text(f"Stopped by an error: {value or type(value).__name__}", 0, busy=False)
            return
        number, item = value
        self.cells.items = [item if at == number else one for at, one in enumerate(self.cells.items)]
        done, total = number + 1, len(self._titles)
        self.progress.show_text(f"{done} of {total} networks", done / total, busy=done < total)

    def _heard(self, message: dict[str, Any]) -> None:
        if message.get("second") in self._titles:
            self._chooser.choose("second", message["second"])


def score_text(update: MapUpdate) -> str:
    """Return rho of the second network's map with people, or "" where there is none."""
    rho = float(update.scores["rho"].values[1])
    return "" if np.isnan(rho) else f"map's rho {rho:.2f}"
