"""One page of thumbnails, in the browser: thumbnail_grid.js."""

from __future__ import annotations

import param

from gala_viz.panels.browser_component import MessagingComponent, read_scripts, read_stylesheets


class ThumbnailGrid(MessagingComponent):
    """One page of thumbnails.

    ``items`` are dicts with id, category, thumbnail (a data URL or ""), marks, score, starred and learnt.
    """

    items = param.List(default=[])
    selected = param.String(default=None, allow_None=True)
    note = param.String(default="", doc="How many there are, and of how many.")
    page = param.Integer(default=0)
    pages = param.Integer(default=1)

    _esm = read_scripts("gallery/thumbnail_grid")
    _stylesheets = [read_stylesheets("gallery/thumbnail_grid")]  # noqa: RUF012
