"""The surface on which a visitor paints what matters, its buttons, and the maps that are kept: own_map_tool.js."""

from __future__ import annotations

import param

from gala_viz.panels.browser_component import MessagingComponent, read_scripts, read_stylesheets
from gala_viz.records.canvas import BUBBLE_PX, CANVAS_PX, INTERVAL_MS, STEP_PX
from gala_viz.records.painted_maps import MAX_NAME_LENGTH, MAX_POINTS, MIN_POINTS


class OwnMapTool(MessagingComponent):
    """The game's paint surface over the photograph in the figure named under ``key``.

    Sends ``{"image": id, "strokes": [[[x, y], ...], ...], "number": n, "by": name}`` in canvas pixels after each stroke
    and, while one is painted, whenever the message before is answered (``by``: whose kept map it is); and
    ``{"keep": name}``, ``{"show": name}``, ``{"drop": name}``, ``{"export": "this" | "all"}``. What was painted on each
    photograph stays in the tab.
    """

    key = param.String(doc="Prefix of the names of the figures' models.")
    image = param.String(default="", doc="Id of the photograph in view.")
    photo = param.String(default="", doc="Id of the photograph that the figure shows, once it has come.")
    shown = param.Boolean(default=False)
    answered = param.Integer(default=0, doc="Number of the last message that is answered.")
    map = param.String(default="", doc="The painted map as ``wire.encode_map`` sends it; empty: none.")
    map_image = param.String(default="", doc="Id of the photograph of ``map``.")
    map_title = param.String(default="", doc="Whose map it is, with n.")
    scores = param.List(default=[], doc="rho of the map: side of a network or empty, with what, text.")
    hint = param.String(default="", doc="What the map is and is not.")
    kept = param.List(default=[], doc="Maps that are kept on this photograph: name and when.")
    can_keep = param.Boolean(default=False)
    why_not = param.String(default="", doc="Why no map can be kept, and what to do.")
    spec = param.Dict(
        default={
            "canvas_px": CANVAS_PX,
            "bubble_px": BUBBLE_PX,
            "step_px": STEP_PX,
            "interval_ms": INTERVAL_MS,
            "most_points": MAX_POINTS,
            "fewest_points": MIN_POINTS,
            "most_letters": MAX_NAME_LENGTH,
        },
        doc="The game's canvas and brush, and what a kept map can hold.",
    )

    _esm = read_scripts("tab_storage", "text_export", "game/paint_surface", "map_over", "compare/own_map_tool")
    _stylesheets = [read_stylesheets("compare/own_map_tool")]  # noqa: RUF012
