"""What is in view as a figure for print: a button that gives a ZIP file with pictures, caption, data and spec."""

from __future__ import annotations

import asyncio
import io
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import panel_material_ui as pmui

from gala_viz.panels.view_state import AttributionSettings, CurrentImage, ScatterAxes
from gala_viz.plots.figures.specs import ComparisonSpec, FigureSpec, ScatterSpec, write_figure
from gala_viz.store.source import MapSource

FILE_STEM = "figure"


class FigureDownloadButton:
    """Gives the figure of ``source`` that ``spec`` asks for at the moment of the press.

    ``on_error`` hears why a figure could not be drawn. Drawing is done in a thread: nobody else waits for it. Images
    are never scored for it: a figure of scores shows those that are known, and says how many.
    """

    def __init__(
        self, source: MapSource, spec: Callable[[], FigureSpec], on_error: Callable[[Exception], None]
    ) -> None:
        self._source, self._spec, self._on_error = source, spec, on_error
        self.button = pmui.FileDownload(
            callback=self._zipped,
            filename=f"{FILE_STEM}.zip",
            label="Figure for print",
            size="small",
            margin=(4, 0),
        )

    @property
    def spec(self) -> FigureSpec:
        """The figure of this moment."""
        return self._spec()

    async def _zipped(self) -> io.BytesIO:
        try:
            return await asyncio.to_thread(figure_zip, self._source, self.spec)
        except Exception as error:  # whatever the source met: the page tells it, and stands
            self._on_error(error)
            return io.BytesIO()


class ComparisonDownloadButton(FigureDownloadButton):
    """The comparison of the photograph that is ``shown``, with the present ``settings``.

    ``origin`` is how a command opens this source. Uploads are in no collection from which a file could draw them
    again, and have no figure.
    """

    def __init__(
        self,
        source: MapSource,
        origin: Mapping[str, Any],
        current: CurrentImage,
        settings: AttributionSettings,
        on_error: Callable[[Exception], None],
    ) -> None:
        super().__init__(source, self._comparison, on_error)
        self._origin, self._shown, self._settings = dict(origin), current, settings
        self.button.disabled = current.image not in source.images
        current.param.watch(lambda event: setattr(self.button, "disabled", event.new not in source.images), "image")

    def _comparison(self) -> ComparisonSpec:
        image, layer = self._shown.image, self._shown.layer
        layers = next((network.layers for network in self._source.networks[::-1] if network.layers), ())
        labelled = self._source.info(image).target is not None
        return ComparisonSpec(
            **self._origin,
            images=(image,),
            layer=layers[layer] if layer is not None and layer < len(layers) else None,
            request=self._settings.to_request(has_label=labelled),
        )


class ScatterDownloadButton(FigureDownloadButton):
    """All images by the two measures that are the present ``axes``; ``chosen()`` are marked.

    ``chosen`` gives ids; none where nothing is selected and no filter is set. The maps are those of the source's own
    request, as on the page.
    """

    def __init__(
        self,
        source: MapSource,
        origin: Mapping[str, Any],
        axes: ScatterAxes,
        selected_images: Callable[[], Sequence[str]],
        on_error: Callable[[Exception], None],
    ) -> None:
        super().__init__(source, self._scatter, on_error)
        self._origin, self._axes, self._chosen = dict(origin), axes, selected_images

    def _scatter(self) -> ScatterSpec:
        images, request = tuple(self._chosen()), self._source.request
        return ScatterSpec(**self._origin, images=images, x=self._axes.x, y=self._axes.y, request=request)


def figure_zip(source: MapSource, spec: FigureSpec) -> io.BytesIO:
    """All files of a figure in one ZIP, of what the source knows already or computes for a few images."""
    stream = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in write_figure(source, spec, Path(folder), FILE_STEM, survey=False):
            archive.write(path, path.name)
    stream.seek(0)
    return stream
