"""Sections of a comparison that the page and a notebook's cell lay out alike."""

from __future__ import annotations

import panel as pn

from gala_viz.panels.compare.compare_view import CompareView
from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.markup import alignment_title
from gala_viz.panels.source_page import section


def maps_column(view: CompareView, margin: tuple[int, int]) -> pn.Column:
    """Lay out alerts, the choosers of the two networks, photograph and maps, and the values under the pointer."""
    return pn.Column(
        view.alert,
        view.chooser.form,
        view.row.pane,
        view.display,
        sizing_mode="stretch_width",
        margin=margin,
        stylesheets=[":host { max-height: none !important; }"],  # taller than a telephone's window
    )


def controls_column(view: CompareView, margin: tuple[int, int]) -> pn.Column:
    """Lay out the maps' progress, the display settings and the attribution settings."""
    return pn.Column(
        view.progress.bar,
        view.display_controls.pane,
        view.attribution_controls.pane,
        sizing_mode="stretch_width",
        margin=margin,
        styles={"gap": "10px"},
    )


def layers_section(view: CompareView) -> pn.Column:
    """Lay out the attention norms of every layer of both networks."""
    title = "Attention of every layer"
    if not view.layers.cells:
        return section(title, "", html_pane('<p class="muted">Neither network has attention blocks.</p>'))
    return section(title, f"{view.layers.row_legend} Click one to see it large.", view.layers.pane)


def alignment_section(view: CompareView, *more: pn.viewable.Viewable) -> pn.Column:
    """Lay out the scores against human maps, the button that scores the collection, and ``more`` components.

    The heading says where people are simulated.
    """
    return section(alignment_title(view.source.map_kinds), "", view.score_view.pane, view.scoring.bar, *more)


def strip_section(view: CompareView, margin: tuple[int, int]) -> pn.Column:
    """Lay out the maps of all networks of the source, which are computed when they are asked for."""
    return section("All networks", "Click one to put it in the second place.", view.strip.pane, margin=margin)
