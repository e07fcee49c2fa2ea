"""Photograph, human map, two networks, their delta: figures created once, of which only the arrays change."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import panel as pn
import xarray as xr
from bokeh.models import (
    BasicTicker,
    BasicTickFormatter,
    ColorBar,
    ColumnDataSource,
    GlyphRenderer,
    Image,
    ImageRGBA,
    Label,
    PanTool,
    Range1d,
    Span,
    WheelZoomTool,
)
from bokeh.plotting import figure

from gala_viz import plots
from gala_viz.panels.compare.outlines import Outlines
from gala_viz.plots.bokeh_rendering import bokeh_figure, disable_sync, drop_selection_glyphs
from gala_viz.plots.map_overlays import image_source_data, pack_rgba
from gala_viz.schema import extent_px, labelled_map

PANELS = ("photo", "human", "a", "b", "delta")
SIDES = ("left", "right", "top", "bottom")


class MainRow:
    """Five linked figures over a frame of ``size_px`` (height, width), their models named under ``key``.

    All figures share the photograph's data source, the outlines' and the ranges; every map has a source of its own.
    ``panes`` are their panes by panel, which ``sections.map_columns`` lays out.
    """

    def __init__(self, key: str, size_px: tuple[int, int]) -> None:
        self.key = key
        self.height, self.width = size_px
        blank = np.zeros((*size_px, 3), dtype=np.uint8)
        empty = labelled_map(np.zeros(size_px, dtype=np.float32), name="empty")
        panel_plots = {
            "photo": plots.photograph(blank),
            "human": plots.human_map(blank, empty),
            "a": plots.saliency(blank, empty),
            "b": plots.saliency(blank, empty),
            "delta": plots.delta(blank, empty),
        }
        self.figures: dict[str, figure] = {panel: bokeh_figure(plot) for panel, plot in panel_plots.items()}
        self.sources: dict[str, ColumnDataSource] = {}
        self._empty: set[str] = set()
        self.outlines = Outlines(key)
        self._link()
        self.panes = {
            panel: pn.pane.Bokeh(fig, sizing_mode="stretch_width", margin=0) for panel, fig in self.figures.items()
        }

    def _link(self) -> None:
        """Let all figures share photograph, ranges, crosshair and outlines, and name their models."""
        x_range = Range1d(0, self.width, bounds=(0, self.width), min_interval=8)
        y_range = Range1d(self.height, 0, bounds=(0, self.height), min_interval=8)
        spans = [
            Span(
                dimension=way, location=0, visible=False, line_color="#ffffff", line_alpha=0.95, line_width=1, name=name
            )
            for way, name in (("height", f"{self.key}/span/x"), ("width", f"{self.key}/span/y"))
        ]
        for panel, fig in self.figures.items():
            self._dress(panel, fig, x_range, y_range)
            photo, *images = [
                r for r in fig.renderers if isinstance(r, GlyphRenderer) and isinstance(r.glyph, Image | ImageRGBA)
            ]
            if panel == "photo":
                self.sources["photo"] = photo.data_source
                photo.data_source.name = f"{self.key}/source/photo"
            photo.data_source = self.sources["photo"]
            for renderer in images:
                self.sources[panel] = renderer.data_source
                renderer.data_source.name = f"{self.key}/source/{panel}"
                renderer.name = f"{self.key}/glyph/{panel}"
            self.outlines.draw(panel, fig, with_human_map=panel != "photo")
            for span in spans:
                fig.add_layout(span)
        self._flicker()
        self._noisy()
        self._erased()
        self._within_error()
        self._note()
        for fig in self.figures.values():
            for renderer in fig.renderers:
                drop_selection_glyphs(renderer)
        disable_sync(*self.figures.values())
        self.set_maps(dict.fromkeys(("human", "a", "b", "delta")))  # nothing of the frame's size is sent for no map

    def _dress(self, panel: str, fig: figure, x_range: Range1d, y_range: Range1d) -> None:
        """Set tools, title, size, border and colour bar of one figure."""
        fig.name = f"{self.key}/figure/{panel}"
        fig.x_range, fig.y_range = x_range, y_range
        wheel = WheelZoomTool(maintain_focus=True)
        fig.toolbar.tools = [PanTool(), wheel]
        fig.toolbar.active_scroll = wheel
        fig.toolbar_location = None
        fig.title.text = " "
        fig.title.update(text_font="Roboto, sans-serif", text_font_size="13px", text_font_style="normal")
        fig.update(sizing_mode="stretch_width", width=None, min_width=60, height=270, output_backend="canvas")
        fig.update(
            **dict.fromkeys(("min_border", *(f"min_border_{side}" for side in SIDES)), 0), outline_line_color=None
        )
        fig.xgrid.visible = fig.ygrid.visible = False
        for bar in fig.below:
            if isinstance(bar, ColorBar):
                bar.update(height=8, margin=0, padding=4, title_standoff=3, width="auto")
                bar.update(ticker=BasicTicker(desired_num_ticks=4), formatter=BasicTickFormatter(power_limit_low=-4))

    def _flicker(self) -> None:
        """Add the second network's map, hidden, to the first one's figure, where the browser shows it in place."""
        second = next(r for r in self.figures["b"].renderers if r.name == f"{self.key}/glyph/b")
        mapper = second.glyph.color_mapper.clone()
        glyph = Image(image="image", x="x", y="y", dw="dw", dh="dh", color_mapper=mapper, global_alpha=0.65)
        self.figures["a"].add_glyph(self.sources["b"], glyph, visible=False, name=f"{self.key}/glyph/flicker")

    def _noisy(self) -> None:
        """Add a hidden noisy copy over the photograph; the browser computes it on demand."""
        source = ColumnDataSource(dict(self.sources["photo"].data), name=f"{self.key}/source/noisy")
        glyph = ImageRGBA(image="image", x="x", y="y", dw="dw", dh="dh")
        self.figures["photo"].add_glyph(source, glyph, visible=False, name=f"{self.key}/glyph/noisy")

    def _erased(self) -> None:
        """Add the hidden changed photograph, which the browser composes of the photograph and what is sent here."""
        source = ColumnDataSource(name=f"{self.key}/source/erased")
        glyph = ImageRGBA(image="image", x="x", y="y", dw="dw", dh="dh")
        self.figures["photo"].add_glyph(source, glyph, visible=False, name=f"{self.key}/glyph/erased")
        self.sources["erased"] = source
        self._nothing_erased = False
        self.set_erased(None, None)

    def _within_error(self) -> None:
        """Add a hidden picture over the delta that the browser fills: what is within its error, or its outline."""
        source = ColumnDataSource(dict(self.sources["photo"].data), name=f"{self.key}/source/within-error")
        glyph = ImageRGBA(image="image", x="x", y="y", dw="dw", dh="dh")
        self.figures["delta"].add_glyph(source, glyph, visible=False, name=f"{self.key}/glyph/within-error")

    def _note(self) -> None:
        """Add the label that says over the photograph why there is no human map."""
        self.missing_map_label = Label(
            x=self.width / 2,
            y=self.height / 2,
            text="",
            text_align="center",
            text_baseline="middle",
            text_font_size="13px",
            text_color="#ffffff",
            background_fill_color="#101418",
            background_fill_alpha=0.78,
            padding=9,
            border_radius=6,
            visible=False,
            name=f"{self.key}/note",
        )
        self.figures["human"].add_layout(self.missing_map_label)

    def set_photo(self, view: np.ndarray) -> None:
        """Put the photograph, uint8 (y, x, 3), below every map."""
        self.sources["photo"].data = image_source_data(pack_rgba(view), self.height, self.width)

    def set_erased(self, filled: np.ndarray | None, rank: np.ndarray | None) -> None:
        """Send what stands where the photograph is hidden, uint8 (y, x, 3), and the place of each pixel in an order."""
        if filled is None and rank is None and self._nothing_erased:
            return
        self._nothing_erased = filled is None and rank is None
        unknown = np.zeros((1, 1), np.int32)
        data = image_source_data(np.zeros((1, 1), np.uint32), self.height, self.width)
        data["filled"] = [np.zeros((1, 1), np.uint32) if filled is None else pack_rgba(filled)]
        data["rank"] = [unknown if rank is None else np.ascontiguousarray(rank, dtype=np.int32)]
        self.sources["erased"].update(data=data)

    def set_human_map(self, human_map: xr.DataArray | None, missing_text: str) -> None:
        """Show a human map and its outlines, or ``missing_text`` over the photograph where there is none."""
        if human_map is None:
            self.missing_map_label.text = missing_text
        self._set("human", human_map)
        self.outlines.set_human_map(human_map)

    def set_maps(
        self, maps: Mapping[str, xr.DataArray | None], errors: Mapping[str, xr.DataArray | None] | None = None
    ) -> None:
        """Replace the maps (y, x) of the panels a, b and delta, and their standard errors; None clears one."""
        for panel, values in maps.items():
            self._set(panel, values, (errors or {}).get(panel))

    def set_units(self, units: Mapping[str, str]) -> None:
        """Set the units of the colour bars of the panels a, b and delta."""
        self._set_bars(units)

    def set_human_unit(self, kind: str) -> None:
        """Set what the colour bar of the human map is of: its kind."""
        self._set_bars({"human": kind})

    def _set_bars(self, texts: Mapping[str, str]) -> None:
        for panel, text in texts.items():
            for bar in self.figures[panel].below:
                if isinstance(bar, ColorBar) and bar.title != text:
                    bar.title = text

    def _set(self, panel: str, values: xr.DataArray | None, error: xr.DataArray | None = None) -> None:
        if values is None and panel in self._empty:
            return  # each change of a source draws its figure anew
        (self._empty.add if values is None else self._empty.discard)(panel)
        if values is None:
            values = labelled_map(
                np.full((1, 1), np.nan, np.float32), name="empty", extent_px=(self.height, self.width)
            )
        height, width = extent_px(values)
        data = image_source_data(np.asarray(values, dtype=np.float32), height, width)
        unknown = np.full((1, 1), np.nan, np.float32)
        data["error"] = [unknown if error is None else np.ascontiguousarray(error, dtype=np.float32)]
        self.sources[panel].data = data
