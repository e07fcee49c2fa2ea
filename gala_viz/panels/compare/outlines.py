"""Lines over the figures of the main row: around the strongest regions of the human map, and around known parts."""

from __future__ import annotations

import xarray as xr
from bokeh.models import ColumnDataSource
from bokeh.plotting import figure

from gala_viz.plots.contours import contour_lines, mask_outlines

HUMAN_MAP_LINES = (("halo", "#000000", 0.55, 3.6), ("line", "#ffffff", 0.95, "width"))
PART_LINES = (("part-halo", "#000000", 0.55, 3.4), ("part", "#5dfc8a", 1.0, 1.6))
"""Name, colour, opacity and width (or its column) of each line; the browser shows and hides them by name."""
_EMPTY = {"xs": [], "ys": [], "width": []}


class Outlines:
    """Two sources of lines that all figures share, their models named under ``key``."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.human_map_source, self.parts_source = (
            ColumnDataSource(dict(_EMPTY), name=f"{key}/source/{name}") for name in ("outline", "parts")
        )

    def draw(self, panel: str, fig: figure, with_human_map: bool) -> None:
        """Add the lines, hidden, to the figure ``fig`` of ``panel``; those of the human map only ``with_human_map``."""
        for source, looks in (
            (self.human_map_source, HUMAN_MAP_LINES if with_human_map else ()),
            (self.parts_source, PART_LINES),
        ):
            for name, colour, alpha, width in looks:
                fig.multi_line(
                    "xs",
                    "ys",
                    source=source,
                    line_color=colour,
                    line_alpha=alpha,
                    line_width=width,
                    line_join="round",
                    visible=False,
                    name=f"{self.key}/{name}/{panel}",
                )

    def set_human_map(self, human_map: xr.DataArray | None) -> None:
        """Outline the strongest regions of a human map (y, x); None: draw no lines."""
        if human_map is None:
            if self.human_map_source.data["xs"]:
                self.human_map_source.data = dict(_EMPTY)
            return
        lines = contour_lines(human_map)
        width = [{10.0: 2.2, 25.0: 1.5}.get(share, 1.0) for share in lines["share"]]
        self.human_map_source.data = {"xs": lines["xs"], "ys": lines["ys"], "width": width}

    def set_parts(self, mask: xr.DataArray | None) -> None:
        """Outline a mask (y, x) of 0 to 1; None: draw no lines."""
        xs, ys = mask_outlines(mask) if mask is not None else ([], [])
        self.parts_source.data = {"xs": xs, "ys": ys, "width": [1.0] * len(xs)}
