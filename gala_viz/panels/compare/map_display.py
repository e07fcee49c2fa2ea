"""Colours, crosshair and readout of maps, in the browser: map_display.js."""

from __future__ import annotations

import param

from gala_viz.panels.browser_component import MessagingComponent, read_scripts, read_stylesheets
from gala_viz.panels.compare.main_row import PANELS
from gala_viz.plots.attention_layers import GAP_FRACTION
from gala_viz.plots.colour_maps import DIVERGING, SEQUENTIAL


class MapDisplay(MessagingComponent):
    """Colours, thresholds, crosshair, readout and flicker of the figures named under ``key``, all in the browser.

    The figures' data sources hold the arrays; whenever one changes, colours and readout follow without the server.
    """

    key = param.String(doc="Prefix of the names of the figures' models.")
    panels = param.List(default=list(PANELS), doc="Panels that are on the page, of ``main_row.PANELS``.")
    titles = param.Dict(default={}, doc="Panel -> title, as text, in tooltips.")
    columns = param.Dict(default={}, doc="Panel -> name in copied values and saved regions, with its settings.")
    explanations = param.Dict(default={}, doc="Panel -> what its unit and error mean, in tooltips of the readout.")
    captions = param.Dict(default={}, doc="Panel -> line over its figure; the column's title stands above it.")
    filename = param.String(default="region", doc="Name of saved regions, without ending.")
    from_zero = param.Boolean(default=False, doc="Whether every scale of the networks' maps begins at 0, as norms do.")
    own_scales = param.Boolean(
        default=False, doc="Whether each network's map has a scale of its own, since their units are two."
    )
    layer_cells = param.List(default=[], doc="(row, column) of every small multiple.")
    layer_gap = param.Number(default=GAP_FRACTION)
    defaults = param.Dict(default={}, doc="Name -> value of every one of ``view_state.DisplaySettings``.")
    display_settings = param.Dict(default={}, doc="Those of them that have an input in the bar, as they are now.")
    more_display_settings = param.Dict(default={}, doc='Those whose input is behind "More".')
    noise = param.Dict(default={}, doc="``noise_fraction`` of the sample that 'Noisy copy' shows.")
    palettes = param.Dict(default={name: list(colours) for name, colours in SEQUENTIAL.items()})
    diverging = param.List(default=list(DIVERGING))
    flicker = param.Boolean(default=False)
    erase_reveal = param.Boolean(default=False, doc="Whether the section 'Erase and reveal' is open.")
    own_map = param.Boolean(default=False, doc="Whether the section 'Paint your own' is open.")
    zoom = param.List(default=[], doc="x0, x1, y0, y1 of what is seen of the frame, in its pixels; empty: all of it.")
    dark = param.Boolean(default=False)

    _esm = read_scripts(
        "text_export", "colour_scale", "within_error", "compare/readout", "compare/panel_titles", "compare/map_display"
    )
    _stylesheets = [read_stylesheets("compare/main_row", "compare/map_display")]  # noqa: RUF012
