"""The attention norms of all layers of both networks: small multiples in one figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, Image, LinearColorMapper, Range1d
from bokeh.plotting import figure

from gala_viz.plots.attention_layers import GAP_FRACTION
from gala_viz.plots.bokeh_rendering import disable_sync, drop_selection_glyphs
from gala_viz.plots.colour_maps import DEFAULT_SEQUENTIAL, SEQUENTIAL
from gala_viz.plots.map_labels import is_one_network
from gala_viz.plots.map_overlays import image_source_data, pack_rgba
from gala_viz.plots.score_distribution import NETWORK_COLOURS
from gala_viz.schema import extent_px
from gala_viz.store.source import ForwardResults, NetworkInfo

EDGE_FRACTION = 0.03
"""Width of the edge in its network's colour before each row, as a share of one small multiple."""
_INSET = 0.03
"""Distance of a scale's numbers from the corner, as a share of one small multiple."""
_TEXT_SHARE = 0.2
"""Height of the layer names above the first row, as a share of one small multiple."""


class LayerView:
    """Rows of networks, columns of layers; a click, which ``MapDisplay`` handles, chooses a column.

    One figure holds all: every cell is two glyphs, the photograph and a map with a source and mapper of its own.

    Parameters
    ----------
    key : str
        Begins the names of the models.
    networks : sequence of NetworkInfo
        The rows.
    size_px : (int, int)
        Height and width of the networks' input.
    photo : ColumnDataSource, optional
        The photograph, of figures that show it anyway; default: one of its own, which the norms fill.
    """

    def __init__(
        self,
        key: str,
        networks: Sequence[NetworkInfo],
        size_px: tuple[int, int],
        photo: ColumnDataSource | None = None,
    ) -> None:
        self.height, self.width = size_px
        self.networks = networks
        self.cells = [(row, column) for row, net in enumerate(networks) for column, _ in enumerate(net.layers)]
        self.n_columns = max((len(net.layers) for net in networks), default=0)
        self.sources: dict[tuple[int, int], ColumnDataSource] = {}
        step_x, step_y = self.width * (1 + GAP_FRACTION), self.height * (1 + GAP_FRACTION)
        rows = len(networks)
        across = max(self.n_columns, 1) * step_x - self.width * GAP_FRACTION
        down = rows * step_y - self.height * GAP_FRACTION
        top = -self.height * _TEXT_SHARE
        self.figure = figure(
            name=f"{key}/layers",
            x_range=Range1d(0, across),
            y_range=Range1d(down, top),
            tools="",
            toolbar_location=None,
            sizing_mode="scale_width",
            aspect_ratio=across / (down - top),
            min_border=0,
            outline_line_color=None,
        )
        self.figure.xaxis.visible = self.figure.yaxis.visible = False
        self.figure.xgrid.visible = self.figure.ygrid.visible = False
        self._own_photo = photo is None
        self.photo = photo or ColumnDataSource(
            image_source_data(pack_rgba(np.zeros((1, 1, 3), np.uint8)), self.height, self.width)
        )
        for row, column in self.cells:
            x, y = column * step_x, row * step_y
            self.figure.image_rgba(image="image", x=x, y=y, dw=self.width, dh=self.height, source=self.photo)
            source = ColumnDataSource(image_source_data(np.full((1, 1), np.nan, np.float32), self.height, self.width))
            source.name = f"{key}/layers/source/{row}/{column}"
            mapper = LinearColorMapper(
                palette=list(SEQUENTIAL[DEFAULT_SEQUENTIAL]), low=0, high=1, nan_color="#00000000"
            )
            glyph = Image(
                image="image", x=x, y=y, dw=self.width, dh=self.height, color_mapper=mapper, global_alpha=0.65
            )
            self.figure.add_glyph(source, glyph, name=f"{key}/layers/glyph/{row}/{column}")
            self.sources[row, column] = source
        for row, (_, colour) in enumerate(zip(networks, NETWORK_COLOURS, strict=False)):
            edge = {
                "left": 0,
                "right": EDGE_FRACTION * self.width,
                "top": row * step_y,
                "bottom": row * step_y + self.height,
            }
            self.figure.quad(**edge, color=colour)
        self._names(key, step_x)
        self._scales(key, step_x, step_y)
        self._cross(key)
        self._mark = ColumnDataSource({"x": [], "y": [], "w": [], "h": []}, name=f"{key}/layers/mark")
        self.figure.rect("x", "y", "w", "h", source=self._mark, fill_alpha=0, line_color="#ffffff", line_width=3)
        self.figure.rect("x", "y", "w", "h", source=self._mark, fill_alpha=0, line_color="#000000", line_width=1)
        for renderer in self.figure.renderers:
            drop_selection_glyphs(renderer)
        disable_sync(self.figure)
        self.pane = pn.pane.Bokeh(self.figure, sizing_mode="scale_width", margin=0)

    @property
    def row_legend(self) -> str:
        """Sentence on which network stands in which row."""
        scale = "each layer has one scale, whose ends are written in it."
        if len(self.networks) == 1:
            return f"{self.networks[0].title}; {scale}"
        if is_one_network(self.networks):
            return f"Both rows {self.networks[0].title}; {scale}"
        above, below = (network.title for network in self.networks)
        return f"Above {above}, below {below}; {scale}"

    def _names(self, key: str, step_x: float) -> None:
        """Write the layers' names over the columns."""
        names = [net.layers for net in self.networks if len(net.layers) == self.n_columns]
        names = names[0] if names else ()
        self.figure.text(
            x=[column * step_x for column in range(len(names))],
            y=[-self.height * 0.03] * len(names),
            text=list(names),
            text_baseline="bottom",
            text_font_size="11px",
            text_font={"value": "Roboto, sans-serif"},
            text_color="#808891",
            name=f"{key}/layers/names",
        )

    def _scales(self, key: str, step_x: float, step_y: float) -> None:
        """Write the ends of each small multiple's colour scale over its lower edge; the browser fills them in."""
        rows, columns = zip(*self.cells, strict=True) if self.cells else ((), ())
        source = ColumnDataSource(
            {
                "x": [column * step_x + self.width * _INSET for column in columns],
                "y": [row * step_y + self.height * (1 - _INSET) for row in rows],
                "text": [""] * len(self.cells),
            },
            name=f"{key}/layers/scales",
        )
        looks: dict[str, Any] = {
            "text_baseline": "bottom",
            "text_font_size": "10px",
            "text_font": {"value": "Roboto, sans-serif"},
            "text_color": "#ffffff",
            "background_fill_color": "#101418",
            "background_fill_alpha": 0.6,
        }
        self.figure.text("x", "y", "text", source=source, **looks)

    def _cross(self, key: str) -> None:
        source = ColumnDataSource({"x": [], "y": []}, name=f"{key}/layers/cross")
        for colour, size, width in (("#000000", 13, 3), ("#ffffff", 12, 1.2)):
            self.figure.scatter("x", "y", source=source, marker="cross", size=size, line_color=colour, line_width=width)

    def show_attention_norms(self, view: np.ndarray, forward_result: ForwardResults) -> None:
        """Show the attention norms of one photograph over its ``view`` (y, x, 3)."""
        if self._own_photo:
            self.photo.data = image_source_data(pack_rgba(view), self.height, self.width)
        for row, (network, norms) in enumerate(zip(self.networks, forward_result.attention_norms, strict=True)):
            for column, layer in enumerate(network.layers):
                norm = norms[layer]
                self.sources[row, column].data = image_source_data(np.asarray(norm, dtype=np.float32), *extent_px(norm))
        self._set_visible("visible")

    def hide(self) -> None:
        """Hide the layers, whose space stays empty, until the next forward pass."""
        self._set_visible("hidden")

    def _set_visible(self, visibility: str) -> None:
        if self.pane.styles.get("visibility", "visible") != visibility:
            self.pane.styles = {"visibility": visibility}

    def outline_columns(self, column: int | None, second_column: int | None = None) -> None:
        """Outline the layers that are in the main row: those of one column, of the second network of its own one.

        None: no column.
        """
        if column is None:
            if self._mark.data["x"]:
                self._mark.data = {"x": [], "y": [], "w": [], "h": []}
            return
        columns = (column, column if second_column is None else second_column)
        last = dict(self.cells)  # row -> its last column, which stands for those that it does not have
        cells = [(row, at) for row, at in self.cells if at == min(columns[row], last[row])]
        step_x, step_y = (side * (1 + GAP_FRACTION) for side in (self.width, self.height))
        self._mark.data = {
            "x": [at * step_x + self.width / 2 for _, at in cells],
            "y": [row * step_y + self.height / 2 for row, _ in cells],
            "w": [self.width] * len(cells),
            "h": [self.height] * len(cells),
        }
