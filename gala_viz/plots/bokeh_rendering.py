"""HoloViews plots as Bokeh figures that belong to no document yet."""

from __future__ import annotations

import holoviews as hv
from bokeh.document import Document
from bokeh.model.util import collect_models
from bokeh.models import GlyphRenderer
from bokeh.plotting import figure


def bokeh_figure(plot: hv.Element | hv.Overlay) -> figure:
    """Render ``plot`` once.

    ``hv.render`` would give HoloViews' theme to whatever document is current, even one that another thread serves;
    here it goes to a document of its own, and pages keep their themes. HoloViews has each plot wait for the end of the
    document that is current, which for figures drawn ahead of any session lasts as long as the process; nothing here
    needs that, and the plot is let go.
    """
    rendered = hv.renderer("bokeh").instance(theme=None).get_plot(plot, doc=Document())
    rendered.document = None
    drawn = rendered.state
    for renderer in drawn.renderers:
        if isinstance(renderer, GlyphRenderer):
            drop_selection_glyphs(renderer)
    return drawn


def drop_selection_glyphs(renderer: GlyphRenderer) -> None:
    """Drop the copies that Bokeh keeps for selected and muted looks: nothing is selected, and browsers build each."""
    renderer.update(selection_glyph=None, nonselection_glyph=None, hover_glyph=None, muted_glyph=None)


def disable_sync(*figures: figure) -> None:
    """Let browsers keep to themselves what they do with ``figures``: pans, colours, sizes, and a theme's many fonts.

    Else each goes back to the server, which walks through the whole document for some of them.
    """
    for model in collect_models(*figures):
        model.syncable = False
