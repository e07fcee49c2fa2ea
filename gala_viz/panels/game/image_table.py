"""Images with their numbers of rounds as a table, in the browser: image_table.js."""

from __future__ import annotations

import param

from gala_viz.panels.browser_component import BrowserComponent, read_scripts, read_stylesheets


class ImageTable(BrowserComponent):
    """One page of a table of images; ``selected`` is the image whose button was pressed."""

    caption = param.String(default="")
    rows = param.List(default=[], doc="(image, category, rounds, simulated rounds) of each image on this page.")
    selected = param.String(default=None, allow_None=True)

    _esm = read_scripts("game/image_table")
    _stylesheets = [read_stylesheets("html_pane", "game/image_table")]  # noqa: RUF012
