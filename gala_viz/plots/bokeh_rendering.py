"""HoloViews plots as Bokeh figures that belong to no document yet."""

from __future__ import annotations

import threading

import holoviews as hv
from bokeh.document import Document
from bokeh.model.util import collect_models
from bokeh.models import GlyphRenderer
from bokeh.plotting import figure

DRAWING_LOCK = threading.RLock()
"""Held while a figure is drawn, one at a time, and while a module is imported that loads Datashader.

HoloViews' options are the whole process's, and of two threads that draw one may fail. Datashader tries to import
dask.dataframe, which fails without pyarrow; HoloViews, while it draws, uses every module that seems to be loaded.
"""


def bokeh_figure(plot: hv.Element | hv.Overlay) -> figure:
    """Render ``plot`` once, as a figure that belongs to no document.

    ``hv.render`` would set HoloViews' theme on the current document, even on one that another thread serves. Here the
    theme goes to a document of its own, and pages keep their themes. HoloViews keeps each plot alive until the current
    document ends, which for figures drawn ahead of any session lasts as long as the process. Nothing here needs that,
    so the plot is released.
    """
    with DRAWING_LOCK:
        rendered = hv.renderer("bokeh").instance(theme=None).get_plot(plot, doc=Document())
    rendered.document = None
    fig = rendered.state
    for renderer in fig.renderers:
        if isinstance(renderer, GlyphRenderer):
            drop_selection_glyphs(renderer)
    return fig


def drop_selection_glyphs(renderer: GlyphRenderer) -> None:
    """Drop the copies of a glyph that Bokeh keeps for selection, hovering and muting.

    Nothing is selected here, and the browser would build each of them.
    """
    renderer.update(selection_glyph=None, nonselection_glyph=None, hover_glyph=None, muted_glyph=None)


def disable_sync(*figures: figure) -> None:
    """Stop browsers from sending the server what they change in ``figures``: ranges, colours, sizes, a theme's fonts.

    The server would walk through the whole document for some of these changes.
    """
    for model in collect_models(*figures):
        model.syncable = False
