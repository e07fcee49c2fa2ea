"""Alignment with people: the scores of this photograph beside those of the whole collection."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import panel as pn
import xarray as xr
from bokeh.plotting import figure
from numpy.typing import NDArray

from gala_viz.panels.form import Field, Form, as_options
from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.markup import photograph_count, score_table
from gala_viz.plots.bokeh_rendering import bokeh_figure, disable_sync
from gala_viz.plots.score_distribution import CeilingInterval, distribution_columns, score_distribution
from gala_viz.store.source import NetworkInfo

METRICS = {"Spearman's rho": "rho", "Dice": "dice", "IoU": "iou"}
NO_HUMAN_MAPS = "This collection has no human maps, so nothing can be said about closeness to people."
NO_HUMAN_MAP = "People did not mark this photograph."


def _one(scores: xr.Dataset | None, name: str, networks: int) -> list[float]:
    if scores is None or name not in scores:
        return [float("nan")] * networks
    return [float(value) for value in np.asarray(scores[name])]


def ceiling_from_scores(scores: xr.Dataset | None) -> CeilingInterval | None:
    """Return the noise ceiling in the attrs of a source's scores, or None."""
    values = [
        float(scores.attrs.get(f"ceiling_{k}", np.nan)) if scores is not None else np.nan
        for k in ("mean", "low", "high")
    ]
    return CeilingInterval(mean=values[0], low=values[1], high=values[2]) if np.all(np.isfinite(values)) else None


def score_figure(networks: Sequence[NetworkInfo]) -> figure:
    """Draw an empty distribution, whose data sources ``update_score_figure`` fills."""
    empty, marks = np.full((len(networks), 0), np.nan), (0.0,) * len(networks)
    titles = [network.title for network in networks]
    fig = bokeh_figure(score_distribution(empty, titles, current=marks, ceiling=CeilingInterval(mean=0, low=0, high=0)))
    fig.update(toolbar_location=None, height=170, width=None, sizing_mode="stretch_width", min_border=4)
    fig.output_backend = "canvas"  # a handful of rectangles; WebGL would cost more than it saves
    fig.toolbar.tools = []
    fig.outline_line_color = None
    fig.yaxis.visible = False
    fig.xgrid.visible = fig.ygrid.visible = False
    fig.title.visible = False
    disable_sync(fig)
    return fig


def update_score_figure(
    distribution: figure,
    values: NDArray[np.floating],
    current: Sequence[float],
    ceiling: CeilingInterval | None,
    label: str,
) -> None:
    """Fill a figure of ``score_figure`` in place.

    Parameters
    ----------
    distribution : bokeh figure
        Made by ``score_figure``.
    values : ndarray, (network, image)
        Scores; NaN is left out.
    current : sequence of float
        For each network where its mark stands; NaN for no mark.
    ceiling : CeilingInterval or None
        The noise ceiling, drawn as a band.
    label : str
        Title of the metric, below the axis.
    """
    columns, top = distribution_columns(values, current, ceiling)
    for renderer, data in zip(distribution.renderers, columns, strict=True):
        renderer.data_source.data = data
    bars = columns[2]
    distribution.x_range.update(start=bars["left"][0], end=bars["right"][-1])
    distribution.y_range.update(start=0, end=top)
    distribution.xaxis.axis_label = label


class ScoreView:
    """A table for this photograph, a histogram per network for the collection with this photograph marked."""

    def __init__(self, networks: Sequence[NetworkInfo], has_human_maps: bool, distribution: figure) -> None:
        self.networks = networks
        self.has_human_maps = has_human_maps
        self.metric_form = Form(
            [Field(name="measure", label="Metric", kind="segments", value="rho", options=as_options(METRICS))],
            lambda *_: self._draw(),
            margin=(6, 0, 2, 0),
        )
        self.table = html_pane(f'<p class="muted">{NO_HUMAN_MAPS}</p>' if not has_human_maps else "")
        self._here: xr.Dataset | None = None
        self._all: xr.Dataset | None = None
        self._aside, self._has_map = "", False
        self.figure = distribution
        self.note_pane = html_pane(margin=(2, 0, 0, 0))
        self.pane = pn.Column(
            self.table,
            *(
                [self.metric_form, pn.pane.Bokeh(self.figure, sizing_mode="stretch_width", margin=0), self.note_pane]
                if has_human_maps
                else []
            ),
            sizing_mode="stretch_width",
            margin=0,
        )

    def set_image_scores(self, scores: xr.Dataset | None, has_human_map: bool) -> None:
        """Show the scores (network,) of the photograph in view; they count only where ``has_human_map``."""
        self._here = scores if has_human_map else None
        if not self.has_human_maps:
            return
        columns = {title: _one(self._here, name, len(self.networks)) for title, name in METRICS.items()}
        self._has_map = has_human_map
        self.table.object = score_table(self.networks, columns, self._aside if has_human_map else NO_HUMAN_MAP)
        self._draw()

    def set_participant(self, participant: str | None) -> None:
        """Say that the scores are of all participants' map, where the map of ``participant`` alone is in view."""
        aside = "" if participant is None else f"With the map of all participants together, not of {participant} alone."
        if aside != self._aside:
            self._aside = aside
            self.set_image_scores(self._here, self._has_map)

    def set_collection_scores(self, scores: xr.Dataset | None) -> None:
        """Show the scores of all images, as ``MapSource.scores`` returns them."""
        self._all = scores
        self.set_image_scores(self._here, self._has_map)

    def _draw(self) -> None:
        """Draw the distribution of the chosen metric, and its means in words below."""
        if not self.has_human_maps:
            return
        name = self.metric_form.values["measure"]
        known = self._all is not None and name in self._all
        values = np.asarray(self._all[name], dtype=float) if known else np.full((len(self.networks), 0), np.nan)
        counts = np.isfinite(values).sum(axis=1) if values.size else [0] * len(self.networks)
        ceiling = ceiling_from_scores(self._all) if name == "rho" and max(counts) > 1 else None
        here = _one(self._here, name, len(self.networks))
        label = next(title for title, key in METRICS.items() if key == name)
        update_score_figure(self.figure, values, here, ceiling, label)
        means = [float(np.nanmean(row)) for row in values] if counts[0] and min(counts) == max(counts) else []
        self.note_pane.object = f'<p class="muted">{escape(self._sentence(int(max(counts)), means, ceiling))}</p>'

    def _sentence(self, n: int, means: Sequence[float], ceiling: CeilingInterval | None) -> str:
        """Return n, resolution, means and ceiling as a sentence."""
        side = self._all.attrs.get("resolution_px") if self._all is not None else None
        text = f"n = {photograph_count(n)} scored"
        if side:
            text += f", maps at {side} × {side} cells" if isinstance(side, int | float) else f", maps at {side} cells"
        if self._all is not None and self._all.attrs.get("note"):
            text += f"; {self._all.attrs['note']}"
        if means and n > 1:
            text += f". Means {' and '.join(f'{mean:.2f}' for mean in means)}"
            if ceiling:
                text += f", {' and '.join(f'{100 * mean / ceiling.mean:.0f}' for mean in means)} % of the ceiling"
        if ceiling:
            text += f". Band: noise ceiling, split-half rho {ceiling.mean:.2f} [{ceiling.low:.2f}, {ceiling.high:.2f}]"
        return text + "."
