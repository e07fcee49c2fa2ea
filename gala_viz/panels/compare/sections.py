"""Sections of a comparison that the page and a notebook's cell lay out alike."""

from __future__ import annotations

from collections.abc import Sequence

import panel as pn

from gala_viz.panels.browser_component import read_stylesheets
from gala_viz.panels.compare.compare_view import CompareView
from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.markup import alignment_title, muted_text
from gala_viz.panels.source_page import section

_ABREAST = read_stylesheets("compare/main_row")
_PROGRESS = """
@media (min-width: 1100px) {
  :host { position: absolute !important; left: 0; bottom: 0; width: calc(100% - 580px) !important; }
}
"""
"""Where there is room the maps' progress stands in the line of the display's buttons."""
_DONE = "@media (min-width: 1100px) { button:disabled { display: none; } .bar { min-width: 16px; } }"
"""In that line there is no room for a button that cannot be pressed."""


def maps_section(view: CompareView, margin: tuple[int, ...]) -> pn.Column:
    """Lay out alerts, the answer in a sentence, the columns of the main row, the values under the pointer, progress."""
    closeness = view.score_view.closeness
    view.progress.bar.stylesheets = [_DONE]
    return pn.Column(
        view.alert,
        closeness.verdict,
        map_columns(view),
        pn.Column(
            view.display,
            pn.Column(view.progress.bar, sizing_mode="stretch_width", margin=0, stylesheets=[_PROGRESS]),
            sizing_mode="stretch_width",
            margin=0,
            styles={"position": "relative"},
        ),
        view.erase_reveal.pane,
        view.own_map.pane,
        sizing_mode="stretch_width",
        margin=margin,
        stylesheets=[":host { max-height: none !important; }"],  # taller than a telephone's window
    )


def map_columns(view: CompareView) -> pn.Row:
    """Lay out a column for the photograph, people, each network and the delta: what it is, its map, its closeness.

    The columns of panels that the display does not show are there unseen: a collection without human maps has a column
    of people once an upload brings a map.
    """
    titles = {
        "photo": [view.heading],
        "human": [view.people_heading],
        "a": [view.chooser.forms["first"], view.top_five_panes[0]],
        "b": [view.chooser.forms["second"], view.top_five_panes[1]],
        "delta": [view.delta_heading],
    }
    columns = {
        panel: pn.Column(
            pn.Column(*parts, sizing_mode="stretch_width", margin=0),
            view.row.panes[panel],
            view.score_view.closeness.panes[panel],
            sizing_mode="stretch_width",
            margin=0,
            stylesheets=[_ABREAST],
        )
        for panel, parts in titles.items()
    }
    abreast = pn.Row(*columns.values(), sizing_mode="stretch_width", margin=0, stylesheets=[_ABREAST])

    def show(panels: Sequence[str]) -> None:
        abreast.css_classes = ["abreast", *(["four"] if len(panels) == 4 else [])]
        for panel, column in columns.items():
            is_shown = panel in panels
            column.param.update(visible=is_shown, css_classes=["column"] * is_shown)  # whose display hides nothing

    show(view.display.panels)
    view.display.param.watch(lambda event: show(event.new), "panels")
    return abreast


def controls_section(view: CompareView, margin: tuple[int, ...]) -> pn.Column:
    """Lay out the settings of maps and of how they are drawn."""
    return pn.Column(view.controls.pane, sizing_mode="stretch_width", margin=margin)


def lower_section(view: CompareView, margin: tuple[int, ...], *more: pn.viewable.Viewable) -> pn.Column:
    """Lay out the attention norms of every layer at the left, all scores and ``more`` components at the right.

    The layers grow with the window's height, so that they end where a window of 1280 x 720 px ends.
    """
    n, per_cell = max(view.layers.n_columns, 4), 7.3 if len(view.display.panels) == 5 else 6.8
    width = f"min(60%, max({48 * n}px, {per_cell * n:.1f}vh))"
    return pn.Column(
        layers_section(view),
        alignment_section(view, *more),
        sizing_mode="stretch_width",
        margin=margin,
        stylesheets=[
            f":host {{ display: grid !important; grid-template-columns: {width} minmax(0, 1fr); gap: 0 24px; "
            "align-items: start !important; } :host > * { min-width: 0; } "
            "@media (max-width: 900px) { :host { grid-template-columns: minmax(0, 1fr); "
            "max-height: none !important; } }"
        ],
    )


def layers_section(view: CompareView) -> pn.Column:
    """Lay out the attention norms of every layer of both networks."""
    title = "Attention of every layer"
    if not view.layers.cells:
        return section(title, "", html_pane('<p class="muted">Neither network has attention blocks.</p>'))
    return section(title, "Click one to see it large.", view.layers.pane, html_pane(muted_text(view.layers.row_legend)))


def alignment_section(view: CompareView, *more: pn.viewable.Viewable) -> pn.Column:
    """Lay out the scores against human maps, the button that scores the collection, and ``more`` components.

    The heading says where people are simulated.
    """
    return section(alignment_title(view.source.map_kinds), "", view.score_view.pane, view.scoring.bar, *more)


def strip_section(view: CompareView, margin: tuple[int, ...]) -> pn.Column:
    """Lay out the maps of all networks of the source, which are computed when they are asked for."""
    return section("All networks", "Click one to put it in the second place.", view.strip.pane, margin=margin)
