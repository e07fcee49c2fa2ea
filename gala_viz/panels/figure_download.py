"""What is in view as a figure for print: a button that gives a ZIP file with pictures, caption, data and spec."""

from __future__ import annotations

import asyncio
import io
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import panel_material_ui as pmui

from gala_viz.panels.form import Field, Form
from gala_viz.panels.view_state import AttributionSettings, CurrentImage, ScatterAxes
from gala_viz.specs import MapRequest
from gala_viz.store.source import MapSource, request_of_image

if TYPE_CHECKING:
    from gala_viz.plots.figures.specs import FigureSpec

FILE_STEM = "figure"
MAX_GRID_PHOTOGRAPHS = 40
"""Photographs of a grid's figure from a page; the command draws more."""
FIGURE_COLOURS = (("As on the page", "default"), ("Red and blue of Linsley et al. 2019", "paper"))
"""Label and name of each set of ``gala_viz.plots.colour_maps.DELTA_COLOURS``."""


class FigureDownloadButton:
    """Downloads the figure of ``source`` whose spec ``spec()`` returns at the moment of the press.

    ``on_error(error)`` is called where a figure could not be drawn. Drawing, with Matplotlib, is done in a thread,
    which loads it for the first figure: no page waits for it. Images are never scored for it: a figure of scores shows
    those that are known, and says how many.
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
        """Spec of the figure at this moment."""
        return self._spec()

    async def _zipped(self) -> io.BytesIO:
        try:
            return await asyncio.to_thread(lambda: figure_zip(self._source, self.spec))
        except Exception as error:  # of whatever kind: the page shows it and goes on
            self._on_error(error)
            return io.BytesIO()


class ComparisonDownloadButton(FigureDownloadButton):
    """Downloads the comparison of the current image, with the present settings; ``options`` are inputs of its own.

    Uploads are in no collection from which a file could draw them again, and have no figure.

    Parameters
    ----------
    source : MapSource
        Draws the figure.
    origin : mapping
        Fields of a ``FigureSpec`` that say how a command opens ``source``.
    current : CurrentImage
        Image and layer of the figure.
    settings : AttributionSettings
        Settings of the maps.
    on_error : callable
        Called with the exception where the figure could not be drawn.
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
        self._delta_colours = "default"
        colours = Field(
            name="delta_colours", label="Delta in the figure", kind="choice", value="default", options=FIGURE_COLOURS
        )
        self.options = Form([colours], self._choose, min_width_px=156)
        self.button.disabled = current.image not in source.images
        current.param.watch(lambda event: setattr(self.button, "disabled", event.new not in source.images), "image")

    def _choose(self, name: str, value: Any) -> None:
        self._delta_colours = value

    def _comparison(self) -> FigureSpec:
        from gala_viz.plots.figures.specs import ComparisonSpec

        image, layer = self._shown.image, self._shown.layer
        layers = next((network.layers for network in self._source.networks[::-1] if network.layers), ())
        column, of_second, second_layer = self._shown.second_layer, self._source.networks[1].layers, None
        if layer is not None and column is not None and of_second:
            second_layer = of_second[min(column, len(of_second) - 1)]
            layers = self._source.networks[0].layers or layers
            layer = min(layer, len(layers) - 1)
        request = self._settings.to_request(human_map=self._shown.kind, participant=self._shown.participant)
        return ComparisonSpec(
            **self._origin,
            images=(image,),
            layer=layers[layer] if layer is not None and layer < len(layers) else None,
            second_layer=second_layer,
            delta_colours=self._delta_colours,
            request=request_of_image(self._source, image, request),
        )


class ScatterDownloadButton(FigureDownloadButton):
    """Downloads the scatter plot of all images by the two metrics that are the present axes.

    The maps are those of the source's own request, as on the page.

    Parameters
    ----------
    source : MapSource
        Draws the figure.
    origin : mapping
        Fields of a ``FigureSpec`` that say how a command opens ``source``.
    axes : ScatterAxes
        Metrics across and up.
    selected_images : callable
        Returns the ids of the images that are marked; none where nothing is selected and no filter is set.
    on_error : callable
        Called with the exception where the figure could not be drawn.
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

    def _scatter(self) -> FigureSpec:
        from gala_viz.plots.figures.specs import ScatterSpec

        images, request = tuple(self._chosen()), self._source.request
        return ScatterSpec(**self._origin, images=images, x=self._axes.x, y=self._axes.y, request=request)


class GridDownloadButton(FigureDownloadButton):
    """Downloads the grid as it is shown: its first photographs, its columns and settings, in pages.

    Parameters
    ----------
    source : MapSource
        Draws the figure.
    origin : mapping
        Fields of a ``FigureSpec`` that say how a command opens ``source``.
    images : callable
        Returns the ids of all photographs of the grid, in order.
    columns : callable
        Returns the names of its columns.
    request : callable
        Returns the settings of its maps.
    on_error : callable
        Called with the exception where the figure could not be drawn.
    """

    def __init__(
        self,
        source: MapSource,
        origin: Mapping[str, Any],
        images: Callable[[], Sequence[str]],
        columns: Callable[[], Sequence[str]],
        request: Callable[[], MapRequest],
        on_error: Callable[[Exception], None],
    ) -> None:
        super().__init__(source, self._grid, on_error)
        self._origin, self._images, self._columns, self._request = dict(origin), images, columns, request
        self.button.label = f"Figure for print, the first {MAX_GRID_PHOTOGRAPHS}"

    def _grid(self) -> FigureSpec:
        from gala_viz.plots.figures.specs import GridSpec

        images = tuple(self._images()[:MAX_GRID_PHOTOGRAPHS])
        return GridSpec(**self._origin, images=images, columns=tuple(self._columns()), request=self._request())


def figure_zip(source: MapSource, spec: FigureSpec) -> io.BytesIO:
    """Return all files of a figure as one ZIP file; scores that are missing are not computed for it."""
    from gala_viz.plots.figures.specs import write_figure

    stream = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in write_figure(source, spec, Path(folder), FILE_STEM, survey=False):
            archive.write(path, path.name)
    stream.seek(0)
    return stream
