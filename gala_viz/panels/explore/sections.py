"""Sections of the exploration that the page and a notebook's cell lay out alike."""

from __future__ import annotations

import panel as pn

from gala_viz.panels.explore.explore_view import ExploreView
from gala_viz.panels.markup import alignment_title
from gala_viz.panels.source_page import section


def scores_column(view: ExploreView) -> pn.Column:
    """Lay out the distributions of the images in colour, or selected, and the values of one image."""
    title = alignment_title(view.source.map_kinds)
    return pn.Column(
        section(title, "of the images in colour, or selected", view.distributions.pane),
        section("One image", "", view.image_pane),
        sizing_mode="stretch_width",
        margin=0,
    )
