"""The photograph in view as a figure for print: a ZIP file with its pictures, caption, data and spec."""

from __future__ import annotations

import asyncio
import io
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import panel_material_ui as pmui

from gala_viz.panels.state import MapSettings, Shown
from gala_viz.plots.figures.asked import FigureSpec
from gala_viz.store.source import MapSource

NAME = "figure"


class FigureDownload:
    """The figure of what is ``shown`` with the present ``settings``; ``origin``: how a command opens this source.

    ``on_error`` hears why a figure could not be drawn. Drawing is done in a thread: nobody else waits for it. Uploads
    are in no collection from which a file could draw them again, and have none.
    """

    def __init__(
        self,
        source: MapSource,
        origin: Mapping[str, Any],
        shown: Shown,
        settings: MapSettings,
        on_error: Callable[[Exception], None],
    ) -> None:
        self._source, self._origin, self._on_error = source, dict(origin), on_error
        self._shown, self._settings = shown, settings
        self.button = pmui.FileDownload(
            callback=self._zipped,
            filename=f"{NAME}.zip",
            label="Figure for print",
            size="small",
            disabled=True,
            margin=(4, 0),
        )
        shown.param.watch(lambda event: setattr(self.button, "disabled", event.new not in source.images), "image")

    @property
    def spec(self) -> FigureSpec:
        """The figure of this moment."""
        image, layer = self._shown.image, self._shown.layer
        layers = next((network.layers for network in self._source.networks[::-1] if network.layers), ())
        labelled = self._source.info(image).target is not None
        return FigureSpec(
            **self._origin,
            images=(image,),
            layer=layers[layer] if layer is not None and layer < len(layers) else None,
            request=self._settings.request(has_label=labelled),
        )

    async def _zipped(self) -> io.BytesIO:
        try:
            return await asyncio.to_thread(zipped_figure, self._source, self.spec)
        except Exception as error:  # whatever the source met: the page tells it, and stands
            self._on_error(error)
            return io.BytesIO()


def zipped_figure(source: MapSource, spec: FigureSpec) -> io.BytesIO:
    """All files of a figure in one ZIP."""
    from gala_viz.plots.figures.gathered import gathered, write_figure

    stream = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in write_figure(source, spec, gathered(source, spec), Path(folder), NAME):
            archive.write(path, path.name)
    stream.seek(0)
    return stream
