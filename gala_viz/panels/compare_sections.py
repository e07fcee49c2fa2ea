"""Parts of a comparison that the page and a notebook's cell lay out alike."""

from __future__ import annotations

import panel as pn

from gala_viz.panels.facts import facts
from gala_viz.panels.markup import closeness_title
from gala_viz.panels.page import section
from gala_viz.panels.view import CompareView


def maps_column(view: CompareView, margin: tuple[int, int]) -> pn.Column:
    """What went wrong, photograph and maps, and the values under the pointer."""
    return pn.Column(
        view.alert,
        view.row.row,
        view.display,
        sizing_mode="stretch_width",
        margin=margin,
        stylesheets=[":host { max-height: none !important; }"],  # taller than a telephone's window
    )


def controls_column(view: CompareView, margin: tuple[int, int]) -> pn.Column:
    """How far the maps are, how they look, and how they are made."""
    return pn.Column(
        view.progress.line,
        view.look_controls.pane,
        view.map_controls.pane,
        sizing_mode="stretch_width",
        margin=margin,
        styles={"gap": "10px"},
    )


def layers_section(view: CompareView) -> pn.Column:
    """The attention norms of every layer of both networks."""
    title = "Attention of every layer"
    if not view.layers.cells:
        return section(title, "", facts('<p class="muted">Neither network has attention blocks.</p>'))
    return section(title, f"{view.layers.rows_text} Click one to see it large.", view.layers.pane)


def closeness_section(view: CompareView, *more: pn.viewable.Viewable) -> pn.Column:
    """Scores against people, who are called simulated where they are, and what scores more of the collection."""
    return section(closeness_title(view.source.map_kinds), "", view.scores.pane, view.survey.line, *more)
