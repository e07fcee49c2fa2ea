"""Rows of pictures, of which a browser holds those near the ones in view: image_grid.js."""

from __future__ import annotations

import param

from gala_viz.panels.browser_component import MessagingComponent, read_scripts, read_stylesheets


class ImageGrid(MessagingComponent):
    """A table of ``count`` rows that scrolls.

    Sends ``{"rows": [numbers], "generation": n}``, the rows in view that it lacks, the first one first, and
    ``{"remove": column}``. Rows come as messages ``{"row": {...}, "at": number, "generation": n}``.
    """

    count = param.Integer(default=0, doc="How many rows there are.")
    generation = param.Integer(default=0, doc="Rows of another one are not of what is shown now.")
    columns = param.List(default=[], doc="Titles of the columns.")
    cell_px = param.Integer(default=150, bounds=(80, 320), doc="Side of a picture.")
    image_link = param.String(default="", doc="Address of the comparison, to which an id is added; empty: no links.")

    _esm = read_scripts("grid/image_grid")
    _stylesheets = [read_stylesheets("grid/image_grid")]  # noqa: RUF012
