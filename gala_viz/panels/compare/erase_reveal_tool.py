"""The brush over the photograph, its buttons, and the photograph as it is changed: erase_reveal_tool.js."""

from __future__ import annotations

import param

from gala_viz.panels.browser_component import MessagingComponent, read_scripts, read_stylesheets
from gala_viz.panels.compare.brush_strokes import ALPHABET, MAX_CHARACTERS, MAX_RADIUS_PX


class EraseRevealTool(MessagingComponent):
    """Brush, undo and the changed photograph, in the browser, over the figure named under ``key``.

    Sends number, image, strokes and live (False) after each stroke; while something moves live is True, percent and
    erase come with it, and the next message waits until this one is answered.
    """

    key = param.String(doc="Prefix of the names of the figures' models.")
    mask = param.Dict(default={"image": "", "strokes": "", "number": 0}, doc="Photograph, its strokes, last message.")
    live = param.Dict(default={}, doc="Percent and erase, as the inputs stand while they are moved.")
    counts = param.List(default=[], doc="Per cent -> how many of the most important pixels that is.")
    answered = param.Integer(default=0, doc="Number of the last message that is answered.")
    shown = param.Boolean(default=False)
    brush = param.Boolean(default=False, doc="Whether the pointer paints.")
    spec = param.Dict(
        default={"alphabet": ALPHABET, "max_characters": MAX_CHARACTERS, "max_radius_px": MAX_RADIUS_PX},
        doc="Of strokes as text.",
    )

    _esm = read_scripts("compare/brush_strokes", "compare/photograph_brush", "compare/erase_reveal_tool")
    _stylesheets = [read_stylesheets("compare/erase_reveal_tool")]  # noqa: RUF012
